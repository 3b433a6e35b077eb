#include "tests/conformance/suite.h"
#include <openssl/evp.h>

static CK_BYTE *text(const char *string) { return (CK_BYTE_PTR)(uintptr_t)string; }

static void digests_are_those_of_the_standard(void)
{
	static const struct { CK_MECHANISM_TYPE type; const char *name; } digests[] = { { CKM_SHA_1, "SHA1" },
		{ CKM_SHA224, "SHA224" }, { CKM_SHA256, "SHA256" }, { CKM_SHA384, "SHA384" }, { CKM_SHA512, "SHA512" } };
	CK_SESSION_HANDLE session = session_open(RO);
	for (size_t i = 0; i < COUNT(digests); i++) {
		CK_MECHANISM mechanism = { digests[i].type, NULL, 0 };
		CK_BYTE got[64], parts[64], want[64];
		CK_ULONG size = sizeof got, parts_size = sizeof parts;
		size_t want_size = 0;
		CU_ASSERT_EQUAL(EVP_Q_digest(NULL, digests[i].name, NULL, "abcdef", 6, want, &want_size), 1);
		EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
		EXPECT(P11->C_Digest(session, text("abcdef"), 6, got, &size), CKR_OK);
		CU_ASSERT(size == want_size && memcmp(got, want, size) == 0);
		EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
		EXPECT(P11->C_DigestUpdate(session, text("abc"), 3), CKR_OK);
		EXPECT(P11->C_DigestUpdate(session, text("def"), 3), CKR_OK);
		EXPECT(P11->C_DigestFinal(session, parts, &parts_size), CKR_OK);
		CU_ASSERT(parts_size == want_size && memcmp(parts, want, parts_size) == 0);
	}
	session_close(session);
}

static void a_short_buffer_keeps_the_operation(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE out[32];
	CK_ULONG size = 0;
	EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
	EXPECT(P11->C_Digest(session, text("a"), 1, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 32);
	size = 31;
	EXPECT(P11->C_Digest(session, text("a"), 1, out, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 32);
	EXPECT(P11->C_Digest(session, text("a"), 1, out, &size), CKR_OK);
	EXPECT(P11->C_Digest(session, text("a"), 1, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	session_close(session);
}

static void nothing_has_a_digest_too(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE out[32];
	CK_ULONG size = sizeof out;
	EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
	EXPECT_SOFTHSM_DEVIATES(P11->C_Digest(session, NULL, 0, out, &size), CKR_OK, "it wants a pointer even to nothing");
	if (!token.is_softhsm)
		CU_ASSERT(out[0] == 0xe3 && out[31] == 0x55);
	session_close(session);
}

static void a_mechanism_that_does_not_digest_is_invalid(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_MECHANISM mechanism = { CKM_AES_CBC, NULL, 0 };
	EXPECT(P11->C_DigestInit(session, &mechanism), CKR_MECHANISM_INVALID);
	EXPECT(P11->C_DigestInit(session, NULL), CKR_ARGUMENTS_BAD);
	session_close(session);
}

CHAPTER(digest,
	SAY(digests_are_those_of_the_standard),
	SAY(a_short_buffer_keeps_the_operation),
	SAY(nothing_has_a_digest_too),
	SAY(a_mechanism_that_does_not_digest_is_invalid));

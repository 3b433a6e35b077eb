#include "tests/unit/pkcs11/module.h"
#include "base/digest.h"
#include <openssl/evp.h>

static const struct { CK_MECHANISM_TYPE type; const char *name; CK_ULONG size; } digests[] = {
	{ CKM_SHA_1, "SHA1", 20 }, { CKM_SHA224, "SHA224", 28 }, { CKM_SHA256, "SHA256", 32 }, { CKM_SHA384, "SHA384", 48 },
	{ CKM_SHA512, "SHA512", 64 },
};

static void digests_need_no_member_and_are_those_of_the_standard(void)
{
	CK_SESSION_HANDLE session = module_start();
	unsigned before = module_requests();
	for (size_t i = 0; i < COUNT(digests); i++) {
		CK_MECHANISM mechanism = { digests[i].type, NULL, 0 };
		CK_BYTE at_once[64], parts[64], want[64];
		CK_ULONG size = 0;
		EXPECT(C_DigestInit(session, &mechanism), CKR_OK);
		EXPECT(C_Digest(session, BYTES("abc"), 3, NULL, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, digests[i].size);
		size--;
		EXPECT(C_Digest(session, BYTES("abc"), 3, at_once, &size), CKR_BUFFER_TOO_SMALL);
		EXPECT(C_Digest(session, BYTES("abc"), 3, at_once, &size), CKR_OK);
		EXPECT(C_DigestInit(session, &mechanism), CKR_OK);
		EXPECT(C_DigestUpdate(session, BYTES("ab"), 2), CKR_OK);
		EXPECT(C_DigestUpdate(session, BYTES("c"), 1), CKR_OK);
		EXPECT(C_DigestFinal(session, parts, &size), CKR_OK);
		CU_ASSERT_EQUAL(EVP_Q_digest(digest_context(), digests[i].name, NULL, "abc", 3, want, NULL), 1);
		CU_ASSERT(memcmp(at_once, want, size) == 0 && memcmp(parts, want, size) == 0);
	}
	CU_ASSERT_EQUAL(module_requests(), before);
	module_stop();
}

static void a_digest_is_begun_and_ended(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, cbc = { CKM_AES_CBC, NULL, 0 }, odd = { CKM_SHA256, &sha256, 3 };
	CK_BYTE out[32];
	CK_ULONG size = sizeof out;
	EXPECT(C_DigestInit(session, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_DigestInit(session, &cbc), CKR_MECHANISM_INVALID);
	EXPECT(C_DigestInit(session, &odd), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_DigestUpdate(session, out, 1), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DigestInit(session, &sha256), CKR_OK);
	EXPECT(C_DigestInit(session, &sha256), CKR_OPERATION_ACTIVE);
	EXPECT(C_DigestUpdate(session, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(C_DigestFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DigestInit(session, &sha256), CKR_OK);
	EXPECT(C_Digest(session, NULL, 0, out, &size), CKR_OK);
	CU_ASSERT(out[0] == 0xe3 && out[31] == 0x55);
	module_stop();
}

static void the_mechanism_list_is_the_members_and_our_own(void)
{
	CK_MECHANISM_TYPE list[256];
	CK_ULONG count = 0, one = 1;
	CK_MECHANISM_INFO info;
	module_start();
	EXPECT(C_GetMechanismList(SLOT, NULL, &count), CKR_OK);
	CU_ASSERT_FATAL(count > 10 && count <= COUNT(list));
	EXPECT(C_GetMechanismList(SLOT, list, &one), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(one, count);
	EXPECT(C_GetMechanismList(SLOT, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++)
		EXPECT(C_GetMechanismInfo(SLOT, list[i], &info), CKR_OK);
	EXPECT(C_GetMechanismInfo(SLOT, CKM_SHA256, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.flags, CKF_DIGEST);
	EXPECT(C_GetMechanismInfo(SLOT, CKM_ECDSA_SHA256, &info), CKR_OK);
	CU_ASSERT(info.flags & CKF_SIGN && info.flags & CKF_VERIFY);
	EXPECT(C_GetMechanismInfo(SLOT, CKM_DSA_SHA1, &info), CKR_MECHANISM_INVALID);
	EXPECT(C_GetMechanismInfo(SLOT, 0x7ffffff0, &info), CKR_MECHANISM_INVALID);
	module_stop();
}

TESTS("pkcs11 digest", SAY(digests_need_no_member_and_are_those_of_the_standard), SAY(a_digest_is_begun_and_ended),
	SAY(the_mechanism_list_is_the_members_and_our_own))

/* Operations together, saved, cancelled, and keys that are digested. SoftHSM 2.6.1 has one operation a session at a
 * time and can none of this but C_DigestKey. */
#include "tests/conformance/reference.h"

static CK_BYTE data[48] = "forty-eight bytes that are three whole blocks..", key_bytes[65] = "sixteen bytes.., or sixty-four, as many as SHA-256 takes at once";
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, ecb = { CKM_AES_ECB, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };

static bool softhsm_has_none(void)
{
	if (token.is_softhsm)
		observe_deviation("dual functions and saved operations", "CKR_FUNCTION_NOT_SUPPORTED", "it has one operation a session at a time");
	return token.is_softhsm;
}

/* What both have to come to. */
struct both { CK_BYTE cipher[64], out[64], digest[32], mac[32]; CK_ULONG size; };

static void reference(struct both *want)
{
	struct reference_cipher how = { .name = "AES-128-ECB", .key = key_bytes };
	reference_encrypt(&how, data, sizeof data, want->cipher);
	reference_digest("SHA256", data, sizeof data, want->digest);
	reference_hmac("SHA256", key_bytes, 64, data, sizeof data, want->mac);
}

/* The same parts through one of the dual functions, and what is left of the cipher. */
static void in_two_parts(CK_SESSION_HANDLE session, CK_RV (*update)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *),
                         CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *), CK_BYTE *in, struct both *got)
{
	CK_ULONG size = sizeof got->out;
	EXPECT(update(session, in, 16, got->out, &size), CKR_OK);
	got->size = size;
	size = sizeof got->out - got->size;
	EXPECT(update(session, in + 16, 32, got->out + got->size, &size), CKR_OK);
	got->size += size;
	size = sizeof got->out - got->size;
	EXPECT(final(session, got->out + got->size, &size), CKR_OK);
	got->size += size;
}

static void digesting_goes_with_encrypting_and_decrypting(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	struct both want, got = { .size = 0 };
	CK_ULONG size = sizeof got.digest;
	if (!softhsm_has_none()) {
		CK_OBJECT_HANDLE aes = import_secret(session, CKK_AES, key_bytes, 16);
		reference(&want);
		EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
		EXPECT(P11->C_EncryptInit(session, &ecb, aes), CKR_OK);
		in_two_parts(session, P11->C_DigestEncryptUpdate, P11->C_EncryptFinal, data, &got);
		CU_ASSERT(got.size == 48 && memcmp(got.out, want.cipher, 48) == 0);
		EXPECT(P11->C_DigestFinal(session, got.digest, &size), CKR_OK);
		CU_ASSERT(memcmp(got.digest, want.digest, 32) == 0);
		EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
		EXPECT(P11->C_DecryptInit(session, &ecb, aes), CKR_OK);
		in_two_parts(session, P11->C_DecryptDigestUpdate, P11->C_DecryptFinal, want.cipher, &got);
		CU_ASSERT(got.size == 48 && memcmp(got.out, data, 48) == 0);
		EXPECT(P11->C_DigestFinal(session, got.digest, &size), CKR_OK);
		CU_ASSERT(memcmp(got.digest, want.digest, 32) == 0);
	}
	session_close(session);
}

static void signing_goes_with_encrypting_and_verifying_with_decrypting(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	struct both want, got = { .size = 0 };
	CK_ULONG size = sizeof got.mac;
	if (!softhsm_has_none()) {
		CK_OBJECT_HANDLE aes = import_secret(session, CKK_AES, key_bytes, 16), secret = import_secret(session, CKK_GENERIC_SECRET, key_bytes, 64);
		reference(&want);
		EXPECT(P11->C_SignInit(session, &hmac, secret), CKR_OK);
		EXPECT(P11->C_EncryptInit(session, &ecb, aes), CKR_OK);
		in_two_parts(session, P11->C_SignEncryptUpdate, P11->C_EncryptFinal, data, &got);
		CU_ASSERT(got.size == 48 && memcmp(got.out, want.cipher, 48) == 0);
		EXPECT(P11->C_SignFinal(session, got.mac, &size), CKR_OK);
		CU_ASSERT(memcmp(got.mac, want.mac, 32) == 0);
		EXPECT(P11->C_VerifyInit(session, &hmac, secret), CKR_OK);
		EXPECT(P11->C_DecryptInit(session, &ecb, aes), CKR_OK);
		in_two_parts(session, P11->C_DecryptVerifyUpdate, P11->C_DecryptFinal, want.cipher, &got);
		CU_ASSERT(got.size == 48 && memcmp(got.out, data, 48) == 0);
		EXPECT(P11->C_VerifyFinal(session, want.mac, 32), CKR_OK);
	}
	session_close(session);
}

static void a_buffer_too_small_for_one_leaves_both_as_they_were(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	struct both want, got = { .size = 0 };
	CK_ULONG size = 5;
	if (!softhsm_has_none()) {
		reference(&want);
		EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
		EXPECT(P11->C_EncryptInit(session, &ecb, import_secret(session, CKK_AES, key_bytes, 16)), CKR_OK);
		EXPECT(P11->C_DigestEncryptUpdate(session, data, 48, got.out, &size), CKR_BUFFER_TOO_SMALL);
		in_two_parts(session, P11->C_DigestEncryptUpdate, P11->C_EncryptFinal, data, &got);
		CU_ASSERT(got.size == 48 && memcmp(got.out, want.cipher, 48) == 0);
		size = sizeof got.digest;
		EXPECT(P11->C_DigestFinal(session, got.digest, &size), CKR_OK);
		CU_ASSERT(memcmp(got.digest, want.digest, 32) == 0);
	}
	session_close(session);
}

/* ---- C_DigestKey */

static void a_secret_key_is_digested_among_the_data(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_GENERIC_SECRET, key_bytes, 64), closed = make_secret(session, SESSION_OBJECT, 16, "closed");
	struct key_pair ec = make_ec(session, SESSION_OBJECT, "P-256", "no secret");
	CK_BYTE all[112], want[32], got[32];
	CK_ULONG size = sizeof got;
	memcpy(all, data, 48);
	memcpy(all + 48, key_bytes, 64);
	reference_digest("SHA256", all, 112, want);
	EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
	EXPECT(P11->C_DigestUpdate(session, data, 48), CKR_OK);
	EXPECT(P11->C_DigestKey(session, key), CKR_OK);
	EXPECT(P11->C_DigestFinal(session, got, &size), CKR_OK);
	CU_ASSERT(memcmp(got, want, 32) == 0);
	EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
	CK_RV rv = P11->C_DigestKey(session, ec.public_key); /* "the value of a secret key" */
	EXPECT_SOFTHSM_DEVIATES(rv, CKR_KEY_HANDLE_INVALID, "it calls every other key indigestible");
	if (rv == CKR_OK)
		P11->C_DigestFinal(session, got, &size);
	(void)closed;
	session_close(session);
}

/* ---- C_GetOperationState */

static void an_operation_goes_on_where_it_was_saved(void)
{
	CK_SESSION_HANDLE session = session_open(RO), other = session_open(RO);
	CK_BYTE state[1024], want[32], got[32];
	CK_ULONG size = 0, got_size = sizeof got;
	if (!softhsm_has_none()) {
		reference_digest("SHA256", data, 48, want);
		EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
		EXPECT(P11->C_DigestUpdate(session, data, 17), CKR_OK);
		EXPECT(P11->C_GetOperationState(session, NULL, &size), CKR_OK);
		CU_ASSERT_FATAL(size > 0 && size <= sizeof state);
		EXPECT(P11->C_GetOperationState(session, state, &(CK_ULONG){ 1 }), CKR_BUFFER_TOO_SMALL);
		EXPECT(P11->C_GetOperationState(session, state, &size), CKR_OK);
		EXPECT(P11->C_DigestUpdate(session, data, 48), CKR_OK); /* goes elsewhere meanwhile */
		EXPECT(P11->C_SetOperationState(other, state, size, 0, 0), CKR_OK);
		EXPECT(P11->C_DigestUpdate(other, data + 17, 31), CKR_OK);
		EXPECT(P11->C_DigestFinal(other, got, &got_size), CKR_OK);
		CU_ASSERT(memcmp(got, want, 32) == 0);
	}
	session_close(session);
	session_close(other);
}

static void a_state_that_was_altered_is_invalid(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE state[1024];
	CK_ULONG size = sizeof state;
	if (!softhsm_has_none()) {
		EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
		EXPECT(P11->C_DigestUpdate(session, data, 17), CKR_OK);
		EXPECT(P11->C_GetOperationState(session, state, &size), CKR_OK);
		EXPECT(P11->C_SetOperationState(session, state, size - 1, 0, 0), CKR_SAVED_STATE_INVALID);
		EXPECT(P11->C_SetOperationState(session, state, 0, 0, 0), CKR_SAVED_STATE_INVALID);
		EXPECT(P11->C_SetOperationState(session, data, sizeof data, 0, 0), CKR_SAVED_STATE_INVALID);
	}
	session_close(session);
}

static void a_saved_mac_needs_its_key_again(void)
{
	CK_SESSION_HANDLE session = session_open(RO), other = session_open(RO);
	CK_BYTE state[2048], want[32], got[32];
	CK_ULONG size = sizeof state, got_size = sizeof got;
	if (!softhsm_has_none()) {
		CK_OBJECT_HANDLE key = import_secret(session, CKK_GENERIC_SECRET, key_bytes, 64);
		reference_hmac("SHA256", key_bytes, 64, data, 48, want);
		EXPECT(P11->C_SignInit(session, &hmac, key), CKR_OK);
		EXPECT(P11->C_SignUpdate(session, data, 20), CKR_OK);
		CK_RV rv = P11->C_GetOperationState(session, state, &size);
		if (rv == CKR_OK) {
			EXPECT(P11->C_SetOperationState(other, state, size, 0, key), CKR_OK);
			EXPECT(P11->C_SignUpdate(other, data + 20, 28), CKR_OK);
			EXPECT(P11->C_SignFinal(other, got, &got_size), CKR_OK);
			CU_ASSERT(memcmp(got, want, 32) == 0);
		} else {
			EXPECT(rv, CKR_STATE_UNSAVEABLE); /* "some operations' states cannot be saved" */
		}
	}
	session_close(session);
	session_close(other);
}

CHAPTER(dual,
	SAY(digesting_goes_with_encrypting_and_decrypting),
	SAY(signing_goes_with_encrypting_and_verifying_with_decrypting),
	SAY(a_buffer_too_small_for_one_leaves_both_as_they_were),
	SAY(a_secret_key_is_digested_among_the_data),
	SAY(an_operation_goes_on_where_it_was_saved),
	SAY(a_state_that_was_altered_is_invalid),
	SAY(a_saved_mac_needs_its_key_again));

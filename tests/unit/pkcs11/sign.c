#include "tests/unit/pkcs11/module.h"
#include "base/digest.h"

static CK_BYTE text[] = "what is signed";
#define TEXT_SIZE (sizeof text - 1)

static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 }, ecdsa_sha256 = { CKM_ECDSA_SHA256, NULL, 0 },
	sha256_rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };

static void a_signature_is_one_round_trip(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	make_ec(session, true, &open, &closed);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK); /* once: what the slot offers */
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_OK);
	unsigned before = module_requests();
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_OK);
	CU_ASSERT_EQUAL(module_requests(), before + 1);
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_VerifyInit(session, &ecdsa, open), CKR_OK);
	EXPECT(C_Verify(session, text, TEXT_SIZE, signature, size), CKR_OK);
	signature[3] ^= 1;
	EXPECT(C_VerifyInit(session, &ecdsa, open), CKR_OK);
	EXPECT(C_Verify(session, text, TEXT_SIZE, signature, size), CKR_SIGNATURE_INVALID);
	EXPECT(C_VerifyInit(session, &ecdsa, open), CKR_OK);
	EXPECT(C_Verify(session, text, TEXT_SIZE, signature, size - 1), CKR_SIGNATURE_LEN_RANGE);
	module_stop();
}

static void a_length_is_told_without_a_round_trip(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[256];
	CK_ULONG size = 0;
	make_rsa(session, &open, &closed);
	EXPECT(C_SignInit(session, &sha256_rsa, closed), CKR_OK);
	EXPECT(C_Sign(session, text, TEXT_SIZE, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 256);
	size = 10;
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 256);
	CU_ASSERT_EQUAL(module.toy.crypts, 0);
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.crypts, 1);
	module_stop();
}

/* RSA decryption: how long the result is only the token knows. */
static void a_result_that_did_not_fit_is_not_made_twice(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE cipher[256] = { 1 }, plain[256];
	CK_ULONG size = 4;
	make_rsa(session, &open, &closed);
	EXPECT(C_DecryptInit(session, &rsa, closed), CKR_OK);
	EXPECT(C_Decrypt(session, cipher, 256, plain, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 10);
	EXPECT(C_Decrypt(session, cipher, 256, plain, &size), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.crypts, 1);
	size = 4;
	EXPECT(C_DecryptInit(session, &rsa, closed), CKR_OK);
	EXPECT(C_Decrypt(session, cipher, 256, plain, &size), CKR_BUFFER_TOO_SMALL);
	cipher[0] = 2; /* other data, another result */
	EXPECT(C_Decrypt(session, cipher, 256, plain, &size), CKR_OK);
	CU_ASSERT_EQUAL(plain[0], 2);
	CU_ASSERT_EQUAL(module.toy.crypts, 3);
	module_stop();
}

/* What `type` makes of the text's SHA-256, as the toy would sign it. */
static CK_RV verify_raw(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, const CK_BYTE *prefix,
                        CK_ULONG prefix_size, CK_BYTE *signature, CK_ULONG size)
{
	CK_MECHANISM raw = { type, NULL, 0 };
	struct bytes part = { text, TEXT_SIZE };
	CK_BYTE data[64];
	if (prefix_size)
		memcpy(data, prefix, prefix_size);
	sha256(&part, 1, data + prefix_size);
	EXPECT(C_VerifyInit(session, &raw, key), CKR_OK);
	return C_Verify(session, data, prefix_size + SHA256_SIZE, signature, size);
}

static void hash_then_sign_sends_only_the_hash(void)
{
	static const CK_BYTE info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0x04, 0x20 };
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[256];
	CK_ULONG size = sizeof signature;
	make_ec(session, true, &open, &closed);
	EXPECT(C_SignInit(session, &ecdsa_sha256, closed), CKR_OK); /* offered by the library alone */
	EXPECT(C_Sign(session, text, TEXT_SIZE, signature, &size), CKR_OK);
	EXPECT(verify_raw(session, open, CKM_ECDSA, NULL, 0, signature, size), CKR_OK);
	make_rsa(session, &open, &closed);
	size = sizeof signature;
	EXPECT(C_SignInit(session, &sha256_rsa, closed), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 5), CKR_OK);
	EXPECT(C_SignUpdate(session, text + 5, TEXT_SIZE - 5), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.crypts, 2);
	EXPECT(C_SignFinal(session, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 256);
	EXPECT(C_SignFinal(session, signature, &size), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.crypts, 3);
	EXPECT(verify_raw(session, open, CKM_RSA_PKCS, info, sizeof info, signature, size), CKR_OK);
	module_stop();
}

static void parts_of_a_mac_are_kept_and_make_the_same(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, false, "mac");
	CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BYTE at_once[32], in_parts[32];
	CK_ULONG size = 32;
	EXPECT(C_SignInit(session, &hmac, key), CKR_KEY_TYPE_INCONSISTENT);
	EXPECT(C_GenerateKey(session, &generic, NULL, 0, &key), CKR_OK);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Sign(session, text, TEXT_SIZE, at_once, &size), CKR_OK);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 3), CKR_OK);
	EXPECT(C_SignUpdate(session, NULL, 0), CKR_OK);
	EXPECT(C_SignUpdate(session, text + 3, TEXT_SIZE - 3), CKR_OK);
	EXPECT(C_SignFinal(session, in_parts, &size), CKR_OK);
	CU_ASSERT(memcmp(at_once, in_parts, 32) == 0);
	EXPECT(C_VerifyInit(session, &hmac, key), CKR_OK);
	EXPECT(C_VerifyUpdate(session, text, TEXT_SIZE), CKR_OK);
	EXPECT(C_VerifyFinal(session, in_parts, size), CKR_OK);
	module_stop();
}

static void a_call_with_bad_arguments_ends_the_operation(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	make_ec(session, true, &open, &closed);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OPERATION_ACTIVE);
	EXPECT(C_Sign(session, NULL, 5, signature, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
	EXPECT(C_Sign(session, text, 5, signature, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 5), CKR_OK);
	EXPECT(C_Sign(session, text, 5, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignFinal(session, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

static void a_key_does_what_it_may_and_a_refusal_is_checked_first(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE mute[] = { { CKA_SIGN, &no, 1 }, { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE key;
	EXPECT(C_GenerateKey(session, &generic, mute, 2, &key), CKR_OK);
	EXPECT(C_SignInit(session, &hmac, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	struct attribute_list list = { module.toy.objects[0]->attributes, module.toy.objects[0]->n_attributes };
	attribute_list_set_bool(&list, CKA_SIGN, true); /* by another application */
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	module_stop();
}

static void a_session_key_is_shown_to_a_member_that_does_not_know_it(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	make_ec(session, false, &open, &closed);
	for (int i = 0; i < 3; i++) {
		EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
		EXPECT(C_Sign(session, text, 5, signature, &size), CKR_OK);
	}
	CU_ASSERT_EQUAL(module.toy.unknown, 2); /* the toy never remembers: asked without, then shown */
	module_stop();
}

static void a_key_that_always_asks_gets_its_pin_first(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE wary[] = { { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_OBJECT_HANDLE key;
	CK_BYTE mac[32];
	CK_ULONG size = sizeof mac;
	EXPECT(C_GenerateKey(session, &generic, wary, 1, &key), CKR_OK);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, "wrong"), CKR_PIN_INCORRECT);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
	EXPECT(C_Sign(session, text, 5, mac, &size), CKR_OK);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Sign(session, text, 5, mac, &size), CKR_USER_NOT_LOGGED_IN);
	module_stop();
}

static void a_destroyed_key_is_no_key(void)
{
	CK_SESSION_HANDLE session = module_start(), other = open_session(RW);
	CK_OBJECT_HANDLE open, closed;
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	make_ec(session, true, &open, &closed);
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_OK);
	EXPECT(C_DestroyObject(other, closed), CKR_OK);
	EXPECT(C_Sign(session, text, 5, signature, &size), CKR_KEY_HANDLE_INVALID);
	CU_ASSERT_EQUAL(module.toy.unknown, 0); /* no member was asked: one might not know of it yet */
	EXPECT(C_SignInit(session, &ecdsa, closed), CKR_KEY_HANDLE_INVALID);
	module_stop();
}

static void what_is_signed_with_recovery_is_recovered(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE open, key;
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[256], data[256];
	CK_ULONG size = 0, data_size = sizeof data;
	make_rsa(session, &open, &key);
	EXPECT(C_SignRecover(session, text, TEXT_SIZE, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignRecoverInit(session, &rsa, key), CKR_OK);
	EXPECT(C_SignRecoverInit(session, &rsa, key), CKR_OPERATION_ACTIVE);
	unsigned before = module_requests();
	EXPECT(C_SignRecover(session, text, TEXT_SIZE, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 256);
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(C_SignRecover(session, text, TEXT_SIZE, signature, &size), CKR_OK);
	EXPECT(C_SignRecover(session, text, TEXT_SIZE, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_VerifyRecoverInit(session, &rsa, open), CKR_OK);
	data_size = 3;
	EXPECT(C_VerifyRecover(session, signature, size, data, &data_size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(data_size, size);
	before = module_requests();
	EXPECT(C_VerifyRecover(session, signature, size, data, &data_size), CKR_OK);
	CU_ASSERT_EQUAL(module_requests(), before); /* it was done, and waited */
	CU_ASSERT(memcmp(data, text, TEXT_SIZE) == 0);
	EXPECT(C_VerifyRecoverInit(session, &hmac, open), CKR_MECHANISM_INVALID);
	module_stop();
}

TESTS("pkcs11 sign", SAY(a_signature_is_one_round_trip), SAY(a_length_is_told_without_a_round_trip),
	SAY(a_result_that_did_not_fit_is_not_made_twice), SAY(hash_then_sign_sends_only_the_hash),
	SAY(parts_of_a_mac_are_kept_and_make_the_same),
	SAY(a_call_with_bad_arguments_ends_the_operation), SAY(a_key_does_what_it_may_and_a_refusal_is_checked_first),
	SAY(a_session_key_is_shown_to_a_member_that_does_not_know_it), SAY(a_key_that_always_asks_gets_its_pin_first),
	SAY(a_destroyed_key_is_no_key),
	SAY(what_is_signed_with_recovery_is_recovered))

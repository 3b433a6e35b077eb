/* Signing, verifying, with recovery, and together with ciphers. */
#include "tests/conformance/states.h"

static CK_BYTE in[16] = "a block of data", out[256], wrong[32];
#define OUT out, &(CK_ULONG){ sizeof out }
#define HMAC (&(CK_MECHANISM){ CKM_SHA256_HMAC, NULL, 0 })
#define RSA (&(CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 })
#define ECB (&(CK_MECHANISM){ CKM_AES_ECB, NULL, 0 })

CALL(sign_init, P11->C_SignInit(s, HMAC, fixture.hmac))
CALL(sign, P11->C_Sign(s, in, 16, OUT))
CALL(sign_update, P11->C_SignUpdate(s, in, 16))
CALL(sign_final, P11->C_SignFinal(s, OUT))
CALL(verify_init, P11->C_VerifyInit(s, HMAC, fixture.hmac))
CALL(verify, P11->C_Verify(s, in, 16, wrong, 32))
CALL(verify_update, P11->C_VerifyUpdate(s, in, 16))
CALL(verify_final, P11->C_VerifyFinal(s, wrong, 32))
CALL(sign_recover_init, P11->C_SignRecoverInit(s, RSA, fixture.rsa.private_key))
CALL(sign_recover, P11->C_SignRecover(s, in, 16, OUT))
CALL(verify_recover_init, P11->C_VerifyRecoverInit(s, RSA, fixture.rsa.public_key))
CALL(verify_recover, P11->C_VerifyRecover(s, wrong, 32, OUT))
CALL(sign_encrypt_update, P11->C_SignEncryptUpdate(s, in, 16, OUT))
CALL(decrypt_verify_update, P11->C_DecryptVerifyUpdate(s, in, 16, OUT))

static CK_RV begin_sign_and_encrypt(CK_SESSION_HANDLE s)
{
	CK_RV rv = sign_init(s);
	return rv == CKR_OK ? P11->C_EncryptInit(s, ECB, fixture.aes) : rv;
}

static CK_RV begin_verify_and_decrypt(CK_SESSION_HANDLE s)
{
	CK_RV rv = verify_init(s);
	return rv == CKR_OK ? P11->C_DecryptInit(s, ECB, fixture.aes) : rv;
}

#define BEGINS(function) EVERYWHERE(CKR_OK), WITH(function, CKR_OPERATION_ACTIVE)
#define GOES_ON(function, rv) EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(function, rv)
#define NO_DUALS .softhsm = "it has no dual functions"
#define NO_RECOVERY .recovers = true, .softhsm = "it has no signatures with recovery"

CALLS(signatures,
	{ "C_SignInit", sign_init, BEGINS(sign_init) },
	{ "C_Sign", sign, GOES_ON(sign_init, CKR_OK) },
	{ "C_SignUpdate", sign_update, GOES_ON(sign_init, CKR_OK) },
	{ "C_SignFinal", sign_final, GOES_ON(sign_init, CKR_OK) },
	{ "C_SignRecoverInit", sign_recover_init, BEGINS(sign_recover_init), NO_RECOVERY },
	{ "C_SignRecover", sign_recover, GOES_ON(sign_recover_init, CKR_OK), NO_RECOVERY },
	{ "C_VerifyInit", verify_init, BEGINS(verify_init) },
	{ "C_Verify", verify, GOES_ON(verify_init, CKR_SIGNATURE_INVALID) },
	{ "C_VerifyUpdate", verify_update, GOES_ON(verify_init, CKR_OK) },
	{ "C_VerifyFinal", verify_final, GOES_ON(verify_init, CKR_SIGNATURE_INVALID) },
	{ "C_VerifyRecoverInit", verify_recover_init, BEGINS(verify_recover_init), NO_RECOVERY },
	{ "C_VerifyRecover", verify_recover, GOES_ON(verify_recover_init, CKR_SIGNATURE_LEN_RANGE), NO_RECOVERY },
	{ "C_SignEncryptUpdate", sign_encrypt_update, GOES_ON(begin_sign_and_encrypt, CKR_OK), NO_DUALS },
	{ "C_DecryptVerifyUpdate", decrypt_verify_update, GOES_ON(begin_verify_and_decrypt, CKR_OK), NO_DUALS });

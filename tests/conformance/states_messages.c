/* The message functions of 3.0. */
#include "tests/conformance/states.h"

static CK_BYTE in[16] = "a block of data", out[256], iv[12], tag[16], wrong[32];
#define OUT out, &(CK_ULONG){ sizeof out }
#define GCM_PARAMETER (&(CK_GCM_MESSAGE_PARAMS){ iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128 }), sizeof(CK_GCM_MESSAGE_PARAMS)
#define GCM (&(CK_MECHANISM){ CKM_AES_GCM, GCM_PARAMETER })
#define HMAC (&(CK_MECHANISM){ CKM_SHA256_HMAC, NULL, 0 })

CALL(encrypt_init, P11_3->C_MessageEncryptInit(s, GCM, fixture.aes))
CALL(encrypt_message, P11_3->C_EncryptMessage(s, GCM_PARAMETER, NULL, 0, in, 16, OUT))
CALL(encrypt_begin, P11_3->C_EncryptMessageBegin(s, GCM_PARAMETER, NULL, 0))
CALL(encrypt_next, P11_3->C_EncryptMessageNext(s, GCM_PARAMETER, in, 16, OUT, CKF_END_OF_MESSAGE))
CALL(encrypt_final, P11_3->C_MessageEncryptFinal(s))
CALL(decrypt_init, P11_3->C_MessageDecryptInit(s, GCM, fixture.aes))
CALL(decrypt_message, P11_3->C_DecryptMessage(s, GCM_PARAMETER, NULL, 0, in, 16, OUT))
CALL(decrypt_begin, P11_3->C_DecryptMessageBegin(s, GCM_PARAMETER, NULL, 0))
CALL(decrypt_next, P11_3->C_DecryptMessageNext(s, GCM_PARAMETER, in, 16, OUT, 0))
CALL(decrypt_final, P11_3->C_MessageDecryptFinal(s))
CALL(sign_init, P11_3->C_MessageSignInit(s, HMAC, fixture.hmac))
CALL(sign_message, P11_3->C_SignMessage(s, NULL, 0, in, 16, OUT))
CALL(sign_begin, P11_3->C_SignMessageBegin(s, NULL, 0))
CALL(sign_next, P11_3->C_SignMessageNext(s, NULL, 0, in, 16, OUT))
CALL(sign_final, P11_3->C_MessageSignFinal(s))
CALL(verify_init, P11_3->C_MessageVerifyInit(s, HMAC, fixture.hmac))
CALL(verify_message, P11_3->C_VerifyMessage(s, NULL, 0, in, 16, wrong, 32))
CALL(verify_begin, P11_3->C_VerifyMessageBegin(s, NULL, 0))
CALL(verify_next, P11_3->C_VerifyMessageNext(s, NULL, 0, in, 16, NULL, 0))
CALL(verify_final, P11_3->C_MessageVerifyFinal(s))

#define BEGIN_BOTH(kind) \
	static CK_RV both_##kind(CK_SESSION_HANDLE s) { CK_RV rv = kind##_init(s); return rv == CKR_OK ? kind##_begin(s) : rv; }
BEGIN_BOTH(encrypt)
BEGIN_BOTH(decrypt)
BEGIN_BOTH(sign)
BEGIN_BOTH(verify)

#define INIT(function, init) { function, init, EVERYWHERE(CKR_OK), WITH(init, CKR_OPERATION_ACTIVE), .is_3_0 = true }
#define REST(function, call, begin, rv) \
	{ function, call, EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(begin, rv), .is_3_0 = true }

CALLS(messages,
	INIT("C_MessageEncryptInit", encrypt_init),
	REST("C_EncryptMessage", encrypt_message, encrypt_init, CKR_OK),
	REST("C_EncryptMessageBegin", encrypt_begin, encrypt_init, CKR_OK),
	REST("C_EncryptMessageNext", encrypt_next, both_encrypt, CKR_OK),
	REST("C_MessageEncryptFinal", encrypt_final, encrypt_init, CKR_OK),
	INIT("C_MessageDecryptInit", decrypt_init),
	REST("C_DecryptMessage", decrypt_message, decrypt_init, CKR_AEAD_DECRYPT_FAILED),
	REST("C_DecryptMessageBegin", decrypt_begin, decrypt_init, CKR_OK),
	REST("C_DecryptMessageNext", decrypt_next, both_decrypt, CKR_OK),
	REST("C_MessageDecryptFinal", decrypt_final, decrypt_init, CKR_OK),
	INIT("C_MessageSignInit", sign_init),
	REST("C_SignMessage", sign_message, sign_init, CKR_OK),
	REST("C_SignMessageBegin", sign_begin, sign_init, CKR_OK),
	REST("C_SignMessageNext", sign_next, both_sign, CKR_OK),
	REST("C_MessageSignFinal", sign_final, sign_init, CKR_OK),
	INIT("C_MessageVerifyInit", verify_init),
	REST("C_VerifyMessage", verify_message, verify_init, CKR_SIGNATURE_INVALID),
	REST("C_VerifyMessageBegin", verify_begin, verify_init, CKR_OK),
	REST("C_VerifyMessageNext", verify_next, both_verify, CKR_OK),
	REST("C_MessageVerifyFinal", verify_final, verify_init, CKR_OK));

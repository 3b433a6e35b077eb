/* Encrypting, decrypting, digesting, and both at once. */
#include "tests/conformance/states.h"

static CK_BYTE in[16] = "a block of data", out[64];
#define OUT out, &(CK_ULONG){ sizeof out }
#define ECB (&(CK_MECHANISM){ CKM_AES_ECB, NULL, 0 })
#define SHA256 (&(CK_MECHANISM){ CKM_SHA256, NULL, 0 })

CALL(encrypt_init, P11->C_EncryptInit(s, ECB, fixture.aes))
CALL(encrypt, P11->C_Encrypt(s, in, 16, OUT))
CALL(encrypt_update, P11->C_EncryptUpdate(s, in, 16, OUT))
CALL(encrypt_final, P11->C_EncryptFinal(s, OUT))
CALL(decrypt_init, P11->C_DecryptInit(s, ECB, fixture.aes))
CALL(decrypt, P11->C_Decrypt(s, in, 16, OUT))
CALL(decrypt_update, P11->C_DecryptUpdate(s, in, 16, OUT))
CALL(decrypt_final, P11->C_DecryptFinal(s, OUT))
CALL(digest_init, P11->C_DigestInit(s, SHA256))
CALL(digest, P11->C_Digest(s, in, 16, OUT))
CALL(digest_update, P11->C_DigestUpdate(s, in, 16))
CALL(digest_key, P11->C_DigestKey(s, fixture.hmac))
CALL(digest_final, P11->C_DigestFinal(s, OUT))
CALL(digest_encrypt_update, P11->C_DigestEncryptUpdate(s, in, 16, OUT))
CALL(decrypt_digest_update, P11->C_DecryptDigestUpdate(s, in, 16, OUT))

static CK_RV begin_digest_and_encrypt(CK_SESSION_HANDLE s)
{
	CK_RV rv = digest_init(s);
	return rv == CKR_OK ? encrypt_init(s) : rv;
}

static CK_RV begin_digest_and_decrypt(CK_SESSION_HANDLE s)
{
	CK_RV rv = digest_init(s);
	return rv == CKR_OK ? decrypt_init(s) : rv;
}

#define BEGINS(function) EVERYWHERE(CKR_OK), WITH(function, CKR_OPERATION_ACTIVE)
#define GOES_ON(function) EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(function, CKR_OK)
#define NO_DUALS .softhsm = "it has no dual functions"

CALLS(ciphers,
	{ "C_EncryptInit", encrypt_init, BEGINS(encrypt_init) },
	{ "C_Encrypt", encrypt, GOES_ON(encrypt_init) },
	{ "C_EncryptUpdate", encrypt_update, GOES_ON(encrypt_init) },
	{ "C_EncryptFinal", encrypt_final, GOES_ON(encrypt_init) },
	{ "C_DecryptInit", decrypt_init, BEGINS(decrypt_init) },
	{ "C_Decrypt", decrypt, GOES_ON(decrypt_init) },
	{ "C_DecryptUpdate", decrypt_update, GOES_ON(decrypt_init) },
	{ "C_DecryptFinal", decrypt_final, GOES_ON(decrypt_init) },
	{ "C_DigestInit", digest_init, BEGINS(digest_init) },
	{ "C_Digest", digest, GOES_ON(digest_init) },
	{ "C_DigestUpdate", digest_update, GOES_ON(digest_init) },
	{ "C_DigestKey", digest_key, GOES_ON(digest_init) },
	{ "C_DigestFinal", digest_final, GOES_ON(digest_init) },
	{ "C_DigestEncryptUpdate", digest_encrypt_update, GOES_ON(begin_digest_and_encrypt), NO_DUALS },
	{ "C_DecryptDigestUpdate", decrypt_digest_update, GOES_ON(begin_digest_and_decrypt), NO_DUALS });

#include "tests/conformance/reference.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define OUT_MAX 4096
#define MUST(done) CU_ASSERT_EQUAL_FATAL((done), 1)

EVP_PKEY *reference_rsa(void)
{
	static EVP_PKEY *key;
	if (!key)
		key = EVP_RSA_gen(2048);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

EVP_PKEY *reference_ec(void)
{
	static EVP_PKEY *key;
	if (!key)
		key = EVP_EC_gen("P-256");
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

size_t reference_digest(const char *digest, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	size_t out_size = 0;
	MUST(EVP_Q_digest(NULL, digest, NULL, data, size, out, &out_size));
	return out_size;
}

static size_t mac(const char *name, const char *sub, const CK_BYTE *key, size_t key_size, const CK_BYTE *data, size_t size,
                  CK_BYTE *out)
{
	size_t out_size = 0;
	bool is_hmac = strcmp(name, "HMAC") == 0;
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(is_hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER,
		(char *)(uintptr_t)sub, 0), OSSL_PARAM_construct_end() };
	MUST(EVP_MAC_init(context, key, key_size, parameters));
	MUST(EVP_MAC_update(context, data, size));
	MUST(EVP_MAC_final(context, out, &out_size, OUT_MAX));
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
	return out_size;
}

size_t reference_hmac(const char *digest, const CK_BYTE *key, size_t key_size, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	return mac("HMAC", digest, key, key_size, data, size, out);
}

size_t reference_cmac(const char *cipher, const CK_BYTE *key, size_t key_size, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	return mac("CMAC", cipher, key, key_size, data, size, out);
}

size_t reference_encrypt(const struct reference_cipher *how, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	int first = 0, rest = 0;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, how->name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(cipher);
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	MUST(EVP_EncryptInit_ex2(context, cipher, NULL, NULL, NULL));
	if (how->tag_size)
		MUST(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)how->iv_size, NULL));
	MUST(EVP_EncryptInit_ex2(context, NULL, how->key, how->iv, NULL));
	EVP_CIPHER_CTX_set_padding(context, how->pads);
	if (how->aad_size)
		MUST(EVP_EncryptUpdate(context, NULL, &first, how->aad, (int)how->aad_size));
	first = 0;
	if (size)
		MUST(EVP_EncryptUpdate(context, out, &first, data, (int)size));
	MUST(EVP_EncryptFinal_ex(context, out + first, &rest));
	if (how->tag_size)
		MUST(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)how->tag_size, out + first + rest));
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return (size_t)(first + rest) + how->tag_size;
}

/* ---- signatures */

static EVP_PKEY_CTX *signature_context(const struct reference_signature *how, bool signs)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, how->key, NULL);
	MUST(signs ? EVP_PKEY_sign_init(context) : EVP_PKEY_verify_init(context));
	if (how->padding)
		MUST(EVP_PKEY_CTX_set_rsa_padding(context, how->padding));
	const char *digest = how->pss_digest ? how->pss_digest : how->digest;
	if (digest && how->padding != RSA_NO_PADDING)
		MUST(EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(digest)));
	if (how->pss_digest)
		MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, how->salt_size));
	return context;
}

static size_t to_sign(const struct reference_signature *how, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	if (how->digest)
		return reference_digest(how->digest, data, size, out);
	memcpy(out, data, size);
	return size;
}

/* From r and s to DER and back. */
static int der_of(const CK_BYTE *plain, size_t size, CK_BYTE *der)
{
	CK_BYTE *end = der;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	MUST(ECDSA_SIG_set0(pair, BN_bin2bn(plain, (int)size / 2, NULL), BN_bin2bn(plain + size / 2, (int)size / 2, NULL)));
	int der_size = i2d_ECDSA_SIG(pair, &end);
	ECDSA_SIG_free(pair);
	return der_size;
}

static size_t plain_of(const CK_BYTE *der, size_t size, CK_BYTE *plain, size_t plain_size)
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), plain, (int)plain_size / 2);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), plain + plain_size / 2, (int)plain_size / 2);
	ECDSA_SIG_free(pair);
	return plain_size;
}

bool reference_verifies(const struct reference_signature *how, const CK_BYTE *data, size_t size, const CK_BYTE *signature,
                        size_t signature_size)
{
	CK_BYTE input[512], der[256];
	size_t input_size = to_sign(how, data, size, input);
	EVP_PKEY_CTX *context = signature_context(how, false);
	int verified = how->padding
		? EVP_PKEY_verify(context, signature, signature_size, input, input_size)
		: EVP_PKEY_verify(context, der, (size_t)der_of(signature, signature_size, der), input, input_size);
	EVP_PKEY_CTX_free(context);
	return verified == 1;
}

size_t reference_sign(const struct reference_signature *how, const CK_BYTE *data, size_t size, CK_BYTE *out)
{
	CK_BYTE input[512], der[512];
	size_t input_size = to_sign(how, data, size, input), out_size = sizeof der;
	EVP_PKEY_CTX *context = signature_context(how, true);
	MUST(EVP_PKEY_sign(context, der, &out_size, input, input_size));
	EVP_PKEY_CTX_free(context);
	if (!how->padding)
		return plain_of(der, out_size, out, 64);
	memcpy(out, der, out_size);
	return out_size;
}

/* ---- RSA as a cipher */

static EVP_PKEY_CTX *rsa_context(bool encrypts, int padding, const char *oaep_digest)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, reference_rsa(), NULL);
	MUST(encrypts ? EVP_PKEY_encrypt_init(context) : EVP_PKEY_decrypt_init(context));
	MUST(EVP_PKEY_CTX_set_rsa_padding(context, padding));
	if (oaep_digest) {
		MUST(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_get_digestbyname(oaep_digest)));
		MUST(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_get_digestbyname(oaep_digest)));
	}
	return context;
}

size_t reference_rsa_encrypt(int padding, const char *oaep_digest, const CK_BYTE *data,
                             size_t size, CK_BYTE *out)
{
	size_t out_size = 256;
	EVP_PKEY_CTX *context = rsa_context(true, padding, oaep_digest);
	MUST(EVP_PKEY_encrypt(context, out, &out_size, data, size));
	EVP_PKEY_CTX_free(context);
	return out_size;
}

size_t reference_rsa_decrypt(int padding, const char *oaep_digest, const CK_BYTE *data,
                             size_t size, CK_BYTE *out)
{
	size_t out_size = 256;
	EVP_PKEY_CTX *context = rsa_context(false, padding, oaep_digest);
	int done = EVP_PKEY_decrypt(context, out, &out_size, data, size);
	EVP_PKEY_CTX_free(context);
	CU_ASSERT_EQUAL(done, 1);
	return done == 1 ? out_size : 0;
}

size_t reference_dh_prime(CK_BYTE *out)
{
	BIGNUM *prime = BN_get_rfc3526_prime_2048(NULL);
	size_t size = (size_t)BN_bn2bin(prime, out);
	BN_free(prime);
	return size;
}

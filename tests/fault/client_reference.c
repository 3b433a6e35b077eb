/* What OpenSSL says about what the slot has made. */
#include "tests/fault/client.h"
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

void reference_value(const char *label, uint8_t value[KEY_SIZE])
{
	SHA256((const uint8_t *)label, strlen(label), value);
}

/* PKCS#11 has r and s side by side, OpenSSL a DER sequence of them. */
static int der_of_ecdsa(const uint8_t *signature, size_t size, uint8_t **der)
{
	ECDSA_SIG *both = ECDSA_SIG_new();
	int der_size = 0;
	if (both && ECDSA_SIG_set0(both, BN_bin2bn(signature, (int)size / 2, NULL), BN_bin2bn(signature + size / 2, (int)size / 2, NULL)))
		der_size = i2d_ECDSA_SIG(both, der);
	ECDSA_SIG_free(both);
	return der_size;
}

static bool is_hashing(CK_MECHANISM_TYPE mechanism)
{
	return mechanism != CKM_ECDSA;
}

static bool verify_with(EVP_PKEY *key, CK_MECHANISM_TYPE mechanism, const void *text, size_t size, const uint8_t *signature, size_t signature_size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *bare = is_hashing(mechanism) ? NULL : EVP_PKEY_CTX_new(key, NULL), *padding = NULL;
	bool is_good = false;
	if (bare)
		is_good = EVP_PKEY_verify_init(bare) == 1 && EVP_PKEY_verify(bare, signature, signature_size, text, size) == 1;
	else if (context && EVP_DigestVerifyInit(context, &padding, mechanism == CKM_ECDSA_SHA384 ? EVP_sha384() : EVP_sha256(), NULL, key) == 1)
		is_good = (mechanism != CKM_SHA256_RSA_PKCS_PSS || EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1)
			&& EVP_DigestVerify(context, signature, signature_size, text, size) == 1;
	EVP_PKEY_CTX_free(bare);
	EVP_MD_CTX_free(context);
	return is_good;
}

bool reference_verify(const uint8_t *spki, size_t spki_size, enum kind kind, CK_MECHANISM_TYPE mechanism, const void *text, size_t size,
                      const uint8_t *signature, size_t signature_size)
{
	EVP_PKEY *key = d2i_PUBKEY(NULL, &(const uint8_t *){ spki }, (long)spki_size);
	uint8_t *der = NULL;
	bool is_good = false;
	if (key && kind == KIND_RSA) {
		is_good = verify_with(key, mechanism, text, size, signature, signature_size);
	} else if (key) {
		int der_size = der_of_ecdsa(signature, signature_size, &der);
		is_good = der_size > 0 && verify_with(key, mechanism, text, size, der, (size_t)der_size);
	}
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return is_good;
}

bool reference_digest(const void *text, size_t size, const uint8_t *digest, size_t digest_size)
{
	uint8_t own[SHA256_DIGEST_LENGTH];
	SHA256(text, size, own);
	return digest_size == sizeof own && memcmp(own, digest, sizeof own) == 0;
}

bool reference_cbc_pad(const uint8_t key[KEY_SIZE], const void *text, size_t size, const uint8_t *cipher, size_t cipher_size)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *own = OPENSSL_malloc(size + 16);
	int one = 0, two = 0;
	bool is_good = context && own && EVP_EncryptInit_ex2(context, EVP_aes_256_cbc(), key, iv, NULL) == 1
		&& EVP_EncryptUpdate(context, own, &one, text, (int)size) == 1 && EVP_EncryptFinal_ex(context, own + one, &two) == 1
		&& cipher_size == (size_t)(one + two) && memcmp(own, cipher, cipher_size) == 0;
	OPENSSL_free(own);
	EVP_CIPHER_CTX_free(context);
	return is_good;
}

bool reference_cmac(const uint8_t key[KEY_SIZE], const void *text, size_t size, const uint8_t *mac, size_t mac_size)
{
	uint8_t own[16];
	size_t own_size = 0;
	OSSL_PARAM cipher[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)"AES-256-CBC", 0), OSSL_PARAM_END };
	bool is_made = EVP_Q_mac(NULL, "CMAC", NULL, NULL, cipher, key, KEY_SIZE, text, size, own, sizeof own, &own_size) != NULL;
	return is_made && mac_size == own_size && memcmp(own, mac, own_size) == 0;
}

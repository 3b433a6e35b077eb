/* Private keys and secrets of every type, made by OpenSSL and imported: what they sign, OpenSSL verifies. */
#include "tests/unit/backend/workshop.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t digest[32] = { 1, 2, 3 };

struct part {
	CK_ATTRIBUTE_TYPE type;
	const char *name;   /* OpenSSL's */
	bool secret;
};

/* Numbers of an OpenSSL key into the object, or into what must not be stored in the clear. */
static void take_parts(const EVP_PKEY *key, const struct part *parts, size_t count, Craton__Object *object, struct attribute_list *secret)
{
	for (size_t i = 0; i < count; i++) {
		BIGNUM *number = NULL;
		uint8_t bytes[512];
		CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(key, parts[i].name, &number) == 1);
		size_t size = (size_t)BN_bn2bin(number, bytes);
		if (parts[i].secret)
			CU_ASSERT_FATAL(attribute_list_set(secret, parts[i].type, bytes, size) == ERR_OK);
		if (!parts[i].secret)
			object_set_bytes(object, parts[i].type, bytes, size);
		BN_clear_free(number);
	}
}

static const struct part rsa_parts[] = {
	{ CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, false },
	{ CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, false },
	{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, true },
	{ CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1, true },
	{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2, true },
	{ CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1, true },
	{ CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2, true },
	{ CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true },
};

static bool openssl_verifies_rsa(EVP_PKEY *key, const struct buf *signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool good = EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	            EVP_PKEY_verify(context, signature->data, signature->size, digest, sizeof digest) == 1;
	EVP_PKEY_CTX_free(context);
	return good;
}

static void an_rsa_key_signs_as_it_does_elsewhere(void)
{
	static const struct kind kinds[] = { { CKO_PRIVATE_KEY, CKK_RSA, CLOSED_KEY }, { CKO_PRIVATE_KEY, CKK_RSA, OPEN_KEY } };
	struct workshop shop;
	workshop_open(&shop);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	for (size_t i = 0; i < 2; i++) {
		struct attribute_list secret = { 0 };
		struct buf signature, read;
		buf_init(&signature, RESULT_MAX);
		buf_init(&read, RESULT_MAX);
		Craton__Object *object = object_new(kinds[i]);
		take_parts(key, rsa_parts, sizeof rsa_parts / sizeof *rsa_parts, object, &secret);
		CU_ASSERT_FATAL(seal_import(shop.domain, &secret, object) == CKR_OK);
		CU_ASSERT_PTR_NULL(object_get(object, CKA_PRIVATE_EXPONENT));
		CU_ASSERT(sign_with(shop.domain, object, CKM_RSA_PKCS, (struct bytes){ digest, sizeof digest }, &signature) == CKR_OK);
		CU_ASSERT(openssl_verifies_rsa(key, &signature));
		CU_ASSERT(unseal_value(shop.domain, object, CKA_PRIME_1, &read) == (i ? CKR_OK : CKR_ATTRIBUTE_SENSITIVE));
		CU_ASSERT(read.size == (i ? 128 : 0));
		attribute_list_finish(&secret);
		buf_finish(&signature);
		buf_finish(&read);
		object_free(object);
	}
	EVP_PKEY_free(key);
	workshop_close(&shop);
}

/* "If a token does not have all of it … CKA_MODULUS and CKA_PRIVATE_EXPONENT" (2.1.3): the primes follow from these and the public exponent. */
static void an_rsa_key_needs_no_primes(void)
{
	struct workshop shop;
	struct attribute_list secret = { 0 };
	struct buf signature;
	workshop_open(&shop);
	buf_init(&signature, RESULT_MAX);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	Craton__Object *object = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_RSA, CLOSED_KEY });
	take_parts(key, rsa_parts, 3, object, &secret);
	CU_ASSERT_FATAL(seal_import(shop.domain, &secret, object) == CKR_OK);
	CU_ASSERT_EQUAL(secret.count, 1);
	CU_ASSERT(sign_with(shop.domain, object, CKM_RSA_PKCS, (struct bytes){ digest, sizeof digest }, &signature) == CKR_OK);
	CU_ASSERT(openssl_verifies_rsa(key, &signature));
	attribute_list_finish(&secret);
	buf_finish(&signature);
	object_free(object);
	EVP_PKEY_free(key);
	workshop_close(&shop);
}

static void an_rsa_key_of_numbers_that_do_not_fit_is_refused(void)
{
	static const uint8_t one = 1;
	struct workshop shop;
	workshop_open(&shop);
	EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
	for (size_t i = 0; i < 3; i++) {
		struct attribute_list secret = { 0 };
		Craton__Object *object = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_RSA, CLOSED_KEY });
		take_parts(key, rsa_parts, 3, object, &secret);
		if (i == 0)
			take_parts(other, rsa_parts, 1, object, &secret); /* another modulus */
		else if (i == 1)
			object_set_bytes(object, CKA_PUBLIC_EXPONENT, &one, 1);
		else
			CU_ASSERT_FATAL(attribute_list_set(&secret, CKA_PRIVATE_EXPONENT, &one, 1) == ERR_OK);
		CU_ASSERT_EQUAL(seal_import(shop.domain, &secret, object), CKR_ATTRIBUTE_VALUE_INVALID);
		CU_ASSERT_PTR_NULL(object->sealed);
		attribute_list_finish(&secret);
		object_free(object);
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	workshop_close(&shop);
}

static EVP_PKEY *group_key(const char *algorithm, const char *group)
{
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0), OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *key = NULL;
	CU_ASSERT_FATAL(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_params(context, parameters) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_generate(context, &key) == 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* Numbers of a group are numbers of a group: RFC 5114's serve DSA as well. */
static void a_dsa_key_signs(void)
{
	static const struct part private_parts[] = {
		{ CKA_PRIME, OSSL_PKEY_PARAM_FFC_P, false }, { CKA_SUBPRIME, OSSL_PKEY_PARAM_FFC_Q, false },
		{ CKA_BASE, OSSL_PKEY_PARAM_FFC_G, false }, { CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, true },
	}, public_parts[] = {
		{ CKA_PRIME, OSSL_PKEY_PARAM_FFC_P, false }, { CKA_SUBPRIME, OSSL_PKEY_PARAM_FFC_Q, false },
		{ CKA_BASE, OSSL_PKEY_PARAM_FFC_G, false }, { CKA_VALUE, OSSL_PKEY_PARAM_PUB_KEY, false },
	};
	struct workshop shop;
	struct attribute_list secret = { 0 };
	struct buf signature;
	struct bytes data = { digest, 20 };
	workshop_open(&shop);
	buf_init(&signature, RESULT_MAX);
	EVP_PKEY *key = group_key("DHX", "dh_1024_160");
	Craton__Object *private = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_DSA, CLOSED_KEY });
	Craton__Object *public = object_new((struct kind){ CKO_PUBLIC_KEY, CKK_DSA, false, true });
	take_parts(key, private_parts, 4, private, &secret);
	take_parts(key, public_parts, 4, public, &secret);
	CU_ASSERT_FATAL(seal_import(shop.domain, &secret, private) == CKR_OK);
	CU_ASSERT(sign_with(shop.domain, private, CKM_DSA, data, &signature) == CKR_OK);
	CU_ASSERT(verify_with(shop.domain, public, CKM_DSA, data, (struct bytes){ signature.data, signature.size }) == CKR_OK);
	attribute_list_finish(&secret);
	buf_finish(&signature);
	object_free(private);
	object_free(public);
	EVP_PKEY_free(key);
	workshop_close(&shop);
}

static void a_diffie_hellman_key_agrees_with_openssl(void)
{
	static const struct part parts[] = {
		{ CKA_PRIME, OSSL_PKEY_PARAM_FFC_P, false }, { CKA_BASE, OSSL_PKEY_PARAM_FFC_G, false },
		{ CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, true },
	};
	struct workshop shop;
	struct attribute_list secret = { 0 };
	struct buf read;
	uint8_t expected[256], their_public[256];
	size_t size = sizeof expected;
	BIGNUM *number = NULL;
	workshop_open(&shop);
	buf_init(&read, RESULT_MAX);
	EVP_PKEY *mine = group_key("DH", "modp_2048"), *theirs = group_key("DH", "modp_2048");
	Craton__Object *private = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_DH, CLOSED_KEY });
	Craton__Object *agreed = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY });
	object_set_number(agreed, CKA_VALUE_LEN, 256);
	take_parts(mine, parts, 3, private, &secret);
	CU_ASSERT_FATAL(seal_import(shop.domain, &secret, private) == CKR_OK);
	CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(theirs, OSSL_PKEY_PARAM_PUB_KEY, &number) == 1);
	int public_size = BN_bn2bin(number, their_public);
	CK_MECHANISM mechanism = { CKM_DH_PKCS_DERIVE, their_public, (CK_ULONG)public_size };
	struct loaded_key *base = take(&shop, private);
	CU_ASSERT_FATAL(derive_key(shop.domain, &mechanism, base, agreed) == CKR_OK);
	keyring_return(shop.keyring, base);
	read_value(&shop, agreed, &read);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(mine, NULL);
	CU_ASSERT_FATAL(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_CTX_set_dh_pad(context, 1) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_derive_set_peer(context, theirs) == 1 && EVP_PKEY_derive(context, expected, &size) == 1);
	CU_ASSERT(read.size == 256 && size == 256 && memcmp(read.data, expected, 256) == 0);
	EVP_PKEY_CTX_free(context);
	BN_free(number);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	attribute_list_finish(&secret);
	buf_finish(&read);
	object_free(private);
	object_free(agreed);
	workshop_close(&shop);
}

/* One block in the plainest mode: each token key against OpenSSL's cipher of the same value. */
static void secrets_encrypt_as_they_do_elsewhere(void)
{
	static const struct { CK_KEY_TYPE type; size_t size; CK_MECHANISM_TYPE mechanism; const char *cipher; size_t block; } keys[] = {
		{ CKK_AES, 16, CKM_AES_ECB, "AES-128-ECB", 16 }, { CKK_AES, 24, CKM_AES_ECB, "AES-192-ECB", 16 },
		{ CKK_AES, 32, CKM_AES_ECB, "AES-256-ECB", 16 }, { CKK_DES3, 24, CKM_DES3_ECB, "DES-EDE3-ECB", 8 },
	};
	static const uint8_t value[32] = { 0x01, 0x02, 0x04, 0x07, 0x08, 0x0b, 0x0d, 0x0e, 0x10, 0x13, 0x15, 0x16, 0x19, 0x1a, 0x1c, 0x1f,
	                                   0x20, 0x23, 0x25, 0x26, 0x29, 0x2a, 0x2c, 0x2f };
	struct workshop shop;
	workshop_open(&shop);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		uint8_t expected[32];
		int size = 0;
		struct buf encrypted;
		buf_init(&encrypted, RESULT_MAX);
		Craton__Object *key = secret_of(&shop, keys[i].type, value, keys[i].size);
		CK_MECHANISM mechanism = { keys[i].mechanism, NULL, 0 };
		struct loaded_key *loaded = take(&shop, key);
		CU_ASSERT(operate(shop.house.tokens[0], CRATON__CRYPT_KIND__ENCRYPT, &mechanism, loaded, digest, keys[i].block, NULL,
		                  0, &encrypted) == CKR_OK);
		keyring_return(shop.keyring, loaded);
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, keys[i].cipher, NULL);
		EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
		CU_ASSERT(EVP_EncryptInit_ex2(context, cipher, value, NULL, NULL) == 1);
		CU_ASSERT(EVP_EncryptUpdate(context, expected, &size, digest, (int)keys[i].block) == 1);
		CU_ASSERT(encrypted.size == keys[i].block && memcmp(encrypted.data, expected, keys[i].block) == 0);
		EVP_CIPHER_CTX_free(context);
		EVP_CIPHER_free(cipher);
		buf_finish(&encrypted);
		object_free(key);
	}
	workshop_close(&shop);
}

TESTS("backend: import_keys",
      SAY(an_rsa_key_signs_as_it_does_elsewhere),
      SAY(an_rsa_key_needs_no_primes),
      SAY(an_rsa_key_of_numbers_that_do_not_fit_is_refused),
      SAY(a_dsa_key_signs),
      SAY(a_diffie_hellman_key_agrees_with_openssl),
      SAY(secrets_encrypt_as_they_do_elsewhere))

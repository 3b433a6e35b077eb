/* A key's SubjectPublicKeyInfo is what OpenSSL says it is. */
#include "backend/key_info.h"
#include "base/digest.h"
#include "tests/check.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define NAMED(oid_size, ...) { 0x06, oid_size, __VA_ARGS__ }
static const uint8_t p256[] = NAMED(8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07);

static struct attribute_list key_of(CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	struct attribute_list list = { NULL, 0 };
	attribute_list_set_ulong(&list, CKA_CLASS, class);
	attribute_list_set_ulong(&list, CKA_KEY_TYPE, type);
	return list;
}

static EVP_PKEY *generate(const char *algorithm, const char *group)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(digest_context(), algorithm, NULL);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_keygen_init(context), 1);
	if (group)
		CU_ASSERT_EQUAL_FATAL(EVP_PKEY_CTX_set_group_name(context, group), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static void add_number(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	uint8_t bytes[1024];
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(key, name, &number), 1);
	attribute_list_set(list, type, bytes, (size_t)BN_bn2bin(number, bytes));
	BN_free(number);
}

/* As an OCTET STRING, which is what the standard asks for; points here are shorter than 128 bytes. */
static void add_point(struct attribute_list *list, const EVP_PKEY *key)
{
	uint8_t point[130] = { 0x04 };
	size_t size = 0;
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point + 2, 128, &size), 1);
	point[1] = (uint8_t)size;
	attribute_list_set(list, CKA_EC_POINT, point, size + 2);
}

/* Gives up both. */
static void is_told(struct attribute_list list, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_OK);
	const Craton__Attribute *info = attribute_list_get(&list, CKA_PUBLIC_KEY_INFO);
	CU_ASSERT(info && (size_t)size == info->value.len && memcmp(info->value.data, der, info->value.len) == 0);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_OK); /* it is of this key */
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	attribute_list_finish(&list);
}

static void an_rsa_key_of_either_half_tells_its_info(void)
{
	static const CK_OBJECT_CLASS halves[] = { CKO_PUBLIC_KEY, CKO_PRIVATE_KEY };
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = generate("RSA", NULL);
		struct attribute_list list = key_of(halves[i], CKK_RSA);
		add_number(&list, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
		add_number(&list, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
		is_told(list, key);
	}
}

static void curves_of_every_kind_tell_their_info(void)
{
	static const uint8_t p384[] = NAMED(5, 0x2b, 0x81, 0x04, 0x00, 0x22);
	static const struct {
		const char *algorithm, *group;
		CK_KEY_TYPE type;
		const uint8_t *params;
		size_t size;
	} curves[] = {
		{ "EC", "P-256", CKK_EC, p256, sizeof p256 },
		{ "EC", "P-384", CKK_EC, p384, sizeof p384 },
		{ "ED25519", NULL, CKK_EC_EDWARDS, (const uint8_t *)"", 0 },
		{ "ED448", NULL, CKK_EC_EDWARDS, (const uint8_t *)"", 0 },
		{ "X25519", NULL, CKK_EC_MONTGOMERY, (const uint8_t *)"", 0 },
	};
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		EVP_PKEY *key = generate(curves[i].algorithm, curves[i].group);
		struct attribute_list list = key_of(CKO_PUBLIC_KEY, curves[i].type);
		attribute_list_set(&list, CKA_EC_PARAMS, curves[i].params, curves[i].size);
		add_point(&list, key);
		is_told(list, key);
	}
}

static void a_diffie_hellman_key_tells_its_info(void)
{
	EVP_PKEY *key = generate("DH", "ffdhe2048");
	struct attribute_list list = key_of(CKO_PUBLIC_KEY, CKK_DH);
	add_number(&list, CKA_PRIME, key, OSSL_PKEY_PARAM_FFC_P);
	add_number(&list, CKA_BASE, key, OSSL_PKEY_PARAM_FFC_G);
	add_number(&list, CKA_VALUE, key, OSSL_PKEY_PARAM_PUB_KEY);
	is_told(list, key);
}

static struct attribute_list ec_public(const EVP_PKEY *key)
{
	struct attribute_list list = key_of(CKO_PUBLIC_KEY, CKK_EC);
	attribute_list_set(&list, CKA_EC_PARAMS, p256, sizeof p256);
	add_point(&list, key);
	return list;
}

static void another_keys_info_is_refused(void)
{
	EVP_PKEY *key = generate("EC", "P-256"), *other = generate("EC", "P-256");
	struct attribute_list list = ec_public(key), others = ec_public(other);
	CU_ASSERT_EQUAL_FATAL(key_info_set(&others), CKR_OK);
	const Craton__Attribute *info = attribute_list_get(&others, CKA_PUBLIC_KEY_INFO);
	attribute_list_set(&list, CKA_PUBLIC_KEY_INFO, info->value.data, info->value.len);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_ATTRIBUTE_VALUE_INVALID);
	attribute_list_set(&list, CKA_PUBLIC_KEY_INFO, "no such thing", 13);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_ATTRIBUTE_VALUE_INVALID);
	/* a private key's attributes do not tell its point */
	attribute_list_set_ulong(&list, CKA_CLASS, CKO_PRIVATE_KEY);
	attribute_list_remove(&list, CKA_EC_POINT);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_ATTRIBUTE_TYPE_INVALID);
	attribute_list_finish(&others);
	attribute_list_finish(&list);
	EVP_PKEY_free(other);
	EVP_PKEY_free(key);
}

static void nonsense_has_no_info_and_an_empty_one_stays(void)
{
	struct attribute_list list = key_of(CKO_PUBLIC_KEY, CKK_EC);
	attribute_list_set(&list, CKA_EC_PARAMS, "\x06\x7f", 2);
	attribute_list_set(&list, CKA_EC_POINT, "\x04\x02x", 3);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_OK);
	CU_ASSERT_PTR_NULL(attribute_list_get(&list, CKA_PUBLIC_KEY_INFO));
	attribute_list_finish(&list);
	EVP_PKEY *key = generate("EC", "P-256");
	list = ec_public(key);
	attribute_list_set(&list, CKA_PUBLIC_KEY_INFO, "", 0);
	CU_ASSERT_EQUAL(key_info_set(&list), CKR_OK);
	CU_ASSERT_EQUAL(attribute_list_get(&list, CKA_PUBLIC_KEY_INFO)->value.len, 0);
	attribute_list_finish(&list);
	EVP_PKEY_free(key);
}

TESTS("backend key info", SAY(an_rsa_key_of_either_half_tells_its_info), SAY(curves_of_every_kind_tell_their_info),
      SAY(a_diffie_hellman_key_tells_its_info), SAY(another_keys_info_is_refused),
      SAY(nonsense_has_no_info_and_an_empty_one_stays))

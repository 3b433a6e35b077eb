#include "tests/unit/backend/workshop.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* What OpenSSL agrees on with the same peer: its own private key and the token's public point. */
static size_t agree(EVP_PKEY *mine, const char *curve, const uint8_t *point, size_t size, uint8_t out[128])
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, size),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *peer = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(context) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata(context, &peer, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
	EVP_PKEY_CTX_free(context);
	size_t length = 128;
	context = EVP_PKEY_CTX_new(mine, NULL);
	CU_ASSERT_FATAL(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_derive(context, out, &length) == 1);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	return length;
}

static CK_RV derive(struct workshop *shop, CK_MECHANISM *mechanism, const Craton__Object *base, Craton__Object *out)
{
	struct loaded_key *key = take(shop, base);
	CK_RV rv = derive_key(shop->domain, mechanism, key, out);
	keyring_return(shop->keyring, key);
	return rv;
}

/* P-521's secret has 66 bytes, which is no multiple of eight. */
static void ecdh1_agrees_with_openssl(void)
{
	static const struct { const char *name; const struct bytes *curve; size_t size; } curves[] = {
		{ "P-256", &curve_p256, 32 }, { "P-384", &curve_p384, 48 }, { "P-521", &curve_p521, 66 },
	};
	struct workshop shop;
	workshop_open(&shop);
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		struct pair pair;
		uint8_t point[256], expected[128];
		size_t point_size = 0;
		struct buf value;
		buf_init(&value, RESULT_MAX);
		CU_ASSERT_FATAL(pair_ec(shop.domain, *curves[i].curve, &pair) == CKR_OK);
		EVP_PKEY *mine = EVP_EC_gen(curves[i].name);
		CU_ASSERT_FATAL(EVP_PKEY_get_octet_string_param(mine, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &point_size) == 1);
		CK_ECDH1_DERIVE_PARAMS parameter = { CKD_NULL, 0, NULL, point_size, point };
		CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameter, sizeof parameter };
		Craton__Object *secret = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY });
		CU_ASSERT_FATAL(derive(&shop, &mechanism, pair.private, secret) == CKR_OK);
		CU_ASSERT_EQUAL(number_of(secret, CKA_VALUE_LEN), curves[i].size);
		read_value(&shop, secret, &value);
		const Craton__Attribute *theirs = object_get(pair.public, CKA_EC_POINT);
		size_t header = theirs->value.data[1] == 0x81 ? 3 : 2;
		size_t size = agree(mine, curves[i].name, theirs->value.data + header, theirs->value.len - header, expected);
		CU_ASSERT(size == curves[i].size && value.size == size && memcmp(value.data, expected, size) == 0);
		EVP_PKEY_free(mine);
		object_free(secret);
		pair_free(&pair);
		buf_finish(&value);
	}
	workshop_close(&shop);
}

/* Of what was agreed on the key takes as much as it needs, "from the leading end" for ECDH1 (2.3.10: truncated at the trailing end …
 * by removing bytes from the leading end), and is as closed as its owner asked. */
static void a_derived_key_is_as_closed_as_its_owner_asked(void)
{
	struct workshop shop;
	struct pair pair;
	struct buf read;
	workshop_open(&shop);
	buf_init(&read, RESULT_MAX);
	CU_ASSERT_FATAL(pair_ec(shop.domain, curve_p256, &pair) == CKR_OK);
	const Craton__Attribute *point = object_get(pair.public, CKA_EC_POINT);
	CK_ECDH1_DERIVE_PARAMS parameter = { CKD_NULL, 0, NULL, point->value.len, point->value.data };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameter, sizeof parameter };
	Craton__Object *closed = object_new((struct kind){ CKO_SECRET_KEY, CKK_AES, CLOSED_KEY });
	Craton__Object *open = object_new((struct kind){ CKO_SECRET_KEY, CKK_AES, OPEN_KEY });
	object_set_number(closed, CKA_VALUE_LEN, 16);
	object_set_number(open, CKA_VALUE_LEN, 16);
	CU_ASSERT_FATAL(derive(&shop, &mechanism, pair.private, closed) == CKR_OK);
	CU_ASSERT_FATAL(derive(&shop, &mechanism, pair.private, open) == CKR_OK);
	CU_ASSERT(closed->sealed->kind == SEAL_CLOSED && open->sealed->kind == SEAL_OPEN);
	CU_ASSERT(number_of(closed, CKA_VALUE_LEN) == 16 && number_of(open, CKA_VALUE_LEN) == 16);
	CU_ASSERT(unseal_value(shop.domain, closed, CKA_VALUE, &read) == CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_PTR_NULL(object_get(closed, CKA_VALUE));
	read_value(&shop, open, &read);
	/* The same key by another name: what the open one's value encrypts, the closed one does. */
	static const uint8_t block[16] = "sixteen bytes...";
	uint8_t expected[32];
	int size = 0;
	struct buf encrypted;
	buf_init(&encrypted, RESULT_MAX);
	struct loaded_key *key = take(&shop, closed);
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CU_ASSERT(operate(shop.house.tokens[0], CRATON__CRYPT_KIND__ENCRYPT, &ecb, key, block, 16, NULL, 0, &encrypted) == CKR_OK);
	keyring_return(shop.keyring, key);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, read.data, NULL);
	EVP_EncryptUpdate(context, expected, &size, block, 16);
	EVP_CIPHER_CTX_free(context);
	CU_ASSERT(read.size == 16 && size == 16 && encrypted.size == 16 && memcmp(encrypted.data, expected, 16) == 0);
	buf_finish(&encrypted);
	buf_finish(&read);
	object_free(closed);
	object_free(open);
	pair_free(&pair);
	workshop_close(&shop);
}

/* "derivation by encrypting the supplied data": AES-ECB of RFC 3602's first vector's key and plain text, without its IV. */
static void encrypted_data_is_a_key(void)
{
	static const uint8_t value[16] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
	static const uint8_t plain[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	static const uint8_t cipher[16] = { 0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a }; /* FIPS 197, C.1 */
	struct workshop shop;
	workshop_open(&shop);
	Craton__Object *base = secret_of(&shop, CKK_AES, value, sizeof value);
	CK_KEY_DERIVATION_STRING_DATA data = { (CK_BYTE *)plain, sizeof plain };
	CK_AES_CBC_ENCRYPT_DATA_PARAMS chained = { { 0 }, (CK_BYTE *)plain, sizeof plain };
	CK_MECHANISM mechanisms[] = {
		{ CKM_AES_ECB_ENCRYPT_DATA, &data, sizeof data }, { CKM_AES_CBC_ENCRYPT_DATA, &chained, sizeof chained },
	};
	for (size_t i = 0; i < 2; i++) {
		struct buf read;
		buf_init(&read, RESULT_MAX);
		Craton__Object *derived = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY });
		object_set_number(derived, CKA_VALUE_LEN, 16);
		CU_ASSERT_FATAL(derive(&shop, &mechanisms[i], base, derived) == CKR_OK);
		read_value(&shop, derived, &read);
		CU_ASSERT(read.size == 16 && memcmp(read.data, cipher, 16) == 0);
		buf_finish(&read);
		object_free(derived);
	}
	object_free(base);
	workshop_close(&shop);
}

static Craton__Object *parameters_of(struct workshop *shop, CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type, uint64_t bits)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	Craton__Object *parameters = object_new((struct kind){ CKO_DOMAIN_PARAMETERS, key_type, false, true });
	object_set_number(parameters, CKA_PRIME_BITS, bits);
	CU_ASSERT_FATAL(generate_parameters(shop->domain, &mechanism, parameters) == CKR_OK);
	CU_ASSERT(parameters->sealed == NULL && object_get(parameters, CKA_PRIME)->value.len == bits / 8);
	return parameters;
}

static void pair_of_parameters(struct workshop *shop, CK_MECHANISM_TYPE type, const Craton__Object *parameters, struct pair *out)
{
	static const CK_ATTRIBUTE_TYPE parts[] = { CKA_PRIME, CKA_SUBPRIME, CKA_BASE };
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_KEY_TYPE key_type = object_key_type(parameters);
	out->public = object_new((struct kind){ CKO_PUBLIC_KEY, key_type, false, true });
	out->private = object_new((struct kind){ CKO_PRIVATE_KEY, key_type, CLOSED_KEY });
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const Craton__Attribute *part = object_get(parameters, parts[i]);
		if (part)
			object_set_bytes(out->public, parts[i], part->value.data, part->value.len);
	}
	CU_ASSERT_FATAL(generate_key_pair(shop->domain, &mechanism, out->public, out->private) == CKR_OK);
	CU_ASSERT(out->private->sealed->kind == SEAL_CLOSED);
}

static void two_parties_of_one_group_agree(void)
{
	struct workshop shop;
	struct pair pairs[2];
	struct buf read[2];
	workshop_open(&shop);
	Craton__Object *group = parameters_of(&shop, CKM_DH_PKCS_PARAMETER_GEN, CKK_DH, 512);
	for (size_t i = 0; i < 2; i++)
		pair_of_parameters(&shop, CKM_DH_PKCS_KEY_PAIR_GEN, group, &pairs[i]);
	for (size_t i = 0; i < 2; i++) {
		const Craton__Attribute *theirs = object_get(pairs[1 - i].public, CKA_VALUE);
		CK_MECHANISM mechanism = { CKM_DH_PKCS_DERIVE, theirs->value.data, theirs->value.len };
		Craton__Object *secret = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY });
		object_set_number(secret, CKA_VALUE_LEN, 37);
		buf_init(&read[i], RESULT_MAX);
		CU_ASSERT_FATAL(derive(&shop, &mechanism, pairs[i].private, secret) == CKR_OK);
		read_value(&shop, secret, &read[i]);
		object_free(secret);
	}
	CU_ASSERT(read[0].size == 37 && read[1].size == 37 && memcmp(read[0].data, read[1].data, 37) == 0);
	for (size_t i = 0; i < 2; i++) {
		buf_finish(&read[i]);
		pair_free(&pairs[i]);
	}
	object_free(group);
	workshop_close(&shop);
}

static void parameters_made_here_make_a_dsa_key_that_signs(void)
{
	static const uint8_t hash[20] = { 9 };
	struct workshop shop;
	struct pair pair;
	struct buf signature;
	workshop_open(&shop);
	buf_init(&signature, RESULT_MAX);
	Craton__Object *parameters = parameters_of(&shop, CKM_DSA_PARAMETER_GEN, CKK_DSA, 1024);
	pair_of_parameters(&shop, CKM_DSA_KEY_PAIR_GEN, parameters, &pair);
	struct bytes data = { hash, sizeof hash };
	CU_ASSERT(sign_with(shop.domain, pair.private, CKM_DSA, data, &signature) == CKR_OK);
	CU_ASSERT(verify_with(shop.domain, pair.public, CKM_DSA, data, (struct bytes){ signature.data, signature.size }) == CKR_OK);
	buf_finish(&signature);
	object_free(parameters);
	pair_free(&pair);
	workshop_close(&shop);
}

TESTS("backend: derive",
      SAY(ecdh1_agrees_with_openssl),
      SAY(a_derived_key_is_as_closed_as_its_owner_asked),
      SAY(encrypted_data_is_a_key),
      SAY(two_parties_of_one_group_agree),
      SAY(parameters_made_here_make_a_dsa_key_that_signs))

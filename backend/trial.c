#include "backend/trial.h"
#include "backend/physical.h"
#include "base/id.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define OID_P256 { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10
#define OID_P384 { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 }, 7
#define OID_P521 { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 }, 7
#define OID_SECP256K1 { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a }, 7
#define OID_ED25519 { 0x06, 0x03, 0x2b, 0x65, 0x70 }, 5
#define OID_ED448 { 0x06, 0x03, 0x2b, 0x65, 0x71 }, 5
#define OID_X25519 { 0x06, 0x03, 0x2b, 0x65, 0x6e }, 5
#define OID_X448 { 0x06, 0x03, 0x2b, 0x65, 0x6f }, 5
#define NO_CURVE { 0 }, 0

const struct trial_key *trial_keys(size_t *count)
{
	static const struct trial_key keys[] = {
		{ "RSA", CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, true, 2048, NO_CURVE },
		{ "EC P-256", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 256, OID_P256 },
		{ "EC P-384", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 384, OID_P384 },
		{ "EC P-521", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 521, OID_P521 },
		{ "EC secp256k1", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 256, OID_SECP256K1 },
		/* The last four have the names of held_named. X25519 and X448 stand under either key type: PKCS#11 2.40's drafts, which
		 * SoftHSM follows, had no other than Edwards'. */
		{ "Ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, true, 256, OID_ED25519 },
		{ "Ed448", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, true, 456, OID_ED448 },
		{ "X25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, true, 256, OID_X25519 },
		{ "X448", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, true, 448, OID_X448 },
		{ "X25519", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, true, 256, OID_X25519 },
		{ "X448", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, true, 448, OID_X448 },
		{ "DSA", CKM_DSA_KEY_PAIR_GEN, CKK_DSA, true, 1024, NO_CURVE },
		{ "DH", CKM_DH_PKCS_KEY_PAIR_GEN, CKK_DH, true, 2048, NO_CURVE },
		{ "AES-128", CKM_AES_KEY_GEN, CKK_AES, false, 16, NO_CURVE },
		{ "AES-192", CKM_AES_KEY_GEN, CKK_AES, false, 24, NO_CURVE },
		{ "AES-256", CKM_AES_KEY_GEN, CKK_AES, false, 32, NO_CURVE },
		{ "DES", CKM_DES_KEY_GEN, CKK_DES, false, 0, NO_CURVE },
		{ "DES2", CKM_DES2_KEY_GEN, CKK_DES2, false, 0, NO_CURVE },
		{ "DES3", CKM_DES3_KEY_GEN, CKK_DES3, false, 0, NO_CURVE },
		{ "ChaCha20", CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, false, 0, NO_CURVE },
		{ "AES-256 XTS", CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, false, 64, NO_CURVE },
		{ "Camellia-256", CKM_CAMELLIA_KEY_GEN, CKK_CAMELLIA, false, 32, NO_CURVE },
		{ "ARIA-256", CKM_ARIA_KEY_GEN, CKK_ARIA, false, 32, NO_CURVE },
		{ "SEED", CKM_SEED_KEY_GEN, CKK_SEED, false, 0, NO_CURVE },
		{ "HKDF", CKM_HKDF_KEY_GEN, CKK_HKDF, false, 32, NO_CURVE },
		/* As long as the longest hash, so that every HMAC takes it. */
		{ "generic secret", CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, false, 64, NO_CURVE },
	};
	*count = sizeof keys / sizeof *keys;
	return keys;
}

static Craton__Object *object_create(void)
{
	Craton__Object *object = calloc(1, sizeof *object);
	uint8_t *bytes = malloc(ID_SIZE);
	if (!object || !bytes) {
		free(object);
		free(bytes);
		return NULL;
	}
	craton__object__init(object);
	struct id id = id_random();
	memcpy(bytes, id.bytes, ID_SIZE);
	object->id = (ProtobufCBinaryData){ ID_SIZE, bytes };
	return object;
}

/* Groups that everybody knows: RFC 5114's for DSA, RFC 3526's for Diffie-Hellman. */
static enum err set_number(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *group, const char *name)
{
	BIGNUM *number = NULL;
	uint8_t bytes[512];
	if (EVP_PKEY_get_bn_param(group, name, &number) != 1 || BN_num_bytes(number) > (int)sizeof bytes) {
		BN_free(number);
		return ERR_IO;
	}
	int size = BN_bn2bin(number, bytes);
	BN_free(number);
	return attribute_list_set(list, type, bytes, (size_t)size);
}

static EVP_PKEY *group_create(bool dsa, CK_ULONG size)
{
	const char *name = !dsa ? "modp_2048" : size >= 2048 ? "dh_2048_256" : "dh_1024_160";
	OSSL_PARAM parameters[] = { OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0), OSSL_PARAM_END };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, dsa ? "DHX" : "DH", NULL);
	EVP_PKEY *group = NULL;
	parameters[0].data_size = strlen(name);
	if (context && EVP_PKEY_paramgen_init(context) == 1 && EVP_PKEY_CTX_set_params(context, parameters) == 1)
		EVP_PKEY_generate(context, &group);
	EVP_PKEY_CTX_free(context);
	return group;
}

static enum err fill_group(struct attribute_list *list, bool dsa, CK_ULONG size)
{
	EVP_PKEY *group = group_create(dsa, size);
	enum err err = group ? set_number(list, CKA_PRIME, group, OSSL_PKEY_PARAM_FFC_P) : ERR_IO;
	if (err == ERR_OK && dsa)
		err = set_number(list, CKA_SUBPRIME, group, OSSL_PKEY_PARAM_FFC_Q);
	if (err == ERR_OK)
		err = set_number(list, CKA_BASE, group, OSSL_PKEY_PARAM_FFC_G);
	EVP_PKEY_free(group);
	return err;
}

static enum err fill_public(struct attribute_list *list, const struct trial_key *key, CK_ULONG size)
{
	static const CK_BYTE f4[] = { 1, 0, 1 };
	if (key->curve_size)
		return attribute_list_set(list, CKA_EC_PARAMS, key->curve, key->curve_size);
	if (key->key_type == CKK_DSA || key->key_type == CKK_DH)
		return fill_group(list, key->key_type == CKK_DSA, size);
	enum err err = attribute_list_set_ulong(list, CKA_MODULUS_BITS, size);
	return err == ERR_OK ? attribute_list_set(list, CKA_PUBLIC_EXPONENT, f4, sizeof f4) : err;
}

static enum err fill_guarded(struct attribute_list *list, CK_OBJECT_CLASS class, CK_ULONG size)
{
	enum err err = attribute_list_set_bool(list, CKA_SENSITIVE, true);
	if (err == ERR_OK)
		err = attribute_list_set_bool(list, CKA_EXTRACTABLE, false);
	if (err == ERR_OK && class == CKO_SECRET_KEY && size)
		err = attribute_list_set_ulong(list, CKA_VALUE_LEN, size);
	return err;
}

static enum err fill(struct attribute_list *list, const struct trial_key *key, CK_OBJECT_CLASS class, CK_ULONG size, CK_FLAGS flags)
{
	static const struct { CK_FLAGS flag; CK_ATTRIBUTE_TYPE type; } uses[] = {
		{ CKF_SIGN, CKA_SIGN }, { CKF_VERIFY, CKA_VERIFY }, { CKF_ENCRYPT, CKA_ENCRYPT }, { CKF_DECRYPT, CKA_DECRYPT },
		{ CKF_WRAP, CKA_WRAP }, { CKF_UNWRAP, CKA_UNWRAP }, { CKF_DERIVE, CKA_DERIVE },
		{ CKF_SIGN_RECOVER, CKA_SIGN_RECOVER }, { CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER },
	};
	enum err err = attribute_list_set_ulong(list, CKA_CLASS, class);
	if (err == ERR_OK)
		err = attribute_list_set_ulong(list, CKA_KEY_TYPE, key->key_type);
	for (size_t i = 0; err == ERR_OK && i < sizeof uses / sizeof *uses; i++)
		if (flags & uses[i].flag)
			err = attribute_list_set_bool(list, uses[i].type, true);
	if (err == ERR_OK)
		err = class == CKO_PUBLIC_KEY ? fill_public(list, key, size) : fill_guarded(list, class, size);
	return err;
}

static enum err create_filled(const struct trial_key *key, CK_OBJECT_CLASS class, CK_ULONG size, CK_FLAGS uses, Craton__Object **out)
{
	*out = object_create();
	if (!*out)
		return ERR_NO_MEMORY;
	struct attribute_list list = { 0 };
	enum err err = fill(&list, key, class, size, uses);
	object_take_list(*out, &list);
	return err;
}

enum err trial_objects(const struct trial_key *key, CK_ULONG size, CK_FLAGS uses, Craton__Object **object,
                       Craton__Object **public_object)
{
	*public_object = NULL;
	enum err err = create_filled(key, key->is_pair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, size, uses, object);
	if (err == ERR_OK && key->is_pair)
		err = create_filled(key, CKO_PUBLIC_KEY, size, uses, public_object);
	return err;
}

enum err trial_parameters(CK_KEY_TYPE key_type, CK_ULONG bits, Craton__Object **out)
{
	*out = object_create();
	if (!*out)
		return ERR_NO_MEMORY;
	struct attribute_list list = { 0 };
	enum err err = attribute_list_set_ulong(&list, CKA_CLASS, CKO_DOMAIN_PARAMETERS);
	if (err == ERR_OK)
		err = attribute_list_set_ulong(&list, CKA_KEY_TYPE, key_type);
	if (err == ERR_OK)
		err = attribute_list_set_ulong(&list, CKA_PRIME_BITS, bits);
	object_take_list(*out, &list);
	return err;
}

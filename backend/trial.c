#include "backend/trial.h"
#include "backend/physical.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>

#define OID_P256 { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10
#define OID_P384 { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 }, 7
#define OID_P521 { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 }, 7
#define OID_ED25519 { 0x06, 0x03, 0x2b, 0x65, 0x70 }, 5

const struct trial_key *trial_keys(size_t *count)
{
	static const struct trial_key keys[] = {
		{ "RSA", CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, true, 2048, { 0 }, 0 },
		{ "EC P-256", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 256, OID_P256 },
		{ "EC P-384", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 384, OID_P384 },
		{ "EC P-521", CKM_EC_KEY_PAIR_GEN, CKK_EC, true, 521, OID_P521 },
		{ "Ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, true, 256, OID_ED25519 },
		{ "AES-128", CKM_AES_KEY_GEN, CKK_AES, false, 16, { 0 }, 0 },
		{ "AES-192", CKM_AES_KEY_GEN, CKK_AES, false, 24, { 0 }, 0 },
		{ "AES-256", CKM_AES_KEY_GEN, CKK_AES, false, 32, { 0 }, 0 },
		{ "DES3", CKM_DES3_KEY_GEN, CKK_DES3, false, 0, { 0 }, 0 },
		/* As long as the longest hash, so that every HMAC takes it. */
		{ "generic secret", CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, false, 64, { 0 }, 0 },
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

static enum err fill(struct attribute_list *list, const struct trial_key *key, CK_OBJECT_CLASS class, CK_ULONG size)
{
	static const CK_BYTE f4[] = { 1, 0, 1 };
	static const CK_ATTRIBUTE_TYPE uses[] = { CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT };
	bool public = class == CKO_PUBLIC_KEY;
	enum err err = attribute_list_set_ulong(list, CKA_CLASS, class);
	if (!err)
		err = attribute_list_set_ulong(list, CKA_KEY_TYPE, key->key_type);
	for (size_t i = 0; !err && i < sizeof uses / sizeof *uses; i++)
		err = attribute_list_set_bool(list, uses[i], true);
	if (!err && !public)
		err = attribute_list_set_bool(list, CKA_SENSITIVE, true);
	if (!err && !public)
		err = attribute_list_set_bool(list, CKA_EXTRACTABLE, false);
	if (!err && public && key->curve_size)
		err = attribute_list_set(list, CKA_EC_PARAMS, key->curve, key->curve_size);
	if (!err && public && key->key_type == CKK_RSA)
		err = attribute_list_set_ulong(list, CKA_MODULUS_BITS, size);
	if (!err && public && key->key_type == CKK_RSA)
		err = attribute_list_set(list, CKA_PUBLIC_EXPONENT, f4, sizeof f4);
	if (!err && class == CKO_SECRET_KEY && size)
		err = attribute_list_set_ulong(list, CKA_VALUE_LEN, size);
	return err;
}

static enum err create_filled(const struct trial_key *key, CK_OBJECT_CLASS class, CK_ULONG size, Craton__Object **out)
{
	*out = object_create();
	if (!*out)
		return ERR_NO_MEMORY;
	struct attribute_list list = { 0 };
	enum err err = fill(&list, key, class, size);
	object_take_list(*out, &list);
	return err;
}

enum err trial_objects(const struct trial_key *key, CK_ULONG size, Craton__Object **object, Craton__Object **public_object)
{
	*public_object = NULL;
	enum err err = create_filled(key, key->is_pair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, size, object);
	if (err == ERR_OK && key->is_pair)
		err = create_filled(key, CKO_PUBLIC_KEY, size, public_object);
	return err;
}

static CK_RSA_PKCS_MGF_TYPE mgf_of(CK_MECHANISM_TYPE hash)
{
	switch (hash) {
	case CKM_SHA_1: return CKG_MGF1_SHA1;
	case CKM_SHA224: return CKG_MGF1_SHA224;
	case CKM_SHA384: return CKG_MGF1_SHA384;
	case CKM_SHA512: return CKG_MGF1_SHA512;
	default: return CKG_MGF1_SHA256;
	}
}

static void set_parameter(struct trial_use *use, void *parameter, CK_ULONG size)
{
	use->mechanism.pParameter = parameter;
	use->mechanism.ulParameterLen = size;
}

static void use_pss(struct trial_use *use, const struct mechanism_facts *facts)
{
	CK_MECHANISM_TYPE hash = facts->type == CKM_RSA_PKCS_PSS ? CKM_SHA256 : facts->hash;
	const struct hash_facts *known = hash_facts(hash);
	use->parameter.pss = (CK_RSA_PKCS_PSS_PARAMS){ hash, mgf_of(hash), known ? known->size : 20 };
	set_parameter(use, &use->parameter.pss, sizeof use->parameter.pss);
}

static void use_gcm(struct trial_use *use)
{
	use->parameter.gcm = (CK_GCM_PARAMS){ .pIv = use->iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	set_parameter(use, &use->parameter.gcm, sizeof use->parameter.gcm);
}

static void choose_parameter(struct trial_use *use, const struct mechanism_facts *facts)
{
	switch (facts->type) {
	case CKM_RSA_PKCS_PSS: case CKM_SHA1_RSA_PKCS_PSS: case CKM_SHA224_RSA_PKCS_PSS:
	case CKM_SHA256_RSA_PKCS_PSS: case CKM_SHA384_RSA_PKCS_PSS: case CKM_SHA512_RSA_PKCS_PSS:
		use_pss(use, facts);
		break;
	case CKM_RSA_PKCS_OAEP:
		/* The one hash that every token has for it. */
		use->parameter.oaep = (CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
		set_parameter(use, &use->parameter.oaep, sizeof use->parameter.oaep);
		break;
	case CKM_AES_CBC: case CKM_AES_CBC_PAD: case CKM_AES_OFB: case CKM_AES_CFB8: case CKM_AES_CFB128: case CKM_AES_CTS:
		set_parameter(use, use->iv, 16);
		break;
	case CKM_DES3_CBC: case CKM_DES3_CBC_PAD:
		set_parameter(use, use->iv, 8);
		break;
	case CKM_AES_CTR:
		use->parameter.ctr = (CK_AES_CTR_PARAMS){ .ulCounterBits = 128 };
		set_parameter(use, &use->parameter.ctr, sizeof use->parameter.ctr);
		break;
	case CKM_AES_GCM:
		use_gcm(use);
		break;
	default:
		if (facts->result == RESULT_GENERAL) {
			use->parameter.number = 8; /* bytes of the MAC */
			set_parameter(use, &use->parameter.number, sizeof use->parameter.number);
		}
	}
}

void trial_use_init(struct trial_use *use, const struct mechanism_facts *facts, CK_ULONG key_size)
{
	*use = (struct trial_use){ .mechanism = { facts->type, NULL, 0 }, .data_size = 32 };
	memset(use->data, 0x5a, sizeof use->data);
	memset(use->iv, 0x3c, sizeof use->iv);
	choose_parameter(use, facts);
	if (facts->type == CKM_RSA_X_509) {
		use->data_size = key_size / 8 <= sizeof use->data ? key_size / 8 : sizeof use->data;
		use->data[0] = 0; /* less than the modulus */
	}
}

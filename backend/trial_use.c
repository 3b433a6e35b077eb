/* A parameter and data that suit each mechanism whose parameter the wire can carry. */
#include "backend/physical.h"
#include "backend/trial.h"
#include <string.h>

static void set_parameter(struct trial_use *use, void *parameter, CK_ULONG size)
{
	use->mechanism.pParameter = parameter;
	use->mechanism.ulParameterLen = size;
}

#define USE(use, field, ...)                                                                   \
	do {                                                                                   \
		(use)->parameter.field = (__typeof__((use)->parameter.field))__VA_ARGS__;      \
		set_parameter(use, &(use)->parameter.field, sizeof (use)->parameter.field);    \
	} while (0)

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

static void use_pss(struct trial_use *use, const struct mechanism_facts *facts)
{
	CK_MECHANISM_TYPE hash = facts->type == CKM_RSA_PKCS_PSS ? CKM_SHA256 : facts->hash;
	const struct hash_facts *known = hash_facts(hash);
	USE(use, pss, { hash, mgf_of(hash), known ? known->size : 20 });
}

/* The one hash that every token has for it. */
static const CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };

static void use_rsa_aes(struct trial_use *use)
{
	use->oaep = oaep;
	USE(use, rsa_aes, { 256, &use->oaep });
}

/* The peer's public value: of a curve, the point without its OCTET STRING; all points of ours are shorter than 256 bytes. */
static struct bytes public_value(const Craton__Object *peer)
{
	struct attribute_list list = { 0 };
	if (peer)
		list = object_list(peer);
	const Craton__Attribute *point = attribute_list_get(&list, CKA_EC_POINT);
	const Craton__Attribute *value = point ? point : attribute_list_get(&list, CKA_VALUE);
	if (!value)
		return (struct bytes){ NULL, 0 };
	size_t header = !point || value->value.len < 3 ? 0 : value->value.data[1] == 0x81 ? 3 : 2;
	return (struct bytes){ value->value.data + header, value->value.len - header };
}

static void use_ecdh(struct trial_use *use, const Craton__Object *peer)
{
	struct bytes value = public_value(peer);
	USE(use, ecdh, { CKD_NULL, 0, NULL, value.size, (CK_BYTE *)value.data });
}

static void use_dh(struct trial_use *use, const Craton__Object *peer)
{
	struct bytes value = public_value(peer);
	set_parameter(use, (void *)value.data, value.size);
}

static void use_kdf(struct trial_use *use)
{
	use->counter = (CK_SP800_108_COUNTER_FORMAT){ CK_FALSE, 32 };
	use->part = (CK_PRF_DATA_PARAM){ CK_SP800_108_ITERATION_VARIABLE, &use->counter, sizeof use->counter };
	USE(use, kdf, { CKM_SHA256_HMAC, 1, &use->part, 0, NULL });
}

static void use_hkdf(struct trial_use *use)
{
	USE(use, hkdf, { .bExtract = CK_TRUE, .bExpand = CK_TRUE, .prfHashMechanism = CKM_SHA256, .ulSaltType = CKF_HKDF_SALT_NULL });
}

static void choose_derivation(struct trial_use *use, CK_MECHANISM_TYPE type, const struct sample *sample)
{
	const Craton__Object *peer = sample->public_object;
	switch (type) {
	case CKM_ECDH1_DERIVE: case CKM_ECDH1_COFACTOR_DERIVE:
		use_ecdh(use, peer);
		break;
	case CKM_DH_PKCS_DERIVE:
		use_dh(use, peer);
		break;
	case CKM_AES_ECB_ENCRYPT_DATA: case CKM_DES_ECB_ENCRYPT_DATA: case CKM_DES3_ECB_ENCRYPT_DATA:
	case CKM_CONCATENATE_BASE_AND_DATA: case CKM_CONCATENATE_DATA_AND_BASE: case CKM_XOR_BASE_AND_DATA:
		USE(use, string, { use->data, use->data_size });
		break;
	case CKM_AES_CBC_ENCRYPT_DATA:
		USE(use, cbc_data, { { 0 }, use->data, use->data_size });
		break;
	case CKM_DES_CBC_ENCRYPT_DATA: case CKM_DES3_CBC_ENCRYPT_DATA:
		USE(use, des_cbc_data, { { 0 }, use->data, use->data_size });
		break;
	case CKM_CONCATENATE_BASE_AND_KEY:
		USE(use, key, sample->handle);
		break;
	case CKM_HKDF_DERIVE:
		use_hkdf(use);
		break;
	case CKM_SP800_108_COUNTER_KDF:
		use_kdf(use);
		break;
	default:
		break;
	}
}

static void choose_cipher(struct trial_use *use, CK_MECHANISM_TYPE type)
{
	switch (type) {
	case CKM_AES_CBC: case CKM_AES_CBC_PAD: case CKM_AES_OFB: case CKM_AES_CFB8: case CKM_AES_CFB128: case CKM_AES_CTS:
		set_parameter(use, use->iv, 16);
		break;
	case CKM_DES_CBC: case CKM_DES_CBC_PAD: case CKM_DES3_CBC: case CKM_DES3_CBC_PAD:
	case CKM_DES_OFB64: case CKM_DES_OFB8: case CKM_DES_CFB64: case CKM_DES_CFB8:
		set_parameter(use, use->iv, 8);
		break;
	case CKM_AES_GMAC:
		set_parameter(use, use->iv, 12);
		break;
	case CKM_AES_CTR:
		USE(use, ctr, { .ulCounterBits = 128 });
		break;
	case CKM_AES_GCM:
		USE(use, gcm, { .pIv = use->iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 });
		break;
	case CKM_AES_CCM:
		USE(use, ccm, { .ulDataLen = use->data_size, .pNonce = use->iv, .ulNonceLen = 12, .ulMACLen = 16 });
		break;
	case CKM_CHACHA20:
		USE(use, chacha, { use->iv + 12, 32, use->iv, 96 });
		break;
	case CKM_CHACHA20_POLY1305:
		USE(use, chacha_poly, { .pNonce = use->iv, .ulNonceBits = 12 });
		break;
	default:
		break;
	}
}

static void choose_parameter(struct trial_use *use, const struct mechanism_facts *facts)
{
	switch (facts->type) {
	case CKM_RSA_PKCS_PSS: case CKM_SHA1_RSA_PKCS_PSS: case CKM_SHA224_RSA_PKCS_PSS:
	case CKM_SHA256_RSA_PKCS_PSS: case CKM_SHA384_RSA_PKCS_PSS: case CKM_SHA512_RSA_PKCS_PSS:
		use_pss(use, facts);
		break;
	case CKM_RSA_PKCS_OAEP:
		USE(use, oaep, { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 });
		break;
	case CKM_RSA_AES_KEY_WRAP:
		use_rsa_aes(use);
		break;
	case CKM_ECDH_AES_KEY_WRAP:
		USE(use, ecdh_aes, { 256, CKD_SHA256_KDF, 0, NULL });
		break;
	default:
		if (facts->result == RESULT_GENERAL)
			USE(use, number, 8); /* bytes of the MAC */
	}
}

void trial_use_init(struct trial_use *use, CK_MECHANISM_TYPE type, const struct mechanism_facts *facts, const struct sample *sample)
{
	*use = (struct trial_use){ .mechanism = { type, NULL, 0 }, .data_size = 32 };
	memset(use->data, 0x5a, sizeof use->data);
	memset(use->iv, 0x3c, sizeof use->iv);
	if (facts)
		choose_parameter(use, facts);
	choose_cipher(use, type);
	choose_derivation(use, type, sample);
	if (type == CKM_RSA_X_509) {
		use->data_size = sample->size / 8 <= sizeof use->data ? sample->size / 8 : sizeof use->data;
		use->data[0] = 0; /* less than the modulus */
	}
	if (type == CKM_DSA)
		use->data_size = 20; /* as long as the subprime, or shorter */
}

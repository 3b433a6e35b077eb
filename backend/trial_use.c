/* A parameter and data that suit each mechanism whose parameter the wire can carry. */
#include "backend/physical.h"
#include "backend/trial.h"
#include "wire/mechanism_form.h"
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
	case CKM_SHA3_224: return CKG_MGF1_SHA3_224;
	case CKM_SHA3_256: return CKG_MGF1_SHA3_256;
	case CKM_SHA3_384: return CKG_MGF1_SHA3_384;
	case CKM_SHA3_512: return CKG_MGF1_SHA3_512;
	default: return CKG_MGF1_SHA256;
	}
}

static void use_pss(struct trial_use *use, CK_MECHANISM_TYPE type)
{
	const struct mechanism_facts *facts = mechanism_facts(type);
	CK_MECHANISM_TYPE hash = facts && facts->hash ? facts->hash : CKM_SHA256;
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

/* Of counter mode the iteration variable is a counter, of the others the result of the iteration before. */
static void use_kdf(struct trial_use *use, CK_MECHANISM_TYPE type)
{
	bool counts = type == CKM_SP800_108_COUNTER_KDF;
	use->counter = (CK_SP800_108_COUNTER_FORMAT){ CK_FALSE, 32 };
	use->part = (CK_PRF_DATA_PARAM){
		CK_SP800_108_ITERATION_VARIABLE, counts ? &use->counter : NULL, counts ? sizeof use->counter : 0,
	};
	if (type == CKM_SP800_108_FEEDBACK_KDF)
		USE(use, kdf_feedback, { CKM_SHA256_HMAC, 1, &use->part, 0, NULL, 0, NULL });
	else
		USE(use, kdf, { CKM_SHA256_HMAC, 1, &use->part, 0, NULL });
}

static void use_hkdf(struct trial_use *use)
{
	USE(use, hkdf, { .bExtract = CK_TRUE, .bExpand = CK_TRUE, .prfHashMechanism = CKM_SHA256, .ulSaltType = CKF_HKDF_SALT_NULL });
}

/* An IV of the length it has to have, 12 bytes where it may have any, none where it may be left out. */
static void use_bytes(struct trial_use *use, const struct form *form, const struct sample *sample)
{
	if (form->type == CKM_DH_PKCS_DERIVE)
		use_dh(use, sample->public_object);
	else if (form->min > 0)
		set_parameter(use, use->iv, form->max <= sizeof use->iv ? form->max : 12);
}

static void choose_cipher(struct trial_use *use, enum form_kind kind)
{
	switch (kind) {
	case FORM_CTR:
		USE(use, ctr, { .ulCounterBits = 128 });
		break;
	case FORM_GCM:
		USE(use, gcm, { .pIv = use->iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 });
		break;
	case FORM_CCM:
		USE(use, ccm, { .ulDataLen = use->data_size, .pNonce = use->iv, .ulNonceLen = 12, .ulMACLen = 16 });
		break;
	case FORM_CHACHA:
		USE(use, chacha, { use->iv + 12, 32, use->iv, 96 });
		break;
	case FORM_CHACHA_POLY:
		USE(use, chacha_poly, { .pNonce = use->iv, .ulNonceBits = 12 });
		break;
	default:
		break;
	}
}

static void choose_derivation(struct trial_use *use, const struct form *form, const struct sample *sample)
{
	switch (form->kind) {
	case FORM_ECDH:
		use_ecdh(use, sample->public_object);
		break;
	case FORM_STRING:
		USE(use, string, { use->data, use->data_size });
		break;
	case FORM_ENCRYPT_DATA_8:
		USE(use, des_cbc_data, { { 0 }, use->data, use->data_size });
		break;
	case FORM_ENCRYPT_DATA_16:
		USE(use, cbc_data, { { 0 }, use->data, use->data_size });
		break;
	case FORM_HKDF:
		use_hkdf(use);
		break;
	case FORM_KDF: case FORM_KDF_FEEDBACK:
		use_kdf(use, form->type);
		break;
	default:
		break;
	}
}

static void choose_parameter(struct trial_use *use, const struct form *form, const struct sample *sample)
{
	switch (form->kind) {
	case FORM_BYTES:
		use_bytes(use, form, sample);
		break;
	case FORM_NUMBER:
		USE(use, number, 8); /* bytes of the MAC; or where in a key another begins */
		break;
	case FORM_KEY:
		USE(use, key, sample->handle);
		break;
	case FORM_PSS:
		use_pss(use, form->type);
		break;
	case FORM_OAEP:
		USE(use, oaep, { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 });
		break;
	case FORM_RSA_AES:
		use_rsa_aes(use);
		break;
	case FORM_ECDH_AES:
		USE(use, ecdh_aes, { 256, CKD_SHA256_KDF, 0, NULL });
		break;
	default:
		choose_cipher(use, form->kind);
		choose_derivation(use, form, sample);
	}
}

void trial_use_init(struct trial_use *use, CK_MECHANISM_TYPE type, const struct sample *sample)
{
	const struct form *form = mechanism_form(type, false);
	*use = (struct trial_use){ .mechanism = { type, NULL, 0 }, .data_size = 32 };
	memset(use->data, 0x5a, sizeof use->data);
	memset(use->iv, 0x3c, sizeof use->iv);
	if (form)
		choose_parameter(use, form, sample);
	if (type == CKM_RSA_X_509) {
		use->data_size = sample->size / 8 <= sizeof use->data ? sample->size / 8 : sizeof use->data;
		use->data[0] = 0; /* less than the modulus */
	}
	if (type == CKM_DSA)
		use->data_size = 20; /* as long as the subprime, or shorter */
}

/* Mechanisms and their parameters: which has what kind is one table. */
#include "wire/attributes.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 16
#define TEXT_SIZE_MAX (64u << 10)  /* bytes of an OAEP label or a GCM IV */
#define AAD_SIZE_MAX (16u << 20)   /* bytes of additional authenticated data */
#define RESULT_SIZE_MAX 4096       /* of a MAC's or salt's number: bytes */

struct form {
	CK_MECHANISM_TYPE type;
	enum { NOTHING, BYTES, NUMBER, PSS, OAEP, GCM, CTR } kind;
	uint8_t size_min, size_max; /* BYTES: bytes; 0 allows none at all */
};

static const struct form forms[] = {
	{ CKM_AES_CBC, BYTES, 16, 16 }, { CKM_AES_CBC_PAD, BYTES, 16, 16 }, { CKM_AES_OFB, BYTES, 16, 16 },
	{ CKM_AES_CFB8, BYTES, 16, 16 }, { CKM_AES_CFB64, BYTES, 16, 16 }, { CKM_AES_CFB128, BYTES, 16, 16 },
	{ CKM_AES_CTS, BYTES, 16, 16 }, { CKM_AES_KEY_WRAP, BYTES, 0, 8 }, { CKM_AES_KEY_WRAP_PAD, BYTES, 0, 8 },
	{ CKM_CAMELLIA_CBC, BYTES, 16, 16 }, { CKM_CAMELLIA_CBC_PAD, BYTES, 16, 16 },
	{ CKM_DES_CBC, BYTES, 8, 8 }, { CKM_DES_CBC_PAD, BYTES, 8, 8 },
	{ CKM_DES3_CBC, BYTES, 8, 8 }, { CKM_DES3_CBC_PAD, BYTES, 8, 8 },

	{ CKM_MD5_HMAC_GENERAL, NUMBER, 0, 0 }, { CKM_SHA_1_HMAC_GENERAL, NUMBER, 0, 0 },
	{ CKM_SHA224_HMAC_GENERAL, NUMBER, 0, 0 }, { CKM_SHA256_HMAC_GENERAL, NUMBER, 0, 0 },
	{ CKM_SHA384_HMAC_GENERAL, NUMBER, 0, 0 }, { CKM_SHA512_HMAC_GENERAL, NUMBER, 0, 0 },
	{ CKM_AES_MAC_GENERAL, NUMBER, 0, 0 }, { CKM_AES_CMAC_GENERAL, NUMBER, 0, 0 }, { CKM_DES3_MAC_GENERAL, NUMBER, 0, 0 },

	{ CKM_RSA_PKCS_PSS, PSS, 0, 0 }, { CKM_SHA1_RSA_PKCS_PSS, PSS, 0, 0 }, { CKM_SHA224_RSA_PKCS_PSS, PSS, 0, 0 },
	{ CKM_SHA256_RSA_PKCS_PSS, PSS, 0, 0 }, { CKM_SHA384_RSA_PKCS_PSS, PSS, 0, 0 }, { CKM_SHA512_RSA_PKCS_PSS, PSS, 0, 0 },
	{ CKM_RSA_PKCS_OAEP, OAEP, 0, 0 },
	{ CKM_AES_GCM, GCM, 0, 0 }, { CKM_AES_CTR, CTR, 0, 0 },

	/* Known to have none, so that one which is given is the parameter's fault and not the mechanism's. */
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, NOTHING, 0, 0 }, { CKM_RSA_X9_31_KEY_PAIR_GEN, NOTHING, 0, 0 },
	{ CKM_EC_KEY_PAIR_GEN, NOTHING, 0, 0 }, { CKM_AES_KEY_GEN, NOTHING, 0, 0 }, { CKM_DES3_KEY_GEN, NOTHING, 0, 0 },
	{ CKM_GENERIC_SECRET_KEY_GEN, NOTHING, 0, 0 },
	{ CKM_RSA_PKCS, NOTHING, 0, 0 }, { CKM_RSA_X_509, NOTHING, 0, 0 }, { CKM_MD5_RSA_PKCS, NOTHING, 0, 0 },
	{ CKM_SHA1_RSA_PKCS, NOTHING, 0, 0 }, { CKM_SHA224_RSA_PKCS, NOTHING, 0, 0 }, { CKM_SHA256_RSA_PKCS, NOTHING, 0, 0 },
	{ CKM_SHA384_RSA_PKCS, NOTHING, 0, 0 }, { CKM_SHA512_RSA_PKCS, NOTHING, 0, 0 },
	{ CKM_ECDSA, NOTHING, 0, 0 }, { CKM_ECDSA_SHA1, NOTHING, 0, 0 }, { CKM_ECDSA_SHA224, NOTHING, 0, 0 },
	{ CKM_ECDSA_SHA256, NOTHING, 0, 0 }, { CKM_ECDSA_SHA384, NOTHING, 0, 0 }, { CKM_ECDSA_SHA512, NOTHING, 0, 0 },
	{ CKM_AES_ECB, NOTHING, 0, 0 }, { CKM_AES_MAC, NOTHING, 0, 0 }, { CKM_AES_CMAC, NOTHING, 0, 0 },
	{ CKM_DES3_ECB, NOTHING, 0, 0 },
	{ CKM_MD5_HMAC, NOTHING, 0, 0 }, { CKM_SHA_1_HMAC, NOTHING, 0, 0 }, { CKM_SHA224_HMAC, NOTHING, 0, 0 },
	{ CKM_SHA256_HMAC, NOTHING, 0, 0 }, { CKM_SHA384_HMAC, NOTHING, 0, 0 }, { CKM_SHA512_HMAC, NOTHING, 0, 0 },
	{ CKM_MD5, NOTHING, 0, 0 }, { CKM_SHA_1, NOTHING, 0, 0 }, { CKM_SHA224, NOTHING, 0, 0 }, { CKM_SHA256, NOTHING, 0, 0 },
	{ CKM_SHA384, NOTHING, 0, 0 }, { CKM_SHA512, NOTHING, 0, 0 },
};

static const struct form *form_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

/* To the wire. Each takes a parameter of any length at any address, and copies what it keeps. */

static bool set_bytes(ProtobufCBinaryData *to, const void *data, size_t size)
{
	to->data = malloc(size ? size : 1);
	if (!to->data)
		return false;
	if (size)
		memcpy(to->data, data, size);
	to->len = size;
	return true;
}

static CK_RV put_bytes(const struct form *form, const CK_MECHANISM *from, Craton__Mechanism *to)
{
	bool good = from->ulParameterLen >= form->size_min && from->ulParameterLen <= form->size_max;
	if (!good || (form->size_min && !from->pParameter))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!from->ulParameterLen)
		return CKR_OK;
	to->parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	return set_bytes(&to->raw, from->pParameter, from->ulParameterLen) ? CKR_OK : CKR_HOST_MEMORY;
}

static bool copy_parameter(const CK_MECHANISM *from, void *to, size_t size)
{
	if (from->ulParameterLen != size || !from->pParameter)
		return false;
	memcpy(to, from->pParameter, size);
	return true;
}

static CK_RV put_number(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_ULONG number;
	if (!copy_parameter(from, &number, sizeof number) || number > RESULT_SIZE_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	to->parameter_case = CRATON__MECHANISM__PARAMETER_NUMBER;
	to->number = number;
	return CKR_OK;
}

static CK_RV put_pss(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_RSA_PKCS_PSS_PARAMS pss;
	if (!copy_parameter(from, &pss, sizeof pss) || pss.sLen > RESULT_SIZE_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!(to->pss = malloc(sizeof *to->pss)))
		return CKR_HOST_MEMORY;
	craton__pss_parameter__init(to->pss);
	to->parameter_case = CRATON__MECHANISM__PARAMETER_PSS;
	to->pss->hash = pss.hashAlg;
	to->pss->mgf = pss.mgf;
	to->pss->salt_size = pss.sLen;
	return CKR_OK;
}

/* CKZ_DATA_SPECIFIED is the only source there is; some say 0 where there is no label. */
static bool oaep_is_sane(const CK_RSA_PKCS_OAEP_PARAMS *oaep)
{
	bool empty = oaep->ulSourceDataLen == 0;
	return (oaep->source == CKZ_DATA_SPECIFIED || (oaep->source == 0 && empty)) && (oaep->pSourceData || empty) &&
	       oaep->ulSourceDataLen <= TEXT_SIZE_MAX;
}

static CK_RV put_oaep(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	if (!copy_parameter(from, &oaep, sizeof oaep) || !oaep_is_sane(&oaep))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!(to->oaep = malloc(sizeof *to->oaep)))
		return CKR_HOST_MEMORY;
	craton__oaep_parameter__init(to->oaep);
	to->parameter_case = CRATON__MECHANISM__PARAMETER_OAEP;
	to->oaep->hash = oaep.hashAlg;
	to->oaep->mgf = oaep.mgf;
	return set_bytes(&to->oaep->label, oaep.pSourceData, oaep.ulSourceDataLen) ? CKR_OK : CKR_HOST_MEMORY;
}

/* As the text of 2.40 has it, without ulIvBits; its header has it with. */
struct gcm_without_bits {
	unsigned char *iv;
	CK_ULONG iv_len;
	unsigned char *aad;
	CK_ULONG aad_len, tag_bits;
};

static bool copy_gcm(const CK_MECHANISM *from, CK_GCM_PARAMS *gcm)
{
	struct gcm_without_bits old;
	if (copy_parameter(from, gcm, sizeof *gcm))
		return true;
	if (!copy_parameter(from, &old, sizeof old) || old.iv_len > TEXT_SIZE_MAX)
		return false;
	*gcm = (CK_GCM_PARAMS){ .pIv = old.iv, .ulIvLen = old.iv_len, .ulIvBits = old.iv_len * 8,
	                        .pAAD = old.aad, .ulAADLen = old.aad_len, .ulTagBits = old.tag_bits };
	return true;
}

static bool gcm_is_sane(const CK_GCM_PARAMS *gcm)
{
	return gcm->ulIvLen <= TEXT_SIZE_MAX && (gcm->pIv || !gcm->ulIvLen) && gcm->ulAADLen <= AAD_SIZE_MAX &&
	       (gcm->pAAD || !gcm->ulAADLen) && gcm->ulTagBits <= 128;
}

static CK_RV put_gcm(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_GCM_PARAMS gcm;
	if (!copy_gcm(from, &gcm) || !gcm_is_sane(&gcm))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!(to->gcm = malloc(sizeof *to->gcm)))
		return CKR_HOST_MEMORY;
	craton__gcm_parameter__init(to->gcm);
	to->parameter_case = CRATON__MECHANISM__PARAMETER_GCM;
	to->gcm->iv_bits = gcm.ulIvBits;
	to->gcm->tag_bits = gcm.ulTagBits;
	bool copied = set_bytes(&to->gcm->iv, gcm.pIv, gcm.ulIvLen) && set_bytes(&to->gcm->aad, gcm.pAAD, gcm.ulAADLen);
	return copied ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV put_ctr(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_AES_CTR_PARAMS ctr;
	if (!copy_parameter(from, &ctr, sizeof ctr) || !ctr.ulCounterBits || ctr.ulCounterBits > 128)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!(to->ctr = malloc(sizeof *to->ctr)))
		return CKR_HOST_MEMORY;
	craton__ctr_parameter__init(to->ctr);
	to->parameter_case = CRATON__MECHANISM__PARAMETER_CTR;
	to->ctr->counter_bits = ctr.ulCounterBits;
	return set_bytes(&to->ctr->block, ctr.cb, sizeof ctr.cb) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV put_nothing(const struct form *form, const CK_MECHANISM *from)
{
	if (!from->ulParameterLen)
		return CKR_OK;
	return form ? CKR_MECHANISM_PARAM_INVALID : CKR_MECHANISM_INVALID;
}

static CK_RV put_parameter(const struct form *form, const CK_MECHANISM *from, Craton__Mechanism *to)
{
	switch (form ? form->kind : NOTHING) {
	case NOTHING: return put_nothing(form, from);
	case BYTES:   return put_bytes(form, from, to);
	case NUMBER:  return put_number(from, to);
	case PSS:     return put_pss(from, to);
	case OAEP:    return put_oaep(from, to);
	case GCM:     return put_gcm(from, to);
	case CTR:     return put_ctr(from, to);
	}
	abort();
}

size_t mechanism_keys(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX])
{
	(void)mechanism;
	(void)handles;
	return 0;
}

CK_RV mechanism_to_wire(const CK_MECHANISM *mechanism, bool takes_bytes, Craton__Mechanism **out)
{
	(void)takes_bytes;
	if (mechanism->ulParameterLen && !mechanism->pParameter)
		return CKR_MECHANISM_PARAM_INVALID;
	Craton__Mechanism *made = malloc(sizeof *made);
	if (!made)
		return CKR_HOST_MEMORY;
	craton__mechanism__init(made);
	made->type = mechanism->mechanism;
	CK_RV rv = put_parameter(form_of(mechanism->mechanism), mechanism, made);
	if (rv == CKR_OK)
		*out = made;
	else
		craton__mechanism__free_unpacked(made, NULL);
	return rv;
}

/* From the wire: the mechanism, its parameter and what that points to in one block. */

struct native {
	CK_MECHANISM mechanism; /* first: what the caller frees */
	union {
		CK_ULONG number;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_GCM_PARAMS gcm;
		CK_AES_CTR_PARAMS ctr;
	} parameter;
	uint8_t bytes[];
};

static bool wire_is_sane(const struct form *form, const Craton__Mechanism *m)
{
	static const Craton__Mechanism__ParameterCase cases[] = {
		[NOTHING] = CRATON__MECHANISM__PARAMETER__NOT_SET, [BYTES] = CRATON__MECHANISM__PARAMETER_RAW,
		[NUMBER] = CRATON__MECHANISM__PARAMETER_NUMBER, [PSS] = CRATON__MECHANISM__PARAMETER_PSS,
		[OAEP] = CRATON__MECHANISM__PARAMETER_OAEP, [GCM] = CRATON__MECHANISM__PARAMETER_GCM,
		[CTR] = CRATON__MECHANISM__PARAMETER_CTR,
	};
	if (m->parameter_case == CRATON__MECHANISM__PARAMETER__NOT_SET)
		return form->kind == NOTHING || (form->kind == BYTES && !form->size_min);
	if (m->parameter_case != cases[form->kind])
		return false;
	switch (form->kind) {
	case NOTHING: return true;
	case BYTES:   return m->raw.len >= form->size_min && m->raw.len <= form->size_max;
	case NUMBER:  return m->number <= RESULT_SIZE_MAX;
	case PSS:     return m->pss->salt_size <= RESULT_SIZE_MAX;
	case OAEP:    return m->oaep->label.len <= TEXT_SIZE_MAX;
	case GCM:     return m->gcm->iv.len <= TEXT_SIZE_MAX && m->gcm->aad.len <= AAD_SIZE_MAX && m->gcm->tag_bits <= 128;
	case CTR:     return m->ctr->counter_bits && m->ctr->counter_bits <= 128 && m->ctr->block.len == BLOCK_SIZE;
	}
	abort();
}

static size_t bytes_size(const Craton__Mechanism *m)
{
	switch (m->parameter_case) {
	case CRATON__MECHANISM__PARAMETER_RAW:  return m->raw.len;
	case CRATON__MECHANISM__PARAMETER_OAEP: return m->oaep->label.len;
	case CRATON__MECHANISM__PARAMETER_GCM:  return m->gcm->iv.len + m->gcm->aad.len;
	default:                                return 0;
	}
}

static void *lay(uint8_t *at, const ProtobufCBinaryData *from)
{
	if (from->len)
		memcpy(at, from->data, from->len);
	return from->len ? at : NULL;
}

static void set_parameter(struct native *native, CK_ULONG size)
{
	native->mechanism.pParameter = &native->parameter;
	native->mechanism.ulParameterLen = size;
}

static void get_oaep(struct native *native, const Craton__OaepParameter *oaep)
{
	native->parameter.oaep = (CK_RSA_PKCS_OAEP_PARAMS){
		.hashAlg = (CK_ULONG)oaep->hash, .mgf = (CK_ULONG)oaep->mgf, .source = CKZ_DATA_SPECIFIED,
		.pSourceData = lay(native->bytes, &oaep->label), .ulSourceDataLen = oaep->label.len,
	};
	set_parameter(native, sizeof native->parameter.oaep);
}

static void get_gcm(struct native *native, const Craton__GcmParameter *gcm)
{
	native->parameter.gcm = (CK_GCM_PARAMS){
		.pIv = lay(native->bytes, &gcm->iv), .ulIvLen = gcm->iv.len, .ulIvBits = (CK_ULONG)gcm->iv_bits,
		.pAAD = lay(native->bytes + gcm->iv.len, &gcm->aad), .ulAADLen = gcm->aad.len,
		.ulTagBits = (CK_ULONG)gcm->tag_bits,
	};
	set_parameter(native, sizeof native->parameter.gcm);
}

static void get_pss(struct native *native, const Craton__PssParameter *pss)
{
	native->parameter.pss = (CK_RSA_PKCS_PSS_PARAMS){
		.hashAlg = (CK_ULONG)pss->hash, .mgf = (CK_ULONG)pss->mgf, .sLen = (CK_ULONG)pss->salt_size,
	};
	set_parameter(native, sizeof native->parameter.pss);
}

static void get_ctr(struct native *native, const Craton__CtrParameter *ctr)
{
	native->parameter.ctr.ulCounterBits = (CK_ULONG)ctr->counter_bits;
	memcpy(native->parameter.ctr.cb, ctr->block.data, BLOCK_SIZE);
	set_parameter(native, sizeof native->parameter.ctr);
}

static void get_parameter(struct native *native, const Craton__Mechanism *m)
{
	switch (m->parameter_case) {
	case CRATON__MECHANISM__PARAMETER_RAW:
		native->mechanism.pParameter = lay(native->bytes, &m->raw);
		native->mechanism.ulParameterLen = m->raw.len;
		break;
	case CRATON__MECHANISM__PARAMETER_NUMBER:
		native->parameter.number = (CK_ULONG)m->number;
		set_parameter(native, sizeof native->parameter.number);
		break;
	case CRATON__MECHANISM__PARAMETER_PSS:
		get_pss(native, m->pss);
		break;
	case CRATON__MECHANISM__PARAMETER_OAEP:
		get_oaep(native, m->oaep);
		break;
	case CRATON__MECHANISM__PARAMETER_GCM:
		get_gcm(native, m->gcm);
		break;
	case CRATON__MECHANISM__PARAMETER_CTR:
		get_ctr(native, m->ctr);
		break;
	default:
		break;
	}
}

CK_RV mechanism_from_wire(const Craton__Mechanism *mechanism, bool takes_bytes, const CK_OBJECT_HANDLE *keys,
                          CK_MECHANISM **out)
{
	(void)takes_bytes;
	(void)keys;
	const struct form *form = form_of((CK_MECHANISM_TYPE)mechanism->type);
	if (!form && mechanism->parameter_case != CRATON__MECHANISM__PARAMETER__NOT_SET)
		return CKR_MECHANISM_INVALID;
	if (form && !wire_is_sane(form, mechanism))
		return CKR_MECHANISM_PARAM_INVALID;
	struct native *native = calloc(1, sizeof *native + bytes_size(mechanism));
	if (!native)
		return CKR_HOST_MEMORY;
	native->mechanism.mechanism = (CK_MECHANISM_TYPE)mechanism->type;
	get_parameter(native, mechanism);
	*out = &native->mechanism;
	return CKR_OK;
}

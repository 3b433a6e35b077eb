/* The structures that are parameters, field by field: PKCS#11's on one side, the wire's messages on the other. */
#include "wire/mechanism_form.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

#define TEXT_SIZE_MAX (64u << 10)  /* bytes of a label, an IV, shared data, a salt */
#define AAD_SIZE_MAX (16u << 20)   /* bytes of additional authenticated data */
#define DATA_SIZE_MAX (1u << 20)   /* bytes that a key is derived from */
#define POINT_SIZE_MAX 4096        /* bytes of another's public key */
#define SALT_SIZE_MAX 4096         /* bytes that PSS asks for */
#define KEY_BITS_MAX 4096
#define CCM_SIZE_MAX (1u << 31)    /* bytes that a token may make room for before it has seen one */
#define ANY ULONG_MAX

#define AT(structure, member, message, field) .native = offsetof(structure, member), .wire = offsetof(message, field)
#define COUNTED(structure, member, size, message, field) \
	AT(structure, member, message, field), .native_size = offsetof(structure, size)

static const struct field pss[] = {
	{ FIELD_HASH, AT(CK_RSA_PKCS_PSS_PARAMS, hashAlg, Craton__PssParameter, hash) },
	{ FIELD_MGF, AT(CK_RSA_PKCS_PSS_PARAMS, mgf, Craton__PssParameter, mgf) },
	{ FIELD_NUMBER, AT(CK_RSA_PKCS_PSS_PARAMS, sLen, Craton__PssParameter, salt_size), .max = SALT_SIZE_MAX },
};

static const struct field oaep[] = {
	{ FIELD_HASH, AT(CK_RSA_PKCS_OAEP_PARAMS, hashAlg, Craton__OaepParameter, hash) },
	{ FIELD_MGF, AT(CK_RSA_PKCS_OAEP_PARAMS, mgf, Craton__OaepParameter, mgf) },
	{ FIELD_CONSTANT, .native = offsetof(CK_RSA_PKCS_OAEP_PARAMS, source), .max = CKZ_DATA_SPECIFIED },
	{ FIELD_BYTES, COUNTED(CK_RSA_PKCS_OAEP_PARAMS, pSourceData, ulSourceDataLen, Craton__OaepParameter, label), .max = TEXT_SIZE_MAX },
};

static const struct field gcm[] = {
	{ FIELD_IV, COUNTED(CK_GCM_PARAMS, pIv, ulIvLen, Craton__GcmParameter, iv),
	  .wire_size = offsetof(Craton__GcmParameter, iv_size), .max = TEXT_SIZE_MAX },
	{ FIELD_NUMBER, AT(CK_GCM_PARAMS, ulIvBits, Craton__GcmParameter, iv_bits), .max = ANY },
	{ FIELD_BYTES, COUNTED(CK_GCM_PARAMS, pAAD, ulAADLen, Craton__GcmParameter, aad), .max = AAD_SIZE_MAX },
	{ FIELD_NUMBER, AT(CK_GCM_PARAMS, ulTagBits, Craton__GcmParameter, tag_bits), .max = 128 },
};

static const struct field ctr[] = {
	{ FIELD_NUMBER, AT(CK_AES_CTR_PARAMS, ulCounterBits, Craton__CtrParameter, counter_bits), .min = 1, .max = 128 },
	{ FIELD_BLOCK, AT(CK_AES_CTR_PARAMS, cb, Craton__CtrParameter, block), .max = 16 },
};

static const struct field ccm[] = {
	{ FIELD_NUMBER, AT(CK_CCM_PARAMS, ulDataLen, Craton__CcmParameter, data_size), .max = CCM_SIZE_MAX },
	{ FIELD_BYTES, COUNTED(CK_CCM_PARAMS, pNonce, ulNonceLen, Craton__CcmParameter, nonce), .min = 7, .max = 13 },
	{ FIELD_BYTES, COUNTED(CK_CCM_PARAMS, pAAD, ulAADLen, Craton__CcmParameter, aad), .max = AAD_SIZE_MAX },
	{ FIELD_NUMBER, AT(CK_CCM_PARAMS, ulMACLen, Craton__CcmParameter, mac_size), .min = 4, .max = 16 },
};

static const struct field ecdh[] = {
	{ FIELD_NUMBER, AT(CK_ECDH1_DERIVE_PARAMS, kdf, Craton__EcdhParameter, kdf), .max = ANY },
	{ FIELD_BYTES, COUNTED(CK_ECDH1_DERIVE_PARAMS, pSharedData, ulSharedDataLen, Craton__EcdhParameter, shared_data), .max = TEXT_SIZE_MAX },
	{ FIELD_BYTES, COUNTED(CK_ECDH1_DERIVE_PARAMS, pPublicData, ulPublicDataLen, Craton__EcdhParameter, public_data),
	  .min = 1, .max = POINT_SIZE_MAX },
};

static const struct field string[] = {
	{ FIELD_BYTES, COUNTED(CK_KEY_DERIVATION_STRING_DATA, pData, ulLen, Craton__Mechanism, raw), .max = DATA_SIZE_MAX },
};

static const struct field encrypt_data_8[] = {
	{ FIELD_BLOCK, AT(CK_DES_CBC_ENCRYPT_DATA_PARAMS, iv, Craton__EncryptDataParameter, iv), .max = 8 },
	{ FIELD_BYTES, COUNTED(CK_DES_CBC_ENCRYPT_DATA_PARAMS, pData, length, Craton__EncryptDataParameter, data), .max = DATA_SIZE_MAX },
};

/* Camellia's, ARIA's and SEED's structures are the same. */
static const struct field encrypt_data_16[] = {
	{ FIELD_BLOCK, AT(CK_AES_CBC_ENCRYPT_DATA_PARAMS, iv, Craton__EncryptDataParameter, iv), .max = 16 },
	{ FIELD_BYTES, COUNTED(CK_AES_CBC_ENCRYPT_DATA_PARAMS, pData, length, Craton__EncryptDataParameter, data), .max = DATA_SIZE_MAX },
};

static const struct field hkdf[] = {
	{ FIELD_FLAG, AT(CK_HKDF_PARAMS, bExtract, Craton__HkdfParameter, extract) },
	{ FIELD_FLAG, AT(CK_HKDF_PARAMS, bExpand, Craton__HkdfParameter, expand) },
	{ FIELD_NUMBER, AT(CK_HKDF_PARAMS, prfHashMechanism, Craton__HkdfParameter, prf), .max = ANY },
	{ FIELD_NUMBER, AT(CK_HKDF_PARAMS, ulSaltType, Craton__HkdfParameter, salt_type), .max = CKF_HKDF_SALT_KEY },
	{ FIELD_BYTES, COUNTED(CK_HKDF_PARAMS, pSalt, ulSaltLen, Craton__HkdfParameter, salt), .max = TEXT_SIZE_MAX },
	{ FIELD_KEY, .native = offsetof(CK_HKDF_PARAMS, hSaltKey) },
	{ FIELD_BYTES, COUNTED(CK_HKDF_PARAMS, pInfo, ulInfoLen, Craton__HkdfParameter, info), .max = TEXT_SIZE_MAX },
};

static const struct field rsa_aes[] = {
	{ FIELD_NUMBER, AT(CK_RSA_AES_KEY_WRAP_PARAMS, ulAESKeyBits, Craton__RsaAesParameter, aes_bits), .max = KEY_BITS_MAX },
	{ FIELD_OAEP, AT(CK_RSA_AES_KEY_WRAP_PARAMS, pOAEPParams, Craton__RsaAesParameter, oaep) },
};

static const struct field ecdh_aes[] = {
	{ FIELD_NUMBER, AT(CK_ECDH_AES_KEY_WRAP_PARAMS, ulAESKeyBits, Craton__EcdhAesParameter, aes_bits), .max = KEY_BITS_MAX },
	{ FIELD_NUMBER, AT(CK_ECDH_AES_KEY_WRAP_PARAMS, kdf, Craton__EcdhAesParameter, kdf), .max = ANY },
	{ FIELD_BYTES, COUNTED(CK_ECDH_AES_KEY_WRAP_PARAMS, pSharedData, ulSharedDataLen, Craton__EcdhAesParameter, shared_data),
	  .max = TEXT_SIZE_MAX },
};

static const struct field chacha[] = {
	{ FIELD_BITS, COUNTED(CK_CHACHA20_PARAMS, pBlockCounter, blockCounterBits, Craton__ChachaParameter, counter), .min = 4, .max = 8 },
	{ FIELD_BITS, COUNTED(CK_CHACHA20_PARAMS, pNonce, ulNonceBits, Craton__ChachaParameter, nonce), .min = 8, .max = 24 },
};

static const struct field salsa[] = {
	{ FIELD_POINTED, AT(CK_SALSA20_PARAMS, pBlockCounter, Craton__ChachaParameter, counter), .max = 8 },
	{ FIELD_BITS, COUNTED(CK_SALSA20_PARAMS, pNonce, ulNonceBits, Craton__ChachaParameter, nonce), .min = 8, .max = 24 },
};

static const struct field chacha_poly[] = {
	{ FIELD_NONCE, COUNTED(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pNonce, ulNonceBits, Craton__ChachaPolyParameter, nonce),
	  .wire_size = offsetof(Craton__ChachaPolyParameter, counts_bits), .min = 8, .max = 24 },
	{ FIELD_BYTES, COUNTED(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pAAD, ulAADLen, Craton__ChachaPolyParameter, aad), .max = AAD_SIZE_MAX },
};

static const struct field eddsa[] = {
	{ FIELD_FLAG, AT(CK_EDDSA_PARAMS, phFlag, Craton__EddsaParameter, prehashed) },
	{ FIELD_BYTES, COUNTED(CK_EDDSA_PARAMS, pContextData, ulContextDataLen, Craton__EddsaParameter, context), .max = 255 },
};

static const struct field kdf[] = {
	{ FIELD_NUMBER, AT(CK_SP800_108_KDF_PARAMS, prfType, Craton__KdfParameter, prf), .max = ANY },
	{ FIELD_PARTS, COUNTED(CK_SP800_108_KDF_PARAMS, pDataParams, ulNumberOfDataParams, Craton__KdfParameter, parts) },
};

static const struct field kdf_feedback[] = {
	{ FIELD_NUMBER, AT(CK_SP800_108_FEEDBACK_KDF_PARAMS, prfType, Craton__KdfParameter, prf), .max = ANY },
	{ FIELD_PARTS, COUNTED(CK_SP800_108_FEEDBACK_KDF_PARAMS, pDataParams, ulNumberOfDataParams, Craton__KdfParameter, parts) },
	{ FIELD_BYTES, COUNTED(CK_SP800_108_FEEDBACK_KDF_PARAMS, pIV, ulIVLen, Craton__KdfParameter, iv), .max = TEXT_SIZE_MAX },
};

static const struct field key[] = { { FIELD_KEY, .native = 0 } };

/* What only some need when they are read */

static bool copied(union structure *to, const void *from, size_t size, size_t wanted)
{
	assert(wanted <= sizeof *to);
	if (size == wanted)
		memcpy(to, from, size);
	return size == wanted;
}

/* CKZ_DATA_SPECIFIED is the only source there is; some say 0 where there is no label. */
static bool read_oaep(union structure *to, const void *from, size_t size)
{
	return copied(to, from, size, sizeof to->oaep) &&
	       (to->oaep.source == CKZ_DATA_SPECIFIED || (to->oaep.source == 0 && to->oaep.ulSourceDataLen == 0));
}

/* As the text of 2.40 has it, without ulIvBits; its header has it with. */
struct gcm_without_bits {
	unsigned char *iv;
	CK_ULONG iv_len;
	unsigned char *aad;
	CK_ULONG aad_len, tag_bits;
};

static bool read_gcm(union structure *to, const void *from, size_t size)
{
	struct gcm_without_bits old;
	if (size != sizeof old)
		return copied(to, from, size, sizeof to->gcm);
	memcpy(&old, from, sizeof old);
	if (old.iv_len > TEXT_SIZE_MAX)
		return false;
	to->gcm = (CK_GCM_PARAMS){ .pIv = old.iv, .ulIvLen = old.iv_len, .ulIvBits = old.iv_len * 8,
	                           .pAAD = old.aad, .ulAADLen = old.aad_len, .ulTagBits = old.tag_bits };
	return true;
}

/* "pSalt: pointer to the salt ... ulSaltType CKF_HKDF_SALT_DATA": with another type it may hold anything. */
static bool read_hkdf(union structure *to, const void *from, size_t size)
{
	if (!copied(to, from, size, sizeof to->hkdf))
		return false;
	if (to->hkdf.ulSaltType != CKF_HKDF_SALT_DATA) {
		to->hkdf.pSalt = NULL;
		to->hkdf.ulSaltLen = 0;
	}
	return true;
}

/* Further keys out of the same derivation would be objects that no one could name. */
static bool read_kdf(union structure *to, const void *from, size_t size)
{
	return copied(to, from, size, sizeof to->kdf) && to->kdf.ulAdditionalDerivedKeys == 0;
}

static bool read_kdf_feedback(union structure *to, const void *from, size_t size)
{
	return copied(to, from, size, sizeof to->kdf_feedback) && to->kdf_feedback.ulAdditionalDerivedKeys == 0;
}

#define FIELDS(table) .fields = table, .count = sizeof(table) / sizeof *(table)
#define LAYOUT_READ(structure, case_, descriptor, table, function) \
	{ .size = sizeof(structure), .parameter = CRATON__MECHANISM__PARAMETER_##case_, \
	  .message = &craton__##descriptor##_parameter__descriptor, FIELDS(table), .read = function }
#define LAYOUT(structure, case_, descriptor, table) LAYOUT_READ(structure, case_, descriptor, table, NULL)

const struct layout *layout_of(enum form_kind kind)
{
	static const struct layout layouts[FORM_COUNT] = {
		[FORM_NOTHING] = { .parameter = CRATON__MECHANISM__PARAMETER__NOT_SET },
		[FORM_BYTES] = { .parameter = CRATON__MECHANISM__PARAMETER_RAW },
		[FORM_NUMBER] = { .parameter = CRATON__MECHANISM__PARAMETER_NUMBER },
		[FORM_KEY] = { .size = sizeof(CK_OBJECT_HANDLE), .parameter = CRATON__MECHANISM__PARAMETER__NOT_SET, FIELDS(key) },
		[FORM_STRING] = { .size = sizeof(CK_KEY_DERIVATION_STRING_DATA), .parameter = CRATON__MECHANISM__PARAMETER_RAW, FIELDS(string) },
		[FORM_PSS] = LAYOUT(CK_RSA_PKCS_PSS_PARAMS, PSS, pss, pss),
		[FORM_OAEP] = LAYOUT_READ(CK_RSA_PKCS_OAEP_PARAMS, OAEP, oaep, oaep, read_oaep),
		[FORM_GCM] = LAYOUT_READ(CK_GCM_PARAMS, GCM, gcm, gcm, read_gcm),
		[FORM_CTR] = LAYOUT(CK_AES_CTR_PARAMS, CTR, ctr, ctr),
		[FORM_CCM] = LAYOUT(CK_CCM_PARAMS, CCM, ccm, ccm),
		[FORM_ECDH] = LAYOUT(CK_ECDH1_DERIVE_PARAMS, ECDH, ecdh, ecdh),
		[FORM_ENCRYPT_DATA_8] = LAYOUT(CK_DES_CBC_ENCRYPT_DATA_PARAMS, ENCRYPT_DATA, encrypt_data, encrypt_data_8),
		[FORM_ENCRYPT_DATA_16] = LAYOUT(CK_AES_CBC_ENCRYPT_DATA_PARAMS, ENCRYPT_DATA, encrypt_data, encrypt_data_16),
		[FORM_HKDF] = LAYOUT_READ(CK_HKDF_PARAMS, HKDF, hkdf, hkdf, read_hkdf),
		[FORM_RSA_AES] = LAYOUT(CK_RSA_AES_KEY_WRAP_PARAMS, RSA_AES, rsa_aes, rsa_aes),
		[FORM_ECDH_AES] = LAYOUT(CK_ECDH_AES_KEY_WRAP_PARAMS, ECDH_AES, ecdh_aes, ecdh_aes),
		[FORM_CHACHA] = LAYOUT(CK_CHACHA20_PARAMS, CHACHA, chacha, chacha),
		[FORM_SALSA] = LAYOUT(CK_SALSA20_PARAMS, CHACHA, chacha, salsa),
		[FORM_CHACHA_POLY] = LAYOUT(CK_SALSA20_CHACHA20_POLY1305_PARAMS, CHACHA_POLY, chacha_poly, chacha_poly),
		[FORM_EDDSA] = LAYOUT(CK_EDDSA_PARAMS, EDDSA, eddsa, eddsa),
		[FORM_KDF] = LAYOUT_READ(CK_SP800_108_KDF_PARAMS, KDF, kdf, kdf, read_kdf),
		[FORM_KDF_FEEDBACK] = LAYOUT_READ(CK_SP800_108_FEEDBACK_KDF_PARAMS, KDF, kdf, kdf_feedback, read_kdf_feedback),
	};
	return &layouts[kind];
}

CK_RV layout_read(const struct layout *layout, const void *from, size_t size, union structure *to)
{
	bool good = layout->read ? layout->read(to, from, size) : copied(to, from, size, layout->size);
	return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

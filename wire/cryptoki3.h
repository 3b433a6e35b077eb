/* What PKCS#11 3.0 (and 3.1) add to 2.40, from the OASIS Standard's headers: p11-kit 0.24 declares none
 * of it and 0.25 a part, which the first half of this file is skipped for. Numbers are spelled as p11-kit
 * spells them, so that a later one may declare them too. Include wire/cryptoki.h instead of this. */
#pragma once

#if CRYPTOKI_VERSION_MAJOR < 3
/* Interfaces (3.0, section 3.1) */
struct ck_interface {
	char *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
};
typedef struct ck_interface CK_INTERFACE;
typedef CK_INTERFACE *CK_INTERFACE_PTR;
typedef CK_INTERFACE_PTR *CK_INTERFACE_PTR_PTR;
#define CKF_INTERFACE_FORK_SAFE (0x00000001UL)
#define CKF_END_OF_MESSAGE 0x00000001UL

/* Profiles (4.14) */
typedef CK_ULONG CK_PROFILE_ID;
#define CKO_PROFILE (9UL)
#define CKP_INVALID_ID (0UL)
#define CKP_BASELINE_PROVIDER (1UL)
#define CKP_EXTENDED_PROVIDER (2UL)
#define CKP_AUTHENTICATION_TOKEN (3UL)
#define CKP_PUBLIC_CERTIFICATES_TOKEN (4UL)
#define CKP_VENDOR_DEFINED (1UL << 31)
#define CKA_PROFILE_ID (0x601UL)

/* What a mechanism can do with messages (3.5) */
#define CKF_MESSAGE_ENCRYPT (1UL << 1)
#define CKF_MESSAGE_DECRYPT (1UL << 2)
#define CKF_MESSAGE_SIGN (1UL << 3)
#define CKF_MESSAGE_VERIFY (1UL << 4)
#define CKF_MULTI_MESSAGE (1UL << 5)
#define CKF_FIND_OBJECTS (1UL << 6)

#define CKR_OPERATION_CANCEL_FAILED (0x202UL)

#define CKK_CHACHA20 (0x33UL)
#define CKK_POLY1305 (0x34UL)
#define CKK_SALSA20 (0x3eUL)
#define CKK_EC_MONTGOMERY (0x41UL)
#define CKM_CHACHA20_KEY_GEN (0x1225UL)
#define CKM_CHACHA20 (0x1226UL)
#define CKM_POLY1305_KEY_GEN (0x1227UL)
#define CKM_POLY1305 (0x1228UL)
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN (0x1056UL)
#define CKM_XEDDSA (0x4029UL)

typedef CK_ULONG CK_GENERATOR_FUNCTION;

struct ck_gcm_message_params {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_ULONG ulIvFixedBits;
	CK_GENERATOR_FUNCTION ivGenerator;
	CK_BYTE_PTR pTag;
	CK_ULONG ulTagBits;
};

typedef struct {
	CK_BYTE_PTR pBlockCounter;
	CK_ULONG blockCounterBits;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
} CK_CHACHA20_PARAMS, *CK_CHACHA20_PARAMS_PTR;

typedef struct {
	CK_BYTE_PTR pBlockCounter;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
} CK_SALSA20_PARAMS, *CK_SALSA20_PARAMS_PTR;

/* The standard's header calls it ulNonceLen, its text counts it in bits, and p11-kit 0.25's name is taken here. */
typedef struct {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
} CK_SALSA20_CHACHA20_POLY1305_PARAMS, *CK_SALSA20_CHACHA20_POLY1305_PARAMS_PTR;

typedef struct {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
	CK_BYTE_PTR pTag;
} CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, *CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS_PTR;

#include "wire/cryptoki3_functions.h"
#endif

/* General return values and facts */
#define CKR_TOKEN_RESOURCE_EXCEEDED (0x201UL)
#define CKR_KEY_EXHAUSTED (0x203UL)
#define CKR_AEAD_DECRYPT_FAILED (0x42UL)
#define CKP_COMPLETE_PROVIDER (5UL)
#define CKP_HKDF_TLS_TOKEN (6UL)
#define CKA_UNIQUE_ID (4UL)
#define CKF_EC_CURVENAME (1UL << 26)
#undef CKR_PIN_TOO_WEAK /* p11-kit has another number */
#define CKR_PIN_TOO_WEAK (0x1b8UL)

/* Generators of IVs and nonces for messages (Current Mechanisms 3.0, 2.11.4) */
#define CKG_NO_GENERATE (0UL)
#define CKG_GENERATE (1UL)
#define CKG_GENERATE_COUNTER (2UL)
#define CKG_GENERATE_RANDOM (3UL)
#define CKG_GENERATE_COUNTER_XOR (4UL)

typedef struct ck_gcm_message_params CK_GCM_MESSAGE_PARAMS, *CK_GCM_MESSAGE_PARAMS_PTR;

/* SHA-3, and truncated SHA-512 */
#define CKK_SHA3_224_HMAC (0x36UL)
#define CKK_SHA3_256_HMAC (0x37UL)
#define CKK_SHA3_384_HMAC (0x38UL)
#define CKK_SHA3_512_HMAC (0x39UL)
#define CKK_SHA512_224_HMAC (0x43UL)
#define CKK_SHA512_256_HMAC (0x44UL)
#define CKM_SHA3_256_RSA_PKCS (0x60UL)
#define CKM_SHA3_384_RSA_PKCS (0x61UL)
#define CKM_SHA3_512_RSA_PKCS (0x62UL)
#define CKM_SHA3_256_RSA_PKCS_PSS (0x63UL)
#define CKM_SHA3_384_RSA_PKCS_PSS (0x64UL)
#define CKM_SHA3_512_RSA_PKCS_PSS (0x65UL)
#define CKM_SHA3_224_RSA_PKCS (0x66UL)
#define CKM_SHA3_224_RSA_PKCS_PSS (0x67UL)
#define CKM_SHA3_256 (0x2b0UL)
#define CKM_SHA3_256_HMAC (0x2b1UL)
#define CKM_SHA3_256_HMAC_GENERAL (0x2b2UL)
#define CKM_SHA3_256_KEY_GEN (0x2b3UL)
#define CKM_SHA3_224 (0x2b5UL)
#define CKM_SHA3_224_HMAC (0x2b6UL)
#define CKM_SHA3_224_HMAC_GENERAL (0x2b7UL)
#define CKM_SHA3_224_KEY_GEN (0x2b8UL)
#define CKM_SHA3_384 (0x2c0UL)
#define CKM_SHA3_384_HMAC (0x2c1UL)
#define CKM_SHA3_384_HMAC_GENERAL (0x2c2UL)
#define CKM_SHA3_384_KEY_GEN (0x2c3UL)
#define CKM_SHA3_512 (0x2d0UL)
#define CKM_SHA3_512_HMAC (0x2d1UL)
#define CKM_SHA3_512_HMAC_GENERAL (0x2d2UL)
#define CKM_SHA3_512_KEY_GEN (0x2d3UL)
#define CKM_SHA3_256_KEY_DERIVATION (0x397UL)
#define CKM_SHA3_224_KEY_DERIVATION (0x398UL)
#define CKM_SHA3_384_KEY_DERIVATION (0x399UL)
#define CKM_SHA3_512_KEY_DERIVATION (0x39aUL)
#define CKM_SHAKE_128_KEY_DERIVATION (0x39bUL)
#define CKM_SHAKE_256_KEY_DERIVATION (0x39cUL)
#define CKM_DSA_SHA3_224 (0x18UL)
#define CKM_DSA_SHA3_256 (0x19UL)
#define CKM_DSA_SHA3_384 (0x1aUL)
#define CKM_DSA_SHA3_512 (0x1bUL)
#define CKM_ECDSA_SHA3_224 (0x1047UL)
#define CKM_ECDSA_SHA3_256 (0x1048UL)
#define CKM_ECDSA_SHA3_384 (0x1049UL)
#define CKM_ECDSA_SHA3_512 (0x104aUL)
#define CKG_MGF1_SHA3_224 0x00000006UL
#define CKG_MGF1_SHA3_256 0x00000007UL
#define CKG_MGF1_SHA3_384 0x00000008UL
#define CKG_MGF1_SHA3_512 0x00000009UL

/* Keys made to measure for an HMAC */
#define CKM_SHA_1_KEY_GEN (0x4003UL)
#define CKM_SHA224_KEY_GEN (0x4004UL)
#define CKM_SHA256_KEY_GEN (0x4005UL)
#define CKM_SHA384_KEY_GEN (0x4006UL)
#define CKM_SHA512_KEY_GEN (0x4007UL)
#define CKM_SHA512_224_KEY_GEN (0x4008UL)
#define CKM_SHA512_256_KEY_GEN (0x4009UL)

/* Elliptic curves */
#define CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS (0x140bUL)
#define CKD_SHA3_224_KDF (0x0aUL)
#define CKD_SHA3_256_KDF (0x0bUL)
#define CKD_SHA3_384_KDF (0x0cUL)
#define CKD_SHA3_512_KDF (0x0dUL)
#define CKD_SHA1_KDF_SP800 (0x0eUL)
#define CKD_SHA224_KDF_SP800 (0x0fUL)
#define CKD_SHA256_KDF_SP800 (0x10UL)
#define CKD_SHA384_KDF_SP800 (0x11UL)
#define CKD_SHA512_KDF_SP800 (0x12UL)
#define CKD_SHA3_224_KDF_SP800 (0x13UL)
#define CKD_SHA3_256_KDF_SP800 (0x14UL)
#define CKD_SHA3_384_KDF_SP800 (0x15UL)
#define CKD_SHA3_512_KDF_SP800 (0x16UL)
#define CKD_BLAKE2B_160_KDF (0x17UL)
#define CKD_BLAKE2B_256_KDF (0x18UL)
#define CKD_BLAKE2B_384_KDF (0x19UL)
#define CKD_BLAKE2B_512_KDF (0x1aUL)

typedef struct {
	CK_BBOOL phFlag;
	CK_ULONG ulContextDataLen;
	CK_BYTE_PTR pContextData;
} CK_EDDSA_PARAMS, *CK_EDDSA_PARAMS_PTR;

/* AES: XTS, key wrapping, CCM */
#define CKK_AES_XTS (0x35UL)
#define CKM_AES_XTS (0x1071UL)
#define CKM_AES_XTS_KEY_GEN (0x1072UL)
#define CKM_AES_KEY_WRAP_KWP (0x210bUL)
#define CKM_AES_KEY_WRAP_PKCS7 (0x210cUL)

typedef struct {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulMACLen;
} CK_CCM_PARAMS, *CK_CCM_PARAMS_PTR;

typedef struct {
	CK_ULONG ulDataLen; /* plaintext or ciphertext */
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_ULONG ulNonceFixedBits;
	CK_GENERATOR_FUNCTION nonceGenerator;
	CK_BYTE_PTR pMAC;
	CK_ULONG ulMACLen;
} CK_CCM_MESSAGE_PARAMS, *CK_CCM_MESSAGE_PARAMS_PTR;

typedef struct {
	CK_ULONG ulAESKeyBits;
	CK_RSA_PKCS_OAEP_PARAMS_PTR pOAEPParams;
} CK_RSA_AES_KEY_WRAP_PARAMS, *CK_RSA_AES_KEY_WRAP_PARAMS_PTR;

typedef struct {
	CK_ULONG ulAESKeyBits;
	CK_ULONG kdf;
	CK_ULONG ulSharedDataLen;
	CK_BYTE_PTR pSharedData;
} CK_ECDH_AES_KEY_WRAP_PARAMS, *CK_ECDH_AES_KEY_WRAP_PARAMS_PTR;

/* ChaCha20 and Salsa20 with Poly1305 */
#define CKM_SALSA20 (0x4020UL)
#define CKM_CHACHA20_POLY1305 (0x4021UL)
#define CKM_SALSA20_POLY1305 (0x4022UL)
#define CKM_SALSA20_KEY_GEN (0x402dUL)

/* HKDF (RFC 5869; Current Mechanisms 3.0, 2.62) */
#define CKK_HKDF (0x42UL)
#define CKM_HKDF_DERIVE (0x402aUL)
#define CKM_HKDF_DATA (0x402bUL)
#define CKM_HKDF_KEY_GEN (0x402cUL)
#define CKF_HKDF_SALT_NULL (1UL << 0)
#define CKF_HKDF_SALT_DATA (1UL << 1)
#define CKF_HKDF_SALT_KEY (1UL << 2)

typedef struct {
	CK_BBOOL bExtract;
	CK_BBOOL bExpand;
	CK_MECHANISM_TYPE prfHashMechanism;
	CK_ULONG ulSaltType;
	CK_BYTE_PTR pSalt;
	CK_ULONG ulSaltLen;
	CK_OBJECT_HANDLE hSaltKey;
	CK_BYTE_PTR pInfo;
	CK_ULONG ulInfoLen;
} CK_HKDF_PARAMS, *CK_HKDF_PARAMS_PTR;

/* Key derivation after SP 800-108 (Current Mechanisms 3.0, 2.42) */
#define CKM_SP800_108_COUNTER_KDF (0x3acUL)
#define CKM_SP800_108_FEEDBACK_KDF (0x3adUL)
#define CKM_SP800_108_DOUBLE_PIPELINE_KDF (0x3aeUL)
#define CK_SP800_108_ITERATION_VARIABLE (1UL)
#define CK_SP800_108_OPTIONAL_COUNTER (2UL)
#define CK_SP800_108_COUNTER CK_SP800_108_OPTIONAL_COUNTER
#define CK_SP800_108_DKM_LENGTH (3UL)
#define CK_SP800_108_BYTE_ARRAY (4UL)
#define CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS (1UL)
#define CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS (2UL)

typedef CK_ULONG CK_PRF_DATA_TYPE;
typedef CK_ULONG CK_SP800_108_DKM_LENGTH_METHOD;
typedef CK_MECHANISM_TYPE CK_SP800_108_PRF_TYPE;

typedef struct {
	CK_PRF_DATA_TYPE type;
	CK_VOID_PTR pValue;
	CK_ULONG ulValueLen;
} CK_PRF_DATA_PARAM, *CK_PRF_DATA_PARAM_PTR;

typedef struct {
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
} CK_SP800_108_COUNTER_FORMAT, *CK_SP800_108_COUNTER_FORMAT_PTR;

typedef struct {
	CK_SP800_108_DKM_LENGTH_METHOD dkmLengthMethod;
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
} CK_SP800_108_DKM_LENGTH_FORMAT, *CK_SP800_108_DKM_LENGTH_FORMAT_PTR;

typedef struct {
	CK_ATTRIBUTE_PTR pTemplate;
	CK_ULONG ulAttributeCount;
	CK_OBJECT_HANDLE_PTR phKey;
} CK_DERIVED_KEY, *CK_DERIVED_KEY_PTR;

typedef struct {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
} CK_SP800_108_KDF_PARAMS, *CK_SP800_108_KDF_PARAMS_PTR;

typedef struct {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulIVLen;
	CK_BYTE_PTR pIV;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
} CK_SP800_108_FEEDBACK_KDF_PARAMS, *CK_SP800_108_FEEDBACK_KDF_PARAMS_PTR;

/* Stateful hash-based signatures (3.1) */
#define CKK_HSS (0x46UL)
#define CKM_HSS_KEY_PAIR_GEN (0x4032UL)
#define CKM_HSS (0x4033UL)
#define CKM_XMSS (0x4036UL)
#define CKM_XMSSMT (0x4037UL)

/* Attributes of 3.1 and 3.2 whose values are more than bytes */
#define CKA_X2RATCHET_BAGSIZE (0x603UL)
#define CKA_X2RATCHET_ISALICE (0x60cUL)
#define CKA_X2RATCHET_NR (0x60fUL)
#define CKA_X2RATCHET_NS (0x610UL)
#define CKA_X2RATCHET_PNS (0x611UL)
#define CKA_HSS_LEVELS (0x617UL)
#define CKA_HSS_LMS_TYPE (0x618UL)
#define CKA_HSS_LMOTS_TYPE (0x619UL)
#define CKA_HSS_LMS_TYPES (0x61aUL)
#define CKA_HSS_LMOTS_TYPES (0x61bUL)
#define CKA_HSS_KEYS_REMAINING (0x61cUL)
#define CKA_PARAMETER_SET (0x61dUL)
#define CKA_OBJECT_VALIDATION_FLAGS (0x61eUL)
#define CKA_VALIDATION_TYPE (0x61fUL)
#define CKA_VALIDATION_LEVEL (0x621UL)
#define CKA_VALIDATION_FLAG (0x623UL)
#define CKA_VALIDATION_AUTHORITY_TYPE (0x624UL)
#define CKA_ENCAPSULATE_TEMPLATE (0x62aUL)
#define CKA_DECAPSULATE_TEMPLATE (0x62bUL)
#define CKA_ENCAPSULATE (0x633UL)
#define CKA_DECAPSULATE (0x634UL)

#include "wire/mechanism_table.h"
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* RFC 8017 section 9.2, note 1; the two truncated SHA-512 from its appendix B.1. */
#define SHA2_INFO(size, digest_size, arc) \
	{ 0x30, size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00, 0x04, digest_size }, 19

static const struct hash_facts hashes[] = {
	{ CKM_MD5, "MD5", 16, 64,
	  { 0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10 }, 18 },
	{ CKM_SHA_1, "SHA1", 20, 64,
	  { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 }, 15 },
	{ CKM_SHA224, "SHA224", 28, 64, SHA2_INFO(0x2d, 0x1c, 0x04) },
	{ CKM_SHA256, "SHA256", 32, 64, SHA2_INFO(0x31, 0x20, 0x01) },
	{ CKM_SHA384, "SHA384", 48, 128, SHA2_INFO(0x41, 0x30, 0x02) },
	{ CKM_SHA512, "SHA512", 64, 128, SHA2_INFO(0x51, 0x40, 0x03) },
	{ CKM_SHA512_224, "SHA512-224", 28, 128, SHA2_INFO(0x2d, 0x1c, 0x05) },
	{ CKM_SHA512_256, "SHA512-256", 32, 128, SHA2_INFO(0x31, 0x20, 0x06) },
};

const struct hash_facts *hash_facts(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < COUNT(hashes); i++)
		if (hashes[i].type == type)
			return &hashes[i];
	return NULL;
}

#define SIGNING (CKF_SIGN | CKF_VERIFY)
#define CIPHERING (CKF_ENCRYPT | CKF_DECRYPT)
#define WRAPPING (CKF_WRAP | CKF_UNWRAP)
#define RECOVERING (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)

#define NAMED(mechanism) .type = mechanism, .name = #mechanism
#define KEY(kind) .key_type = kind, .key_type_also = KEY_TYPE_NONE
#define KEY2(kind, other) .key_type = kind, .key_type_also = other
#define ANY_KEY .key_type = KEY_TYPE_NONE, .key_type_also = KEY_TYPE_NONE

#define DIGEST(mechanism, digest_size) \
	{ .type = mechanism, .name = #mechanism, ANY_KEY, .uses = CKF_DIGEST, .hash = mechanism, .result = RESULT_FIXED, .result_size = digest_size }
#define HMAC(mechanism, kind, digest, digest_size) \
	{ .type = mechanism, .name = #mechanism, KEY2(CKK_GENERIC_SECRET, kind), .uses = SIGNING, .hash = digest, \
	  .result = RESULT_FIXED, .result_size = digest_size }
#define HMAC_GENERAL(mechanism, kind, digest, digest_size) \
	{ .type = mechanism, .name = #mechanism, KEY2(CKK_GENERIC_SECRET, kind), .uses = SIGNING, .hash = digest, \
	  .result = RESULT_GENERAL, .result_size = digest_size }
#define HASH_RSA(mechanism, digest) \
	{ .type = mechanism, .name = #mechanism, KEY(CKK_RSA), .uses = SIGNING, .hash = digest, .raw = CKM_RSA_PKCS, .is_split = true, \
	  .info = true, .result = RESULT_MODULUS }
#define HASH_PSS(mechanism, digest) \
	{ .type = mechanism, .name = #mechanism, KEY(CKK_RSA), .uses = SIGNING, .hash = digest, .raw = CKM_RSA_PKCS_PSS, .is_split = true, \
	  .result = RESULT_MODULUS }
#define HASH_ECDSA(mechanism, digest) \
	{ .type = mechanism, .name = #mechanism, KEY(CKK_EC), .uses = SIGNING, .hash = digest, .raw = CKM_ECDSA, .is_split = true, \
	  .result = RESULT_ORDER_TWICE }
#define HASH_DSA(mechanism, digest) \
	{ .type = mechanism, .name = #mechanism, KEY(CKK_DSA), .uses = SIGNING, .hash = digest, .raw = CKM_DSA, .is_split = true }
#define GENERATES(mechanism, kind) { .type = mechanism, .name = #mechanism, KEY(kind), .uses = CKF_GENERATE }
#define GENERATES_PAIR(mechanism, kind) { .type = mechanism, .name = #mechanism, KEY(kind), .uses = CKF_GENERATE_KEY_PAIR }
#define BLOCKS(mechanism, kind, other, more, block) \
	{ .type = mechanism, .name = #mechanism, KEY2(kind, other), .uses = CIPHERING | (more), .block_size = block, .result = RESULT_INPUT }
#define PADDED(mechanism, kind, other, block) \
	{ .type = mechanism, .name = #mechanism, KEY2(kind, other), .uses = CIPHERING | WRAPPING, .block_size = block, .result = RESULT_PADDED }
#define STREAM(mechanism, kind) { .type = mechanism, .name = #mechanism, KEY(kind), .uses = CIPHERING, .result = RESULT_INPUT }
#define MAC(mechanism, kind, other, mac_size) \
	{ .type = mechanism, .name = #mechanism, KEY2(kind, other), .uses = SIGNING, .result = RESULT_FIXED, .result_size = mac_size }
#define MAC_GENERAL(mechanism, kind, other, mac_size) \
	{ .type = mechanism, .name = #mechanism, KEY2(kind, other), .uses = SIGNING, .result = RESULT_GENERAL, .result_size = mac_size }
#define DERIVES(mechanism, kind, other) { .type = mechanism, .name = #mechanism, KEY2(kind, other), .uses = CKF_DERIVE }
#define NONE KEY_TYPE_NONE

static const struct mechanism_facts mechanisms[] = {
	/* RSA (PKCS#11 Current Mechanisms 2.40, section 2.1) */
	GENERATES_PAIR(CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA),
	GENERATES_PAIR(CKM_RSA_X9_31_KEY_PAIR_GEN, CKK_RSA),
	{ NAMED(CKM_RSA_PKCS), KEY(CKK_RSA), .uses = SIGNING | RECOVERING | CIPHERING | WRAPPING, .result = RESULT_MODULUS },
	{ NAMED(CKM_RSA_X_509), KEY(CKK_RSA), .uses = SIGNING | RECOVERING | CIPHERING | WRAPPING, .result = RESULT_MODULUS },
	{ NAMED(CKM_RSA_9796), KEY(CKK_RSA), .uses = SIGNING | RECOVERING, .result = RESULT_MODULUS },
	{ NAMED(CKM_RSA_PKCS_OAEP), KEY(CKK_RSA), .uses = CIPHERING | WRAPPING, .result = RESULT_MODULUS },
	{ NAMED(CKM_RSA_PKCS_PSS), KEY(CKK_RSA), .uses = SIGNING, .result = RESULT_MODULUS },
	{ NAMED(CKM_RSA_AES_KEY_WRAP), KEY(CKK_RSA), .uses = WRAPPING },
	HASH_RSA(CKM_MD5_RSA_PKCS, CKM_MD5),
	HASH_RSA(CKM_SHA1_RSA_PKCS, CKM_SHA_1),
	HASH_RSA(CKM_SHA224_RSA_PKCS, CKM_SHA224),
	HASH_RSA(CKM_SHA256_RSA_PKCS, CKM_SHA256),
	HASH_RSA(CKM_SHA384_RSA_PKCS, CKM_SHA384),
	HASH_RSA(CKM_SHA512_RSA_PKCS, CKM_SHA512),
	HASH_PSS(CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1),
	HASH_PSS(CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224),
	HASH_PSS(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256),
	HASH_PSS(CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384),
	HASH_PSS(CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512),
	/* elliptic curves (2.3) */
	GENERATES_PAIR(CKM_EC_KEY_PAIR_GEN, CKK_EC),
	GENERATES_PAIR(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS),
	GENERATES_PAIR(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY),
	{ NAMED(CKM_ECDSA), KEY(CKK_EC), .uses = SIGNING, .result = RESULT_ORDER_TWICE },
	HASH_ECDSA(CKM_ECDSA_SHA1, CKM_SHA_1),
	HASH_ECDSA(CKM_ECDSA_SHA224, CKM_SHA224),
	HASH_ECDSA(CKM_ECDSA_SHA256, CKM_SHA256),
	HASH_ECDSA(CKM_ECDSA_SHA384, CKM_SHA384),
	HASH_ECDSA(CKM_ECDSA_SHA512, CKM_SHA512),
	{ NAMED(CKM_EDDSA), KEY(CKK_EC_EDWARDS), .uses = SIGNING, .result = RESULT_ORDER_TWICE },
	DERIVES(CKM_ECDH1_DERIVE, CKK_EC, CKK_EC_MONTGOMERY),
	DERIVES(CKM_ECDH1_COFACTOR_DERIVE, CKK_EC, NONE),
	{ NAMED(CKM_ECDH_AES_KEY_WRAP), KEY(CKK_EC), .uses = WRAPPING },
	/* DSA and Diffie-Hellman (2.2, 2.4) */
	GENERATES_PAIR(CKM_DSA_KEY_PAIR_GEN, CKK_DSA),
	GENERATES_PAIR(CKM_DH_PKCS_KEY_PAIR_GEN, CKK_DH),
	{ NAMED(CKM_DSA), KEY(CKK_DSA), .uses = SIGNING },
	HASH_DSA(CKM_DSA_SHA1, CKM_SHA_1),
	HASH_DSA(CKM_DSA_SHA224, CKM_SHA224),
	HASH_DSA(CKM_DSA_SHA256, CKM_SHA256),
	HASH_DSA(CKM_DSA_SHA384, CKM_SHA384),
	HASH_DSA(CKM_DSA_SHA512, CKM_SHA512),
	DERIVES(CKM_DH_PKCS_DERIVE, CKK_DH, NONE),
	/* AES (2.8 to 2.14) */
	GENERATES(CKM_AES_KEY_GEN, CKK_AES),
	BLOCKS(CKM_AES_ECB, CKK_AES, NONE, WRAPPING, 16),
	BLOCKS(CKM_AES_CBC, CKK_AES, NONE, WRAPPING, 16),
	PADDED(CKM_AES_CBC_PAD, CKK_AES, NONE, 16),
	STREAM(CKM_AES_CTR, CKK_AES),
	STREAM(CKM_AES_CTS, CKK_AES),
	STREAM(CKM_AES_OFB, CKK_AES),
	STREAM(CKM_AES_CFB8, CKK_AES),
	STREAM(CKM_AES_CFB64, CKK_AES),
	STREAM(CKM_AES_CFB128, CKK_AES),
	{ NAMED(CKM_AES_GCM), KEY(CKK_AES), .uses = CIPHERING | WRAPPING, .result = RESULT_TAGGED },
	{ NAMED(CKM_AES_CCM), KEY(CKK_AES), .uses = CIPHERING | WRAPPING },
	MAC(CKM_AES_MAC, CKK_AES, NONE, 8),
	MAC_GENERAL(CKM_AES_MAC_GENERAL, CKK_AES, NONE, 16),
	MAC(CKM_AES_CMAC, CKK_AES, NONE, 16),
	MAC_GENERAL(CKM_AES_CMAC_GENERAL, CKK_AES, NONE, 16),
	{ NAMED(CKM_AES_GMAC), KEY(CKK_AES), .uses = SIGNING },
	{ NAMED(CKM_AES_KEY_WRAP), KEY(CKK_AES), .uses = CIPHERING | WRAPPING, .block_size = 8, .result = RESULT_WRAPPED },
	{ NAMED(CKM_AES_KEY_WRAP_PAD), KEY(CKK_AES), .uses = CIPHERING | WRAPPING, .result = RESULT_WRAPPED },
	DERIVES(CKM_AES_ECB_ENCRYPT_DATA, CKK_AES, NONE),
	DERIVES(CKM_AES_CBC_ENCRYPT_DATA, CKK_AES, NONE),
	/* triple DES (2.18) */
	GENERATES(CKM_DES2_KEY_GEN, CKK_DES2),
	GENERATES(CKM_DES3_KEY_GEN, CKK_DES3),
	BLOCKS(CKM_DES3_ECB, CKK_DES3, CKK_DES2, WRAPPING, 8),
	BLOCKS(CKM_DES3_CBC, CKK_DES3, CKK_DES2, WRAPPING, 8),
	PADDED(CKM_DES3_CBC_PAD, CKK_DES3, CKK_DES2, 8),
	MAC(CKM_DES3_MAC, CKK_DES3, CKK_DES2, 4),
	MAC_GENERAL(CKM_DES3_MAC_GENERAL, CKK_DES3, CKK_DES2, 8),
	MAC(CKM_DES3_CMAC, CKK_DES3, CKK_DES2, 8),
	MAC_GENERAL(CKM_DES3_CMAC_GENERAL, CKK_DES3, CKK_DES2, 8),
	DERIVES(CKM_DES3_ECB_ENCRYPT_DATA, CKK_DES3, CKK_DES2),
	DERIVES(CKM_DES3_CBC_ENCRYPT_DATA, CKK_DES3, CKK_DES2),
	/* generic secrets and HMAC (2.7, 2.20 to 2.25) */
	GENERATES(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET),
	HMAC(CKM_MD5_HMAC, CKK_MD5_HMAC, CKM_MD5, 16),
	HMAC(CKM_SHA_1_HMAC, CKK_SHA_1_HMAC, CKM_SHA_1, 20),
	HMAC(CKM_SHA224_HMAC, CKK_SHA224_HMAC, CKM_SHA224, 28),
	HMAC(CKM_SHA256_HMAC, CKK_SHA256_HMAC, CKM_SHA256, 32),
	HMAC(CKM_SHA384_HMAC, CKK_SHA384_HMAC, CKM_SHA384, 48),
	HMAC(CKM_SHA512_HMAC, CKK_SHA512_HMAC, CKM_SHA512, 64),
	HMAC_GENERAL(CKM_MD5_HMAC_GENERAL, CKK_MD5_HMAC, CKM_MD5, 16),
	HMAC_GENERAL(CKM_SHA_1_HMAC_GENERAL, CKK_SHA_1_HMAC, CKM_SHA_1, 20),
	HMAC_GENERAL(CKM_SHA224_HMAC_GENERAL, CKK_SHA224_HMAC, CKM_SHA224, 28),
	HMAC_GENERAL(CKM_SHA256_HMAC_GENERAL, CKK_SHA256_HMAC, CKM_SHA256, 32),
	HMAC_GENERAL(CKM_SHA384_HMAC_GENERAL, CKK_SHA384_HMAC, CKM_SHA384, 48),
	HMAC_GENERAL(CKM_SHA512_HMAC_GENERAL, CKK_SHA512_HMAC, CKM_SHA512, 64),
	DERIVES(CKM_CONCATENATE_BASE_AND_KEY, NONE, NONE),
	DERIVES(CKM_CONCATENATE_BASE_AND_DATA, NONE, NONE),
	DERIVES(CKM_CONCATENATE_DATA_AND_BASE, NONE, NONE),
	DERIVES(CKM_XOR_BASE_AND_DATA, NONE, NONE),
	/* digests */
	DIGEST(CKM_MD5, 16),
	DIGEST(CKM_SHA_1, 20),
	DIGEST(CKM_SHA224, 28),
	DIGEST(CKM_SHA256, 32),
	DIGEST(CKM_SHA384, 48),
	DIGEST(CKM_SHA512, 64),
	DIGEST(CKM_SHA512_224, 28),
	DIGEST(CKM_SHA512_256, 32),
};

const struct mechanism_facts *mechanism_facts_all(size_t *count)
{
	*count = COUNT(mechanisms);
	return mechanisms;
}

const struct mechanism_facts *mechanism_facts(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < COUNT(mechanisms); i++)
		if (mechanisms[i].type == type)
			return &mechanisms[i];
	return NULL;
}

const char *mechanism_name(CK_MECHANISM_TYPE type)
{
	const struct mechanism_facts *facts = mechanism_facts(type);
	return facts ? facts->name : NULL;
}

bool mechanism_takes_key_type(CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type)
{
	const struct mechanism_facts *facts = mechanism_facts(type);
	return !facts || facts->key_type == KEY_TYPE_NONE || facts->key_type == key_type
	       || facts->key_type_also == key_type;
}

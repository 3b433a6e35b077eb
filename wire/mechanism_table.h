/* What is known of mechanisms, once, for library and node: which keys a mechanism takes, what it may be used
 * for, how it splits into a hash and a mechanism that takes the hash, how long its result is. A
 * mechanism that is not here still works where a token offers it, single-part only, and the token judges the key. */
#pragma once
#include "wire/attributes.h"
#include "wire/cryptoki.h"
#include "wire/mechanism.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_facts {
	CK_MECHANISM_TYPE type;      /* CKM_SHA256 */
	const char *name;            /* as OpenSSL knows it: digest_algorithm(name) */
	size_t size, block_size;     /* bytes */
	uint8_t info[20];            /* DigestInfo (RFC 8017 9.2, note 1) up to the digest itself */
	size_t info_size;
};
/* NULL if it is not a hash. */
const struct hash_facts *hash_facts(CK_MECHANISM_TYPE type);

/* How many bytes come out. */
enum result_rule {
	RESULT_UNKNOWN,      /* ask the token */
	RESULT_FIXED,        /* `result_size` bytes: digests, MACs */
	RESULT_GENERAL,      /* as many as the parameter says, at most `result_size`: *_HMAC_GENERAL */
	RESULT_MODULUS,      /* as long as the key's modulus (decryption: at most) */
	RESULT_ORDER_TWICE,  /* r and s, each as long as the curve's order */
	RESULT_INPUT,        /* as long as the input */
	RESULT_PADDED,       /* the next whole block; decryption: at most the input */
	RESULT_TAGGED,       /* input and a tag, as long as the parameter says; decryption: less the tag */
	RESULT_WRAPPED,      /* RFC 3394, 5649: the next 8 bytes and 8 */
	RESULT_PADDED_WRAPPED, /* the next whole 8 bytes, padded as PKCS#7 has it, and 8 */
};

#define KEY_TYPE_NONE ((CK_KEY_TYPE)-1)

struct mechanism_facts {
	CK_MECHANISM_TYPE type;
	const char *name;            /* "CKM_SHA256_RSA_PKCS" */
	CK_FLAGS uses;               /* CKF_SIGN, CKF_VERIFY, CKF_GENERATE … as in CK_MECHANISM_INFO */
	CK_KEY_TYPE key_type;        /* of the keys it takes, or makes */
	CK_KEY_TYPE key_type_also[2]; /* or these, or KEY_TYPE_NONE */
	CK_MECHANISM_TYPE hash;      /* hash-then-sign: CKM_SHA256; an HMAC's or digest's too; else 0 (no hash has that number) */
	CK_MECHANISM_TYPE raw;       /* what signs the hash: CKM_RSA_PKCS; same parameter; only if is_split */
	bool is_split;               /* may be done as `hash` here and `raw` in a token */
	bool info;                   /* `raw` is given DigestInfo, not the bare digest */
	size_t block_size;           /* ciphers: input comes in whole blocks unless padded; 0: any length */
	enum result_rule result;
	size_t result_size;
};
/* NULL if we know nothing of it. */
const struct mechanism_facts *mechanism_facts(CK_MECHANISM_TYPE type);
/* The whole table, for docs and tests. */
const struct mechanism_facts *mechanism_facts_all(size_t *count);

/* Does this kind of key go with it? Yes for a mechanism we know nothing of. */
bool mechanism_takes_key_type(CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type);
/* Names for messages; NULL if unknown. */
const char *mechanism_name(CK_MECHANISM_TYPE type);

/* Bytes of the order of the curve in CKA_EC_PARAMS (named curves); 0 if we do not know the curve. */
size_t curve_order_size(const void *ec_params, size_t size);
/* What a key is good for in bytes: its modulus, or its curve's order, from an object's or brief's attributes; 0 if they do not tell. */
size_t key_modulus_size(const struct attribute_list *key);
size_t key_order_size(const struct attribute_list *key);

/* How many bytes `use` (one CKF_ flag) of `mechanism` makes of `input_size` bytes with this key. *exact: that
 * many, else at most. SIZE_MAX: only a token can tell. */
size_t mechanism_result_size(const Craton__Mechanism *mechanism, CK_FLAGS use,
                             const struct attribute_list *key, size_t input_size, bool *exact);

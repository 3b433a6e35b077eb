/* What the probe tries: sample keys, and a parameter and data that suit each mechanism. Inside backend/ only. */
#pragma once
#include "backend/seal.h"
#include "wire/mechanism_table.h"

/* A kind of key, by example. */
struct trial_key {
	const char *name;               /* for the log: "EC P-256" */
	CK_MECHANISM_TYPE generation;
	CK_KEY_TYPE key_type;
	bool is_pair;
	CK_ULONG size;                  /* bits of pairs, bytes of secrets */
	CK_BYTE curve[16];              /* CKA_EC_PARAMS */
	size_t curve_size;
};
const struct trial_key *trial_keys(size_t *count);

/* The objects of such a key as an application would ask for it: not extractable, with these uses (CKF_SIGN …). *public_object is
 * NULL for a secret key. Both are the caller's, also after an error. */
enum err trial_objects(const struct trial_key *key, CK_ULONG size, CK_FLAGS uses, Craton__Object **object,
                       Craton__Object **public_object);
/* Domain parameters to be generated. */
enum err trial_parameters(CK_KEY_TYPE key_type, CK_ULONG bits, Craton__Object **object);

/* A sample key in the token. */
struct sample {
	const struct trial_key *key;
	CK_ULONG size;
	CK_OBJECT_HANDLE handle, public_handle; /* the same for a secret key */
	const Craton__Object *public_object;    /* NULL for a secret key; the peer to agree with is itself */
};

/* A mechanism ready to be used with such a key, and something to do with it. */
struct trial_use {
	CK_MECHANISM mechanism;
	CK_BYTE data[512];
	size_t data_size;
	union {
		CK_ULONG number;
		CK_OBJECT_HANDLE key;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_GCM_PARAMS gcm;
		CK_CCM_PARAMS ccm;
		CK_AES_CTR_PARAMS ctr;
		CK_CHACHA20_PARAMS chacha;
		CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha_poly;
		CK_ECDH1_DERIVE_PARAMS ecdh;
		CK_KEY_DERIVATION_STRING_DATA string;
		CK_AES_CBC_ENCRYPT_DATA_PARAMS cbc_data;
		CK_DES_CBC_ENCRYPT_DATA_PARAMS des_cbc_data;
		CK_HKDF_PARAMS hkdf;
		CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes;
		CK_ECDH_AES_KEY_WRAP_PARAMS ecdh_aes;
		CK_SP800_108_KDF_PARAMS kdf;
		CK_SP800_108_FEEDBACK_KDF_PARAMS kdf_feedback;
	} parameter;
	CK_RSA_PKCS_OAEP_PARAMS oaep;   /* of rsa_aes */
	CK_PRF_DATA_PARAM part;         /* of kdf */
	CK_SP800_108_COUNTER_FORMAT counter;
	CK_BYTE iv[16];
};
/* Without a parameter if we know nothing of the mechanism. The sample outlives `use`. */
void trial_use_init(struct trial_use *use, CK_MECHANISM_TYPE type, const struct sample *sample);

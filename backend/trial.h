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
	CK_ULONG size;                  /* bits of RSA and EC, bytes of secrets */
	CK_BYTE curve[16];              /* CKA_EC_PARAMS */
	size_t curve_size;
};
const struct trial_key *trial_keys(size_t *count);

/* The objects of such a key as an application would ask for it: not extractable, all uses. *public_object is NULL for a secret key. */
enum err trial_objects(const struct trial_key *key, CK_ULONG size, Craton__Object **object, Craton__Object **public_object);

/* A mechanism ready to be used with such a key, and something to do with it. */
struct trial_use {
	CK_MECHANISM mechanism;
	CK_BYTE data[512];
	size_t data_size;
	union {
		CK_BYTE iv[16];
		CK_ULONG number;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_GCM_PARAMS gcm;
		CK_AES_CTR_PARAMS ctr;
	} parameter;
	CK_BYTE iv[16];
};
void trial_use_init(struct trial_use *use, const struct mechanism_facts *facts, CK_ULONG key_size);

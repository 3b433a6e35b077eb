/* The same by OpenSSL, whose word is taken for the standard's. Sizes are bytes; failures are asserted inside. */
#pragma once
#include "tests/conformance/suite.h"
#include <openssl/evp.h>

/* One of each for the whole run. */
EVP_PKEY *reference_rsa(void);  /* 2048 bits */
EVP_PKEY *reference_ec(void);   /* P-256 */
/* Both halves as session objects, good for everything that keys of the kind do; extractable, not sensitive. */
struct key_pair import_rsa(CK_SESSION_HANDLE session);
struct key_pair import_ec(CK_SESSION_HANDLE session);

size_t reference_digest(const char *digest, const CK_BYTE *data, size_t size, CK_BYTE *out);
size_t reference_hmac(const char *digest, const CK_BYTE *key, size_t key_size, const CK_BYTE *data, size_t size, CK_BYTE *out);
size_t reference_cmac(const char *cipher, const CK_BYTE *key, size_t key_size, const CK_BYTE *data, size_t size, CK_BYTE *out);

struct reference_cipher {
	const char *name;             /* "AES-128-CBC" */
	const CK_BYTE *key, *iv;
	size_t iv_size;               /* 0: the cipher's own */
	bool pads;
	const CK_BYTE *aad;
	size_t aad_size, tag_size;    /* of an AEAD; the tag follows */
};
size_t reference_encrypt(const struct reference_cipher *cipher, const CK_BYTE *data, size_t size, CK_BYTE *out);

struct reference_signature {
	EVP_PKEY *key;
	const char *digest;           /* NULL: `data` is signed as it is */
	int padding;                  /* RSA_*_PADDING; 0 for other keys, whose signature is r and s, each as long as the order */
	const char *pss_digest;       /* for the mask, too */
	int salt_size;
};
bool reference_verifies(const struct reference_signature *how, const CK_BYTE *data, size_t size, const CK_BYTE *signature, size_t signature_size);
size_t reference_sign(const struct reference_signature *how, const CK_BYTE *data, size_t size, CK_BYTE *out);
/* RSA; `oaep_digest` NULL: another padding. */
size_t reference_rsa_encrypt(int padding, const char *oaep_digest, const CK_BYTE *data, size_t size, CK_BYTE *out);
size_t reference_rsa_decrypt(int padding, const char *oaep_digest, const CK_BYTE *data, size_t size, CK_BYTE *out);
/* Of the group with base 2 and 2048 bits, RFC 3526. */
size_t reference_dh_prime(CK_BYTE *out);

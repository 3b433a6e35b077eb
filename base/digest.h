/* SHA-2 and HMAC in software, in a library context of our own: an application's
 * OpenSSL configuration is neither read nor touched. */
#pragma once
#include "base/err.h"
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct bytes {
	const void *data;
	size_t size;
};

/* Our own OSSL_LIB_CTX with the default provider; made on first use, never NULL
 * (aborts without memory). Safe from many threads. */
OSSL_LIB_CTX *digest_context(void);
/* Gives all of it back, for a library about to be unloaded: nothing made with it may be in use. */
void digest_release(void);
/* In a forked child, before another of its threads comes here: what is the parent's is left alone (a thread that the child does not
 * have may hold its locks), and made anew on first use. */
void digest_leave_to_parent(void);
/* A fetched SHA-1/SHA-2/SHA-3 by OpenSSL name, kept for the process; NULL if unknown. */
const EVP_MD *digest_algorithm(const char *name);

void sha256(const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE]);
void hmac_sha256(const void *key, size_t key_size, const struct bytes *parts, size_t count,
                 uint8_t out[SHA256_SIZE]);
/* HMAC-SHA256 of many texts under one key: its set-up, which costs as much as a text of some hundred bytes, is done once. One thread at a
 * time. Abort without memory. */
struct hmac;
struct hmac *hmac_create(const void *key, size_t key_size);
struct hmac *hmac_copy(const struct hmac *hmac);
void hmac_destroy(struct hmac *hmac); /* accepts NULL; wipes the key */
void hmac_make(struct hmac *hmac, const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE]);
/* HKDF-SHA256 (RFC 5869), out_size at most 255 * 32. */
void hkdf_sha256(const void *key, size_t key_size, const void *salt, size_t salt_size,
                 const char *info, uint8_t *out, size_t out_size);

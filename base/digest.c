#include "base/digest.h"
#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALGORITHMS_MAX 16

/* Everything fetched, once; the pointer is set when all of it is there. */
struct library {
	struct library *parents; /* kept, for a leak checker's sake */
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *provider;
	EVP_MD *sha256;
	EVP_MAC *hmac;
	struct {
		char name[24];
		EVP_MD *md;
	} algorithms[ALGORITHMS_MAX];
	size_t algorithm_count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct library *) library;
static struct library *parents;

static void must(bool done)
{
	if (!done)
		abort(); /* no memory, or an OpenSSL without SHA-256 */
}

/* A context that is not the process's default reads no configuration; its provider has to be named. */
static struct library *library_create(void)
{
	struct library *made = calloc(1, sizeof *made);
	must(made);
	must((made->context = OSSL_LIB_CTX_new()) != NULL);
	must((made->provider = OSSL_PROVIDER_load(made->context, "default")) != NULL);
	must((made->sha256 = EVP_MD_fetch(made->context, "SHA256", NULL)) != NULL);
	must((made->hmac = EVP_MAC_fetch(made->context, "HMAC", NULL)) != NULL);
	return made;
}

static struct library *library_get(void)
{
	struct library *found = library;
	if (found)
		return found;
	pthread_mutex_lock(&lock);
	if (!library)
		library = library_create();
	found = library;
	pthread_mutex_unlock(&lock);
	return found;
}

OSSL_LIB_CTX *digest_context(void)
{
	return library_get()->context;
}

void digest_release(void)
{
	pthread_mutex_lock(&lock);
	struct library *old = atomic_exchange(&library, NULL);
	pthread_mutex_unlock(&lock);
	if (!old)
		return;
	for (size_t i = 0; i < old->algorithm_count; i++)
		EVP_MD_free(old->algorithms[i].md);
	EVP_MAC_free(old->hmac);
	EVP_MD_free(old->sha256);
	OSSL_PROVIDER_unload(old->provider);
	OSSL_LIB_CTX_free(old->context);
	free(old);
}

void digest_leave_to_parent(void)
{
	struct library *old = atomic_exchange(&library, NULL);
	pthread_mutex_init(&lock, NULL);
	if (!old)
		return;
	old->parents = parents;
	parents = old;
}

static EVP_MD *algorithm_find_locked(struct library *lib, const char *name)
{
	for (size_t i = 0; i < lib->algorithm_count; i++)
		if (strcasecmp(lib->algorithms[i].name, name) == 0)
			return lib->algorithms[i].md;
	return NULL;
}

/* An unknown name must leave no trace in the application's error queue. */
static EVP_MD *algorithm_fetch_locked(struct library *lib, const char *name)
{
	if (lib->algorithm_count == ALGORITHMS_MAX || strlen(name) >= sizeof lib->algorithms[0].name)
		return NULL;
	ERR_set_mark();
	EVP_MD *md = EVP_MD_fetch(lib->context, name, NULL);
	ERR_pop_to_mark();
	if (!md)
		return NULL;
	strcpy(lib->algorithms[lib->algorithm_count].name, name);
	lib->algorithms[lib->algorithm_count++].md = md;
	return md;
}

const EVP_MD *digest_algorithm(const char *name)
{
	struct library *lib = library_get();
	pthread_mutex_lock(&lock);
	EVP_MD *md = algorithm_find_locked(lib, name);
	if (!md)
		md = algorithm_fetch_locked(lib, name);
	pthread_mutex_unlock(&lock);
	return md;
}

void sha256(const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	must(md && EVP_DigestInit_ex2(md, library_get()->sha256, NULL));
	for (size_t i = 0; i < count; i++)
		must(EVP_DigestUpdate(md, parts[i].data, parts[i].size));
	must(EVP_DigestFinal_ex(md, out, NULL));
	EVP_MD_CTX_free(md);
}

/* No more than OpenSSL's own object, under a name of ours. */
static EVP_MAC_CTX *context_of(const struct hmac *hmac)
{
	return (EVP_MAC_CTX *)(uintptr_t)hmac;
}

struct hmac *hmac_create(const void *key, size_t key_size)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(library_get()->hmac);
	/* A NULL key would mean "the key of before"; an empty one is a key. */
	must(mac && EVP_MAC_init(mac, key_size ? key : "", key_size, params));
	return (struct hmac *)mac;
}

struct hmac *hmac_copy(const struct hmac *hmac)
{
	EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(context_of(hmac));
	must(copy);
	return (struct hmac *)copy;
}

void hmac_destroy(struct hmac *hmac)
{
	EVP_MAC_CTX_free(context_of(hmac));
}

static void finish(EVP_MAC_CTX *mac, const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE])
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		must(EVP_MAC_update(mac, parts[i].data, parts[i].size));
	must(EVP_MAC_final(mac, out, &size, SHA256_SIZE) && size == SHA256_SIZE);
}

void hmac_make(struct hmac *hmac, const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE])
{
	EVP_MAC_CTX *mac = context_of(hmac);
	must(EVP_MAC_init(mac, NULL, 0, NULL));
	finish(mac, parts, count, out);
}

void hmac_sha256(const void *key, size_t key_size, const struct bytes *parts, size_t count,
                 uint8_t out[SHA256_SIZE])
{
	struct hmac *hmac = hmac_create(key, key_size);
	finish(context_of(hmac), parts, count, out);
	hmac_destroy(hmac);
}

/* RFC 5869: PRK = HMAC-Hash(salt, IKM); T(n) = HMAC-Hash(PRK, T(n-1) | info | n) */
void hkdf_sha256(const void *key, size_t key_size, const void *salt, size_t salt_size,
                 const char *info, uint8_t *out, size_t out_size)
{
	uint8_t prk[SHA256_SIZE], block[SHA256_SIZE];
	assert(out_size <= 255 * SHA256_SIZE);
	hmac_sha256(salt, salt_size, &(struct bytes){ key, key_size }, 1, prk);
	for (unsigned n = 1; out_size; n++) {
		uint8_t number = (uint8_t)n;
		struct bytes parts[] = {
			{ block, n == 1 ? 0 : sizeof block }, { info, strlen(info) }, { &number, 1 },
		};
		hmac_sha256(prk, sizeof prk, parts, 3, block);
		size_t size = out_size < sizeof block ? out_size : sizeof block;
		memcpy(out, block, size);
		out += size;
		out_size -= size;
	}
	OPENSSL_cleanse(prk, sizeof prk);
	OPENSSL_cleanse(block, sizeof block);
}

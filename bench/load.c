/* craton-load: threads that sign without pause through any PKCS#11 module, and what the application saw
 * of it. Each signature is verified here, with OpenSSL and the public key, not by the module.
 *
 *	craton-load KEY-LABEL THREADS [SECONDS]
 *
 * The module, the token and the PIN come from the environment as in bench/module.h. Five times a
 * second, and at the end (after SECONDS, or SIGTERM), it prints one line of JSON: signatures and errors so
 * far, and the longest that any call took. Exits with 1 if there was an error. */
#include "bench/module.h"
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/core_names.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64
#define DIGEST_SIZE 32
#define COORDINATE_SIZE 32
#define REPORT_EVERY_MS 200

struct load {
	struct module module;
	CK_OBJECT_HANDLE key;
	EVP_PKEY *public_key;
	atomic_bool is_over;
	atomic_uint_fast64_t signatures, errors, stall_us;
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note_stall(struct load *load, int64_t started_us)
{
	uint_fast64_t took = (uint_fast64_t)(now_us() - started_us);
	uint_fast64_t longest = atomic_load(&load->stall_us);
	while (took > longest && !atomic_compare_exchange_weak(&load->stall_us, &longest, took))
		;
}

/* Only the first is told in full: there may be thousands. */
static void note_error(struct load *load, const char *what, CK_RV rv)
{
	if (atomic_fetch_add(&load->errors, 1) == 0)
		fprintf(stderr, "craton-load: %s: 0x%lx\n", what, rv);
}

/* r and s as PKCS#11 has them → the structure that OpenSSL verifies. */
static bool is_good(struct load *load, const uint8_t *digest, const uint8_t *signature, CK_ULONG size)
{
	uint8_t *der = NULL;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, (int)size / 2, NULL), *s = BN_bin2bn(signature + size / 2, (int)size / 2, NULL);
	ECDSA_SIG_set0(pair, r, s);
	int der_size = i2d_ECDSA_SIG(pair, &der);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(load->public_key, NULL);
	bool good = EVP_PKEY_verify_init(context) == 1 &&
	            EVP_PKEY_verify(context, der, (size_t)der_size, digest, DIGEST_SIZE) == 1;
	EVP_PKEY_CTX_free(context);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return good;
}

static void sign_once(struct load *load, CK_SESSION_HANDLE session, const uint8_t *digest)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	uint8_t data[DIGEST_SIZE], signature[2 * COORDINATE_SIZE];
	CK_ULONG size = sizeof signature;
	memcpy(data, digest, sizeof data);
	int64_t started_us = now_us();
	CK_RV rv = load->module.p11->C_SignInit(session, &mechanism, load->key);
	if (rv == CKR_OK)
		rv = load->module.p11->C_Sign(session, data, sizeof data, signature, &size);
	note_stall(load, started_us);
	if (rv != CKR_OK)
		note_error(load, "signing", rv);
	else if (!is_good(load, digest, signature, size))
		note_error(load, "a signature that does not verify", CKR_SIGNATURE_INVALID);
	else
		atomic_fetch_add(&load->signatures, 1);
}

static void *thread_run(void *data)
{
	struct load *load = data;
	CK_SESSION_HANDLE session = module_session(&load->module);
	uint8_t digest[DIGEST_SIZE];
	memset(digest, 0x5a, sizeof digest);
	for (uint64_t i = 0; !atomic_load(&load->is_over); i++) {
		memcpy(digest, &i, sizeof i);
		memcpy(digest + sizeof i, &session, sizeof session);
		sign_once(load, session, digest);
	}
	load->module.p11->C_CloseSession(session);
	return NULL;
}

/* CKA_EC_POINT is the point as an OCTET STRING; OpenSSL wants what is in it. */
static EVP_PKEY *load_public_key(struct load *load, const char *label)
{
	CK_OBJECT_HANDLE object = module_find(&load->module, load->module.session, CKO_PUBLIC_KEY, label);
	uint8_t point[2 + 1 + 2 * COORDINATE_SIZE];
	CK_ATTRIBUTE attribute = { CKA_EC_POINT, point, sizeof point };
	EVP_PKEY *key = NULL;
	if (object == CK_INVALID_HANDLE)
		return NULL;
	module_must(load->module.p11->C_GetAttributeValue(load->module.session, object, &attribute, 1), "CKA_EC_POINT");
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){ "P-256" }, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point + 2, 1 + 2 * COORDINATE_SIZE),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (attribute.ulValueLen != sizeof point || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static void report(struct load *load)
{
	uint_fast64_t us = atomic_load(&load->stall_us);
	printf("{\"signatures\":%lu,\"errors\":%lu,\"longest_stall_ms\":%lu.%03lu}\n", (unsigned long)atomic_load(&load->signatures),
	       (unsigned long)atomic_load(&load->errors), (unsigned long)us / 1000, (unsigned long)us % 1000);
	fflush(stdout);
}

/* The main thread waits for the end, and tells how things are meanwhile. */
static void watch(struct load *load, const sigset_t *ends, long seconds)
{
	int64_t end_us = seconds ? now_us() + seconds * 1000000 : INT64_MAX;
	const struct timespec pause = { .tv_nsec = REPORT_EVERY_MS * 1000000 };
	while (now_us() < end_us && sigtimedwait(ends, NULL, &pause) < 0)
		report(load);
	atomic_store(&load->is_over, true);
}

int main(int argc, char **argv)
{
	static struct load load;
	pthread_t threads[THREADS_MAX];
	sigset_t ends;
	long count = argc >= 3 ? strtol(argv[2], NULL, 10) : 0;
	if (argc < 3 || argc > 4 || count < 1 || count > THREADS_MAX) {
		fprintf(stderr, "usage: craton-load KEY-LABEL THREADS [SECONDS]\n");
		return 2;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	module_open(&load.module);
	load.key = module_find(&load.module, load.module.session, CKO_PRIVATE_KEY, argv[1]);
	load.public_key = load_public_key(&load, argv[1]);
	if (load.key == CK_INVALID_HANDLE || !load.public_key) {
		fprintf(stderr, "craton-load: the token has no EC P-256 pair labelled %s\n", argv[1]);
		return 2;
	}
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, thread_run, &load) != 0)
			abort();
	watch(&load, &ends, argc == 4 ? strtol(argv[3], NULL, 10) : 0);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	report(&load);
	EVP_PKEY_free(load.public_key);
	module_close(&load.module);
	return atomic_load(&load.errors) ? 1 : 0;
}

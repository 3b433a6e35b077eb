/* keys make FILE STOP THREADS   makes keys and signs with them from THREADS threads until the file STOP exists; writes the label of
 *                               every key that the module acknowledged to FILE
 * keys check FILE               each of those exists exactly once, as a private and a public key, and no other key does; each
 *                               signs, and its signature verifies outside the module
 *
 * The module, slot and PIN come from the environment (bench/module.h). `make` prints a line of what it did:
 * created, signed, errors, and the longest stall of each in milliseconds. */
#include "bench/module.h"
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16
#define LABEL_SIZE 32

static struct module module;
static FILE *acknowledged;
static pthread_mutex_t acknowledged_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *stop_file;

struct worker {
	pthread_t thread;
	int number;
	unsigned long created, signed_, errors;
	double create_longest_ms, sign_longest_ms;
};

static double now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static CK_RV create(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *key)
{
	static CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE public_key;
	CK_ATTRIBUTE public_template[] = { { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_TOKEN, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE private_template[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	return module.p11->C_GenerateKeyPair(session, &mechanism, public_template, 3, private_template, 3, &public_key, key);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const CK_BYTE digest[32], CK_BYTE signature[64])
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_ULONG size = 64;
	CK_RV rv = module.p11->C_SignInit(session, &mechanism, key);
	return rv == CKR_OK ? module.p11->C_Sign(session, (CK_BYTE_PTR)(uintptr_t)digest, 32, signature, &size) : rv;
}

static void note_error(struct worker *worker, const char *what, CK_RV rv)
{
	worker->errors++;
	fprintf(stderr, "keys: thread %d: %s: 0x%lx\n", worker->number, what, rv);
}

static void note_stall(double *longest, double since)
{
	double took = now_ms() - since;
	if (took > *longest)
		*longest = took;
}

static CK_OBJECT_HANDLE create_noted(struct worker *worker, CK_SESSION_HANDLE session)
{
	char label[LABEL_SIZE];
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	double start = now_ms();
	snprintf(label, sizeof label, "key-%d-%lu", worker->number, worker->created);
	CK_RV rv = create(session, label, &key);
	note_stall(&worker->create_longest_ms, start);
	if (rv != CKR_OK) {
		note_error(worker, "C_GenerateKeyPair", rv);
		return CK_INVALID_HANDLE;
	}
	worker->created++;
	pthread_mutex_lock(&acknowledged_lock);
	fprintf(acknowledged, "%s\n", label);
	pthread_mutex_unlock(&acknowledged_lock);
	return key;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	CK_SESSION_HANDLE session = module_session(&module);
	while (access(stop_file, F_OK) != 0 && worker->errors < 10) {
		CK_OBJECT_HANDLE key = create_noted(worker, session);
		for (int i = 0; key != CK_INVALID_HANDLE && i < 20; i++) {
			CK_BYTE digest[32] = { (CK_BYTE)i }, signature[64];
			double start = now_ms();
			CK_RV rv = sign(session, key, digest, signature);
			note_stall(&worker->sign_longest_ms, start);
			if (rv == CKR_OK)
				worker->signed_++;
			else
				note_error(worker, "C_Sign", rv);
		}
	}
	return NULL;
}

static int make(const char *file, int threads)
{
	static struct worker workers[THREADS_MAX];
	struct worker all = { 0 };
	acknowledged = fopen(file, "w");
	if (!acknowledged || threads < 1 || threads > THREADS_MAX)
		return 2;
	for (int i = 0; i < threads; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 2;
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		all.created += workers[i].created;
		all.signed_ += workers[i].signed_;
		all.errors += workers[i].errors;
		if (workers[i].create_longest_ms > all.create_longest_ms)
			all.create_longest_ms = workers[i].create_longest_ms;
		if (workers[i].sign_longest_ms > all.sign_longest_ms)
			all.sign_longest_ms = workers[i].sign_longest_ms;
	}
	fclose(acknowledged);
	printf("created=%lu signed=%lu errors=%lu create_longest_ms=%.0f sign_longest_ms=%.0f\n", all.created, all.signed_, all.errors,
		all.create_longest_ms, all.sign_longest_ms);
	return all.errors ? 1 : 0;
}

/* ---- check */

static size_t count_class(CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *first)
{
	CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, (void *)(uintptr_t)label, label ? strlen(label) : 0 } };
	CK_OBJECT_HANDLE page[64];
	CK_ULONG found;
	size_t total = 0;
	module_must(module.p11->C_FindObjectsInit(module.session, wanted, label ? 2 : 1), "C_FindObjectsInit");
	do {
		module_must(module.p11->C_FindObjects(module.session, page, 64, &found), "C_FindObjects");
		if (total == 0 && found && first)
			*first = page[0];
		total += found;
	} while (found);
	module_must(module.p11->C_FindObjectsFinal(module.session), "C_FindObjectsFinal");
	return total;
}

/* The P-256 key of a CKA_EC_POINT: an OCTET STRING around 65 bytes. */
static EVP_PKEY *public_key_of(CK_OBJECT_HANDLE object)
{
	CK_BYTE point[128];
	CK_ATTRIBUTE ask = { CKA_EC_POINT, point, sizeof point };
	EVP_PKEY *key = NULL;
	module_must(module.p11->C_GetAttributeValue(module.session, object, &ask, 1), "CKA_EC_POINT");
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)"P-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point + 2, ask.ulValueLen - 2),
		OSSL_PARAM_construct_end(),
	};
	if (!context || EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static int verifies(EVP_PKEY *key, const CK_BYTE digest[32], const CK_BYTE signature[64])
{
	unsigned char der[80], *end = der;
	ECDSA_SIG *both = ECDSA_SIG_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	int good = both && context && ECDSA_SIG_set0(both, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
	int size = good ? i2d_ECDSA_SIG(both, &end) : 0;
	good = good && size > 0 && EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_verify(context, der, (size_t)size, digest, 32) == 1;
	EVP_PKEY_CTX_free(context);
	ECDSA_SIG_free(both);
	return good;
}

static int check_one(const char *label)
{
	CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE, public_key = CK_INVALID_HANDLE;
	size_t privates = count_class(CKO_PRIVATE_KEY, label, &private_key), publics = count_class(CKO_PUBLIC_KEY, label, &public_key);
	CK_BYTE digest[32] = { 42 }, signature[64];
	if (privates != 1 || publics != 1) {
		fprintf(stderr, "keys: %s: %zu private and %zu public keys, want one of each\n", label, privates, publics);
		return 1;
	}
	CK_RV rv = sign(module.session, private_key, digest, signature);
	EVP_PKEY *key = public_key_of(public_key);
	int good = rv == CKR_OK && key && verifies(key, digest, signature);
	EVP_PKEY_free(key);
	if (!good)
		fprintf(stderr, "keys: %s: its signature is not its own (C_Sign 0x%lx)\n", label, rv);
	return !good;
}

static int check(const char *file)
{
	char line[LABEL_SIZE + 2];
	size_t listed = 0, wrong = 0;
	FILE *list = fopen(file, "r");
	if (!list)
		return 2;
	for (; fgets(line, sizeof line, list); listed++) {
		line[strcspn(line, "\n")] = 0;
		wrong += (size_t)check_one(line);
	}
	fclose(list);
	size_t there = count_class(CKO_PRIVATE_KEY, NULL, NULL);
	if (there != listed) {
		fprintf(stderr, "keys: %zu private keys are there, %zu were acknowledged\n", there, listed);
		wrong++;
	}
	printf("checked=%zu wrong=%zu\n", listed, wrong);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	int status = 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 5 && strcmp(argv[1], "make") == 0) {
		stop_file = argv[3];
		module_open(&module);
		status = make(argv[2], atoi(argv[4]));
	} else if (argc == 3 && strcmp(argv[1], "check") == 0) {
		module_open(&module);
		status = check(argv[2]);
	} else {
		fprintf(stderr, "usage: keys make FILE STOP THREADS | keys check FILE\n");
		return 2;
	}
	module_close(&module);
	return status;
}

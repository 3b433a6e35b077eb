/* bench WHAT [THREADS] [SECONDS]: how fast a PKCS#11 module is at one thing, through its public API.
 *
 *	sign    ECDSA P-256 with a persistent key
 *	hmac    HMAC-SHA256 of 64 bytes with a persistent key
 *	parts   HMAC-SHA256 of three parts with the same key
 *	create  persistent EC P-256 key pairs
 *	find    one data object by its label, among those that `fill` made
 *	fill N  makes N data objects (for `find`)
 *
 * One line: what, operations a second, and the median and 99th percentile in microseconds. */
#include "bench/module.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_MAX 2000000
#define THREADS_MAX 64

struct worker;
struct task {
	const char *name;
	void (*prepare)(struct worker *worker);
	void (*once)(struct worker *worker);
};
struct worker {
	pthread_t thread;
	struct module *module;
	const struct task *task;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	double until;
	float *samples; /* microseconds */
	size_t count;
	unsigned seed;
};

static long filled = 10000;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void prepare_sign(struct worker *worker)
{
	worker->key = module_find(worker->module, worker->session, CKO_PRIVATE_KEY, "bench-sign");
	if (worker->key == CK_INVALID_HANDLE)
		worker->key = module_make_ec(worker->module, worker->session, CK_TRUE, "bench-sign");
}

static void sign(struct worker *worker)
{
	CK_FUNCTION_LIST *p11 = worker->module->p11;
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE digest[32] = { 1 }, signature[64];
	CK_ULONG size = sizeof signature;
	module_must(p11->C_SignInit(worker->session, &mechanism, worker->key), "C_SignInit");
	module_must(p11->C_Sign(worker->session, digest, sizeof digest, signature, &size), "C_Sign");
}

static void prepare_hmac(struct worker *worker)
{
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG size = 32;
	CK_ATTRIBUTE template_[] = { { CKA_VALUE_LEN, &size, sizeof size }, { CKA_SIGN, &yes, 1 }, { CKA_TOKEN, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"bench-hmac", 10 } };
	worker->key = module_find(worker->module, worker->session, CKO_SECRET_KEY, "bench-hmac");
	if (worker->key == CK_INVALID_HANDLE)
		module_must(worker->module->p11->C_GenerateKey(worker->session, &mechanism, template_, 5, &worker->key), "C_GenerateKey");
}

static void hmac(struct worker *worker)
{
	CK_FUNCTION_LIST *p11 = worker->module->p11;
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE data[64] = { 1 }, mac[32];
	CK_ULONG size = sizeof mac;
	module_must(p11->C_SignInit(worker->session, &mechanism, worker->key), "C_SignInit");
	module_must(p11->C_Sign(worker->session, data, sizeof data, mac, &size), "C_Sign");
}

static void hmac_parts(struct worker *worker)
{
	CK_FUNCTION_LIST *p11 = worker->module->p11;
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE part[64] = { 1 }, mac[32];
	CK_ULONG size = sizeof mac;
	module_must(p11->C_SignInit(worker->session, &mechanism, worker->key), "C_SignInit");
	for (int i = 0; i < 3; i++)
		module_must(p11->C_SignUpdate(worker->session, part, sizeof part), "C_SignUpdate");
	module_must(p11->C_SignFinal(worker->session, mac, &size), "C_SignFinal");
}

static void create(struct worker *worker)
{
	module_make_ec(worker->module, worker->session, CK_TRUE, "bench-create");
}

static void data_label(char label[32], long number)
{
	snprintf(label, 32, "bench-data-%06ld", number);
}

static void find(struct worker *worker)
{
	char label[32];
	data_label(label, rand_r(&worker->seed) % filled);
	if (module_find(worker->module, worker->session, CKO_DATA, label) == CK_INVALID_HANDLE)
		module_must(CKR_OBJECT_HANDLE_INVALID, label);
}

static void nothing(struct worker *worker) { (void)worker; }

static const struct task tasks[] = {
	{ "sign", prepare_sign, sign }, { "hmac", prepare_hmac, hmac }, { "parts", prepare_hmac, hmac_parts },
	{ "create", nothing, create }, { "find", nothing, find },
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	double start = now(), end;
	do {
		worker->task->once(worker);
		end = now();
		worker->samples[worker->count++] = (float)((end - start) * 1e6);
		start = end;
	} while (end < worker->until && worker->count < SAMPLES_MAX);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	float one = *(const float *)a, two = *(const float *)b;
	return one < two ? -1 : one > two;
}

static void report(const struct task *task, struct worker *workers, size_t threads, double seconds)
{
	size_t count = 0;
	for (size_t i = 0; i < threads; i++)
		count += workers[i].count;
	float *all = malloc((count + 1) * sizeof *all);
	if (!all || !count)
		exit(1);
	for (size_t i = 0, at = 0; i < threads; at += workers[i].count, i++)
		memcpy(all + at, workers[i].samples, workers[i].count * sizeof *all);
	qsort(all, count, sizeof *all, by_size);
	printf("what=%s threads=%zu per_second=%.1f p50_us=%.0f p99_us=%.0f\n", task->name, threads, (double)count / seconds,
		(double)all[count / 2], (double)all[count * 99 / 100]);
	free(all);
}

static void run(struct module *module, const struct task *task, size_t threads, double seconds)
{
	static struct worker workers[THREADS_MAX];
	for (size_t i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .module = module, .task = task, .session = module_session(module), .seed = (unsigned)i + 1,
			.samples = malloc(SAMPLES_MAX * sizeof(float)) };
		if (!workers[i].samples)
			exit(1);
		task->prepare(&workers[i]);
		task->once(&workers[i]); /* what is only slow the first time is not what is measured */
	}
	double start = now();
	for (size_t i = 0; i < threads; i++) {
		workers[i].until = start + seconds;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			exit(1);
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	report(task, workers, threads, now() - start);
}

static void fill(struct module *module, long count)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	for (long i = 0; i < count; i++) {
		char label[32];
		data_label(label, i);
		CK_OBJECT_HANDLE object;
		CK_ATTRIBUTE template_[] = { { CKA_CLASS, &class, sizeof class }, { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 },
			{ CKA_LABEL, label, strlen(label) }, { CKA_VALUE, label, strlen(label) } };
		module_must(module->p11->C_CreateObject(module->session, template_, 5, &object), "C_CreateObject");
	}
}

int main(int argc, char **argv)
{
	struct module module;
	const char *what = argc > 1 ? argv[1] : "";
	long number = argc > 2 ? atol(argv[2]) : 1;
	double seconds = argc > 3 ? atof(argv[3]) : 3;
	if (argc > 4)
		filled = atol(argv[4]);
	module_open(&module);
	if (strcmp(what, "fill") == 0) {
		fill(&module, number);
		module_close(&module);
		return 0;
	}
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		if (strcmp(what, tasks[i].name) == 0 && number >= 1 && number <= THREADS_MAX) {
			run(&module, &tasks[i], (size_t)number, seconds);
			module_close(&module);
			return 0;
		}
	fprintf(stderr, "usage: bench sign|hmac|parts|create|find [THREADS] [SECONDS] [OBJECTS] | fill OBJECTS\n");
	return 2;
}

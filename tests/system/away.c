/* away make FIRST COUNT THREADS   makes COUNT generic secret keys, labelled with their numbers from FIRST
 * away use COUNT                  prints the HMAC of each of the newest sixteen of COUNT keys
 * away ask COUNT STOP             asks for the newest over and over, from before anybody listens until the file STOP is there. From
 *                                 the first answer on each one is found and works. Prints the same as `use`, and on stderr when (the
 *                                 clock's milliseconds) the first key worked
 *
 * The module, slot and PIN come from the environment (bench/module.h). */
#include "bench/module.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define NEWEST 16
#define LABEL_SIZE 32
#define MAC_SIZE 32

static struct module module;
static long next, end;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void write_label(char label[LABEL_SIZE], long number)
{
	snprintf(label, LABEL_SIZE, "away-%07ld", number);
}

/* ---- make */

static void make_one(CK_SESSION_HANDLE session, long number)
{
	char label[LABEL_SIZE];
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG size = MAC_SIZE;
	CK_OBJECT_HANDLE key;
	write_label(label, number);
	CK_ATTRIBUTE attributes[] = { { CKA_VALUE_LEN, &size, sizeof size }, { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 },
		{ CKA_LABEL, label, strlen(label) } };
	module_must(module.p11->C_GenerateKey(session, &mechanism, attributes, 4, &key), "C_GenerateKey");
}

static void *make_some(void *nothing)
{
	CK_SESSION_HANDLE session = module_session(&module);
	for (;;) {
		pthread_mutex_lock(&lock);
		long number = next++;
		pthread_mutex_unlock(&lock);
		if (number >= end)
			return nothing;
		make_one(session, number);
	}
}

static int make(long first, long count, int threads)
{
	pthread_t all[THREADS_MAX];
	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	next = first;
	end = first + count;
	module_open(&module);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&all[i], NULL, make_some, NULL) != 0)
			return 2;
	for (int i = 0; i < threads; i++)
		pthread_join(all[i], NULL);
	module_close(&module);
	return 0;
}

/* ---- use and ask */

static CK_RV find(CK_SESSION_HANDLE session, long number, CK_OBJECT_HANDLE *key, CK_ULONG *found)
{
	char label[LABEL_SIZE];
	write_label(label, number);
	CK_ATTRIBUTE wanted = { CKA_LABEL, label, strlen(label) };
	CK_RV rv = module.p11->C_FindObjectsInit(session, &wanted, 1);
	if (rv != CKR_OK)
		return rv;
	rv = module.p11->C_FindObjects(session, key, 1, found);
	module.p11->C_FindObjectsFinal(session);
	return rv;
}

static CK_RV mac(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE out[MAC_SIZE])
{
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ULONG size = MAC_SIZE;
	CK_RV rv = module.p11->C_SignInit(session, &mechanism, key);
	return rv == CKR_OK ? module.p11->C_Sign(session, (CK_BYTE *)(uintptr_t)"away", 4, out, &size) : rv;
}

/* Found, and at work; whatever else ends the process with a line. */
static void use_one(CK_SESSION_HANDLE session, long number, CK_BYTE out[MAC_SIZE])
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ULONG found = 0;
	module_must(find(session, number, &key, &found), "searching");
	if (!found) {
		fprintf(stderr, "away: key %ld exists and is not found\n", number);
		exit(1);
	}
	module_must(mac(session, key, out), "signing");
}

static void print_newest(long count)
{
	for (long number = count - NEWEST; number < count; number++) {
		CK_BYTE out[MAC_SIZE];
		use_one(module.session, number, out);
		printf("%ld ", number);
		for (size_t i = 0; i < MAC_SIZE; i++)
			printf("%02x", out[i]);
		printf("\n");
	}
}

static int use(long count)
{
	module_open(&module);
	print_newest(count);
	module_close(&module);
	return 0;
}

/* Nobody listens, or not yet to us. */
static int is_no_answer(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_REMOVED;
}

static void answered(CK_RV rv, const char *what)
{
	if (!is_no_answer(rv))
		module_must(rv, what);
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* As module_open, by an application that does not give up. */
static void open_patiently(void)
{
	const char *pin = getenv("CRATON_PIN");
	CK_ULONG one = 1;
	CK_RV rv;
	module_load(&module);
	module_must(module.p11->C_GetSlotList(CK_FALSE, &module.slot, &one), "C_GetSlotList");
	while ((rv = module.p11->C_OpenSession(module.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &module.session)) != CKR_OK)
		answered(rv, "C_OpenSession");
	while ((rv = module.p11->C_Login(module.session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin))) != CKR_OK)
		answered(rv, "C_Login");
}

/* The first answer to a question about a key. */
static void ask_first(long number)
{
	CK_OBJECT_HANDLE key;
	CK_ULONG found = 0;
	CK_RV rv;
	while ((rv = find(module.session, number, &key, &found)) != CKR_OK)
		answered(rv, "searching");
	if (!found) {
		fprintf(stderr, "away: the first answer: key %ld is not there\n", number);
		exit(1);
	}
}

static int ask(long count, const char *stop)
{
	CK_BYTE out[MAC_SIZE];
	struct timespec now;
	unsigned seed = 1;
	open_patiently();
	ask_first(count - 1);
	use_one(module.session, count - 1, out);
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(stderr, "%lld\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	while (access(stop, F_OK) != 0)
		use_one(module.session, count - 1 - rand_r(&seed) % count, out);
	print_newest(count);
	module_close(&module);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "make") == 0)
		return make(atol(argv[2]), atol(argv[3]), atoi(argv[4]));
	if (argc == 3 && strcmp(argv[1], "use") == 0 && atol(argv[2]) >= NEWEST)
		return use(atol(argv[2]));
	if (argc == 4 && strcmp(argv[1], "ask") == 0 && atol(argv[2]) >= NEWEST)
		return ask(atol(argv[2]), argv[3]);
	fprintf(stderr, "usage: away make FIRST COUNT THREADS | use COUNT | ask COUNT STOP\n");
	return 2;
}

/* application STORY: what an application may do with the whole library, against real nodes. Ends with 0 if all was as the standard
 * has it. */
#include "tests/system/application.h"
#include "tests/support/inventory.h"
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

CK_FUNCTION_LIST *p11;
CK_SLOT_ID slot;

void expect_rv(CK_RV got, CK_RV wanted, const char *what, const char *file, int line)
{
	if (got == wanted)
		return;
	fprintf(stderr, "%s:%d: %s: 0x%lx, not 0x%lx\n", file, line, what, got, wanted);
	_exit(1);
}

void *load_file(const char *file)
{
	void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
	EXPECT(get(&p11), CKR_OK);
	return module;
}

void *load(void)
{
	return load_file(getenv("CRATON_MODULE"));
}

void start(void *arguments)
{
	CK_ULONG count = 1;
	EXPECT(p11->C_Initialize(arguments), CKR_OK);
	EXPECT(p11->C_GetSlotList(CK_TRUE, &slot, &count), CKR_OK);
	EXPECT_TRUE(count == 1);
}

CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session;
	EXPECT(p11->C_OpenSession(slot, flags, NULL, NULL, &session), CKR_OK);
	return session;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
	return p11->C_Login(session, user, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin));
}

CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session, bool is_token)
{
	CK_OBJECT_HANDLE key;
	CK_ULONG size = 32;
	CK_BBOOL token = is_token, yes = CK_TRUE;
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = { { CKA_VALUE_LEN, &size, sizeof size }, { CKA_TOKEN, &token, 1 }, { CKA_SIGN, &yes, 1 } };
	EXPECT(p11->C_GenerateKey(session, &mechanism, template_, 3, &key), CKR_OK);
	return key;
}

CK_RV use_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE mac[32];
	CK_ULONG size = sizeof mac;
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);
	return rv == CKR_OK ? p11->C_Sign(session, (CK_BYTE_PTR)(uintptr_t)"data", 4, mac, &size) : rv;
}

CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;
	EXPECT(p11->C_GetSessionInfo(session, &info), CKR_OK);
	EXPECT_TRUE(info.slotID == slot);
	return info.state;
}

CK_TOKEN_INFO token_info(void)
{
	CK_TOKEN_INFO info;
	EXPECT(p11->C_GetTokenInfo(slot, &info), CKR_OK);
	return info;
}

/* ---- stories */

void one_round(void)
{
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	EXPECT(use_key(session, make_key(session, false)), CKR_OK);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK); /* and everything is left open */
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

#define WARM 2 /* rounds, after which libraries have what they keep for themselves */

/* The allocator must not keep what is freed (GLIBC_TUNABLES): then every byte counts. */
void expect_nothing_left_by(void (*round)(void))
{
	size_t files = 0, threads = 0, bytes = 0;
	for (int i = 0; i < WARM + 15; i++) {
		round();
		if (i == WARM - 1) {
			files = files_open();
			threads = threads_alive();
			bytes = mallinfo2().uordblks;
		}
	}
	EXPECT_TRUE(files_open() == files);
	EXPECT_TRUE(threads_settle_at(threads));
	EXPECT_TRUE(mallinfo2().uordblks == bytes);
}

static void run_rounds(void)
{
	load();
	expect_nothing_left_by(one_round);
}

static atomic_int initialized;

static void *initialize(void *unused)
{
	CK_RV rv = p11->C_Initialize(NULL);
	(void)unused;
	if (rv == CKR_OK)
		atomic_fetch_add(&initialized, 1);
	else
		EXPECT(rv, CKR_CRYPTOKI_ALREADY_INITIALIZED);
	return NULL;
}

void in_threads(void *(*work)(void *), pthread_t threads[THREADS])
{
	for (size_t i = 0; i < THREADS; i++)
		EXPECT_TRUE(pthread_create(&threads[i], NULL, work, NULL) == 0);
}

void join(pthread_t threads[THREADS])
{
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void run_threads(void)
{
	pthread_t threads[THREADS];
	load();
	for (int round = 0; round < 20; round++) {
		atomic_store(&initialized, 0);
		in_threads(initialize, threads);
		join(threads);
		EXPECT_TRUE(atomic_load(&initialized) == 1);
		EXPECT(p11->C_Finalize(NULL), CKR_OK);
	}
}

CK_OBJECT_HANDLE shared_key;
atomic_int uses;

void *use_until_the_end(void *unused)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = p11->C_OpenSession(slot, RO, NULL, NULL, &session);
	(void)unused;
	while (rv == CKR_OK) {
		rv = use_key(session, shared_key);
		atomic_fetch_add(&uses, rv == CKR_OK);
	}
	EXPECT(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	return NULL;
}

void wait_for_uses(int more)
{
	int enough = atomic_load(&uses) + more;
	while (atomic_load(&uses) < enough)
		sched_yield();
}

static void finalize_under_threads(void *arguments)
{
	pthread_t threads[THREADS];
	start(arguments);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	shared_key = make_key(session, false);
	in_threads(use_until_the_end, threads);
	wait_for_uses(200);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	join(threads);
}

static void run_finalize(void)
{
	load();
	for (int round = 0; round < 5; round++)
		finalize_under_threads(NULL);
}

static void *use_some(void *unused)
{
	CK_SESSION_HANDLE session = open_session(RO);
	(void)unused;
	for (int i = 0; i < 25; i++)
		EXPECT(use_key(session, shared_key), CKR_OK);
	EXPECT(p11->C_CloseSession(session), CKR_OK);
	return NULL;
}

static void run_crowd(void)
{
	pthread_t threads[64];
	load();
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	shared_key = make_key(session, true);
	for (size_t i = 0; i < 64; i++)
		EXPECT_TRUE(pthread_create(&threads[i], NULL, use_some, NULL) == 0);
	for (size_t i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	EXPECT(p11->C_DestroyObject(session, shared_key), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

static atomic_int locks;
static CK_RV create(void **mutex)
{
	*mutex = calloc(1, sizeof(pthread_mutex_t));
	return *mutex ? CKR_OK : CKR_HOST_MEMORY;
}
static CK_RV destroy(void *mutex) { free(mutex); return CKR_OK; }
static CK_RV lock(void *mutex) { atomic_fetch_add(&locks, 1); return pthread_mutex_lock(mutex) ? CKR_GENERAL_ERROR : CKR_OK; }
static CK_RV unlock(void *mutex) { return pthread_mutex_unlock(mutex) ? CKR_GENERAL_ERROR : CKR_OK; }

static void run_mutexes(void)
{
	CK_C_INITIALIZE_ARGS arguments = { .CreateMutex = create, .DestroyMutex = destroy, .LockMutex = lock, .UnlockMutex = unlock };
	load();
	for (int round = 0; round < 3; round++)
		finalize_under_threads(&arguments);
	EXPECT_TRUE(atomic_load(&locks) >= 3 * 200);
	arguments.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS;
	size_t threads = threads_alive();
	start(&arguments);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	EXPECT(use_key(session, make_key(session, false)), CKR_OK);
	EXPECT_TRUE(threads_settle_at(threads));
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } stories[] = {
		{ "rounds", run_rounds }, { "reload", run_reload }, { "threads", run_threads }, { "finalize", run_finalize },
		{ "mutexes", run_mutexes }, { "crowd", run_crowd }, { "sessions", run_sessions }, { "pins", run_pins },
		{ "init-token", run_init_token }, { "fork", run_fork }, { "fork-busy", run_fork_busy }, { "exit", run_exit }, { "silent", run_silent },
		{ "forgotten", run_forgotten }, { "twice", run_twice }, { "two-slots", run_two_slots }, { "enhanced", run_enhanced },
		{ "basic", run_basic },
	};
	for (size_t i = 0; argc == 2 && i < sizeof stories / sizeof *stories; i++)
		if (strcmp(argv[1], stories[i].name) == 0) {
			stories[i].run();
			return 0;
		}
	fprintf(stderr, "usage: application STORY\n");
	return 2;
}

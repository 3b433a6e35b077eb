/* C_Initialize and C_Finalize: locking arguments, rounds, threads, forks. The user's session of every sentence
 * goes with them. */
#include "tests/conformance/suite.h"
#include "tests/support/inventory.h"
#include "tests/support/sanitizer.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_RV create_mutex(void **mutex)
{
	*mutex = malloc(sizeof(pthread_mutex_t));
	return *mutex && pthread_mutex_init(*mutex, NULL) == 0 ? CKR_OK : CKR_HOST_MEMORY;
}
static CK_RV destroy_mutex(void *mutex)
{
	pthread_mutex_destroy(mutex);
	free(mutex);
	return CKR_OK;
}
static CK_RV lock_mutex(void *mutex) { return pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD; }
static CK_RV unlock_mutex(void *mutex) { return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD; }

static CK_C_INITIALIZE_ARGS arguments(CK_FLAGS flags, bool has_mutexes)
{
	CK_C_INITIALIZE_ARGS none = { .flags = flags };
	CK_C_INITIALIZE_ARGS some = { create_mutex, destroy_mutex, lock_mutex, unlock_mutex, flags, NULL };
	return has_mutexes ? some : none;
}

/* A session, its login and some work in it. */
static void the_library_works(void)
{
	CK_BYTE mac[32], data[] = "data";
	CK_ULONG size = sizeof mac;
	login_user();
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_secret(session, SESSION_OBJECT, 32, "works");
	EXPECT(P11->C_SignInit(session, &(CK_MECHANISM){ CKM_SHA256_HMAC, NULL, 0 }, key), CKR_OK);
	EXPECT(P11->C_Sign(session, data, sizeof data, mac, &size), CKR_OK);
	session_close(session);
}

static void every_way_of_locking_is_taken(void)
{
	for (int mutexes = 0; mutexes < 2; mutexes++)
		for (CK_FLAGS flags = 0; flags <= 3; flags++) {
			CK_C_INITIALIZE_ARGS given = arguments(flags, mutexes); /* CKF_LIBRARY_CANT_CREATE_OS_THREADS, CKF_OS_LOCKING_OK */
			CK_RV rv = P11->C_Finalize(NULL);
			EXPECT(rv, CKR_OK);
			rv = P11->C_Initialize(&given);
			/* "the library cannot function properly without being able to spawn new threads": it may say so, ours need not */
			EXPECT(rv, CKR_OK);
			if (rv == CKR_OK)
				the_library_works();
		}
	EXPECT(P11->C_Finalize(NULL), CKR_OK);
	EXPECT(P11->C_Initialize(NULL), CKR_OK);
	the_library_works();
}

/* "Either all of the function pointers … have the value NULL_PTR, or none." */
static void mutexes_come_all_or_none(void)
{
	CK_C_INITIALIZE_ARGS partly = arguments(0, true), reserved = arguments(0, false);
	partly.UnlockMutex = NULL;
	reserved.pReserved = &partly;
	EXPECT(P11->C_Finalize(NULL), CKR_OK);
	EXPECT(P11->C_Initialize(&partly), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	initialize();
	EXPECT(P11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

static void it_begins_and_ends_many_times(void)
{
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE before = session_open(RO);
	for (int i = 0; i < 15; i++) {
		EXPECT(P11->C_Finalize(NULL), CKR_OK);
		EXPECT(P11->C_Initialize(NULL), CKR_OK);
	}
	EXPECT(P11->C_GetSessionInfo(before, &info), CKR_SESSION_HANDLE_INVALID);
	the_library_works();
}

static void *begin(void *rv)
{
	CK_C_INITIALIZE_ARGS given = { .flags = CKF_OS_LOCKING_OK };
	*(CK_RV *)rv = P11->C_Initialize(&given);
	return NULL;
}

/* Of many at once one is first. */
static void many_threads_may_begin_at_once(void)
{
	pthread_t threads[16];
	CK_RV rv[16];
	size_t first = 0;
	if (token.is_softhsm) {
		observe_deviation("C_Initialize", "not asked", "it crashes when threads begin at once");
		return;
	}
	EXPECT(P11->C_Finalize(NULL), CKR_OK);
	for (size_t i = 0; i < COUNT(threads); i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, begin, &rv[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		first += rv[i] == CKR_OK;
		CU_ASSERT(rv[i] == CKR_OK || rv[i] == CKR_CRYPTOKI_ALREADY_INITIALIZED);
	}
	CU_ASSERT_EQUAL(first, 1);
	the_library_works();
}

/* Under AddressSanitizer only where nobody looks for lost members beside us (tests/support/sanitizer.h). */
int in_a_child(int (*story)(CK_SESSION_HANDLE session), CK_SESSION_HANDLE session)
{
	int status = -1;
	if (!MAY_FORK_BESIDE_THREADS && threads_beside())
		return 0;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(story(session));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int is_not_initialized(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;
	CK_ULONG count = 0;
	return (P11->C_GetSessionInfo(session, &info) != CKR_CRYPTOKI_NOT_INITIALIZED) +
		(P11->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_CRYPTOKI_NOT_INITIALIZED) +
		(P11->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED);
}

static int begins_anew(CK_SESSION_HANDLE parents)
{
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	CK_BYTE out[32];
	int wrong = P11->C_Initialize(NULL) != CKR_OK;
	wrong += P11->C_GetSessionInfo(parents, &info) != CKR_SESSION_HANDLE_INVALID;
	wrong += P11->C_OpenSession(token.slot, RW, NULL, NULL, &session) != CKR_OK;
	wrong += P11->C_GetSessionInfo(session, &info) != CKR_OK || info.state != CKS_RW_PUBLIC_SESSION;
	wrong += P11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)token.user_pin, strlen(token.user_pin)) != CKR_OK;
	wrong += P11->C_GenerateRandom(session, out, sizeof out) != CKR_OK;
	return wrong + (P11->C_Finalize(NULL) != CKR_OK);
}

/* 2.40, 6.6.1: "the child MUST call C_Initialize" before it uses the library; until then it is told so. */
static void a_child_is_told_to_begin_anew_and_leaves_its_parent_alone(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_SESSION_INFO info;
	if (token.is_softhsm)
		observe_deviation("fork", "not asked", "a child uses its parent's sessions");
	else
		CU_ASSERT_EQUAL(in_a_child(is_not_initialized, session), 0);
	if (!token.is_softhsm)
		CU_ASSERT_EQUAL(in_a_child(begins_anew, session), 0);
	EXPECT(P11->C_GetSessionInfo(session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	the_library_works();
}

CHAPTER(initialize,
	SAY(every_way_of_locking_is_taken),
	SAY(mutexes_come_all_or_none),
	SAY(it_begins_and_ends_many_times),
	SAY(many_threads_may_begin_at_once),
	SAY(a_child_is_told_to_begin_anew_and_leaves_its_parent_alone));

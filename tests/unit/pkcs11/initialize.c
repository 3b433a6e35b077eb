/* C_Initialize and its arguments: whose locks, whose threads. */
#include "tests/unit/pkcs11/module.h"
#include "tests/support/inventory.h"
#include <pthread.h>
#include <sched.h>

static atomic_int created, destroyed, locked, unlocked, holders, holders_most;
static CK_RV create_gives = CKR_OK;
static atomic_ulong lock_gives = CKR_OK;

static CK_RV create(void **mutex)
{
	if (create_gives != CKR_OK)
		return create_gives;
	pthread_mutex_t *made = malloc(sizeof *made);
	pthread_mutex_init(made, NULL);
	atomic_fetch_add(&created, 1);
	*mutex = made;
	return CKR_OK;
}

static CK_RV destroy(void *mutex)
{
	pthread_mutex_destroy(mutex);
	free(mutex);
	atomic_fetch_add(&destroyed, 1);
	return CKR_OK;
}

static CK_RV lock(void *mutex)
{
	CK_RV rv = atomic_load(&lock_gives);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(mutex);
	atomic_fetch_add(&locked, 1);
	int now = atomic_fetch_add(&holders, 1) + 1;
	if (now > atomic_load(&holders_most))
		atomic_store(&holders_most, now);
	return CKR_OK;
}

static CK_RV unlock(void *mutex)
{
	atomic_fetch_add(&unlocked, 1);
	atomic_fetch_sub(&holders, 1);
	pthread_mutex_unlock(mutex);
	return CKR_OK;
}

static void forget_counts(void)
{
	atomic_store(&created, 0);
	atomic_store(&destroyed, 0);
	atomic_store(&locked, 0);
	atomic_store(&unlocked, 0);
	atomic_store(&holders_most, 0);
	create_gives = CKR_OK;
	atomic_store(&lock_gives, CKR_OK);
}

static CK_C_INITIALIZE_ARGS own(CK_FLAGS flags)
{
	forget_counts();
	return (CK_C_INITIALIZE_ARGS){ .CreateMutex = create, .DestroyMutex = destroy, .LockMutex = lock, .UnlockMutex = unlock,
	                               .flags = flags };
}

static void every_combination_of_functions_but_all_or_none_is_refused(void)
{
	module_prepare(1, "");
	for (unsigned given = 0; given < 16; given++)
		for (unsigned flags = 0; flags < 4; flags++) {
			CK_C_INITIALIZE_ARGS arguments = own(flags);
			arguments.CreateMutex = given & 1 ? create : NULL;
			arguments.DestroyMutex = given & 2 ? destroy : NULL;
			arguments.LockMutex = given & 4 ? lock : NULL;
			arguments.UnlockMutex = given & 8 ? unlock : NULL;
			bool is_good = given == 0 || given == 15;
			EXPECT(C_Initialize(&arguments), is_good ? CKR_OK : CKR_ARGUMENTS_BAD);
			EXPECT(C_Finalize(NULL), is_good ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED);
			CU_ASSERT_EQUAL(created, destroyed);
		}
	CK_C_INITIALIZE_ARGS reserved = { .pReserved = &reserved };
	EXPECT(C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	module_finish();
}

static void the_applications_mutexes_are_used_where_ours_may_not_be(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(0);
	CK_BYTE random[4];
	module_prepare(1, "");
	EXPECT(C_Initialize(&arguments), CKR_OK);
	CU_ASSERT_EQUAL(created, 1);
	EXPECT(C_Initialize(&arguments), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	CU_ASSERT_EQUAL(created - destroyed, 1);
	CK_SESSION_HANDLE session = open_session(RO);
	int before = locked;
	EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_OK);
	EXPECT(C_GenerateRandom(77, random, sizeof random), CKR_SESSION_HANDLE_INVALID);
	CU_ASSERT_EQUAL(locked, before + 2);
	CU_ASSERT_EQUAL(locked, unlocked);
	EXPECT(C_Finalize(NULL), CKR_OK);
	CU_ASSERT_EQUAL(created, destroyed);
	module_finish();
}

static void they_are_not_needed_where_ours_may_be(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(CKF_OS_LOCKING_OK);
	module_prepare(1, "");
	EXPECT(C_Initialize(&arguments), CKR_OK);
	open_session(RO);
	CU_ASSERT_EQUAL(created + locked, 0);
	module_stop();
}

static void a_mutex_that_fails_is_an_answer(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(0);
	CK_SESSION_HANDLE session;
	module_prepare(1, "");
	create_gives = CKR_HOST_MEMORY;
	EXPECT(C_Initialize(&arguments), CKR_HOST_MEMORY);
	create_gives = CKR_OK;
	EXPECT(C_Initialize(&arguments), CKR_OK);
	atomic_store(&lock_gives, CKR_MUTEX_BAD);
	EXPECT(C_OpenSession(SLOT, RO, NULL, NULL, &session), CKR_GENERAL_ERROR);
	atomic_store(&lock_gives, CKR_OK);
	EXPECT(C_OpenSession(SLOT, RO, NULL, NULL, &session), CKR_OK);
	CU_ASSERT_EQUAL(locked, unlocked);
	module_stop();
	CU_ASSERT_EQUAL(created, destroyed);
}

static void *wait_for_event(void *slot)
{
	return (void *)(uintptr_t)C_WaitForSlotEvent(0, slot, NULL);
}

/* And if it does not get the mutex back, it gives back none. */
static void who_waits_for_an_event_lets_others_in(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(0);
	pthread_t thread;
	CK_SLOT_ID slot;
	CK_BYTE random[4];
	void *rv;
	module_prepare(1, "");
	EXPECT(C_Initialize(&arguments), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RO);
	int before = locked;
	pthread_create(&thread, NULL, wait_for_event, &slot);
	while (locked == before || locked != unlocked)
		sched_yield();
	EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_OK);
	atomic_store(&lock_gives, CKR_MUTEX_BAD);
	pthread_join(thread, &rv);
	CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_GENERAL_ERROR);
	atomic_store(&lock_gives, CKR_OK);
	EXPECT(C_Finalize(NULL), CKR_OK); /* nobody is inside */
	CU_ASSERT_EQUAL(locked, unlocked);
	module_finish();
}

static atomic_bool over;

static void *work(void *unused)
{
	uintptr_t surprises = 0;
	(void)unused;
	while (!atomic_load(&over)) {
		CK_SESSION_HANDLE session;
		CK_BYTE random[16];
		CK_RV rv = C_OpenSession(SLOT, RO, NULL, NULL, &session);
		if (rv == CKR_OK)
			rv = C_GenerateRandom(session, random, sizeof random);
		if (rv == CKR_OK)
			rv = C_CloseSession(session);
		surprises += rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED && rv != CKR_SESSION_HANDLE_INVALID;
	}
	return (void *)surprises;
}

/* The library is opened and closed while threads are inside, or on their way. */
static void open_and_close_under_threads(CK_C_INITIALIZE_ARGS *arguments)
{
	pthread_t threads[8];
	atomic_store(&over, false);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 20; i++) {
		unsigned before = module_requests();
		EXPECT(C_Initialize(arguments), CKR_OK);
		while (module_requests() < before + 20)
			sched_yield();
		EXPECT(C_Finalize(NULL), CKR_OK);
		CU_ASSERT_EQUAL(created, destroyed);
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *surprises;
		pthread_join(threads[i], &surprises);
		CU_ASSERT_PTR_NULL(surprises);
	}
}

static void finalizing_while_threads_are_inside_is_safe(void)
{
	module_prepare(2, "");
	forget_counts();
	open_and_close_under_threads(NULL);
	CU_ASSERT_EQUAL(created, 0);
	module_finish();
}

/* Also then: nobody waits on a mutex that is destroyed. */
static void under_the_applications_mutexes_calls_come_one_after_the_other(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(0);
	module_prepare(1, "");
	open_and_close_under_threads(&arguments);
	CU_ASSERT(created > 0);
	CU_ASSERT_EQUAL(holders_most, 1);
	CU_ASSERT_EQUAL(locked, unlocked);
	module_finish();
}

/* The one node is lost and comes back: with a thread of ours or without one, but never with one where none may be. */
static void where_no_thread_may_be_started_the_calls_find_lost_nodes_again(void)
{
	CK_C_INITIALIZE_ARGS arguments = own(CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK);
	CK_BYTE random[4];
	module_prepare(1, "interval = 10ms");
	EXPECT(C_Initialize(&arguments), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RO);
	node_stop(0);
	size_t threads = threads_alive();
	for (int i = 0; i < 4; i++)
		EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_DEVICE_REMOVED);
	CU_ASSERT(threads_settle_at(threads));
	node_start(0);
	CK_RV rv = CKR_DEVICE_REMOVED;
	for (int64_t end = clock_ms() + 10000; rv != CKR_OK && clock_ms() < end;)
		rv = C_GenerateRandom(session, random, sizeof random);
	CU_ASSERT_EQUAL(rv, CKR_OK);
	module_stop();
}

static void *count_others(void *others)
{
	*(size_t *)others = threads_alive() - 1;
	return NULL;
}

/* As another thread sees it: from the first on ThreadSanitizer has one of its own. */
static size_t threads_at_rest(void)
{
	pthread_t thread;
	size_t threads = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, count_others, &threads), 0);
	pthread_join(thread, NULL);
	return threads;
}

/* The fake nodes' own threads are gone with them. */
static void one_thread_looks_for_all_that_are_lost_and_none_before(void)
{
	CK_BYTE random[4];
	size_t threads = threads_at_rest();
	module_prepare(3, "interval = 10ms");
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RO);
	EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_OK);
	for (size_t i = 0; i < 3; i++)
		node_stop(i);
	CU_ASSERT(threads_settle_at(threads));
	for (int i = 0; i < 4; i++)
		EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_DEVICE_REMOVED);
	CU_ASSERT_EQUAL(threads_alive(), threads + 1);
	EXPECT(C_Finalize(NULL), CKR_OK);
	CU_ASSERT(threads_settle_at(threads));
	module_finish();
}

TESTS("pkcs11 initialize", SAY(one_thread_looks_for_all_that_are_lost_and_none_before), SAY(every_combination_of_functions_but_all_or_none_is_refused),
	SAY(the_applications_mutexes_are_used_where_ours_may_not_be), SAY(they_are_not_needed_where_ours_may_be),
	SAY(a_mutex_that_fails_is_an_answer), SAY(who_waits_for_an_event_lets_others_in),
	SAY(finalizing_while_threads_are_inside_is_safe), SAY(under_the_applications_mutexes_calls_come_one_after_the_other),
	SAY(where_no_thread_may_be_started_the_calls_find_lost_nodes_again))

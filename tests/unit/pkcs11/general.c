#include "tests/unit/pkcs11/module.h"
#include "tests/support/inventory.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing_works_before_initialization_or_after_the_end(void)
{
	CK_INFO info;
	CK_ULONG count;
	module_prepare(1, "");
	EXPECT(C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(C_Initialize(NULL), CKR_OK);
	EXPECT(C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	EXPECT(C_GetInfo(&info), CKR_OK);
	EXPECT(C_Finalize(NULL), CKR_OK);
	EXPECT(C_GetSlotList(CK_FALSE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
	module_finish();
}

static CK_RV mutex_stub(void *mutex) { (void)mutex; return CKR_OK; }
static CK_RV create_stub(void **mutex) { *mutex = NULL; return CKR_OK; }

static void arguments_are_all_or_none(void)
{
	CK_C_INITIALIZE_ARGS all = { create_stub, mutex_stub, mutex_stub, mutex_stub, 0, NULL };
	CK_C_INITIALIZE_ARGS some = { create_stub, mutex_stub, NULL, mutex_stub, CKF_OS_LOCKING_OK, NULL };
	CK_C_INITIALIZE_ARGS native = { .flags = CKF_OS_LOCKING_OK }, reserved = { .pReserved = &all };
	CK_C_INITIALIZE_ARGS no_threads = { .flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS };
	CK_C_INITIALIZE_ARGS *good[] = { &all, &native, &no_threads, NULL };
	module_prepare(1, "");
	EXPECT(C_Initialize(&some), CKR_ARGUMENTS_BAD);
	EXPECT(C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	for (size_t i = 0; i < COUNT(good); i++) {
		EXPECT(C_Initialize(good[i]), CKR_OK);
		EXPECT(C_Finalize(&all), CKR_ARGUMENTS_BAD);
		EXPECT(C_Finalize(NULL), CKR_OK);
	}
	module_finish();
}

static void without_settings_it_does_not_start_and_says_why(void)
{
	char said[4096] = "";
	char name[] = "/tmp/craton-test-XXXXXX";
	int fd = mkstemp(name);
	setenv("CRATON_DEBUG", name, 1);
	setenv("CRATON_CONF", "/nonexistent/craton.conf", 1);
	EXPECT(C_Initialize(NULL), CKR_GENERAL_ERROR);
	EXPECT(C_Initialize(NULL), CKR_GENERAL_ERROR);
	unsetenv("CRATON_DEBUG");
	CU_ASSERT(read(fd, said, sizeof said - 1) > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "/nonexistent/craton.conf"));
	close(fd);
	unlink(name);
}

static void no_node_is_needed_to_start_nor_to_show_the_slot(void)
{
	CK_SLOT_ID slot = 0;
	CK_ULONG count = 0;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO info;
	CK_BYTE random[4];
	module_prepare(1, "interval = 20ms");
	node_stop(0);
	EXPECT(C_Initialize(NULL), CKR_OK);
	EXPECT(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	CU_ASSERT_EQUAL(count, 1);
	count = 0;
	EXPECT(C_GetSlotList(CK_TRUE, &slot, &count), CKR_BUFFER_TOO_SMALL);
	EXPECT(C_GetSlotList(CK_TRUE, &slot, &count), CKR_OK);
	CU_ASSERT_EQUAL(slot, SLOT);
	EXPECT(C_GetSlotInfo(SLOT, &slot_info), CKR_OK);
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_TOKEN_NOT_PRESENT);
	CK_SESSION_HANDLE session = open_session(RO);
	EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_DEVICE_REMOVED);
	node_start(0);
	CK_RV rv = CKR_TOKEN_NOT_PRESENT;
	for (int64_t end = clock_ms() + 10000; rv != CKR_OK && clock_ms() < end;)
		rv = C_GetTokenInfo(SLOT, &info);
	CU_ASSERT_EQUAL(rv, CKR_OK);
	EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_OK);
	module_stop();
}

static void fifteen_rounds_leave_nothing_behind(void)
{
	module_prepare(2, "interval = 10ms");
	node_stop(1); /* so that the recovery thread runs */
	size_t files = 0, threads = 0;
	for (int round = 0; round < 15; round++) {
		CK_BYTE random[4];
		EXPECT(C_Initialize(NULL), CKR_OK);
		CK_SESSION_HANDLE session = open_session(RW);
		EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
		for (int i = 0; i < 4; i++)
			EXPECT(C_GenerateRandom(session, random, sizeof random), CKR_OK);
		make_aes(session, false, "left open");
		EXPECT(C_FindObjectsInit(session, NULL, 0), CKR_OK);
		EXPECT(C_Finalize(NULL), CKR_OK);
		node_stop(0); /* its own ends of our connections */
		if (round == 0) {
			files = files_open();
			threads = threads_alive();
		}
		CU_ASSERT_EQUAL(files_open(), files);
		CU_ASSERT(threads_settle_at(threads));
		node_start(0);
	}
	module_finish();
}

static void *initialize(void *count)
{
	CK_RV rv = C_Initialize(NULL);
	if (rv == CKR_OK)
		atomic_fetch_add((atomic_int *)count, 1);
	return (void *)(uintptr_t)(rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

static void of_many_threads_that_initialize_one_does(void)
{
	pthread_t threads[16];
	atomic_int count = 0;
	module_prepare(1, "");
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, initialize, &count);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *good;
		pthread_join(threads[i], &good);
		CU_ASSERT_PTR_NOT_NULL(good);
	}
	CU_ASSERT_EQUAL(count, 1);
	module_stop();
}

static int child_of_fork(CK_SESSION_HANDLE inherited)
{
	CK_SESSION_INFO info;
	CK_BYTE random[4];
	CK_SESSION_HANDLE session;
	if (C_GetSessionInfo(inherited, &info) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED || C_Initialize(NULL) != CKR_OK)
		return 2;
	if (C_GetSessionInfo(inherited, &info) != CKR_SESSION_HANDLE_INVALID)
		return 3;
	if (C_OpenSession(SLOT, RO, NULL, NULL, &session) != CKR_OK || C_GenerateRandom(session, random, 4) != CKR_OK)
		return 4;
	return C_Finalize(NULL) == CKR_OK ? 0 : 5;
}

static void a_forked_child_starts_afresh_and_its_parent_goes_on(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_BYTE random[4];
	EXPECT(C_GenerateRandom(session, random, 4), CKR_OK);
	unsigned connections = fake_node_connections(module.nodes[0]);
	for (int i = 0; i < 3; i++) {
		int status = -1;
		threads_rest(); /* the node's: AddressSanitizer's locks are no child's (tests/support/sanitizer.h) */
		pid_t child = fork();
		if (child == 0)
			_exit(child_of_fork(session));
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		EXPECT(C_GenerateRandom(session, random, 4), CKR_OK);
	}
	CU_ASSERT_EQUAL(fake_node_connections(module.nodes[0]), connections + 3); /* the parent's own was never cut */
	module_stop();
}

static void a_process_may_end_without_a_word(void)
{
	int status = -1;
	module_prepare(2, "interval = 10ms");
	node_stop(1);
	fflush(NULL);
	threads_rest();
	pid_t child = fork();
	if (child == 0) {
		CK_BYTE random[4];
		C_Initialize(NULL);
		CK_SESSION_HANDLE session = open_session(RO);
		for (int i = 0; i < 4; i++)
			C_GenerateRandom(session, random, 4); /* one of them starts the recovery thread */
		exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	module_finish();
}

static void parallel_functions_answer_whatever_the_arguments(void)
{
	EXPECT(C_GetFunctionStatus(77), CKR_FUNCTION_NOT_PARALLEL);
	EXPECT(C_CancelFunction(77), CKR_FUNCTION_NOT_PARALLEL);
}

TESTS("pkcs11 general", SAY(nothing_works_before_initialization_or_after_the_end), SAY(arguments_are_all_or_none),
	SAY(without_settings_it_does_not_start_and_says_why), SAY(no_node_is_needed_to_start_nor_to_show_the_slot),
	SAY(fifteen_rounds_leave_nothing_behind), SAY(of_many_threads_that_initialize_one_does), SAY(a_forked_child_starts_afresh_and_its_parent_goes_on),
	SAY(a_process_may_end_without_a_word), SAY(parallel_functions_answer_whatever_the_arguments))

/* Each fault of fault-token.so strikes when it is ordered, where it is ordered, and is gone when it is taken back. */
#include "tests/check.h"
#include "tests/support/softhsm.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct softhsm softhsm;
static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static char control[128];

/* ---- the token, and orders to it */

static void order(const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s.new", control);
	FILE *file = fopen(path, "w");
	CU_ASSERT_FATAL(file && fputs(text, file) >= 0 && fclose(file) == 0);
	CU_ASSERT_FATAL(rename(path, control) == 0);
}

static void new_session(void)
{
	CU_ASSERT_FATAL(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK);
}

static void stop(void)
{
	unlink(control);
	p11->C_Finalize(NULL);
	softhsm_stop(&softhsm);
}

/* Once for all: the module looks for its control file when it is loaded. */
static void start(void)
{
	static const char *const labels[] = { "a" };
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_SLOT_ID slots[8];
	CK_ULONG count = 8;
	CK_TOKEN_INFO info = { .flags = 0 };
	if (p11) {
		order("");
		return;
	}
	softhsm_start(&softhsm, labels, 1);
	snprintf(control, sizeof control, "%s/shim.conf", softhsm.folder);
	void *library = dlopen(getenv("FAULT_TOKEN"), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CU_ASSERT_FATAL(get && get(&p11) == CKR_OK && p11->C_Initialize(&arguments) == CKR_OK);
	atexit(stop);
	CU_ASSERT_FATAL(p11->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK);
	for (CK_ULONG i = 0; i < count && !(info.flags & CKF_TOKEN_INITIALIZED); i++) {
		slot = slots[i];
		CU_ASSERT_FATAL(p11->C_GetTokenInfo(slot, &info) == CKR_OK);
	}
	new_session();
}

static CK_RV operation(void)
{
	CK_BYTE random[8];
	return p11->C_GenerateRandom(session, random, sizeof random);
}

static CK_RV question(void)
{
	CK_SESSION_INFO info;
	return p11->C_GetSessionInfo(session, &info);
}

static CK_RV make_object(CK_OBJECT_HANDLE *object)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE attributes[] = { { CKA_CLASS, &class, sizeof class }, { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &no, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)"mine", 4 } };
	return p11->C_CreateObject(session, attributes, 4, object);
}

static CK_ULONG objects(void)
{
	CK_OBJECT_HANDLE found[8];
	CK_ULONG count = 0;
	CU_ASSERT(p11->C_FindObjectsInit(session, NULL, 0) == CKR_OK);
	CU_ASSERT(p11->C_FindObjects(session, found, 8, &count) == CKR_OK);
	CU_ASSERT(p11->C_FindObjectsFinal(session) == CKR_OK);
	return count;
}

static uint64_t now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* ---- the stories */

static void without_orders_the_token_is_itself(void)
{
	CK_TOKEN_INFO info;
	start();
	CU_ASSERT(operation() == CKR_OK);
	CU_ASSERT(p11->C_GetTokenInfo(slot, &info) == CKR_OK && info.label[0] == 'a');
	CU_ASSERT(p11->C_SignUpdate(session, info.label, 1) == CKR_OPERATION_NOT_INITIALIZED);
}

static atomic_int done;

static void *operate(void *count)
{
	for (int i = 0; i < *(int *)count; i++)
		if (operation() == CKR_OK)
			atomic_fetch_add(&done, 1);
	return NULL;
}

/* What four threads' operations take together. */
static uint64_t four_threads_us(int each)
{
	pthread_t threads[4];
	uint64_t begin = now_us();
	atomic_store(&done, 0);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, operate, &each) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT(atomic_load(&done) == 4 * each);
	return now_us() - begin;
}

static void an_operation_takes_its_time_and_its_turn(void)
{
	start();
	order("latency_us = 10000\n");
	CU_ASSERT(four_threads_us(3) >= 3 * 10000);
	order("latency_us = 10000\nat_once = 1\n");
	CU_ASSERT(four_threads_us(3) >= 12 * 10000);
	order("latency_us = 10000\nat_once = 2\n");
	CU_ASSERT(four_threads_us(3) >= 6 * 10000);
}

/* An hour each: that these come back at all shows that they took none. */
static void only_work_takes_time_or_what_is_named(void)
{
	start();
	order("latency_us = 3600000000\nat_once = 1\n");
	CU_ASSERT(question() == CKR_OK);
	order("latency_us = 3600000000\nlatency_function = C_Sign, C_GetInfo\n");
	CU_ASSERT(operation() == CKR_OK);
	order("latency_us = 10000\nlatency_function = C_GetSessionInfo\n");
	uint64_t begin = now_us();
	CU_ASSERT(question() == CKR_OK);
	CU_ASSERT(now_us() - begin >= 10000);
}

static off_t times_met(void)
{
	struct stat status;
	char path[160];
	snprintf(path, sizeof path, "%s.met", control);
	return stat(path, &status) == 0 ? status.st_size : 0;
}

static void each_order_that_slows_a_call_is_told_once(void)
{
	start();
	off_t before = times_met();
	order("latency_us = 1\n");
	CU_ASSERT(question() == CKR_OK && times_met() == before);
	CU_ASSERT(operation() == CKR_OK && operation() == CKR_OK && times_met() == before + 1);
	order("latency_us = 2\n");
	CU_ASSERT(operation() == CKR_OK && times_met() == before + 2);
	order("");
	CU_ASSERT(operation() == CKR_OK && times_met() == before + 2);
}

static int hung(void)
{
	char path[160], text[16] = "";
	snprintf(path, sizeof path, "%s.hung", control);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, text, sizeof text - 1);
	close(fd);
	return size > 0 ? atoi(text) : 0;
}

static void hangs_until_told_otherwise(const char *text)
{
	int once = 1;
	pthread_t thread;
	atomic_store(&done, 0);
	off_t before = times_met();
	order(text);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, operate, &once) == 0);
	while (hung() != 1)
		poll(NULL, 0, 1);
	CU_ASSERT(atomic_load(&done) == 0 && times_met() == before + 1);
	order("");
	pthread_join(thread, NULL);
	CU_ASSERT(atomic_load(&done) == 1);
	CU_ASSERT(hung() == 0);
}

static void a_call_hangs_until_told_otherwise(void)
{
	start();
	hangs_until_told_otherwise("hang = yes\n");
	hangs_until_told_otherwise("hang = yes\nhang_when = after\n");
	hangs_until_told_otherwise("hang_function = C_GenerateRandom\n");
	order("hang_function = C_Sign\n");
	CU_ASSERT(operation() == CKR_OK && hung() == 0);
}

/* Whoever waits for a narrow token waits behind the call that hangs in it. */
static void a_hung_call_keeps_its_turn(void)
{
	int once = 1;
	pthread_t first, second;
	start();
	atomic_store(&done, 0);
	order("at_once = 1\nhang_function = C_GenerateRandom\n");
	CU_ASSERT_FATAL(pthread_create(&first, NULL, operate, &once) == 0);
	while (hung() != 1)
		poll(NULL, 0, 1);
	CU_ASSERT_FATAL(pthread_create(&second, NULL, operate, &once) == 0);
	CU_ASSERT(question() == CKR_OK && atomic_load(&done) == 0 && hung() == 1);
	order("");
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	CU_ASSERT(atomic_load(&done) == 2);
}

static void calls_answer_the_error_as_often_as_ordered(void)
{
	CK_OBJECT_HANDLE object;
	CK_INFO info;
	start();
	order("error = 0x30\n");
	CU_ASSERT(operation() == CKR_DEVICE_ERROR && question() == CKR_DEVICE_ERROR && operation() == CKR_DEVICE_ERROR);
	CU_ASSERT(p11->C_GetInfo(&info) == CKR_OK);
	order("error = 0xb3\nerror_count = 2\n");
	CU_ASSERT(operation() == CKR_SESSION_HANDLE_INVALID && question() == CKR_SESSION_HANDLE_INVALID && operation() == CKR_OK);
	order("error = 0x30\nerror_function = C_GenerateRandom\n");
	CU_ASSERT(question() == CKR_OK && operation() == CKR_DEVICE_ERROR);
	order("");
	CU_ASSERT(objects() == 0);
	order("error = 0x30\nerror_function = C_CreateObject\n");
	CU_ASSERT(make_object(&object) == CKR_DEVICE_ERROR && objects() == 0);
	order("error = 0x30\nerror_function = C_CreateObject\nerror_when = after\n");
	CU_ASSERT(make_object(&object) == CKR_DEVICE_ERROR && objects() == 1);
	order("");
	CU_ASSERT(p11->C_CloseSession(session) == CKR_OK);
	new_session();
	CU_ASSERT(objects() == 0);
}

static void the_same_order_given_again_counts_anew(void)
{
	start();
	for (int i = 0; i < 3; i++) {
		order("error = 0x30\nerror_count = 1\n");
		CU_ASSERT(operation() == CKR_DEVICE_ERROR && operation() == CKR_OK);
	}
}

static void sessions_and_their_objects_are_lost_once_for_each_order(void)
{
	CK_OBJECT_HANDLE object;
	start();
	CU_ASSERT(make_object(&object) == CKR_OK && objects() == 1);
	order("lose_sessions = 1\n");
	CU_ASSERT(operation() == CKR_SESSION_HANDLE_INVALID);
	new_session();
	CU_ASSERT(operation() == CKR_OK && objects() == 0);
	order("lose_sessions = 1\nlatency_us = 1\n");
	CU_ASSERT(operation() == CKR_OK);
	order("lose_sessions = 2\n");
	CU_ASSERT(operation() == CKR_SESSION_HANDLE_INVALID);
	new_session();
}

static void a_removed_token_is_not_in_its_slot_and_has_forgotten_its_sessions(void)
{
	CK_SESSION_HANDLE other;
	CK_TOKEN_INFO info;
	CK_ULONG count = 0, slots = 0;
	start();
	order("removed = yes\n");
	CU_ASSERT(operation() == CKR_DEVICE_REMOVED && question() == CKR_DEVICE_REMOVED);
	CU_ASSERT(p11->C_GetTokenInfo(slot, &info) == CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other) == CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT(p11->C_GetSlotList(CK_TRUE, NULL, &count) == CKR_OK && count == 0);
	CU_ASSERT(p11->C_GetSlotList(CK_FALSE, NULL, &slots) == CKR_OK && slots > 0);
	order("");
	CU_ASSERT(p11->C_GetSlotList(CK_TRUE, NULL, &count) == CKR_OK && count > 0);
	CU_ASSERT(operation() == CKR_SESSION_HANDLE_INVALID);
	new_session();
	CU_ASSERT(operation() == CKR_OK);
}

/* How a process ends that makes one call under these orders. */
static int ending(const char *text)
{
	int status = 0;
	order(text);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(nowhere, STDERR_FILENO);
		question();
		_exit(0);
	}
	CU_ASSERT_FATAL(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static void a_crash_ends_the_process(void)
{
	start();
	CU_ASSERT(WIFEXITED(ending("")) && WEXITSTATUS(ending("")) == 0);
	CU_ASSERT(WIFSIGNALED(ending("crash = yes\n")) && WTERMSIG(ending("crash = yes\n")) == SIGABRT);
	CU_ASSERT(WIFSIGNALED(ending("crash = yes\ncrash_function = C_GetSessionInfo\ncrash_when = after\n")));
	CU_ASSERT(WIFEXITED(ending("crash = yes\ncrash_function = C_Sign\n")));
}

static void an_order_that_is_not_understood_does_not_pass_in_silence(void)
{
	static const char *const bad[] = { "latncy_us = 1\n", "hang = maybe\n", "error = device\n", "hang_function = C_Sing\n",
		"crash_when = later\n", "latency_us = -1\n", "[token]\nhang = yes\n" };
	start();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CU_ASSERT(WEXITSTATUS(ending(bad[i])) == 86);
}

TESTS("token", SAY(without_orders_the_token_is_itself), SAY(an_operation_takes_its_time_and_its_turn),
      SAY(only_work_takes_time_or_what_is_named), SAY(each_order_that_slows_a_call_is_told_once),
      SAY(a_call_hangs_until_told_otherwise), SAY(a_hung_call_keeps_its_turn),
      SAY(calls_answer_the_error_as_often_as_ordered), SAY(the_same_order_given_again_counts_anew),
      SAY(sessions_and_their_objects_are_lost_once_for_each_order),
      SAY(a_removed_token_is_not_in_its_slot_and_has_forgotten_its_sessions), SAY(a_crash_ends_the_process),
      SAY(an_order_that_is_not_understood_does_not_pass_in_silence))

/* An application's process: it forks, with threads at work or without, and it exits when it likes. */
#include "tests/support/inventory.h"
#include "tests/support/sanitizer.h"
#include "tests/system/application.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_HERE 77   /* the status of a story that cannot be told by a program built as this one is */
#define PATIENCE_S 60 /* for a process that hangs, which its alarm then ends */

static void expect_good_end(pid_t pid)
{
	int status = -1;
	EXPECT_TRUE(waitpid(pid, &status, 0) == pid);
	if (status == 0)
		return;
	fprintf(stderr, WIFSIGNALED(status) ? "a child was ended by signal %d\n" : "a child ended with %d\n",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	_exit(1);
}

static CK_SESSION_HANDLE start_logged_in(void)
{
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	return session;
}

/* ---- fork */

/* Nobody is logged in here, whatever the parent is. */
static void begin_anew(CK_SESSION_HANDLE inherited)
{
	CK_SESSION_INFO info;
	EXPECT(p11->C_GetSessionInfo(inherited, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	start(NULL);
	EXPECT(p11->C_GetSessionInfo(inherited, &info), CKR_SESSION_HANDLE_INVALID);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT_TRUE(state_of(session) == CKS_RW_PUBLIC_SESSION);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	EXPECT(use_key(session, make_key(session, false)), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	one_round();
}

/* One child begins anew; another never comes near the library, and ends as processes do, with all that is registered for then. */
static pid_t fork_child(CK_SESSION_HANDLE session, bool begins)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	alarm(PATIENCE_S);
	if (begins)
		begin_anew(session);
	exit(0);
}

void run_fork(void)
{
	load();
	CK_SESSION_HANDLE session = start_logged_in();
	CK_OBJECT_HANDLE key = make_key(session, false);
	for (int i = 0; i < 4; i++) {
		EXPECT(use_key(session, key), CKR_OK);
		pid_t pid = fork_child(session, i % 2);
		EXPECT(use_key(session, key), CKR_OK); /* while the child is at work */
		expect_good_end(pid);
		EXPECT(use_key(session, key), CKR_OK);
		EXPECT_TRUE(state_of(session) == CKS_RW_USER_FUNCTIONS);
	}
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

/* Also while other threads are anywhere in the library, with whatever locks: the child has none of them. */
void run_fork_busy(void)
{
	pthread_t threads[THREADS];
	if (!MAY_FORK_BESIDE_THREADS)
		exit(NOT_HERE);
	load();
	CK_SESSION_HANDLE session = start_logged_in();
	shared_key = make_key(session, false);
	in_threads(use_until_the_end, threads);
	for (int i = 0; i < 12; i++) {
		wait_for_uses(20);
		expect_good_end(fork_child(session, i % 3));
	}
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	join(threads);
}

/* ---- exit */

static void *wait_for_event(void *unused)
{
	CK_SLOT_ID event;
	(void)unused;
	EXPECT(p11->C_WaitForSlotEvent(0, &event, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	return NULL;
}

static void *exit_now(void *unused)
{
	(void)unused;
	exit(0);
}

/* An application's own handler may come before the library's, or after it, when nothing is left to be done. */
static void finalize_at_exit(void)
{
	CK_RV rv = p11->C_Finalize(NULL);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED)
		_exit(1);
}

enum ending { FINALIZES, EXITS, EXITS_FROM_A_THREAD, FINALIZES_BEFORE, FINALIZES_AFTER, ENDINGS };

/* While `threads` are inside, with calls that come out when `ending` does. */
static void end(enum ending ending, pthread_t threads[THREADS])
{
	pthread_t another;
	if (ending == FINALIZES) {
		EXPECT(p11->C_Finalize(NULL), CKR_OK);
		join(threads);
		exit(0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_detach(threads[i]); /* nobody will join them */
	if (ending != EXITS_FROM_A_THREAD)
		exit(0);
	pthread_create(&another, NULL, exit_now, NULL);
	for (;;)
		pause();
}

/* The threads' work: `in_threads` and until they are inside. */
typedef void bringing_in(pthread_t threads[THREADS]);

static void end_while_threads_are_inside(enum ending ending, bringing_in *bring_in)
{
	pthread_t threads[THREADS], another;
	alarm(PATIENCE_S);
	if (ending == FINALIZES_AFTER)
		atexit(finalize_at_exit); /* the last to be registered is the first to be called */
	load();
	CK_SESSION_HANDLE session = start_logged_in();
	if (ending == FINALIZES_BEFORE)
		atexit(finalize_at_exit);
	shared_key = make_key(session, false);
	pthread_create(&another, NULL, wait_for_event, NULL);
	pthread_detach(another);
	bring_in(threads);
	end(ending, threads);
}

static void end_in_every_way(bringing_in *bring_in, void (*afterwards)(void))
{
	for (enum ending ending = FINALIZES; ending < ENDINGS; ending++) {
		pid_t pid = fork();
		if (pid == 0)
			end_while_threads_are_inside(ending, bring_in);
		expect_good_end(pid);
		afterwards();
	}
}

static void put_to_work(pthread_t threads[THREADS])
{
	in_threads(use_until_the_end, threads);
	wait_for_uses(50);
}

static void do_nothing(void)
{
}

void run_exit(void)
{
	for (int round = 0; round < 5; round++)
		end_in_every_way(put_to_work, do_nothing);
}

/* ---- in calls that nobody answers */

static void wait_until(const char *path, char state)
{
	while (task_state(path) != state)
		sched_yield();
}

/* The node, the only one that the application knows: it takes connections still, and says nothing. */
static pid_t node(void)
{
	return atoi(getenv("CRATON_NODE"));
}

static CK_SESSION_HANDLE sessions[THREADS / 2];
static atomic_int asking;
static _Atomic pid_t askers[THREADS];

static void stop_node(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/stat", node());
	EXPECT_TRUE(kill(node(), SIGSTOP) == 0);
	wait_until(path, 'T');
}

static void continue_node(void)
{
	EXPECT_TRUE(kill(node(), SIGCONT) == 0);
}

static CK_RV use_shared_key(CK_SESSION_HANDLE session)
{
	return use_key(session, shared_key);
}

static CK_RV draw(CK_SESSION_HANDLE session)
{
	CK_BYTE random[4];
	return p11->C_GenerateRandom(session, random, sizeof random);
}

static CK_RV name_shared_key(CK_SESSION_HANDLE session)
{
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t)"name", 4 };
	return p11->C_SetAttributeValue(session, shared_key, &label, 1);
}

static CK_RV search(CK_SESSION_HANDLE session)
{
	return p11->C_FindObjectsInit(session, NULL, 0);
}

/* Two threads a session: one waits for the answer, the other for the first. */
static void *ask_in_vain(void *unused)
{
	static CK_RV (*const calls[])(CK_SESSION_HANDLE session) = { use_shared_key, draw, name_shared_key, search };
	int me = atomic_fetch_add(&asking, 1);
	(void)unused;
	atomic_store(&askers[me], gettid());
	EXPECT(calls[me % 4](sessions[me / 2]), CKR_CRYPTOKI_NOT_INITIALIZED);
	return NULL;
}

static void wait_until_asleep(_Atomic pid_t *asker)
{
	char path[64];
	while (!atomic_load(asker))
		sched_yield();
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(asker));
	wait_until(path, 'S');
}

static void silence(pthread_t threads[THREADS])
{
	for (size_t i = 0; i < THREADS / 2; i++)
		sessions[i] = open_session(RW);
	stop_node();
	in_threads(ask_in_vain, threads);
	for (size_t i = 0; i < THREADS; i++)
		wait_until_asleep(&askers[i]);
}

void run_silent(void)
{
	end_in_every_way(silence, continue_node);
}

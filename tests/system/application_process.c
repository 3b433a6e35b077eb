/* An application's process: it forks, with threads at work or without, and it exits when it likes. */
#include "tests/support/sanitizer.h"
#include "tests/system/application.h"
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

enum ending { EXITS, EXITS_FROM_A_THREAD, FINALIZES_BEFORE, FINALIZES_AFTER, ENDINGS };

static void end_while_threads_are_inside(enum ending ending)
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
	pthread_detach(another); /* nobody will join them */
	in_threads(use_until_the_end, threads);
	for (size_t i = 0; i < THREADS; i++)
		pthread_detach(threads[i]);
	wait_for_uses(50);
	if (ending != EXITS_FROM_A_THREAD)
		exit(0);
	pthread_create(&another, NULL, exit_now, NULL);
	for (;;)
		pause();
}

void run_exit(void)
{
	for (int round = 0; round < 5; round++)
		for (enum ending ending = EXITS; ending < ENDINGS; ending++) {
			pid_t pid = fork();
			if (pid == 0)
				end_while_threads_are_inside(ending);
			expect_good_end(pid);
		}
}

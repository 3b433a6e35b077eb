/* No signal is lost where the process begins again. Each story is a process of its own, which may end as this program anew, with the
 * argument "again". */
#include "node/restart.h"
#include "node/signals.h"
#include "tests/check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AS_IT_SHOULD = 0, OTHERWISE = 1, NOTHING_WAITS = 2, RETURNED = 3, TAKEN = 4 };

static char *again[] = { (char *)(uintptr_t)"again", (char *)(uintptr_t)"again", NULL };

/* What a new beginning finds. */
static int begun_again(void)
{
	sigset_t waiting;
	sigpending(&waiting);
	return sigismember(&waiting, SIGTERM) ? AS_IT_SHOULD : NOTHING_WAITS;
}

static int ends_with(int (*story)(void))
{
	int status = -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		restart_prepare(again);
		_exit(signals_hold() ? story() : OTHERWISE);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int waits_and_restarts(void)
{
	kill(getpid(), SIGTERM);
	restart_process();
	return RETURNED;
}

static void one_that_nobody_has_taken_outlasts_it(void)
{
	CU_ASSERT_EQUAL(ends_with(waits_and_restarts), AS_IT_SHOULD);
}

static int takes_and_restarts(void)
{
	kill(getpid(), SIGTERM);
	if (signals_take(60000) != SIGTERM)
		return OTHERWISE;
	restart_process();
	return RETURNED;
}

static void one_that_was_taken_comes_first(void)
{
	CU_ASSERT_EQUAL(ends_with(takes_and_restarts), RETURNED);
}

/* The main thread, which hears of the signal between the decision to begin again and the deed. */
static _Atomic int taker;
static _Atomic int taken;

static void *take(void *context)
{
	taker = (int)syscall(SYS_gettid);
	taken = signals_take(60000);
	return context;
}

/* With a signal waiting for it there is but one thing it can sleep on. */
static bool is_asleep(int thread)
{
	char path[64], line[512] = "", *state;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
	FILE *file = fopen(path, "re");
	if (file && !fgets(line, sizeof line, file))
		line[0] = '\0';
	if (file)
		fclose(file);
	state = strrchr(line, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

static int hears_of_it_in_between(void)
{
	pthread_t thread;
	if (!signals_leave())
		return OTHERWISE;
	kill(getpid(), SIGTERM);
	if (pthread_create(&thread, NULL, take, NULL) != 0)
		return OTHERWISE;
	while (!taken && !(taker && is_asleep(taker)))
		sched_yield();
	return taken ? TAKEN : begun_again();
}

static void one_that_comes_after_the_decision_is_not_taken(void)
{
	CU_ASSERT_EQUAL(ends_with(hears_of_it_in_between), AS_IT_SHOULD);
}

static int hangs_up_and_restarts(void)
{
	kill(getpid(), SIGHUP);
	if (signals_take(60000) != SIGHUP)
		return OTHERWISE;
	kill(getpid(), SIGTERM);
	restart_process();
	return RETURNED;
}

static void one_that_ends_nothing_is_no_hindrance(void)
{
	CU_ASSERT_EQUAL(ends_with(hangs_up_and_restarts), AS_IT_SHOULD);
}

static int waits_for_none(void)
{
	return signals_take(0) == 0 ? AS_IT_SHOULD : TAKEN;
}

static void where_none_comes_the_time_is_told(void)
{
	CU_ASSERT_EQUAL(ends_with(waits_for_none), AS_IT_SHOULD);
}

int main(int argc, char **argv)
{
	static const struct sentence sentences[] = {
		SAY(one_that_nobody_has_taken_outlasts_it), SAY(one_that_was_taken_comes_first), SAY(one_that_comes_after_the_decision_is_not_taken),
		SAY(one_that_ends_nothing_is_no_hindrance), SAY(where_none_comes_the_time_is_told),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "again") == 0)
		return begun_again();
	return check_run("node signals", sentences, sizeof sentences / sizeof *sentences);
}

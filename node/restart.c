#include "node/restart.h"
#include "base/log.h"
#include "node/signals.h"
#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

extern char **environ;

static char **arguments;
static sigset_t mask; /* as we were started */

void restart_prepare(char **argv)
{
	arguments = argv;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
}

/* By its name where it still has that, so that tools show it under it; a program that was replaced or removed meanwhile is still at hand. */
static void run_again(void)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
	if (size > 0) {
		path[size] = '\0';
		execve(path, arguments, environ);
	}
	execve("/proc/self/exe", arguments, environ);
}

/* The token's module may have opened descriptors that would last. */
void restart_process(void)
{
	if (!arguments || !signals_leave())
		return;
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	sd_notify(0, "STATUS=restarting");
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	run_again();
	log_error("node", "the program can't be run again: %s", strerror(errno));
	_exit(EX_OSERR);
}

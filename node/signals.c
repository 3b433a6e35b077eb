#include "node/signals.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

static int fd = -1;
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER; /* whoever has it may take one; kept for good by whoever makes us begin again */
static bool is_ending;                                     /* under `taking` */

bool signals_hold(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0;
}

/* poll() only looks: the signal stays the kernel's until it is read. */
int signals_take(int64_t patience_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct signalfd_siginfo info;
	if (poll(&wait, 1, (int)patience_ms) <= 0)
		return 0;
	pthread_mutex_lock(&taking);
	int which = read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
	is_ending |= which && which != SIGHUP;
	pthread_mutex_unlock(&taking);
	return which;
}

bool signals_end_waits(void)
{
	sigset_t waiting;
	sigpending(&waiting);
	return sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1;
}

bool signals_leave(void)
{
	pthread_mutex_lock(&taking);
	if (!is_ending)
		return true;
	pthread_mutex_unlock(&taking);
	return false;
}

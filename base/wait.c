#include "base/wait.h"
#include <time.h>

bool wait_until(pthread_cond_t *changed, pthread_mutex_t *lock, deadline_ms deadline)
{
	struct timespec until = { .tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 };
	if (deadline == DEADLINE_NEVER)
		return pthread_cond_wait(changed, lock) == 0;
	return pthread_cond_clockwait(changed, lock, CLOCK_MONOTONIC, &until) == 0;
}

#include "base/clock.h"
#include <assert.h>
#include <limits.h>
#include <time.h>

static struct timespec now(clockid_t clock)
{
	struct timespec time;
	int failed = clock_gettime(clock, &time);
	assert(!failed);
	return time;
}

static int64_t ms_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
	return ms_of(now(CLOCK_MONOTONIC));
}

int64_t clock_us(void)
{
	struct timespec time = now(CLOCK_MONOTONIC);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int64_t clock_boot_ms(void)
{
	return ms_of(now(CLOCK_BOOTTIME));
}

int64_t clock_wall_ms(void)
{
	return ms_of(now(CLOCK_REALTIME));
}

deadline_ms deadline_in(int64_t ms)
{
	int64_t start = clock_ms();
	return ms >= DEADLINE_NEVER - start ? DEADLINE_NEVER : start + ms;
}

int deadline_left(deadline_ms deadline)
{
	if (deadline == DEADLINE_NEVER)
		return -1;
	int64_t left = deadline - clock_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

bool deadline_passed(deadline_ms deadline)
{
	return deadline_left(deadline) == 0;
}

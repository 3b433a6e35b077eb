/* Time. Monotonic unless a name says wall. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

int64_t clock_ms(void);
int64_t clock_us(void);
int64_t clock_wall_ms(void); /* since 1970, UTC */
/* The same as clock_ms() but for the time in which the machine was suspended, which this counts too: for what holds true for so long and no
 * longer, whoever sleeps. Not to be mixed with deadlines. (A paused virtual machine whose guest is not told stands still here as well.) */
int64_t clock_boot_ms(void);

/* A moment of clock_ms() after which nobody waits any more. */
typedef int64_t deadline_ms;
#define DEADLINE_NEVER INT64_MAX

deadline_ms deadline_in(int64_t ms);
/* What is left, 0 if it has passed, at most INT_MAX: for poll(2). -1 for DEADLINE_NEVER. */
int deadline_left(deadline_ms deadline);
bool deadline_passed(deadline_ms deadline);

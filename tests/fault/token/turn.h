/* A small HSM: it does so many operations at a time, each takes its time, whoever comes later waits for its turn.
 *
 * The token's time is its own. An operation that was waiting begins when the one before it ended, not when the processor
 * gets round to waking its thread, so a busy machine makes the token no slower. */
#pragma once
#include <stdint.h>

struct turn {
	uint64_t end_us; /* CLOCK_MONOTONIC */
	int place;       /* in the token; -1 where it has any number */
};
/* Waits, in the order of coming, while `at_once` are in the token; 0: never. */
void turn_take(struct turn *turn, unsigned long at_once, uint64_t latency_us);
/* Waits until the operation's time is over, without computing. */
void turn_end(struct turn *turn);
/* For those who wait: as many may be in the token now. */
void turn_allow(unsigned long at_once);

/* Log lines that strangers can bring about: at most one a second of a kind, with how many were left out. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct seldom {
	_Atomic int64_t told_ms;
	_Atomic unsigned untold;
};
/* false: not now, and it is counted. true: *untold were left out since the last line. Any thread. */
bool seldom_may_tell(struct seldom *seldom, unsigned *untold);

/* Which member to ask: the least busy of those that may be asked. Pure; the group's lock is held. */
#pragma once
#include "ha/member.h"
#include <stddef.h>

/* How long what a member said of its index is taken as still so. A member that was behind a moment ago is
 * passed over; one we have not heard from for longer has surely caught up since, and would say so if not. */
#define INDEX_FRESH_MS 100

/* What a member is expected to take, in microseconds. What was measured halves with each second without a measurement, so that a
 * member that was slow once is tried again; but nobody is expected to be faster than `floor_us`, which the fastest is: one that was not
 * asked for a while shall not have all calls at once. */
int64_t member_expected(const struct member *member, int64_t floor_us, int64_t now_us);
/* The cost of asking: calls × expected time, and the time that what it is busy with has taken already. So a long operation, whose time
 * nobody measures, moves the rest elsewhere while it lasts. */
int64_t member_cost(const struct member *member, int64_t floor_us, int64_t now_us);
/* Peak EWMA: up at once, down slowly. And what it usually takes, which one slow answer does not change much: how far away it is. */
void member_measured(struct member *member, int64_t latency_us, int64_t now_us);
void member_index_heard(struct member *member, uint64_t index, int64_t now_ms);

bool member_is_behind(const struct member *member, uint64_t index_min, int64_t now_ms);

/* Who is asked before whom, 0 first. Those that can't serve, or were silent, come last; standby members only when no active one is left, and
 * draining ones only after those; one that is behind after one of the same duty that is not. */
unsigned member_rank(const struct member *member, uint64_t index_min, int64_t now_ms);
#define RANK_STANDBY 2 /* the first at which it is more than being behind */
#define RANK_ANY UINT32_MAX

struct picking {
	uint64_t index_min; /* what must have been applied */
	uint32_t tried;     /* a bit for each member that had its turn */
	unsigned rank_end;  /* only those of a rank before this one */
	unsigned turn;      /* breaks ties, so that idle members share the work */
	int64_t now_us;
};
/* NULL if none is left; a lost one never is. */
struct member *members_pick(struct member *const *members, size_t count, const struct picking *picking);

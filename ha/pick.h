/* Which member to ask: the least busy of those that may be asked. Pure; the group's lock is held. */
#pragma once
#include "ha/member.h"
#include <stddef.h>

/* How long what a member said of its index is taken as still so. A member that was behind a moment ago is
 * passed over; one we have not heard from for longer has surely caught up since, and would say so if not. */
#define INDEX_FRESH_MS 100

/* The cost of asking: outstanding calls × expected time, in microseconds. What was expected halves with each
 * second without a measurement, so that a member that was slow once is tried again. */
int64_t member_cost(const struct member *member, int64_t now_ms);
/* Peak EWMA: up at once, down slowly. */
void member_measured(struct member *member, int64_t latency_us, int64_t now_ms);
void member_index_heard(struct member *member, uint64_t index, int64_t now_ms);

bool member_is_behind(const struct member *member, uint64_t index_min, int64_t now_ms);

/* NULL if none is left. `tried`: a bit for each member that had its turn. Members that are behind or rest are
 * asked only if there are no others. `turn` breaks ties, so that idle members share the work. */
struct member *members_pick(struct member *const *members, size_t count, uint64_t index_min, uint32_t tried,
                            unsigned turn, int64_t now_ms);

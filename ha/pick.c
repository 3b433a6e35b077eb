#include "ha/pick.h"

#define HALF_LIFE_MS 1000
#define SHIFT_MAX 30
#define COST_FLOOR_US 100 /* so that what is waiting counts even where nothing was measured yet */

int64_t member_cost(const struct member *member, int64_t now_ms)
{
	int64_t age = (now_ms - member->latency_at_ms) / HALF_LIFE_MS;
	int64_t expected = member->latency_us >> (age < 0 ? 0 : age > SHIFT_MAX ? SHIFT_MAX : age);
	return (expected + COST_FLOOR_US) * (int64_t)(member->outstanding + 1);
}

void member_measured(struct member *member, int64_t latency_us, int64_t now_ms)
{
	int64_t before = member_cost(&(struct member){ .latency_us = member->latency_us,
	                                               .latency_at_ms = member->latency_at_ms }, now_ms) - COST_FLOOR_US;
	member->latency_us = latency_us >= before ? latency_us : before - (before - latency_us) / 8;
	member->latency_at_ms = now_ms;
}

void member_index_heard(struct member *member, uint64_t index, int64_t now_ms)
{
	if (index < member->index)
		return;
	member->index = index;
	member->index_at_ms = now_ms;
}

bool member_is_behind(const struct member *member, uint64_t index_min, int64_t now_ms)
{
	return member->index < index_min && now_ms - member->index_at_ms < INDEX_FRESH_MS;
}

struct member *members_pick(struct member *const *members, size_t count, uint64_t index_min, uint32_t tried,
                            unsigned turn, int64_t now_ms)
{
	struct member *best = NULL;
	int64_t best_cost = 0;
	bool best_is_ready = false;
	for (size_t i = 0; i < count; i++) {
		struct member *member = members[(i + turn) % count];
		if (member->lost || tried & (1u << member->number))
			continue;
		bool is_ready = member->rests_until_ms <= now_ms && !member_is_behind(member, index_min, now_ms);
		int64_t cost = member_cost(member, now_ms);
		if (best && (best_is_ready > is_ready || (best_is_ready == is_ready && best_cost <= cost)))
			continue;
		best = member;
		best_cost = cost;
		best_is_ready = is_ready;
	}
	return best;
}

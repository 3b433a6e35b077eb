#include "ha/pick.h"

#define HALF_LIFE_US 1000000
#define SHIFT_MAX 30
#define MEASURED_SHARE 8     /* a new measurement is an eighth of what is known */
#define COST_FLOOR_US 100 /* so that what is waiting counts even where nothing was measured yet */

static int64_t decayed(const struct member *member, int64_t now_us)
{
	int64_t age = (now_us - member->latency_at_ms * 1000) / HALF_LIFE_US;
	return member->latency_us >> (age < 0 ? 0 : age > SHIFT_MAX ? SHIFT_MAX : age);
}

int64_t member_expected(const struct member *member, int64_t floor_us, int64_t now_us)
{
	int64_t expected = decayed(member, now_us);
	return expected > floor_us ? expected : floor_us;
}

int64_t member_cost(const struct member *member, int64_t floor_us, int64_t now_us)
{
	int64_t spent = member->outstanding * now_us - member->outstanding_since_us;
	return member_expected(member, floor_us, now_us) * (int64_t)(member->outstanding + 1) + (spent > 0 ? spent : 0);
}

void member_measured(struct member *member, int64_t latency_us, int64_t now_us)
{
	int64_t before = decayed(member, now_us);
	member->latency_us = latency_us >= before ? latency_us : before - (before - latency_us) / MEASURED_SHARE;
	member->usual_us = member->latency_at_ms ? member->usual_us + (latency_us - member->usual_us) / MEASURED_SHARE : latency_us;
	member->latency_at_ms = now_us / 1000;
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

/* A duty that only a newer node knows is one to stay away from. */
static unsigned duty_rank(Craton__Duty duty)
{
	switch (duty) {
	case CRATON__DUTY__DUTY_ACTIVE:
		return 0;
	case CRATON__DUTY__DUTY_STANDBY:
		return 1;
	default:
		return 2;
	}
}

unsigned member_rank(const struct member *member, uint64_t index_min, int64_t now_ms)
{
	bool is_out = member->suspect || member->rests_until_ms > now_ms;
	return (unsigned)is_out * 3 * RANK_STANDBY + duty_rank(member->duty) * RANK_STANDBY + member_is_behind(member, index_min, now_ms);
}

/* What the fastest takes. */
static int64_t floor_of(struct member *const *members, size_t count)
{
	int64_t least = 0;
	for (size_t i = 0; i < count; i++)
		if (!members[i]->lost && members[i]->latency_at_ms && (!least || members[i]->latency_us < least))
			least = members[i]->latency_us;
	return least > COST_FLOOR_US ? least : COST_FLOOR_US;
}

struct member *members_pick(struct member *const *members, size_t count, const struct picking *picking)
{
	struct member *best = NULL;
	int64_t best_cost = 0, floor_us = floor_of(members, count);
	unsigned best_rank = picking->rank_end;
	for (size_t i = 0; i < count; i++) {
		struct member *member = members[(i + picking->turn) % count];
		if (member->lost || picking->tried & (1u << member->number))
			continue;
		unsigned rank = member_rank(member, picking->index_min, picking->now_us / 1000);
		int64_t cost = member_cost(member, floor_us, picking->now_us);
		if (rank > best_rank || rank >= picking->rank_end || (best && rank == best_rank && best_cost <= cost))
			continue;
		best = member;
		best_cost = cost;
		best_rank = rank;
	}
	return best;
}

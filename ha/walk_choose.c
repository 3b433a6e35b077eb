/* Whom a call asks, and how long it waits for him. */
#include "ha/walk.h"
#include "ha/pick.h"

#define HEDGE_TIMES 3          /* what a member takes; peaks count, for where many wait for one token two questions for one only make the queue longer */
#define HEARTBEAT_GRACE_MS 25

/* ---- whom to ask */

/* Where we have no thread of our own, a call now and then is the probe. */
static struct member *pick_lost_locked(struct group *group, const struct walk *walk, int64_t now_ms)
{
	for (size_t i = 0; i < group->count && !group->has_thread; i++) {
		struct member *member = group->members[i];
		if (!(member->lost || member->suspect) || member->is_probed || member->probe_at_ms > now_ms || walk->tried & (1u << member->number))
			continue;
		member->probe_at_ms = DEADLINE_NEVER;
		member->sought_at_ms = now_ms;
		return member;
	}
	return NULL;
}

/* While one is at it that only takes longer than usual, no other is asked that should serve less, or is in trouble itself. */
static unsigned rank_end_locked(const struct walk *walk, bool only_slow, int64_t now_ms)
{
	if (!only_slow)
		return RANK_ANY;
	unsigned rank = member_rank(walk->attempts[walk->count - 1].member, walk->index_min, now_ms);
	return rank / RANK_STANDBY * RANK_STANDBY + RANK_STANDBY;
}

/* Once its rest is over one call tries whether it can serve again, not all of them. */
static void try_rested_locked(struct member *member, int64_t now_ms)
{
	if (member->rest_ms)
		member->rests_until_ms = now_ms + member->rest_ms;
}

/* The first of a call may be one that has to be looked for; beside one that is silent such a one is asked if nobody else is left. */
static struct member *next_locked(const struct walk *walk, const struct picking *picking, bool only_slow)
{
	struct group *group = walk->group;
	int64_t now_ms = picking->now_us / 1000;
	struct member *member = walk->count ? NULL : pick_lost_locked(group, walk, now_ms);
	if (!member)
		member = members_pick(group->members, group->count, picking);
	return member || only_slow ? member : pick_lost_locked(group, walk, now_ms);
}

static struct member *pick_locked(struct walk *walk, bool only_slow)
{
	struct group *group = walk->group;
	struct picking picking = { walk->index_min, walk->tried, RANK_ANY, group->turn, clock_us() };
	int64_t now_ms = picking.now_us / 1000;
	picking.rank_end = rank_end_locked(walk, only_slow, now_ms);
	struct member *member = next_locked(walk, &picking, only_slow);
	if (!member)
		return NULL;
	group->turn++;
	try_rested_locked(member, now_ms);
	picking.tried = walk->tried |= 1u << member->number;
	picking.rank_end = RANK_ANY;
	picking.index_min = 0;
	walk->has_others = members_pick(group->members, group->count, &picking) != NULL;
	return member;
}

bool walk_waits_for_silence(const struct walk *walk)
{
	return walk->kind->is_deed || walk->question->multipart || !walk->group->settings.may_hedge;
}

/* Its first heartbeat should have come, from as far away as it is. */
static int64_t first_silence_ms(const struct group_settings *settings, const struct attempt *attempt)
{
	int64_t least = settings->hedge_most_ms > HEARTBEAT_FIRST_MS ? settings->hedge_most_ms : HEARTBEAT_FIRST_MS;
	int64_t most = least + HEARTBEAT_GRACE_MS > SILENCE_MS ? least + HEARTBEAT_GRACE_MS : SILENCE_MS;
	return sooner(least + HEARTBEAT_GRACE_MS + attempt->usual_ms, most);
}

/* How long its member may be silent before another is asked, too. */
static int64_t hedge_ms(const struct walk *walk, const struct attempt *attempt)
{
	const struct member *member = attempt->member;
	const struct group_settings *settings = &walk->group->settings;
	bool is_long = walk->kind->is_deed && !walk->kind->is_light;
	if (walk->kind->is_once)
		return INT32_MAX;
	if (walk_waits_for_silence(walk))
		return is_long || !settings->may_hedge ? SILENCE_MS : first_silence_ms(settings, attempt);
	int64_t long_ms = HEDGE_TIMES * member->latency_us / 1000;
	if (!member->latency_at_ms || long_ms > settings->hedge_most_ms)
		return settings->hedge_most_ms;
	return long_ms > settings->hedge_least_ms ? long_ms : settings->hedge_least_ms;
}

int64_t walk_silence_ms(const struct walk *walk, const struct attempt *attempt)
{
	return attempt->is_alive ? HEARTBEAT_MISSED_MS : first_silence_ms(&walk->group->settings, attempt);
}

bool walk_is_only_slow(const struct walk *walk)
{
	const struct attempt *attempt = &walk->attempts[walk->count - 1];
	return clock_ms() - attempt->heard_ms < walk_silence_ms(walk, attempt);
}

bool walk_borrow(struct walk *walk, struct attempt *attempt)
{
	struct group *group = walk->group;
	bool only_slow = walk->count && walk_is_only_slow(walk), costs = only_slow && !walk->wants_another;
	struct member *member = NULL;
	*attempt = (struct attempt){ .line = NULL };
	pthread_mutex_lock(&group->lock);
	if (!walk->count && group->hedge_credit < HEDGE_CREDIT_MAX)
		group->hedge_credit++;
	if (!group->stopping && (!costs || group->hedge_credit >= HEDGE_PRICE))
		member = pick_locked(walk, only_slow);
	if (member) {
		group->hedge_credit -= costs ? HEDGE_PRICE : 0;
		attempt_take_locked(attempt, member);
		attempt->another_at = clock_ms() + hedge_ms(walk, attempt);
	}
	pthread_mutex_unlock(&group->lock);
	return member != NULL;
}

/* ---- what the members are told, and how long they may be silent */

int64_t walk_share_of_time(const struct walk *walk)
{
	int64_t all = walk->group->settings.command_ms;
	int64_t share = all / (int64_t)(walk->group->count < 4 ? 4 : walk->group->count);
	int64_t left = walk->deadline - clock_ms();
	if (share < HEARTBEAT_MISSED_MS)
		share = all / 2 < HEARTBEAT_MISSED_MS ? all / 2 : HEARTBEAT_MISSED_MS;
	return !walk->has_others && left > share ? left : share;
}

deadline_ms walk_patience(const struct walk *walk, const struct attempt *attempt)
{
	int64_t all = walk->group->settings.command_ms;
	int64_t missed = all < HEARTBEAT_MISSED_MS ? all : HEARTBEAT_MISSED_MS;
	if (walk->has_others && !walk->kind->is_once)
		return attempt->heard_ms + missed;
	return attempt->is_alive ? attempt->heard_ms + all : walk->deadline > attempt->heard_ms + missed ? walk->deadline : attempt->heard_ms + missed;
}

bool walk_is_unwanted(struct walk *walk, const struct attempt *attempt)
{
	struct group *group = walk->group;
	struct picking picking = { walk->index_min, walk->tried, RANK_ANY, 0, clock_us() };
	pthread_mutex_lock(&group->lock);
	picking.rank_end = member_rank(attempt->member, walk->index_min, picking.now_us / 1000) / RANK_STANDBY * RANK_STANDBY;
	bool is_unwanted = !attempt->member->lost && !attempt->member->suspect && members_pick(group->members, group->count, &picking);
	pthread_mutex_unlock(&group->lock);
	return is_unwanted;
}

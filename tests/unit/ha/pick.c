#include "ha/pick.h"
#include "tests/check.h"

static struct member idle, busy, slow;
static struct member *members[] = { &idle, &busy, &slow };

static void start(void)
{
	idle = (struct member){ .name = "idle", .number = 0, .latency_us = 1000, .latency_at_ms = 1000 };
	busy = (struct member){ .name = "busy", .number = 1, .latency_us = 1000, .latency_at_ms = 1000, .outstanding = 3,
	                         .outstanding_since_us = 3 * 1000000 };
	slow = (struct member){ .name = "slow", .number = 2, .latency_us = 50000, .latency_at_ms = 1000 };
}

static struct member *pick(uint64_t index_min, uint32_t tried)
{
	return members_pick(members, 3, &(struct picking){ index_min, tried, RANK_ANY, 0, 1000000 });
}

static void pick_takes_the_least_busy(void)
{
	start();
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &idle);
	CU_ASSERT_PTR_EQUAL(pick(0, 1), &busy);
	CU_ASSERT_PTR_EQUAL(pick(0, 3), &slow);
	CU_ASSERT_PTR_NULL(pick(0, 7));
}

/* A member that has not yet applied the key's birth is passed over, however idle it is. */
static void pick_passes_over_a_member_that_is_behind(void)
{
	start();
	member_index_heard(&idle, 6, 1000);
	member_index_heard(&busy, 7, 1000);
	CU_ASSERT_PTR_EQUAL(pick(7, 4), &busy);
	CU_ASSERT_PTR_EQUAL(pick(6, 4), &idle);
	CU_ASSERT_PTR_EQUAL(pick(7, 6), &idle); /* better than nobody */
}

static void a_member_not_heard_of_for_a_while_has_caught_up(void)
{
	start();
	member_index_heard(&idle, 6, 1000 - INDEX_FRESH_MS);
	CU_ASSERT(!member_is_behind(&idle, 7, 1000));
	member_index_heard(&idle, 6, 1000);
	CU_ASSERT(member_is_behind(&idle, 7, 1000));
	member_index_heard(&idle, 5, 1001); /* old news */
	CU_ASSERT_EQUAL(idle.index, 6);
}

static void pick_leaves_alone_who_rests_or_is_lost(void)
{
	start();
	idle.rests_until_ms = 1001;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &busy);
	idle.rests_until_ms = 1000;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &idle);
	idle.lost = true;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &busy);
}

static void equals_take_turns(void)
{
	start();
	busy = idle;
	busy.number = 1;
	CU_ASSERT_PTR_EQUAL(members_pick(members, 2, &(struct picking){ 0, 0, RANK_ANY, 0, 1000000 }), &idle);
	CU_ASSERT_PTR_EQUAL(members_pick(members, 2, &(struct picking){ 0, 0, RANK_ANY, 1, 1000000 }), &busy);
}

static void expectation_rises_at_once_and_falls_slowly(void)
{
	start();
	member_measured(&idle, 9000, 1000000);
	CU_ASSERT_EQUAL(idle.latency_us, 9000);
	member_measured(&idle, 1000, 1000000);
	CU_ASSERT_EQUAL(idle.latency_us, 8000);
}

static void one_slow_answer_does_not_change_what_is_usual(void)
{
	struct member member = { .name = "a" };
	member_measured(&member, 1000, 1000000); /* the first is all that is known */
	CU_ASSERT_EQUAL(member.usual_us, 1000);
	member_measured(&member, 9000, 1000000);
	CU_ASSERT_EQUAL(member.usual_us, 2000);
	for (int i = 0; i < 100; i++)
		member_measured(&member, 9000, 1000000); /* but many do */
	CU_ASSERT(member.usual_us > 8900);
}

static void what_was_slow_once_is_tried_again(void)
{
	start();
	int64_t now = 1000000, later = now + 20000000;
	CU_ASSERT(member_cost(&slow, 100, now) > member_cost(&idle, 100, now));
	idle.latency_at_ms = later / 1000;
	CU_ASSERT_EQUAL(member_cost(&slow, idle.latency_us, later), member_cost(&idle, idle.latency_us, later));
}

/* Else it would have all calls at once, before the first has shown how it does. */
static void one_not_asked_for_a_while_is_not_taken_for_the_fastest(void)
{
	start();
	int64_t later = 1000000 + 60000000;
	busy = (struct member){ .number = 1, .latency_us = 5000, .latency_at_ms = later / 1000 };
	idle.latency_us = 5000;
	unsigned taken = 0;
	for (int i = 0; i < 20; i++) {
		struct member *member = members_pick(members, 2, &(struct picking){ 0, 0, RANK_ANY, 0, later });
		member->outstanding++;
		member->outstanding_since_us += later;
		taken += member == &idle;
	}
	CU_ASSERT_EQUAL(taken, 10);
}

static void a_long_operation_moves_the_rest_elsewhere(void)
{
	start();
	busy = idle;
	busy.number = 1;
	idle.outstanding = 1;
	idle.outstanding_since_us = 1000000 - 300000; /* for 0.3 s already, and nobody knows how long still */
	for (int i = 0; i < 20; i++) {
		struct member *member = members_pick(members, 2, &(struct picking){ 0, 0, RANK_ANY, (unsigned)i, 1000000 });
		CU_ASSERT_PTR_EQUAL(member, &busy);
		member->outstanding++;
		member->outstanding_since_us += 1000000;
	}
}

static void standby_members_serve_when_no_active_one_is_left_and_draining_ones_last(void)
{
	start();
	idle.duty = CRATON__DUTY__DUTY_DRAINING;
	busy.duty = CRATON__DUTY__DUTY_STANDBY;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &slow);
	slow.lost = true;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &busy);
	busy.lost = true;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &idle);
	slow.lost = false;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &slow);
	busy.lost = false;
	slow.rests_until_ms = 1001; /* its token is out */
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &busy);
	slow.rests_until_ms = 0;
	slow.suspect = true;
	CU_ASSERT_PTR_EQUAL(pick(0, 0), &busy);
	member_index_heard(&busy, 6, 1000);
	CU_ASSERT_PTR_EQUAL(pick(7, 0), &busy); /* behind, but there */
}

static void of_a_lesser_rank_none_is_taken_if_it_is_not_to_be(void)
{
	start();
	idle.duty = CRATON__DUTY__DUTY_STANDBY;
	CU_ASSERT_PTR_NULL(members_pick(members, 3, &(struct picking){ 0, 6, RANK_STANDBY, 0, 1000000 }));
	CU_ASSERT_PTR_EQUAL(members_pick(members, 3, &(struct picking){ 0, 6, RANK_ANY, 0, 1000000 }), &idle);
}

/* Members whose tokens do one operation at a time, in 5 ms; threads that ask one thing after the other. */
static unsigned operations_in_10_s(size_t count, size_t threads, const int64_t *takes_us)
{
	struct member all[8] = { 0 }, *list[8];
	int64_t free_at[8] = { 0 };
	struct { struct member *member; int64_t begun, ends; } call[64] = { 0 };
	unsigned done = 0, turn = 0;
	for (size_t i = 0; i < count; i++) {
		all[i].number = (unsigned)i;
		list[i] = &all[i];
	}
	for (int64_t now = 1000000; now < 11000000; now += 50)
		for (size_t t = 0; t < threads; t++) {
			if (call[t].member && call[t].ends > now)
				continue;
			if (call[t].member) {
				call[t].member->outstanding--;
				call[t].member->outstanding_since_us -= call[t].begun;
				member_measured(call[t].member, now - call[t].begun, now);
				done++;
			}
			struct member *member = members_pick(list, count, &(struct picking){ 0, 0, RANK_ANY, turn++, now });
			size_t i = member->number;
			free_at[i] = (free_at[i] > now ? free_at[i] : now) + takes_us[i];
			call[t].member = member;
			call[t].begun = now;
			call[t].ends = free_at[i];
			member->outstanding++;
			member->outstanding_since_us += now;
		}
	return done;
}

static void members_are_kept_as_busy_as_they_can_be(void)
{
	static const int64_t equal[8] = { 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000 };
	unsigned one = operations_in_10_s(1, 4, equal);
	CU_ASSERT(one >= 1990);
	for (size_t n = 2; n <= 8; n *= 2) {
		CU_ASSERT(operations_in_10_s(n, 2 * n, equal) >= 95 * n * one / 100);
		CU_ASSERT(operations_in_10_s(n, 4 * n, equal) >= 95 * n * one / 100);
	}
}

static void a_slow_member_gets_less_and_costs_the_others_nothing(void)
{
	static const int64_t unequal[3] = { 5000, 5000, 20000 };
	CU_ASSERT(operations_in_10_s(3, 12, unequal) >= 95 * (2000 + 2000 + 500) / 100);
}

TESTS("ha pick", SAY(pick_takes_the_least_busy), SAY(pick_passes_over_a_member_that_is_behind),
	SAY(a_member_not_heard_of_for_a_while_has_caught_up), SAY(pick_leaves_alone_who_rests_or_is_lost), SAY(equals_take_turns),
	SAY(expectation_rises_at_once_and_falls_slowly), SAY(one_slow_answer_does_not_change_what_is_usual), SAY(what_was_slow_once_is_tried_again),
	SAY(one_not_asked_for_a_while_is_not_taken_for_the_fastest), SAY(a_long_operation_moves_the_rest_elsewhere),
	SAY(standby_members_serve_when_no_active_one_is_left_and_draining_ones_last),
	SAY(of_a_lesser_rank_none_is_taken_if_it_is_not_to_be), SAY(members_are_kept_as_busy_as_they_can_be),
	SAY(a_slow_member_gets_less_and_costs_the_others_nothing))

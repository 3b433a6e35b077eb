#include "ha/pick.h"
#include "tests/check.h"

static struct member idle, busy, slow;
static struct member *members[] = { &idle, &busy, &slow };

static void start(void)
{
	idle = (struct member){ .name = "idle", .number = 0, .latency_us = 1000, .latency_at_ms = 1000 };
	busy = (struct member){ .name = "busy", .number = 1, .latency_us = 1000, .latency_at_ms = 1000, .outstanding = 3 };
	slow = (struct member){ .name = "slow", .number = 2, .latency_us = 50000, .latency_at_ms = 1000 };
}

static struct member *pick(uint64_t index_min, uint32_t tried)
{
	return members_pick(members, 3, index_min, tried, 0, 1000);
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
	CU_ASSERT_PTR_EQUAL(members_pick(members, 2, 0, 0, 0, 1000), &idle);
	CU_ASSERT_PTR_EQUAL(members_pick(members, 2, 0, 0, 1, 1000), &busy);
}

static void expectation_rises_at_once_and_falls_slowly(void)
{
	start();
	member_measured(&idle, 9000, 1000);
	CU_ASSERT_EQUAL(idle.latency_us, 9000);
	member_measured(&idle, 1000, 1000);
	CU_ASSERT_EQUAL(idle.latency_us, 8000);
}

static void what_was_slow_once_is_tried_again(void)
{
	start();
	CU_ASSERT(member_cost(&slow, 1000) > member_cost(&idle, 1000));
	int64_t later = 1000 + 20000;
	idle.latency_at_ms = later;
	CU_ASSERT(member_cost(&slow, later) < member_cost(&idle, later));
}

TESTS("ha pick", SAY(pick_takes_the_least_busy), SAY(pick_passes_over_a_member_that_is_behind),
	SAY(a_member_not_heard_of_for_a_while_has_caught_up), SAY(pick_leaves_alone_who_rests_or_is_lost), SAY(equals_take_turns),
	SAY(expectation_rises_at_once_and_falls_slowly), SAY(what_was_slow_once_is_tried_again))

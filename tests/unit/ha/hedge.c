/* Who is slow, silent or dead, and what an application that only reads is told of it (nothing). */
#include "tests/unit/ha/two.h"

static void a_silent_member_has_another_asked_beside_it(void)
{
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	a.member.latency_us = 0;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(a.let_go_owing, 1); /* its answer may come yet, and is nobody's */
	CU_ASSERT(a.member.suspect);
	CU_ASSERT(a.member.latency_us > 0); /* its silence is time that it took */
	CU_ASSERT_EQUAL(a.member.outstanding, 0);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1); /* it cost one call its time, once */
	CU_ASSERT_EQUAL(group_total_losses(group), 0);
	group_destroy(group);
}

static void an_answer_to_a_probe_ends_the_suspicion(void)
{
	start_quick(SAYS(LATE, GOOD), SAYS(GOOD));
	atomic_store(&a.probe_err, ERR_OK);
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	fake_wait_probes(&a, 1);
	pthread_mutex_lock(&group->lock);
	while (a.member.suspect)
		group_wait_locked(group, clock_ms() + 1);
	CU_ASSERT_FALSE(a.member.lost);
	pthread_mutex_unlock(&group->lock);
	group_destroy(group);
}

static void a_probe_that_fails_makes_a_silent_member_a_lost_one(void)
{
	start_quick(SAYS(LATE), SAYS(GOOD));
	atomic_store(&a.probe_err, ERR_TIMEOUT);
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	pthread_mutex_lock(&group->lock);
	while (!a.member.lost)
		group_wait_locked(group, clock_ms() + 1);
	CU_ASSERT_FALSE(a.member.suspect);
	pthread_mutex_unlock(&group->lock);
	group_destroy(group);
}

static void the_first_answer_is_the_calls_whoever_gives_it(void)
{
	start_quick(SAYS(LATE), SAYS(LATE));
	struct group *group = group_of_two(&watchful);
	pthread_t thread = read_begin(group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	CU_ASSERT_EQUAL(read_end(thread), ERR_OK);
	CU_ASSERT_EQUAL(a.let_go_free, 1);
	CU_ASSERT_EQUAL(b.let_go_owing, 1);
	CU_ASSERT_FALSE(a.member.suspect || a.member.lost);
	group_destroy(group);
}

static void when_both_fail_the_call_goes_on(void)
{
	start_quick(SAYS(LATE, GOOD), SAYS(GONE));
	struct group *group = group_of_two(&watchful);
	pthread_t thread = read_begin(group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	CU_ASSERT_EQUAL(read_end(thread), ERR_OK);
	CU_ASSERT(b.member.lost);
	group_destroy(group);
}

static void without_hedging_only_silence_moves_a_call(void)
{
	struct group_settings settings = watchful;
	settings.may_hedge = false;
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&settings);
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(clock_ms() - before >= SILENCE_MS);
	group_destroy(group);
}

/* An overloaded cluster is not asked twice as much. */
static void hedging_has_a_budget(void)
{
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&watchful);
	group->hedge_credit = 0;
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(read_once(group), ERR_OK); /* when a heartbeat should have come it is no slowness any more */
	CU_ASSERT(clock_ms() - before >= HEARTBEAT_FIRST_MS);
	CU_ASSERT(group->hedge_credit < HEDGE_PRICE);
	group_destroy(group);
}

static void a_standby_member_is_not_asked_because_another_is_slow(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.answers_after_ms = HEARTBEAT_FIRST_MS + 50; /* it works, it only takes its time */
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

/* Of the two that are asked one dies: that the other is still at it is no reason either. */
static void nor_because_one_of_two_that_are_asked_dies(void)
{
	static struct fake c;
	struct member *members[] = { &a.member, &b.member, &c.member };
	struct group_settings settings = watchful;
	settings.hedge_most_ms = LONG_MS; /* so long the other is only slow */
	start_quick(SAYS({ .err = ERR_CLOSED, .is_late = true }), SAYS(LATE));
	fake_init(&c, "c", SAYS(GOOD));
	c.duty = c.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_create(&settings, members, 3);
	pthread_t thread = read_begin(group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	fake_wait_drops(&a, 1);
	fake_speak(&b);
	CU_ASSERT_EQUAL(read_end(thread), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&c.calls), 0);
	group_destroy(group);
}

static void but_at_once_because_it_is_lost_or_silent(void)
{
	start_quick(SAYS(GONE), SAYS(GOOD));
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

static void a_member_that_greets_as_standby_is_not_asked_while_another_is_there(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.greets = true;
	a.duty = CRATON__DUTY__DUTY_STANDBY; /* which nobody knows yet */
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	CU_ASSERT_EQUAL(a.let_go_free, 1); /* the connection is kept for worse days */
	b.member.duty = b.duty = CRATON__DUTY__DUTY_DRAINING;
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

static void a_member_of_another_cluster_is_refused(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.greets = b.greets = true;
	a.cluster[0] = 1;
	b.cluster[0] = 2;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	a.member.latency_us = 1000000; /* so that the other is asked */
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(b.member.lost);
	CU_ASSERT(b.member.is_stranger);
	CU_ASSERT_FALSE(a.member.lost);
	CU_ASSERT_EQUAL(a.let_go_free, 2);
	group_destroy(group);
}

static void who_cannot_serve_is_tried_by_one_call_now_and_then(void)
{
	start_quick(SAYS(FAULTY(NOT_SERVING)), SAYS(GOOD));
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT(a.member.rest_ms > 0);
	a.member.rest_ms = LONG_MS;  /* it has been so for long, */
	a.member.rests_until_ms = 0; /* its rest is over, */
	b.member.latency_us = 100000; /* and the other is slow */
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 2);
	CU_ASSERT(a.member.rest_ms >= LONG_MS);
	group_destroy(group);
}

TESTS("ha hedge", SAY(a_silent_member_has_another_asked_beside_it), SAY(an_answer_to_a_probe_ends_the_suspicion),
	SAY(a_probe_that_fails_makes_a_silent_member_a_lost_one), SAY(the_first_answer_is_the_calls_whoever_gives_it),
	SAY(when_both_fail_the_call_goes_on), SAY(without_hedging_only_silence_moves_a_call), SAY(hedging_has_a_budget),
	SAY(a_standby_member_is_not_asked_because_another_is_slow), SAY(nor_because_one_of_two_that_are_asked_dies),
	SAY(but_at_once_because_it_is_lost_or_silent), SAY(a_member_that_greets_as_standby_is_not_asked_while_another_is_there),
	SAY(a_member_of_another_cluster_is_refused), SAY(who_cannot_serve_is_tried_by_one_call_now_and_then))

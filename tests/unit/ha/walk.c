/* A call step by step: what is said when, and not how long it takes, decides whom it asks and until when. */
#include "ha/walk.h"
#include "tests/unit/ha/two.h"

static struct walk walk_of(struct group *group, struct question *question)
{
	return (struct walk){ .group = group, .question = question, .kind = question_kind(&question->request), .again_at = DEADLINE_NEVER,
	                      .deadline = deadline_in(1000), .last = DEADLINE_NEVER };
}

static struct attempt *walk_asks(struct walk *walk)
{
	struct attempt *attempt = &walk->attempts[walk->count];
	CU_ASSERT_FATAL(walk_borrow(walk, attempt));
	walk->count++;
	CU_ASSERT_EQUAL_FATAL(attempt_begin(attempt, walk->question), ERR_OK);
	return attempt;
}

/* Whom it asks next, and no more than that. */
static struct attempt taken_by(struct walk *walk)
{
	struct attempt attempt;
	CU_ASSERT_FATAL(walk_borrow(walk, &attempt));
	attempt_withdraw(walk->group, &attempt);
	return attempt;
}

static enum step hears(struct walk *walk, size_t i)
{
	Craton__Reply *reply = NULL;
	enum step step = walk_hear(walk, i, &reply);
	reply_free(reply);
	return step;
}

static void end(struct walk *walk)
{
	walk_abandon_all(walk);
	walk_fault(walk, NULL);
	group_destroy(walk->group);
}

/* ---- until when */

static struct group_settings with_long_commands(void)
{
	struct group_settings settings = watchful;
	settings.command_ms = LONG_MS;
	return settings;
}

/* Its question goes out, and it is at work. */
static void goes_to_work(struct fake *fake, struct walk *walk, size_t i)
{
	hears(walk, i);
	fake_beat(fake);
	size_t before = walk->count;
	hears(walk, i); /* the beat */
	CU_ASSERT_EQUAL(walk->count, before);
	CU_ASSERT(walk->attempts[i].is_alive);
}

/* A majority is waited for by both, side by side: what one has won by its heartbeats is not the other's to win once more. */
static void those_that_wait_in_vain_beside_each_other_win_no_time(void)
{
	struct group_settings settings = with_long_commands();
	struct say late = FAULTY(NO_MAJORITY);
	late.is_late = true;
	start_quick(&late, 1, &late, 1);
	struct question question = a_light_deed();
	struct walk walk = walk_of(group_of_two(&settings), &question);
	deadline_ms last = walk.deadline + LONG_MS / 2;
	for (int round = 0; round < 3; round++) {
		walk.tried = 0;
		for (size_t i = 0; i < 2; i++) {
			struct fake *fake = (struct fake *)walk_asks(&walk)->member;
			goes_to_work(fake, &walk, i);
		}
		fake_speak(&a);
		fake_speak(&b);
		CU_ASSERT_EQUAL(hears(&walk, 1), STEP_ON);
		CU_ASSERT_EQUAL(hears(&walk, 0), STEP_ON);
		CU_ASSERT_EQUAL(walk.count, 0);
		atomic_store(&a.speaks, false);
		atomic_store(&b.speaks, false);
		CU_ASSERT(walk.deadline < last);
	}
	end(&walk);
}

/* It was at work for longer than a call may take, and has the deadline behind it. */
static void was_at_work_for_long(struct walk *walk)
{
	walk->attempts[0].begun_us -= 2 * LONG_MS * 1000;
	walk->deadline = walk->attempts[0].begun_us / 1000 + LONG_MS;
}

static void work_that_was_long_and_failed_leaves_its_time_to_another_once(void)
{
	struct group_settings settings = with_long_commands();
	struct say late = FAULTY(NOT_SERVING);
	late.is_late = true;
	start_quick(&late, 1, SAYS(GOOD));
	struct question question = a_deed();
	struct walk walk = walk_of(group_of_two(&settings), &question);
	walk_asks(&walk);
	goes_to_work(&a, &walk, 0);
	was_at_work_for_long(&walk);
	fake_speak(&a);
	CU_ASSERT_EQUAL(hears(&walk, 0), STEP_ON);
	CU_ASSERT(deadline_left(walk.deadline) > LONG_MS / 2);
	atomic_store(&a.speaks, false);
	walk.tried = 1u << b.member.number; /* so the same one again, */
	deadline_ms won = walk.deadline;
	walk_asks(&walk);
	goes_to_work(&a, &walk, 0);
	fake_speak(&a);
	CU_ASSERT_EQUAL(hears(&walk, 0), STEP_ON); /* which works for less long */
	CU_ASSERT_EQUAL(walk.deadline, won);
	end(&walk);
}

/* Nobody but a lone member that is cut off: it is given all the time there is, and it beats all the time. */
static void to_wait_for_a_majority_wins_no_time_but_work_before_it_does(void)
{
	struct group_settings settings = with_long_commands();
	struct say late = FAULTY(NO_MAJORITY);
	late.is_late = true;
	for (int64_t share_ms = 2 * LONG_MS; share_ms; share_ms = share_ms > LONG_MS ? LONG_MS / 4 : 0) {
		start_quick(&late, 1, SAYS(GOOD));
		struct question question = a_deed();
		struct walk walk = walk_of(group_of_two(&settings), &question);
		walk_asks(&walk)->share_ms = share_ms;
		goes_to_work(&a, &walk, 0);
		was_at_work_for_long(&walk);
		fake_speak(&a);
		CU_ASSERT_EQUAL(hears(&walk, 0), STEP_ON);
		CU_ASSERT_EQUAL(deadline_left(walk.deadline) > LONG_MS / 2, share_ms < LONG_MS);
		end(&walk);
	}
}

static void so_does_one_that_dies_at_work_or_falls_silent(void)
{
	struct group_settings settings = with_long_commands();
	struct question question = a_deed();
	Craton__Reply *reply = NULL;
	for (int is_silent = 0; is_silent < 3; is_silent++) {
		start_quick(SAYS({ .err = ERR_CLOSED, .is_late = true }), SAYS(GOOD));
		a.swallows_probes = true;
		struct walk walk = walk_of(group_of_two(&settings), &question);
		struct attempt *attempt = walk_asks(&walk);
		goes_to_work(&a, &walk, 0);
		was_at_work_for_long(&walk);
		walk_notice_silence(&walk);
		CU_ASSERT(deadline_passed(walk.deadline)); /* it beats still */
		attempt->another_at = attempt->heard_ms -= HEARTBEAT_MISSED_MS;
		if (is_silent == 2)
			walk_notice_silence(&walk);
		else if (is_silent)
			walk_silent(&walk, 0, &reply);
		else
			walk_lost(&walk, 0, ERR_CLOSED, &reply);
		CU_ASSERT(deadline_left(walk.deadline) > LONG_MS / 2);
		CU_ASSERT_EQUAL(walk.count, is_silent == 2);
		end(&walk);
	}
}

/* ---- when another is asked */

static void a_light_deed_waits_for_one_heartbeat_and_a_long_one_for_a_second(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&watchful);
	struct question light = a_light_deed(), deed = a_deed();
	struct walk of_light = walk_of(group, &light), of_deed = walk_of(group, &deed);
	int64_t before = clock_ms();
	CU_ASSERT(taken_by(&of_light).another_at - clock_ms() < SILENCE_MS / 2);
	CU_ASSERT(taken_by(&of_deed).another_at - before >= SILENCE_MS);
	group_destroy(group);
}

/* Whoever is far away is heard late. */
static void the_way_to_a_member_is_no_silence(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.member.usual_us = b.member.usual_us = 150000;
	struct question question = a_light_deed();
	struct walk walk = walk_of(group_of_two(&watchful), &question);
	int64_t before = clock_ms();
	struct attempt *attempt = walk_asks(&walk);
	CU_ASSERT(attempt->another_at - before >= HEARTBEAT_FIRST_MS + 150);
	CU_ASSERT(walk_silence_ms(&walk, attempt) >= HEARTBEAT_FIRST_MS + 150);
	end(&walk);
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.member.usual_us = 150000000; /* it was no way, but work */
	walk = walk_of(group_of_two(&watchful), &question);
	CU_ASSERT(taken_by(&walk).another_at - clock_ms() <= SILENCE_MS);
	end(&walk);
}

static void nor_is_connecting(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.greets = true;
	struct question question = a_light_deed();
	struct walk walk = walk_of(group_of_two(&watchful), &question);
	struct attempt *attempt = walk_asks(&walk);
	attempt->heard_ms -= HEARTBEAT_FIRST_MS; /* so long ago it began to connect */
	attempt->another_at -= HEARTBEAT_FIRST_MS;
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(hears(&walk, 0), STEP_ON);
	CU_ASSERT(attempt->another_at - before >= HEARTBEAT_FIRST_MS);
	end(&walk);
}

/* A key that is used up is not used twice, however silent one is that was at work. */
static void what_must_not_be_done_twice_is_never_time_for_another(void)
{
	struct group_settings settings = watchful;
	struct question question = a_stateful_signature();
	settings.may_hedge = false;
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct walk walk = walk_of(group_of_two(&settings), &question);
	struct attempt *attempt = walk_asks(&walk);
	goes_to_work(&a, &walk, 0);
	CU_ASSERT(attempt->another_at - clock_ms() > LONG_MS);
	end(&walk);
}

/* One that was slow a moment ago may have many waiting: a second question would only be one more. */
static void what_is_too_long_is_judged_by_the_slowest_of_late(void)
{
	struct group_settings settings = watchful;
	settings.hedge_most_ms = LONG_MS;
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.member.usual_us = b.member.usual_us = 10000000;
	struct question question = a_read();
	struct walk walk = walk_of(group_of_two(&settings), &question);
	CU_ASSERT(taken_by(&walk).another_at - clock_ms() <= settings.hedge_least_ms);
	a.member.latency_us = b.member.latency_us = 10000000;
	a.member.usual_us = b.member.usual_us = 1000;
	walk.tried = 0;
	int64_t before = clock_ms();
	CU_ASSERT(taken_by(&walk).another_at - before >= 30000);
	end(&walk);
}

/* ---- whom */

/* One call at a time looks for a member that swallows what is sent to it; hurry is no reason for all to. */
static void without_threads_one_call_looks_for_a_lost_member(void)
{
	struct group_settings settings = watchful;
	settings.may_start_threads = false;
	settings.recovery_interval_ms = LONG_MS;
	start_quick(SAYS(GOOD), SAYS(LATE));
	struct group *group = group_of_two(&settings);
	struct question question = a_read();
	struct walk first = walk_of(group, &question), second = walk_of(group, &question);
	pthread_mutex_lock(&group->lock);
	member_lose_locked(group, &b.member, ERR_CLOSED);
	b.member.failed_at_ms = b.member.probe_at_ms = 0; /* long ago */
	pthread_mutex_unlock(&group->lock);
	CU_ASSERT_PTR_EQUAL(walk_asks(&first)->member, &b.member);
	pthread_mutex_lock(&group->lock);
	recovery_hurry_locked(group);
	pthread_mutex_unlock(&group->lock);
	CU_ASSERT_PTR_EQUAL(walk_asks(&second)->member, &a.member);
	walk_abandon_all(&second);
	end(&first);
}

TESTS("ha walk", SAY(those_that_wait_in_vain_beside_each_other_win_no_time), SAY(work_that_was_long_and_failed_leaves_its_time_to_another_once),
	SAY(to_wait_for_a_majority_wins_no_time_but_work_before_it_does), SAY(so_does_one_that_dies_at_work_or_falls_silent), SAY(a_light_deed_waits_for_one_heartbeat_and_a_long_one_for_a_second),
	SAY(the_way_to_a_member_is_no_silence), SAY(nor_is_connecting), SAY(what_must_not_be_done_twice_is_never_time_for_another),
	SAY(what_is_too_long_is_judged_by_the_slowest_of_late), SAY(without_threads_one_call_looks_for_a_lost_member))

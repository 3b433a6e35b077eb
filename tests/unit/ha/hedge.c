/* One question and two members: who is slow, silent or dead, and what an application is told of it (nothing). */
#include "ha/group_inside.h"
#include "tests/check.h"
#include "tests/unit/ha/fake_member.h"
#include "wire/cryptoki.h"

static struct fake a, b;

/* `a` is asked first. */
static struct group *group_of_two(const struct group_settings *settings)
{
	struct member *members[] = { &a.member, &b.member };
	return group_create(settings, members, 2);
}

static enum err finish(enum err err, Craton__Reply *reply)
{
	if (err == ERR_OK && reply->fault != CRATON__FAULT__FAULT_NONE)
		err = ERR_BUSY;
	if (err == ERR_OK && reply->rv != CKR_OK)
		err = ERR_IO;
	reply_free(reply);
	return err;
}

static enum err read_once(struct group *group)
{
	Craton__Reply *reply = NULL;
	enum err err = ask_read(group, &reply);
	return finish(err, reply);
}

static enum err deed_once(struct group *group)
{
	Craton__Reply *reply = NULL;
	enum err err = ask_deed(group, &reply);
	return finish(err, reply);
}

static void *read_in_thread(void *group)
{
	return (void *)(uintptr_t)read_once(group);
}

static void *deed_in_thread(void *group)
{
	return (void *)(uintptr_t)deed_once(group);
}

static enum err sign_with_a_stateful_key(struct group *group)
{
	struct question question = QUESTION_INIT;
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__Mechanism mechanism;
	Craton__Reply *reply = NULL;
	craton__mechanism__init(&mechanism);
	mechanism.type = 0x4033; /* CKM_HSS */
	body.mechanism = &mechanism;
	question.request.body_case = CRATON__REQUEST__BODY_CRYPT;
	question.request.crypt = &body;
	enum err err = group_call(group, &question, &reply);
	return finish(err, reply);
}

/* Both have been measured as quick. */
static void make_quick(void)
{
	a.member.latency_us = b.member.latency_us = 1000;
	a.member.latency_at_ms = b.member.latency_at_ms = clock_ms();
}

static void start(const struct say *of_a, unsigned length_a, const struct say *of_b, unsigned length_b)
{
	fake_init(&a, "a", of_a, length_a);
	fake_init(&b, "b", of_b, length_b);
	make_quick();
}

static void a_silent_member_has_another_asked_beside_it(void)
{
	start(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(a.let_go_owing, 1); /* its answer may come yet, and is nobody's */
	CU_ASSERT(a.member.suspect);
	CU_ASSERT(a.member.latency_us >= 20000); /* it has taken that long at least */
	CU_ASSERT_EQUAL(a.member.outstanding, 0);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1); /* it cost one call its time, once */
	CU_ASSERT_EQUAL(group_total_losses(group), 0);
	group_destroy(group);
}

static void an_answer_to_a_probe_ends_the_suspicion(void)
{
	start(SAYS(LATE, GOOD), SAYS(GOOD));
	atomic_store(&a.probe_err, ERR_OK);
	struct group *group = group_of_two(&patient);
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
	start(SAYS(LATE), SAYS(GOOD));
	atomic_store(&a.probe_err, ERR_TIMEOUT);
	struct group *group = group_of_two(&patient);
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
	start(SAYS(LATE), SAYS(LATE));
	struct group *group = group_of_two(&patient);
	pthread_t thread;
	void *err;
	pthread_create(&thread, NULL, read_in_thread, group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	pthread_join(thread, &err);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)err, ERR_OK);
	CU_ASSERT_EQUAL(a.let_go_free, 1);
	CU_ASSERT_EQUAL(b.let_go_owing, 1);
	CU_ASSERT_FALSE(a.member.suspect || a.member.lost);
	group_destroy(group);
}

static void when_both_fail_the_call_goes_on(void)
{
	start(SAYS(LATE, GOOD), SAYS(GONE));
	struct group *group = group_of_two(&patient);
	pthread_t thread;
	void *err;
	pthread_create(&thread, NULL, read_in_thread, group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	pthread_join(thread, &err);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)err, ERR_OK);
	CU_ASSERT(b.member.lost);
	group_destroy(group);
}

static void without_hedging_only_silence_moves_a_call(void)
{
	struct group_settings settings = patient;
	settings.may_hedge = false;
	start(SAYS(LATE), SAYS(GOOD));
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
	start(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&patient);
	group->hedge_credit = 0;
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(read_once(group), ERR_OK); /* when a heartbeat should have come it is no slowness any more */
	CU_ASSERT(clock_ms() - before >= HEARTBEAT_FIRST_MS);
	CU_ASSERT(group->hedge_credit < HEDGE_PRICE);
	group_destroy(group);
}

static void a_standby_member_is_not_asked_because_another_is_slow(void)
{
	start(SAYS(LATE), SAYS(GOOD));
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_of_two(&patient);
	pthread_t thread;
	void *err;
	pthread_create(&thread, NULL, read_in_thread, group);
	fake_wait_calls(&a, 1);
	for (int i = 0; i < 5; i++) { /* it works, it only takes its time */
		fake_beat(&a);
		usleep(20000);
	}
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	fake_speak(&a);
	pthread_join(thread, &err);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)err, ERR_OK);
	group_destroy(group);
}

/* Of the two that are asked one dies: that the other is still at it is no reason either. */
static void nor_because_one_of_two_that_are_asked_dies(void)
{
	static struct fake c;
	struct member *members[] = { &a.member, &b.member, &c.member };
	start(SAYS({ .err = ERR_CLOSED, .is_late = true }), SAYS(LATE));
	fake_init(&c, "c", SAYS(GOOD));
	c.duty = c.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_create(&patient, members, 3);
	pthread_t thread;
	void *err;
	pthread_create(&thread, NULL, read_in_thread, group);
	fake_wait_calls(&b, 1);
	fake_speak(&a);
	fake_wait_drops(&a, 1);
	fake_speak(&b);
	pthread_join(thread, &err);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)err, ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&c.calls), 0);
	group_destroy(group);
}

static void but_at_once_because_it_is_lost_or_silent(void)
{
	start(SAYS(GONE), SAYS(GOOD));
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
	start(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	b.duty = b.member.duty = CRATON__DUTY__DUTY_STANDBY;
	group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

static void a_member_that_greets_as_standby_is_not_asked_while_another_is_there(void)
{
	start(SAYS(GOOD), SAYS(GOOD));
	a.greets = true;
	a.duty = CRATON__DUTY__DUTY_STANDBY; /* which nobody knows yet */
	struct group *group = group_of_two(&patient);
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
	start(SAYS(GOOD), SAYS(GOOD));
	a.greets = b.greets = true;
	a.cluster[0] = 1;
	b.cluster[0] = 2;
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	a.member.latency_us = 1000000; /* so that the other is asked */
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(b.member.lost);
	CU_ASSERT(b.member.is_stranger);
	CU_ASSERT_FALSE(a.member.lost);
	CU_ASSERT_EQUAL(a.let_go_free, 2);
	group_destroy(group);
}

static void a_deed_is_asked_of_another_only_when_there_is_no_sign_of_life(void)
{
	start(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&patient);
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT(clock_ms() - before >= SILENCE_MS);
	CU_ASSERT(id_equal(&a.request_ids[0], &b.request_ids[0])); /* so it happens once */
	CU_ASSERT(a.member.suspect);
	group_destroy(group);
}

static void with_heartbeats_a_deed_is_waited_for(void)
{
	start(SAYS(LATE), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	pthread_t thread;
	void *err;
	pthread_create(&thread, NULL, deed_in_thread, group);
	fake_wait_calls(&a, 1);
	fake_beat(&a);
	usleep((SILENCE_MS + 200) * 1000);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	fake_speak(&a);
	pthread_join(thread, &err);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)err, ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

static void what_must_not_be_done_twice_is_not(void)
{
	start(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(sign_with_a_stateful_key(group), ERR_IO); /* the token's: CKR_DEVICE_ERROR */
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	CU_ASSERT(a.member.lost);
	group_destroy(group);
	start(SAYS(FAULTY(BUSY)), SAYS(GOOD)); /* the token was not touched */
	group = group_of_two(&patient);
	CU_ASSERT_EQUAL(sign_with_a_stateful_key(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
	start(SAYS(FAULTY(NOT_SERVING)), SAYS(GOOD)); /* it may have failed in the middle */
	group = group_of_two(&patient);
	CU_ASSERT_EQUAL(sign_with_a_stateful_key(group), ERR_BUSY);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

static void nor_is_another_asked_beside_the_first(void)
{
	struct group_settings settings = patient;
	settings.command_ms = 400;
	start(SAYS(LATE), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(sign_with_a_stateful_key(group), ERR_IO);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

/* A member that sends heartbeats and nothing else: a call has an end all the same. */
static void a_call_has_an_end_however_the_heart_beats(void)
{
	struct group_settings settings = patient;
	settings.command_ms = 20;
	start(SAYS(LATE), SAYS(LATE));
	atomic_store(&a.beats, UINT32_MAX / 2);
	atomic_store(&b.beats, UINT32_MAX / 2);
	struct group *group = group_of_two(&settings);
	int64_t before = clock_ms();
	CU_ASSERT(deed_once(group) != ERR_OK);
	CU_ASSERT(clock_ms() - before >= settings.command_ms * COMMANDS_MAX);
	CU_ASSERT_EQUAL(a.member.outstanding + b.member.outstanding, 0);
	group_destroy(group);
}

/* The one that could not serve a moment ago is asked again, though another is still being waited for. */
static void a_silent_member_does_not_hold_up_the_rounds_of_the_others(void)
{
	start(SAYS(FAULTY(NO_MAJORITY), FAULTY(NO_MAJORITY), GOOD), SAYS(LATE));
	b.swallows_probes = true;
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 3);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

static void who_cannot_serve_is_tried_by_one_call_now_and_then(void)
{
	start(SAYS(FAULTY(NOT_SERVING)), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	int64_t first = a.member.rest_ms;
	a.member.rests_until_ms = 0; /* its rest is over, */
	b.member.latency_us = 100000; /* and the other is slow */
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 2);
	CU_ASSERT(a.member.rest_ms >= first);
	group_destroy(group);
}

TESTS("ha hedge", SAY(a_silent_member_has_another_asked_beside_it), SAY(an_answer_to_a_probe_ends_the_suspicion),
	SAY(a_probe_that_fails_makes_a_silent_member_a_lost_one), SAY(the_first_answer_is_the_calls_whoever_gives_it),
	SAY(when_both_fail_the_call_goes_on), SAY(without_hedging_only_silence_moves_a_call), SAY(hedging_has_a_budget),
	SAY(a_standby_member_is_not_asked_because_another_is_slow), SAY(nor_because_one_of_two_that_are_asked_dies),
	SAY(but_at_once_because_it_is_lost_or_silent),
	SAY(a_member_that_greets_as_standby_is_not_asked_while_another_is_there), SAY(a_member_of_another_cluster_is_refused),
	SAY(a_deed_is_asked_of_another_only_when_there_is_no_sign_of_life), SAY(with_heartbeats_a_deed_is_waited_for),
	SAY(what_must_not_be_done_twice_is_not), SAY(nor_is_another_asked_beside_the_first),
	SAY(a_call_has_an_end_however_the_heart_beats), SAY(a_silent_member_does_not_hold_up_the_rounds_of_the_others),
	SAY(who_cannot_serve_is_tried_by_one_call_now_and_then))

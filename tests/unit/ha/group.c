#include "ha/walk.h"
#include "tests/unit/ha/two.h"

static Craton__Fault fault_of(struct group *group, struct question question)
{
	Craton__Reply *reply = NULL;
	Craton__Fault fault = group_call(group, &question, &reply) == ERR_OK ? reply->fault : (Craton__Fault)-1;
	reply_free(reply);
	return fault;
}

static void a_lost_answer_is_asked_for_again_elsewhere(void)
{
	start(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(fault_of(group, a_read()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1); /* then it was lost, and nobody paid for it again */
	CU_ASSERT_EQUAL(atomic_load(&a.drops), 1);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 10);
	group_destroy(group);
}

static void a_deed_keeps_its_request_id_and_a_read_has_none(void)
{
	struct id first;
	start(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(!id_is_zero(&a.request_ids[0]));
	CU_ASSERT(id_equal(&a.request_ids[0], &b.request_ids[0]));
	first = b.request_ids[0];
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(!id_equal(&first, &b.request_ids[1]));
	CU_ASSERT_EQUAL(fault_of(group, a_read()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(id_is_zero(&b.request_ids[2]));
	group_destroy(group);
}

static void a_member_that_cannot_serve_is_asked_again_only_when_no_other_can(void)
{
	start(SAYS(FAULTY(NOT_SERVING), GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(fault_of(group, a_read()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(a.member.rests_until_ms > before);
	a.member.rests_until_ms = DEADLINE_NEVER; /* so that no time passes for it */
	CU_ASSERT_EQUAL(fault_of(group, a_read()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 2);
	group_destroy(group);
}

static void while_no_member_can_serve_the_call_waits_in_rounds(void)
{
	start(SAYS(FAULTY(NO_MAJORITY), FAULTY(NO_MAJORITY), FAULTY(NO_MAJORITY)), SAYS(FAULTY(NOT_SERVING), FAULTY(BEHIND), GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 3);
	CU_ASSERT(id_equal(&b.request_ids[0], &b.request_ids[2]));
	group_destroy(group);
}

static void when_the_time_is_up_the_last_fault_is_the_answer(void)
{
	struct group_settings hasty = patient;
	hasty.command_ms = 60;
	fake_init(&a, "a", SAYS(FAULTY(NO_MAJORITY)));
	struct group *group = group_of_one(&hasty);
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_NO_MAJORITY);
	group_destroy(group);
}

static void what_every_member_would_say_is_asked_only_once(void)
{
	static const Craton__Fault final[] = { CRATON__FAULT__FAULT_TICKET, CRATON__FAULT__FAULT_REFUSED, CRATON__FAULT__FAULT_MALFORMED };
	for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
		struct say say = { .err = ERR_OK, .fault = final[i], .index = 1 };
		start(&say, 1, &say, 1);
		struct group *group = group_of_two(&patient);
		CU_ASSERT_EQUAL(fault_of(group, a_read()), final[i]);
		CU_ASSERT_EQUAL(atomic_load(&a.calls) + atomic_load(&b.calls), 1);
		group_destroy(group);
	}
}

static void a_question_that_is_too_big_is_no_members_fault(void)
{
	fake_init(&a, "a", SAYS({ .err = ERR_TOO_BIG }, GOOD));
	struct group *group = group_of_one(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(fault_of(group, a_read()), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(group_total_losses(group), 0);
	group_destroy(group);
}

static void each_call_says_the_highest_index_any_member_has_told(void)
{
	fake_init(&a, "a", SAYS(AT_INDEX(7), AT_INDEX(5)));
	struct group *group = group_of_one(&patient);
	fault_of(group, a_read());
	CU_ASSERT_EQUAL(a.index_min, 0);
	fault_of(group, a_read());
	CU_ASSERT_EQUAL(a.index_min, 7);
	fault_of(group, a_read());
	CU_ASSERT_EQUAL(a.index_min, 7);
	group_destroy(group);
}

static Craton__Fault ask_crypt(struct group *group, struct object *about);

/* The use of a key asks for its birth only: a member that is a little behind may serve it. Not so once a key was found destroyed. */
static void what_was_gone_is_not_asked_of_whoever_has_not_heard(void)
{
	fake_init(&a, "a", SAYS(AT_INDEX(7), { .err = ERR_OK, .fault = CRATON__FAULT__FAULT_UNKNOWN_OBJECT, .index = 9 }, AT_INDEX(12)));
	struct group *group = group_of_one(&patient);
	struct object key = { .handle = 1 }, other = { .handle = 2 };
	CU_ASSERT_EQUAL(ask_crypt(group, &key), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(a.index_min, 1);
	CU_ASSERT_EQUAL(ask_crypt(group, &key), CRATON__FAULT__FAULT_UNKNOWN_OBJECT);
	CU_ASSERT_EQUAL(a.index_min, 1);
	ask_crypt(group, &key);
	CU_ASSERT_EQUAL(a.index_min, 9);
	ask_crypt(group, &other);
	CU_ASSERT_EQUAL(a.index_min, 1);
	group_destroy(group);
}

static struct object *carried_object(void)
{
	struct object *object = calloc(1, sizeof *object);
	object->references = 1;
	object->carried = malloc(sizeof *object->carried);
	craton__object__init(object->carried);
	return object;
}

static Craton__Fault ask_crypt(struct group *group, struct object *about)
{
	struct question question = QUESTION_INIT;
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	body.key = question.object = &ref;
	question.about = about;
	question.index_min = 1;
	question.request.body_case = CRATON__REQUEST__BODY_CRYPT;
	question.request.crypt = &body;
	return fault_of(group, question);
}

static void a_session_key_is_shown_once_and_again_when_forgotten(void)
{
	struct object *key = carried_object();
	fake_init(&a, "a", SAYS(GOOD, GOOD, FAULTY(UNKNOWN_OBJECT), GOOD));
	struct group *group = group_of_one(&patient);
	CU_ASSERT_EQUAL(ask_crypt(group, key), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(a.was_shown);
	CU_ASSERT_EQUAL(ask_crypt(group, key), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT(!a.was_shown);
	CU_ASSERT_EQUAL(ask_crypt(group, key), CRATON__FAULT__FAULT_NONE); /* forgotten, shown at once */
	CU_ASSERT(a.was_shown);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 4);
	group_destroy(group);
	object_release(key);
}

static void an_unknown_object_that_nobody_carries_is_the_answer(void)
{
	start(SAYS(FAULTY(UNKNOWN_OBJECT)), SAYS(FAULTY(UNKNOWN_OBJECT)));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(ask_crypt(group, NULL), CRATON__FAULT__FAULT_UNKNOWN_OBJECT);
	CU_ASSERT_EQUAL(atomic_load(&a.calls) + atomic_load(&b.calls), 1);
	group_destroy(group);
}

static void while_others_are_left_no_member_gets_all_the_time(void)
{
	struct group_settings settings = patient;
	settings.command_ms = 20000;
	start(SAYS(FAULTY(NO_MAJORITY), GOOD), SAYS(FAULTY(NO_MAJORITY), GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_NONE);
	struct fake *first = atomic_load(&a.calls) == 2 ? &a : &b, *last = first == &a ? &b : &a;
	CU_ASSERT_EQUAL(first->timeout_ms, 5000);
	CU_ASSERT(last->timeout_ms > 5000 && last->timeout_ms <= 20000);
	group_destroy(group);
}

static void stopping_ends_every_wait(void)
{
	fake_init(&a, "a", SAYS(GOOD));
	a.waits = true;
	struct group *group = group_of_one(&patient);
	pthread_t thread = read_begin(group);
	fake_wait_calls(&a, 1);
	group_stop(group);
	CU_ASSERT_EQUAL(read_end(thread), ERR_CLOSED);
	CU_ASSERT_EQUAL(read_once(group), ERR_CLOSED);
	CU_ASSERT_EQUAL(group_total_losses(group), 0);
	group_stop(group);
	group_destroy(group);
}

/* Its connections are in others' use; some end, or one's own become idle. */
static void a_member_that_has_no_room_for_another_connection_is_waited_for(void)
{
	fake_init(&a, "a", SAYS(GOOD));
	a.greets = true;
	atomic_store(&a.is_full, true);
	struct group *group = group_of_one(&patient);
	a.duty = a.member.duty = CRATON__DUTY__DUTY_STANDBY;
	pthread_t thread = read_begin(group);
	fake_wait_calls(&a, 3);
	CU_ASSERT_EQUAL(a.member.duty, CRATON__DUTY__DUTY_STANDBY); /* it was not told of that */
	atomic_store(&a.is_full, false);
	CU_ASSERT_EQUAL(read_end(thread), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.drops), 0);
	CU_ASSERT_EQUAL(a.member.outstanding, 0);
	group_destroy(group);
}

static void if_it_never_has_that_is_the_answer(void)
{
	struct group_settings hasty = patient;
	hasty.command_ms = 60;
	fake_init(&a, "a", SAYS(GOOD));
	a.greets = true;
	atomic_store(&a.is_full, true);
	struct group *group = group_of_one(&hasty);
	CU_ASSERT_EQUAL(fault_of(group, a_deed()), CRATON__FAULT__FAULT_BUSY);
	CU_ASSERT_FALSE(a.member.lost);
	group_destroy(group);
}

/* A heartbeat is no sign of life for ever. */
static void who_was_alive_and_is_silent_now_is_not_only_slow(void)
{
	fake_init(&a, "a", SAYS(GOOD));
	struct group *group = group_of_one(&patient);
	struct walk walk = { .group = group, .count = 1 };
	walk.attempts[0] = (struct attempt){ .member = &a.member, .is_alive = true, .heard_ms = clock_ms() };
	CU_ASSERT(walk_is_only_slow(&walk));
	walk.attempts[0].heard_ms -= HEARTBEAT_MISSED_MS;
	CU_ASSERT_FALSE(walk_is_only_slow(&walk));
	group_destroy(group);
}

/* Many calls may be under way when a member dies: it is lost once, and none of them was a look for it. */
static void calls_that_are_cut_off_are_no_looks_for_the_member(void)
{
	struct group_settings settings = patient;
	struct attempt cut_off[8] = { { .line = NULL } }, look = { .line = NULL };
	settings.recovery_retries = 2;
	settings.recovery_interval_ms = 1000000; /* no other look comes in between */
	start(SAYS(GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	pthread_mutex_lock(&group->lock);
	for (size_t i = 0; i < 8; i++)
		attempt_take_locked(&cut_off[i], &a.member);
	pthread_mutex_unlock(&group->lock);
	for (size_t i = 0; i < 8; i++)
		attempt_failed(group, &cut_off[i], ERR_CLOSED);
	CU_ASSERT(a.member.lost);
	CU_ASSERT_EQUAL(a.member.probes, 0);
	CU_ASSERT_NOT_EQUAL(a.member.probe_at_ms, DEADLINE_NEVER);
	pthread_mutex_lock(&group->lock);
	attempt_take_locked(&look, &a.member);
	pthread_mutex_unlock(&group->lock);
	attempt_failed(group, &look, ERR_CLOSED);
	CU_ASSERT_EQUAL(a.member.probes, 1);
	CU_ASSERT_EQUAL(a.member.outstanding, 0);
	group_destroy(group);
}

TESTS("ha group", SAY(a_lost_answer_is_asked_for_again_elsewhere), SAY(a_deed_keeps_its_request_id_and_a_read_has_none),
	SAY(a_member_that_cannot_serve_is_asked_again_only_when_no_other_can),
	SAY(while_no_member_can_serve_the_call_waits_in_rounds), SAY(when_the_time_is_up_the_last_fault_is_the_answer),
	SAY(a_member_that_has_no_room_for_another_connection_is_waited_for),
	SAY(if_it_never_has_that_is_the_answer), SAY(what_every_member_would_say_is_asked_only_once), SAY(a_question_that_is_too_big_is_no_members_fault),
	SAY(each_call_says_the_highest_index_any_member_has_told),
	SAY(what_was_gone_is_not_asked_of_whoever_has_not_heard), SAY(a_session_key_is_shown_once_and_again_when_forgotten),
	SAY(an_unknown_object_that_nobody_carries_is_the_answer), SAY(while_others_are_left_no_member_gets_all_the_time),
	SAY(who_was_alive_and_is_silent_now_is_not_only_slow), SAY(calls_that_are_cut_off_are_no_looks_for_the_member), SAY(stopping_ends_every_wait))

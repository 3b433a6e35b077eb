/* What changes something, or may be done only once: when is another asked? */
#include "tests/unit/ha/two.h"

static void a_deed_is_asked_of_another_only_when_there_is_no_sign_of_life(void)
{
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&watchful);
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT(clock_ms() - before >= SILENCE_MS);
	CU_ASSERT(id_equal(&a.request_ids[0], &b.request_ids[0])); /* so it happens once */
	CU_ASSERT(a.member.suspect);
	group_destroy(group);
}

static void a_login_is_asked_of_another_once_the_first_heartbeat_is_missing(void)
{
	start_quick(SAYS(LATE), SAYS(GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&watchful);
	int64_t before = clock_ms();
	CU_ASSERT_EQUAL(ask_once(group, a_light_deed()), ERR_OK);
	CU_ASSERT(clock_ms() - before >= HEARTBEAT_FIRST_MS);
	CU_ASSERT(id_equal(&a.request_ids[0], &b.request_ids[0]));
	group_destroy(group);
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.answers_after_ms = 2 * HEARTBEAT_FIRST_MS; /* and it comes */
	group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(ask_once(group, a_light_deed()), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

static void with_heartbeats_a_deed_is_waited_for(void)
{
	start_quick(SAYS(GOOD), SAYS(GOOD));
	a.answers_after_ms = SILENCE_MS + 200;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

/* However long a member has been at work, there is time for another when it fails. */
static void work_that_takes_longer_than_a_call_may_is_followed_by_another_try(void)
{
	struct group_settings settings = watchful;
	settings.command_ms = 2 * HEARTBEAT_FIRST_MS;
	start_quick(SAYS(FAULTY(NOT_SERVING)), SAYS(GOOD));
	a.answers_after_ms = 2 * settings.command_ms + 10;
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

/* One that is cut off from the majority waits for it, beats meanwhile, and gives the call back; that may not go on for ever. */
static void one_that_waits_in_vain_again_and_again_wins_no_more_time(void)
{
	struct group_settings settings = watchful;
	settings.command_ms = 4 * HEARTBEAT_FIRST_MS;
	start_quick(SAYS(FAULTY(NO_MAJORITY)), SAYS(GOOD));
	a.answers_after_ms = HEARTBEAT_FIRST_MS + 10; /* beats once */
	struct group *group = group_of_one(&settings);
	CU_ASSERT_EQUAL(deed_once(group), ERR_BUSY);
	CU_ASSERT(atomic_load(&a.calls) >= 2);
	CU_ASSERT(atomic_load(&a.calls) <= settings.command_ms / a.answers_after_ms + 2);
	group_destroy(group);
}

static void what_must_not_be_done_twice_is_not(void)
{
	start_quick(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(ask_once(group, a_stateful_signature()), ERR_IO); /* the token's: CKR_DEVICE_ERROR */
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	CU_ASSERT(a.member.lost);
	group_destroy(group);
	start_quick(SAYS(FAULTY(BUSY)), SAYS(GOOD)); /* the token was not touched */
	group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(ask_once(group, a_stateful_signature()), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
	start_quick(SAYS(FAULTY(NOT_SERVING)), SAYS(GOOD)); /* it may have failed in the middle */
	group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(ask_once(group, a_stateful_signature()), ERR_BUSY);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

static void nor_is_another_asked_beside_the_first(void)
{
	struct group_settings settings = watchful;
	settings.command_ms = 400;
	start_quick(SAYS(LATE), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(ask_once(group, a_stateful_signature()), ERR_IO);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 0);
	group_destroy(group);
}

/* A member that sends heartbeats and nothing else: a call has an end all the same. */
static void a_call_has_an_end_however_the_heart_beats(void)
{
	struct group_settings settings = watchful;
	settings.command_ms = 20;
	start_quick(SAYS(LATE), SAYS(LATE));
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
	start_quick(SAYS(FAULTY(NO_MAJORITY), FAULTY(NO_MAJORITY), GOOD), SAYS(LATE));
	b.swallows_probes = true;
	struct group *group = group_of_two(&watchful);
	CU_ASSERT_EQUAL(deed_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 3);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
	group_destroy(group);
}

TESTS("ha deeds", SAY(a_deed_is_asked_of_another_only_when_there_is_no_sign_of_life), SAY(a_login_is_asked_of_another_once_the_first_heartbeat_is_missing),
	SAY(with_heartbeats_a_deed_is_waited_for),
	SAY(work_that_takes_longer_than_a_call_may_is_followed_by_another_try), SAY(one_that_waits_in_vain_again_and_again_wins_no_more_time),
	SAY(what_must_not_be_done_twice_is_not), SAY(nor_is_another_asked_beside_the_first),
	SAY(a_call_has_an_end_however_the_heart_beats), SAY(a_silent_member_does_not_hold_up_the_rounds_of_the_others))

#include "ha/changes.h"
#include "tests/unit/ha/two.h"
#include <signal.h>

/* Nobody looks for anybody but the calls, and they only at once. */
static struct group_settings undisturbed(void)
{
	struct group_settings settings = patient;
	settings.may_start_threads = false;
	settings.recovery_interval_ms = 1000000;
	return settings;
}

static void no_thread_is_started_before_a_member_is_lost(void)
{
	start(SAYS(GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(!group->has_thread);
	group_destroy(group);
}

static void a_lost_member_is_probed_in_the_background_until_it_is_back(void)
{
	start(SAYS(GONE, GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(group->has_thread);
	fake_wait_probes(&a, 3);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	atomic_store(&a.probe_err, ERR_OK);
	wait_until_back(group, &a.member);
	CU_ASSERT_EQUAL(atomic_load(&b.probes), 0);
	group_destroy(group);
}

static void one_that_turns_its_probe_away_is_back(void)
{
	start(SAYS(GONE, GOOD), SAYS(GOOD));
	atomic_store(&a.is_full, true);
	atomic_store(&a.probe_err, ERR_OK);
	struct group *group = group_of_two(&patient);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	wait_until_back(group, &a.member);
	group_destroy(group);
}

static void the_thread_takes_no_signals(void)
{
	sigset_t before, after;
	start(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&patient);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CU_ASSERT_EQUAL(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
	group_destroy(group);
}

static void after_so_many_retries_a_member_is_given_up(void)
{
	struct group_settings settings = patient;
	settings.recovery_retries = 2;
	settings.recovery_interval_ms = 8;
	start(SAYS(GONE), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	fake_wait_probes(&a, 2);
	pthread_mutex_lock(&group->lock);
	while (a.member.probes < 2)
		group_wait_locked(group, clock_ms() + 1);
	CU_ASSERT_EQUAL(a.member.probe_at_ms, DEADLINE_NEVER);
	pthread_mutex_unlock(&group->lock);
	group_destroy(group);
}

/* One was killed and is up again, not yet noticed, when the other is killed. */
static void when_the_last_is_lost_those_that_are_back_are_found_at_once(void)
{
	struct group_settings settings = patient;
	settings.recovery_interval_ms = 1000000; /* no probe comes in between */
	start(SAYS(GONE, GOOD), SAYS(GOOD, GONE));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	atomic_store(&a.probe_err, ERR_OK);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(group_total_losses(group), 0); /* somebody was there all the time */
	CU_ASSERT_EQUAL(group_changes(group), 0);
	CU_ASSERT(!a.member.lost && b.member.lost);
	group_destroy(group);
}

static void only_when_each_was_tried_since_the_last_loss_all_are_lost(void)
{
	struct group_settings settings = undisturbed();
	start(SAYS(GONE), SAYS(GONE));
	struct group *group = group_of_two(&settings);
	pthread_mutex_lock(&group->lock);
	member_lose_locked(group, &a.member, ERR_CLOSED);
	CU_ASSERT_EQUAL(member_still_lost_locked(group, &a.member, group->losses).what, NEWS_NONE);
	uint64_t before = group->losses;
	member_lose_locked(group, &b.member, ERR_CLOSED);
	CU_ASSERT_EQUAL(member_still_lost_locked(group, &b.member, group->losses).what, NEWS_NONE);
	CU_ASSERT_EQUAL(member_still_lost_locked(group, &a.member, before).what, NEWS_NONE); /* it began too early to tell */
	CU_ASSERT_EQUAL(group->total_losses, 0);
	CU_ASSERT_EQUAL(member_still_lost_locked(group, &a.member, group->losses).what, NEWS_OUT);
	CU_ASSERT_EQUAL(member_still_lost_locked(group, &a.member, group->losses).what, NEWS_NONE); /* said once */
	CU_ASSERT_EQUAL(group->total_losses, 1);
	pthread_mutex_unlock(&group->lock);
	CU_ASSERT_EQUAL(group_changes(group), 1);
	group_destroy(group);
}

/* They were killed together, and come back one after the other. */
static void when_the_first_is_back_the_others_are_looked_for_anew(void)
{
	struct group_settings settings = undisturbed();
	start(SAYS(GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	pthread_mutex_lock(&group->lock);
	member_lose_locked(group, &a.member, ERR_CLOSED);
	member_lose_locked(group, &b.member, ERR_CLOSED);
	for (int i = 0; i < 8; i++)
		member_still_lost_locked(group, &b.member, group->losses);
	CU_ASSERT_EQUAL(member_back_locked(group, &a.member).what, NEWS_BACK);
	CU_ASSERT(b.member.lost);
	CU_ASSERT_EQUAL(b.member.probe_at_ms, 0);
	member_still_lost_locked(group, &b.member, group->losses);
	CU_ASSERT(b.member.probe_at_ms < clock_ms() + settings.recovery_interval_ms / 2); /* not as if it had been looked for nine times */
	pthread_mutex_unlock(&group->lock);
	group_destroy(group);
}

static void a_storm_of_calls_while_all_are_lost_knocks_once_per_interval(void)
{
	struct group_settings settings = undisturbed();
	start(SAYS(GONE), SAYS(GONE));
	struct group *group = group_of_two(&settings);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_CLOSED);
	CU_ASSERT_EQUAL(atomic_load(&a.calls) + atomic_load(&b.calls), 2);
	CU_ASSERT_EQUAL(atomic_load(&a.probes) + atomic_load(&b.probes), 2); /* one round of knocking */
	CU_ASSERT_EQUAL(group_total_losses(group), 1);
	group_destroy(group);
}

static void after_the_interval_a_call_finds_the_members_again(void)
{
	struct group_settings settings = patient;
	settings.may_start_threads = false;
	settings.recovery_interval_ms = 40;
	start(SAYS(GONE, GOOD), SAYS(GONE, GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(read_once(group), ERR_CLOSED);
	atomic_store(&a.probe_err, ERR_OK);
	atomic_store(&b.probe_err, ERR_OK);
	enum err err = ERR_CLOSED;
	for (int64_t end = clock_ms() + 10000; err != ERR_OK && clock_ms() < end;)
		err = read_once(group);
	CU_ASSERT_EQUAL(err, ERR_OK);
	group_destroy(group);
}

static void a_call_waits_for_a_member_as_long_as_the_settings_say(void)
{
	struct group_settings settings = patient;
	settings.recovery_wait_ms = 5000;
	start(SAYS(GONE, GOOD), SAYS(GONE, GOOD));
	atomic_store(&a.probe_err, ERR_OK);
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	group_destroy(group);
}

/* Back only after it was certain that nobody was there. */
static void *come_back(void *argument)
{
	struct fake *fake = argument;
	fake_wait_probes(fake, 3);
	atomic_store(&fake->probe_err, ERR_OK);
	return NULL;
}

static void while_it_waits_a_call_finds_who_comes_back(void)
{
	struct group_settings settings = patient;
	pthread_t thread;
	settings.recovery_wait_ms = 60000;
	settings.command_ms = 60000;
	settings.recovery_interval_ms = 20;
	start(SAYS(GONE, GOOD), SAYS(GONE, GOOD));
	struct group *group = group_of_two(&settings);
	pthread_create(&thread, NULL, come_back, &a);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(group_total_losses(group), 1);
	CU_ASSERT_EQUAL(group_changes(group), 2); /* gone, and there again */
	pthread_join(thread, NULL);
	group_destroy(group);
}

/* As for an event: that nobody is there is what is wanted to be known. */
static void who_only_looks_does_not_wait_for_anybody_to_come_back(void)
{
	struct group_settings settings = patient;
	struct question question = a_read();
	settings.recovery_wait_ms = settings.command_ms = 3600000;
	start(SAYS(GONE), SAYS(GONE));
	struct group *group = group_of_two(&settings);
	question.is_look = true;
	CU_ASSERT_EQUAL(ask_once(group, question), ERR_CLOSED);
	CU_ASSERT_EQUAL(group_total_losses(group), 1);
	group_destroy(group);
}

static void once_the_wait_is_over_calls_fail_at_once(void)
{
	struct group_settings settings = patient;
	settings.recovery_wait_ms = 200;
	settings.command_ms = 3600000;
	start(SAYS(GONE), SAYS(GONE));
	struct group *group = group_of_two(&settings);
	int64_t began = clock_ms();
	CU_ASSERT_EQUAL(read_once(group), ERR_CLOSED);
	CU_ASSERT(clock_ms() - began >= 200);
	group->settings.recovery_wait_ms = 0;
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_CLOSED);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 1);
	CU_ASSERT_EQUAL(group_total_losses(group), 1);
	group_destroy(group);
}

static void those_given_up_are_tried_when_somebody_asks(void)
{
	struct group_settings settings = patient;
	settings.recovery_retries = 0;
	settings.recovery_interval_ms = 10;
	settings.recovery_wait_ms = 60000;
	settings.command_ms = 60000;
	start(SAYS(GONE, GOOD), SAYS(GONE, GOOD));
	struct group *group = group_of_two(&settings);
	pthread_t thread;
	pthread_create(&thread, NULL, come_back, &a);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	pthread_join(thread, NULL);
	group_destroy(group);
}

static void without_threads_a_silent_member_is_tried_again_too(void)
{
	struct group_settings settings = watchful;
	settings.may_start_threads = false;
	settings.recovery_interval_ms = 8;
	start(SAYS(LATE, LATE, GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(a.member.suspect);
	for (int64_t end = clock_ms() + 10000; atomic_load(&a.calls) < 3 && clock_ms() < end;)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&a.calls), 3);
	CU_ASSERT(!a.member.suspect && !a.member.lost);
	group_destroy(group);
}

static void without_threads_a_call_is_the_probe(void)
{
	struct group_settings settings = patient;
	settings.may_start_threads = false;
	settings.recovery_interval_ms = 8;
	start(SAYS(GONE, GOOD), SAYS(GOOD));
	struct group *group = group_of_two(&settings);
	for (int64_t end = clock_ms() + 10000; atomic_load(&a.calls) < 2 && clock_ms() < end;)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(!a.member.lost);
	CU_ASSERT(!group->has_thread);
	CU_ASSERT_EQUAL(atomic_load(&a.probes), 0);
	group_destroy(group);
}

/* Nobody else was there when the member fell silent; the call finds who comes back all the same. */
static void a_call_at_a_silent_member_finds_who_comes_back(void)
{
	start(SAYS(LATE), SAYS(GONE, GOOD));
	a.swallows_probes = true;
	struct group *group = group_of_two(&watchful);
	pthread_t thread = read_begin(group);
	fake_wait_probes(&b, 6); /* so long that the other's silence is no slowness any more */
	atomic_store(&b.probe_err, ERR_OK);
	CU_ASSERT_EQUAL(read_end(thread), ERR_OK);
	CU_ASSERT_EQUAL(atomic_load(&b.calls), 2);
	CU_ASSERT_EQUAL(a.let_go_owing, 1);
	CU_ASSERT(a.member.suspect);
	group_destroy(group);
}

/* There is nobody else to wait for: those whom it would not look for before long, or at all, are looked for now. */
static void silence_of_the_last_hurries_the_look_for_the_others(void)
{
	struct group_settings settings = watchful;
	settings.recovery_retries = 0; /* given up as soon as it is lost */
	settings.recovery_interval_ms = 10;
	for (unsigned with_thread = 0; with_thread < 2; with_thread++) {
		settings.may_start_threads = with_thread;
		start(SAYS(LATE), SAYS(GONE, GOOD));
		a.swallows_probes = true;
		atomic_store(&b.probe_err, ERR_OK);
		struct group *group = group_of_two(&settings);
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
		CU_ASSERT_EQUAL(atomic_load(&b.calls), 2);
		CU_ASSERT_EQUAL(atomic_load(&b.probes), with_thread); /* without a thread the call is the look */
		group_destroy(group);
	}
}

/* For whom to look would be time only after many intervals, the last one being over. */
static void lose_far_off(struct group *group, struct fake *fake)
{
	pthread_mutex_lock(&group->lock);
	member_lose_locked(group, &fake->member, ERR_CLOSED);
	fake->member.probes = 10;
	member_still_lost_locked(group, &fake->member, group->losses);
	fake->member.failed_at_ms -= group->settings.recovery_interval_ms;
	CU_ASSERT(fake->member.probe_at_ms > clock_ms() + 5 * group->settings.recovery_interval_ms);
	pthread_mutex_unlock(&group->lock);
}

static void it_hurries_the_look_for_one_that_is_only_far_off_too(void)
{
	struct group_settings settings = watchful; /* nobody is ever given up */
	settings.recovery_interval_ms = settings.command_ms;
	for (unsigned with_thread = 0; with_thread < 2; with_thread++) {
		settings.may_start_threads = with_thread;
		start(SAYS(LATE), SAYS(GOOD));
		a.swallows_probes = true;
		atomic_store(&b.probe_err, ERR_OK);
		struct group *group = group_of_two(&settings);
		lose_far_off(group, &b);
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
		CU_ASSERT_EQUAL(atomic_load(&b.calls), 1);
		CU_ASSERT_EQUAL(atomic_load(&b.probes), with_thread);
		group_destroy(group);
	}
}

static void *ask_often(void *argument)
{
	uintptr_t failures = 0;
	for (int i = 0; i < 500; i++)
		failures += read_once(argument) != ERR_OK;
	return (void *)failures;
}

static void many_threads_share_a_group_that_loses_and_regains_a_member(void)
{
	pthread_t threads[8];
	start(SAYS(GOOD, GOOD, GOOD, GONE, GONE, GONE, GOOD), SAYS(GOOD));
	atomic_store(&a.probe_err, ERR_OK);
	struct group *group = group_of_two(&patient);
	for (size_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, ask_often, group);
	for (size_t i = 0; i < 8; i++) {
		void *failures;
		pthread_join(threads[i], &failures);
		CU_ASSERT_PTR_NULL(failures);
	}
	CU_ASSERT_EQUAL(a.member.outstanding + b.member.outstanding, 0);
	group_destroy(group);
}

TESTS("ha recovery", SAY(no_thread_is_started_before_a_member_is_lost),
	SAY(a_lost_member_is_probed_in_the_background_until_it_is_back), SAY(one_that_turns_its_probe_away_is_back), SAY(the_thread_takes_no_signals),
	SAY(after_so_many_retries_a_member_is_given_up), SAY(when_the_last_is_lost_those_that_are_back_are_found_at_once),
	SAY(only_when_each_was_tried_since_the_last_loss_all_are_lost),
	SAY(when_the_first_is_back_the_others_are_looked_for_anew),
	SAY(a_storm_of_calls_while_all_are_lost_knocks_once_per_interval),
	SAY(after_the_interval_a_call_finds_the_members_again), SAY(a_call_waits_for_a_member_as_long_as_the_settings_say),
	SAY(while_it_waits_a_call_finds_who_comes_back), SAY(who_only_looks_does_not_wait_for_anybody_to_come_back), SAY(once_the_wait_is_over_calls_fail_at_once),
	SAY(those_given_up_are_tried_when_somebody_asks), SAY(without_threads_a_silent_member_is_tried_again_too),
	SAY(without_threads_a_call_is_the_probe), SAY(a_call_at_a_silent_member_finds_who_comes_back),
	SAY(silence_of_the_last_hurries_the_look_for_the_others), SAY(it_hurries_the_look_for_one_that_is_only_far_off_too),
	SAY(many_threads_share_a_group_that_loses_and_regains_a_member))

/* Each thing that libraft 0.22.1 gets wrong or leaves open, twice: what the bare engine does (so that a version that does
 * otherwise is noticed), and what the driver makes of it. Here: votes and time. */
#include "tests/check.h"
#include "tests/unit/raft/bare.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

/* Votes */

static void the_engine_hides_its_term_when_it_refuses_a_pre_vote(void)
{
	struct bare *bare = bare_follower(3, 9, 0, 1);
	bare_vote_request(bare, 3, 6, 9, 5, true);
	CU_ASSERT_EQUAL(bare_sent(bare, RAFT_REQUEST_VOTE_RESULT, 3)->request_vote_result.term, 6);
	bare_destroy(bare);
}

static void the_driver_names_its_term_when_it_refuses_a_pre_vote(void)
{
	struct fake_world *world = fake_follower(3, 9, 0, 1);
	fake_vote(world, 3, 6, 9, 5, true);
	const struct message *answer = fake_last(world, MESSAGE_VOTE_RESULT, 3);
	CU_ASSERT_FALSE(answer->vote_result.granted);
	CU_ASSERT_EQUAL(answer->term, 9);
	fake_destroy(world);
}

/* An uncommitted configuration makes node 1 a learner; the leader falls silent for a minute; node 3 has a longer log. */
static void the_engine_never_votes_once_its_newest_configuration_says_learner(void)
{
	struct bare *bare = bare_follower(3, 1, 0, 1);
	struct raft_configuration demoted;
	struct raft_buffer bytes;
	raft_configuration_init(&demoted);
	raft_configuration_add(&demoted, 1, "n1@10.0.0.1:7001", RAFT_STANDBY);
	raft_configuration_add(&demoted, 2, "n2@10.0.0.2:7002", RAFT_VOTER);
	raft_configuration_add(&demoted, 3, "n3@10.0.0.3:7003", RAFT_VOTER);
	raft_configuration_encode(&demoted, &bytes);
	raft_configuration_close(&demoted);
	struct raft_entry entry = { .term = 2, .type = RAFT_CHANGE, .buf = bytes, .batch = bytes.base };
	struct raft_message m = { .type = RAFT_APPEND_ENTRIES };
	m.append_entries = (struct raft_append_entries){ .term = 2, .prev_log_index = 1, .prev_log_term = 1, .leader_commit = 1, .entries = &entry, .n_entries = 1 };
	bare_receive(bare, 2, &m);
	bare_persisted(bare, 2);
	bare_timeout(bare, 60000);
	bare_vote_request(bare, 3, 3, 9, 2, false);
	CU_ASSERT_FALSE(bare_sent(bare, RAFT_REQUEST_VOTE_RESULT, 3)->request_vote_result.vote_granted);
	bare_destroy(bare);
}

static void the_driver_votes_even_if_its_newest_configuration_says_learner(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *demoted = fake_configuration(2, 3, 1);
	fake_append(world, 2, 2, 1, 1, 1, &demoted, 1);
	fake_written_all(world);
	fake_vote(world, 3, 3, 9, 2, false);
	CU_ASSERT_FALSE(fake_last(world, MESSAGE_VOTE_RESULT, 3)->vote_result.granted); /* its leader lives */
	fake_pass(world, 60000);
	fake_vote(world, 3, 3, 9, 2, true);
	CU_ASSERT_TRUE(fake_last(world, MESSAGE_VOTE_RESULT, 3)->vote_result.granted);
	fake_vote(world, 3, 3, 9, 2, false);
	CU_ASSERT_TRUE(fake_last(world, MESSAGE_VOTE_RESULT, 3)->vote_result.granted);
	CU_ASSERT_EQUAL(world->term, 3);
	CU_ASSERT_EQUAL(world->vote, 3); /* saved before it was sent */
	fake_vote(world, 2, 3, 9, 2, false);
	CU_ASSERT_FALSE(fake_last(world, MESSAGE_VOTE_RESULT, 2)->vote_result.granted); /* one vote a term */
	fake_vote(world, 3, 4, 1, 1, false);
	CU_ASSERT_FALSE(fake_last(world, MESSAGE_VOTE_RESULT, 3)->vote_result.granted); /* a shorter log */
	fake_destroy(world);
}

/* The bare engine isn't asked: it would write through a pointer that isn't one. */
static void the_driver_gives_vote_results_to_candidates_only_and_from_voters_only(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct message late = { .kind = MESSAGE_VOTE_RESULT, .term = world->driver->raft.current_term };
	late.vote_result.granted = true;
	CU_ASSERT_EQUAL(fake_receive(world, 3, &late), ERR_OK);
	CU_ASSERT_TRUE(driver_leads(world->driver));
	fake_destroy(world);
	world = fake_follower(3, 1, 0, 1);
	fake_pass(world, 2500);
	struct message stranger = { .kind = MESSAGE_VOTE_RESULT, .term = 2 };
	stranger.vote_result.granted = stranger.vote_result.pre_vote = true;
	fake_receive(world, 6, &stranger);
	CU_ASSERT_EQUAL(world->driver->raft.current_term, 1); /* it counted for nothing */
	fake_destroy(world);
}

/* Time */

static void a_spare_that_is_no_longer_served(struct bare *bare)
{
	struct raft_configuration wanted;
	struct raft_event event = { .type = RAFT_CONFIGURATION };
	bare_configuration(&wanted, 3, 4, RAFT_SPARE);
	bare_submit(bare, RAFT_CHANGE, &wanted);
	bare_persisted(bare, 2);
	bare_append_result(bare, 2, 0, 2);
	event.configuration.index = 2;
	event.configuration.conf = wanted;
	bare_event(bare, &event);
	event = (struct raft_event){ .type = RAFT_CATCH_UP };
	event.catch_up.server_id = 4;
	bare_event(bare, &event);
	for (int i = 0; i < 80; i++) {
		bare_append_result(bare, 2, 0, 2);
		bare_append_result(bare, 3, 0, 2);
		bare_timeout(bare, 100);
	}
}

static void the_engines_next_timeout_may_lie_in_the_past_but_not_the_drivers(void)
{
	struct bare *bare = bare_leader(3, 1, 0, 1);
	a_spare_that_is_no_longer_served(bare);
	CU_ASSERT_TRUE(raft_timeout(&bare->raft) <= bare->now);
	struct guard guard = { .timeout_fired_ms = (int64_t)bare->now };
	CU_ASSERT_TRUE(guard_timeout(&guard, &bare->raft) > (int64_t)bare->now);
	bare_destroy(bare);
}

static void a_tick_before_its_time_does_nothing(void)
{
	struct fake_world *world = fake_settled_leader();
	fake_pass(world, 100);
	fake_forget(world);
	fake_pass(world, 1);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND, 2));
	fake_destroy(world);
}

TESTS("raft guard vote", SAY(the_engine_hides_its_term_when_it_refuses_a_pre_vote),
      SAY(the_driver_names_its_term_when_it_refuses_a_pre_vote),
      SAY(the_engine_never_votes_once_its_newest_configuration_says_learner),
      SAY(the_driver_votes_even_if_its_newest_configuration_says_learner),
      SAY(the_driver_gives_vote_results_to_candidates_only_and_from_voters_only),
      SAY(the_engines_next_timeout_may_lie_in_the_past_but_not_the_drivers),
      SAY(a_tick_before_its_time_does_nothing))

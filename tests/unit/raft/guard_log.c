/* Each thing that libraft 0.22.1 gets wrong or leaves open, twice: what the bare engine does (so that a version that does
 * otherwise is noticed), and what the driver makes of it. Here: the log, what is committed, and snapshots. */
#include "tests/check.h"
#include "tests/unit/raft/bare.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

/* A leader of an older term */

static void the_engine_calls_a_snapshot_of_an_older_term_a_success(void)
{
	struct bare *bare = bare_follower(3, 5, 0, 1);
	struct raft_message m = { .type = RAFT_INSTALL_SNAPSHOT };
	m.install_snapshot = (struct raft_install_snapshot){ .term = 4, .last_index = 50, .last_term = 4 };
	bare_configuration(&m.install_snapshot.conf, 3, 0, 0);
	m.install_snapshot.data = (struct raft_buffer){ raft_malloc(8), 8 };
	bare_receive(bare, 2, &m);
	const struct raft_message *answer = bare_sent(bare, RAFT_APPEND_ENTRIES_RESULT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(answer->append_entries_result.rejected, 0); /* and its last_log_index is whatever lay on the stack */
	bare_destroy(bare);
}

static void the_driver_answers_an_older_term_with_nothing_but_its_own(void)
{
	struct fake_world *world = fake_follower(3, 5, 0, 1);
	fake_install(world, 2, 4, 50, 4);
	const struct message *answer = fake_last(world, MESSAGE_APPEND_RESULT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(answer->term, 5);
	CU_ASSERT_EQUAL(answer->append_result.rejected, 0);
	CU_ASSERT_EQUAL(answer->append_result.last_index, 0);
	CU_ASSERT_EQUAL(world->files_discarded, 1);
	fake_forget(world);
	struct entry *entry = fake_command(4, 1);
	fake_append(world, 2, 4, 0, 0, 0, &entry, 1);
	answer = fake_last(world, MESSAGE_APPEND_RESULT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(answer->append_result.last_index, 0);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), 1);
	fake_destroy(world);
}

/* The commit index */

static void the_engine_moves_its_commit_index_back(void)
{
	struct bare *bare = bare_follower(3, 1, 0, 1);
	bare_append(bare, 2, 1, 1, 1, 3, 4, 1, -1);
	bare_persisted(bare, 5);
	CU_ASSERT_EQUAL(bare->raft.commit_index, 3);
	bare_append(bare, 2, 1, 1, 1, 5, 1, 1, -1);
	CU_ASSERT_EQUAL(bare->raft.commit_index, 2);
	bare_destroy(bare);
}

static void the_driver_keeps_the_commit_index_when_a_shorter_message_comes_late(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *entries[4];
	for (uint64_t i = 0; i < 4; i++)
		entries[i] = fake_command(1, i);
	fake_append(world, 2, 1, 1, 1, 3, entries, 4);
	fake_written_all(world);
	struct entry *again = fake_command(1, 0);
	fake_append(world, 2, 1, 1, 1, 5, &again, 1);
	CU_ASSERT_EQUAL(world->driver->raft.commit_index, 3);
	CU_ASSERT_EQUAL(world->driver->applied, 3);
	fake_destroy(world);
}

/* Below the snapshot */

static void the_engine_refuses_what_lies_below_its_snapshot(void)
{
	struct bare *bare = bare_with_snapshot(1, 50);
	bare_append(bare, 2, 1, 30, 1, 1, 0, 0, -1);
	const struct raft_message *answer = bare_sent(bare, RAFT_APPEND_ENTRIES_RESULT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(answer->append_entries_result.rejected, 30);
	bare_destroy(bare);
}

static struct fake_world *with_snapshot(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .term = 1, .first_index = 51, .has_snapshot = true, .snapshot = { .index = 50, .term = 1, .configuration_index = 1 } };
	saved.snapshot.configuration.count = 3;
	for (uint64_t id = 1; id <= 3; id++)
		saved.snapshot.configuration.nodes[id - 1] = fake_node(id);
	CU_ASSERT_EQUAL(fake_start(world, &saved, 0), ERR_OK);
	return world;
}

static void the_driver_takes_what_lies_below_its_snapshot_as_known(void)
{
	struct fake_world *world = with_snapshot();
	struct entry *entries[22];
	CU_ASSERT_EQUAL(world->restored, 50);
	for (uint64_t i = 0; i < 22; i++)
		entries[i] = fake_command(1, i);
	fake_append(world, 2, 1, 30, 1, 1, entries, 22); /* up to 52 */
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), 52);
	CU_ASSERT_EQUAL(world->jobs->index, 51);
	CU_ASSERT_EQUAL(world->jobs->count, 2);
	fake_written_all(world);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 52);
	fake_append(world, 2, 1, 30, 1, 1, NULL, 0);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.rejected, 0);
	fake_append(world, 2, 1, 0, 0, 1, NULL, 0);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.rejected, 0);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), 52);
	fake_destroy(world);
}

/* An old rejection */

/* Node 2 has everything, was silent for a while, and now an old refusal of its comes in. */
static void the_engine_believes_an_old_rejection(void)
{
	struct bare *bare = bare_leader(3, 1, 0, 1);
	for (int i = 0; i < 4; i++)
		bare_submit(bare, RAFT_COMMAND, NULL);
	bare_persisted(bare, 5);
	bare_append_result(bare, 2, 0, 5);
	bare_timeout(bare, 100);
	bare_append_result(bare, 3, 0, 1);
	bare_timeout(bare, 100);
	bare_timeout(bare, 100);
	bare_append_result(bare, 2, 5, 3);
	bool sent = false;
	for (int i = 0; i < 30 && !sent; i++) {
		bare_submit(bare, RAFT_COMMAND, NULL);
		bare_persisted(bare, raft_last_index(&bare->raft));
		bare_append_result(bare, 3, 0, raft_last_index(&bare->raft));
		bare_timeout(bare, 100);
		const struct raft_message *append = bare_sent(bare, RAFT_APPEND_ENTRIES, 2);
		sent = append && append->append_entries.n_entries;
		if (append)
			bare_append_result(bare, 2, 0, append->append_entries.prev_log_index + append->append_entries.n_entries);
		append = bare_sent(bare, RAFT_APPEND_ENTRIES, 2);
		sent = sent || (append && append->append_entries.n_entries);
	}
	CU_ASSERT_FALSE(sent); /* for the rest of the term */
	bare_destroy(bare);
}

static void the_driver_ignores_a_rejection_of_what_is_known_to_match(void)
{
	struct fake_world *world = fake_settled_leader();
	struct id id = { { 9 } };
	fake_append_result(world, 2, 2, 1); /* of entry 2, which it has */
	driver_propose(world->driver, world->now, &id, "x", 1);
	fake_settle(world);
	fake_followers_agree(world, 3);
	raft_index match = 0;
	CU_ASSERT_EQUAL(raft_match_index(&world->driver->raft, 2, &match), 0);
	CU_ASSERT_EQUAL(match, memory_log_last(&world->driver->log));
	fake_destroy(world);
}

/* Snapshots */

static void the_driver_installs_one_snapshot_at_a_time(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	fake_install(world, 2, 1, 50, 1);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->kind, LOG_INSTALL);
	CU_ASSERT_EQUAL(world->files_discarded, 0);
	fake_install(world, 2, 1, 60, 1);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->files_discarded, 1);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->restored, 50);
	CU_ASSERT_EQUAL(world->driver->applied, 50);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 50);
	fake_destroy(world);
}

/* Node 1 leads; node 3 has nothing, and the log begins at 51. */
static struct fake_world *with_a_node_that_needs_the_snapshot(void)
{
	struct fake_world *world = with_snapshot();
	fake_pass(world, 2500);
	for (int pre_vote = 1; pre_vote >= 0; pre_vote--) {
		struct message vote = { .kind = MESSAGE_VOTE_RESULT, .term = world->driver->raft.current_term + (unsigned)pre_vote };
		vote.vote_result.granted = true;
		vote.vote_result.pre_vote = pre_vote;
		fake_receive(world, 2, &vote);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	fake_written_all(world);
	return world;
}

/* Heartbeats that overtake the snapshot are refused, and each refusal asks for it again. How often was it sent? */
static unsigned snapshots_while_refusing(struct fake_world *world, int64_t ms)
{
	unsigned count = 0;
	for (int64_t until_ms = world->now.ms + ms; world->now.ms < until_ms;) {
		const struct message *append = fake_last(world, MESSAGE_APPEND, 3);
		if (append)
			fake_append_result(world, 3, append->append.prev_index, 0);
		fake_append_result(world, 2, 0, 51);
		count += fake_count(world, MESSAGE_INSTALL, 3);
		fake_forget(world);
		fake_pass(world, 100);
	}
	return count;
}

static void the_driver_does_not_send_a_snapshot_again_for_each_refusal(void)
{
	struct fake_world *world = with_a_node_that_needs_the_snapshot();
	CU_ASSERT_EQUAL(snapshots_while_refusing(world, 4500), 1);
	fake_destroy(world);
}

/* A node that is slow to put it down is not helped by the next one. */
static void the_driver_sends_a_snapshot_again_ever_more_seldom(void)
{
	struct fake_world *world = with_a_node_that_needs_the_snapshot();
	CU_ASSERT_EQUAL(snapshots_while_refusing(world, 34000), 3); /* now, after 5 s, after 10 more */
	driver_connected(world->driver, world->now, 3); /* the last is lost */
	CU_ASSERT_EQUAL(snapshots_while_refusing(world, 1000), 1);
	fake_destroy(world);
}

/* What can't be */

static void a_second_leader_in_our_own_term_stops_the_node(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	CU_ASSERT_EQUAL(fake_append(world, 2, world->driver->raft.current_term, 1, 1, 1, NULL, 0), ERR_DAMAGED);
	CU_ASSERT_EQUAL(fake_settle(world), ERR_DAMAGED);
	fake_destroy(world);
}

static void an_entry_in_the_place_of_a_committed_one_stops_the_node(void)
{
	struct fake_world *world = fake_follower(3, 1, 3, 1);
	fake_append(world, 2, 1, 4, 1, 4, NULL, 0);
	CU_ASSERT_EQUAL(world->driver->applied, 4);
	struct entry *other = fake_command(2, 8);
	CU_ASSERT_EQUAL(fake_append(world, 3, 2, 2, 1, 0, &other, 1), ERR_DAMAGED);
	fake_destroy(world);
}

static void a_refusal_skips_the_whole_run_of_a_conflicting_term(void)
{
	struct fake_world *world = fake_follower(3, 4, 8, 2); /* 2..9 of term 2 */
	fake_append(world, 2, 4, 9, 3, 1, NULL, 0);
	const struct message *answer = fake_last(world, MESSAGE_APPEND_RESULT, 2);
	CU_ASSERT_EQUAL(answer->append_result.rejected, 9);
	CU_ASSERT_EQUAL(answer->append_result.last_index, 1);
	fake_destroy(world);
}

TESTS("raft guard log", SAY(the_engine_calls_a_snapshot_of_an_older_term_a_success),
      SAY(the_driver_answers_an_older_term_with_nothing_but_its_own),
      SAY(the_engine_moves_its_commit_index_back),
      SAY(the_driver_keeps_the_commit_index_when_a_shorter_message_comes_late),
      SAY(the_engine_refuses_what_lies_below_its_snapshot),
      SAY(the_driver_takes_what_lies_below_its_snapshot_as_known), SAY(the_engine_believes_an_old_rejection),
      SAY(the_driver_ignores_a_rejection_of_what_is_known_to_match),
      SAY(the_driver_installs_one_snapshot_at_a_time),
      SAY(the_driver_does_not_send_a_snapshot_again_for_each_refusal),
      SAY(the_driver_sends_a_snapshot_again_ever_more_seldom),
      SAY(a_second_leader_in_our_own_term_stops_the_node),
      SAY(an_entry_in_the_place_of_a_committed_one_stops_the_node),
      SAY(a_refusal_skips_the_whole_run_of_a_conflicting_term))

/* Each thing that libraft 0.22.1 gets wrong or leaves open, twice: what the bare engine does (so that a version that does
 * otherwise is noticed), and what the driver makes of it. */
#include "tests/check.h"
#include "tests/unit/raft/bare.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

/* A configuration in the middle of a message */

static void the_engine_gives_a_configuration_inside_a_message_the_wrong_index(void)
{
	struct bare *bare = bare_follower(3, 1, 0, 1);
	CU_ASSERT_EQUAL(bare_append(bare, 2, 2, 1, 1, 1, 3, 2, 1), 0);
	CU_ASSERT_EQUAL(bare->raft.configuration_uncommitted_index, 2); /* it is entry 3 */
	bare_destroy(bare);
}

static void the_driver_steps_a_configuration_as_the_first_of_its_message(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *entries[] = { fake_command(2, 1), fake_configuration(2, 3, 4), fake_command(2, 2) };
	CU_ASSERT_EQUAL(fake_append(world, 2, 2, 1, 1, 1, entries, 3), ERR_OK);
	CU_ASSERT_EQUAL(world->driver->raft.configuration_uncommitted_index, 3);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), 4);
	CU_ASSERT_EQUAL(world->configuration.count, 4);
	/* and another leader's entry in its place takes it back */
	struct entry *other = fake_command(3, 3);
	CU_ASSERT_EQUAL(fake_append(world, 3, 3, 2, 2, 1, &other, 1), ERR_OK);
	CU_ASSERT_EQUAL(world->driver->raft.configuration_uncommitted_index, 0);
	CU_ASSERT_EQUAL(world->configuration.count, 3);
	fake_destroy(world);
}

static void the_engine_does_not_conclude_that_a_later_change_commits_the_earlier(void)
{
	struct bare *bare = bare_follower(3, 1, 0, 1);
	bare_append(bare, 2, 2, 1, 1, 1, 1, 2, 0);
	bare_append(bare, 2, 2, 2, 2, 1, 1, 2, 0);
	CU_ASSERT_EQUAL(bare->raft.configuration_uncommitted_index, 3);
	CU_ASSERT_EQUAL(bare->raft.configuration_committed_index, 1); /* a rollback would skip the one at 2 */
	bare_destroy(bare);
}

static void the_driver_confirms_a_pending_change_before_a_newer_one(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *first = fake_configuration(2, 3, 4), *second = fake_configuration(2, 4, 5);
	fake_append(world, 2, 2, 1, 1, 1, &first, 1);
	fake_append(world, 2, 2, 2, 2, 1, &second, 1);
	CU_ASSERT_EQUAL(world->driver->raft.configuration_uncommitted_index, 3);
	CU_ASSERT_EQUAL(world->driver->raft.configuration_committed_index, 2);
	fake_destroy(world);
}

/* A sole voter */

static void the_engine_lets_a_sole_voter_lead_its_old_term_again(void)
{
	struct bare *bare = bare_follower(1, 5, 2, 5);
	CU_ASSERT_EQUAL(bare->raft.state, RAFT_LEADER);
	CU_ASSERT_EQUAL(bare->raft.current_term, 5);
	bare_destroy(bare);
}

static void the_driver_begins_a_new_term_for_a_sole_voter(void)
{
	struct fake_world *world = fake_follower(1, 5, 2, 5);
	CU_ASSERT_TRUE(driver_leads(world->driver));
	CU_ASSERT_EQUAL(world->driver->raft.current_term, 6);
	CU_ASSERT_EQUAL(world->term, 6);
	CU_ASSERT_EQUAL(world->vote, 1);
	fake_destroy(world);
}

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

/* A change of membership too early */

static void the_engine_accepts_a_change_before_an_entry_of_its_term_is_committed(void)
{
	struct bare *bare = bare_leader(3, 2, 0, 2);
	struct raft_configuration wanted;
	bare_configuration(&wanted, 3, 4, RAFT_STANDBY);
	CU_ASSERT_EQUAL(bare_submit(bare, RAFT_CHANGE, &wanted), 0);
	raft_configuration_close(&wanted);
	bare_destroy(bare);
}

static void the_driver_commits_an_entry_of_its_term_before_it_changes_who_belongs(void)
{
	struct fake_world *world = fake_leader(3, 2, 0, 2);
	struct consensus_node node = fake_node(4);
	driver_add(world->driver, world->now, 77, world->now.ms + 60000, &node);
	fake_settle(world);
	CU_ASSERT_EQUAL(memory_log_get(&world->driver->log, 2)->type, ENTRY_BARRIER);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), 2);
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_followers_agree(world, 3);
	CU_ASSERT_EQUAL(memory_log_get(&world->driver->log, 3)->type, ENTRY_CONFIGURATION);
	CU_ASSERT_EQUAL(world->ticket, 77);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_EQUAL(world->result_index, 3);
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
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct id id = { { 9 } };
	fake_followers_agree(world, 3);
	fake_append_result(world, 2, 2, 1); /* of entry 2, which it has */
	driver_propose(world->driver, world->now, &id, "x", 1);
	fake_settle(world);
	fake_followers_agree(world, 3);
	raft_index match = 0;
	CU_ASSERT_EQUAL(raft_match_index(&world->driver->raft, 2, &match), 0);
	CU_ASSERT_EQUAL(match, memory_log_last(&world->driver->log));
	fake_destroy(world);
}

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
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	fake_pass(world, 100);
	fake_forget(world);
	fake_pass(world, 1);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND, 2));
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

static unsigned count_sent(const struct fake_world *world, enum message_kind kind, uint64_t to)
{
	unsigned count = 0;
	for (size_t i = 0; i < world->sent_count; i++)
		count += world->sent[i].to == to && world->sent[i].message.kind == kind;
	return count;
}

/* Node 3 has nothing, the log begins at 51: heartbeats that overtake the snapshot are refused, each refusal asks for it again. */
static void the_driver_does_not_send_a_snapshot_again_for_each_refusal(void)
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
	for (int i = 0; i < 5; i++) {
		const struct message *append = fake_last(world, MESSAGE_APPEND, 3);
		if (append)
			fake_append_result(world, 3, append->append.prev_index, 0);
		fake_append_result(world, 2, 0, 51);
		fake_pass(world, 100);
	}
	CU_ASSERT_EQUAL(count_sent(world, MESSAGE_INSTALL, 3), 1);
	fake_destroy(world);
}

/* Handing over */

static void the_engine_hands_over_to_a_node_that_lacks_entries(void)
{
	struct bare *bare = bare_leader(3, 1, 0, 1);
	struct raft_event event = { .type = RAFT_TRANSFER };
	for (int i = 0; i < 4; i++)
		bare_submit(bare, RAFT_COMMAND, NULL);
	bare_persisted(bare, 5);
	event.transfer.server_id = 2;
	bare_event(bare, &event);
	bare_append_result(bare, 2, 0, 3);
	CU_ASSERT_PTR_NOT_NULL(bare_sent(bare, RAFT_TIMEOUT_NOW, 2)); /* which it will ignore */
	bare_destroy(bare);
}

static void the_driver_hands_over_once_the_other_has_everything(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct id id = { { 9 } };
	fake_followers_agree(world, 3);
	driver_propose(world->driver, world->now, &id, "x", 1);
	fake_settle(world);
	driver_transfer(world->driver, world->now, 5, world->now.ms + 5000, 2);
	fake_settle(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 2));
	id.bytes[0] = 10;
	uint64_t last = memory_log_last(&world->driver->log);
	driver_propose(world->driver, world->now, &id, "y", 1); /* waits */
	fake_settle(world);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last);
	fake_append_result(world, 2, 0, last);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 2));
	/* node 2 leads: done */
	uint64_t term = world->driver->raft.current_term;
	fake_append(world, 2, term + 1, last, term, 0, NULL, 0);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_FORWARD, 2)); /* and what waited goes there */
	fake_destroy(world);
}

static void a_handover_to_a_node_that_stays_behind_ends_and_work_goes_on(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct id id = { { 9 } };
	driver_transfer(world->driver, world->now, 5, world->now.ms + 5000, 2);
	driver_propose(world->driver, world->now, &id, "x", 1);
	fake_settle(world);
	uint64_t last = memory_log_last(&world->driver->log);
	for (int i = 0; i < 11; i++) {
		fake_append_result(world, 3, 0, 1);
		fake_pass(world, 100);
	}
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	CU_ASSERT_TRUE(strlen(world->complaint.text) > 0);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last + 1);
	fake_destroy(world);
}

/* Removing oneself */

static void the_engine_lets_a_leader_remove_itself(void)
{
	struct bare *bare = bare_leader(3, 1, 0, 1);
	struct raft_configuration wanted;
	raft_configuration_init(&wanted);
	raft_configuration_add(&wanted, 2, "n2@10.0.0.2:7002", RAFT_VOTER);
	raft_configuration_add(&wanted, 3, "n3@10.0.0.3:7003", RAFT_VOTER);
	CU_ASSERT_EQUAL(bare_submit(bare, RAFT_CHANGE, &wanted), 0);
	raft_configuration_close(&wanted);
	bare_destroy(bare);
}

static void the_driver_refuses_to_remove_the_leader_and_says_what_to_do(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	driver_remove(world->driver, world->now, 5, world->now.ms + 5000, 1);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "hand leadership over first"));
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

TESTS("raft guard",
      SAY(the_engine_gives_a_configuration_inside_a_message_the_wrong_index),
      SAY(the_driver_steps_a_configuration_as_the_first_of_its_message),
      SAY(the_engine_does_not_conclude_that_a_later_change_commits_the_earlier),
      SAY(the_driver_confirms_a_pending_change_before_a_newer_one),
      SAY(the_engine_lets_a_sole_voter_lead_its_old_term_again),
      SAY(the_driver_begins_a_new_term_for_a_sole_voter),
      SAY(the_engine_calls_a_snapshot_of_an_older_term_a_success),
      SAY(the_driver_answers_an_older_term_with_nothing_but_its_own),
      SAY(the_engine_accepts_a_change_before_an_entry_of_its_term_is_committed),
      SAY(the_driver_commits_an_entry_of_its_term_before_it_changes_who_belongs),
      SAY(the_engine_moves_its_commit_index_back),
      SAY(the_driver_keeps_the_commit_index_when_a_shorter_message_comes_late),
      SAY(the_engine_refuses_what_lies_below_its_snapshot),
      SAY(the_driver_takes_what_lies_below_its_snapshot_as_known),
      SAY(the_engine_believes_an_old_rejection),
      SAY(the_driver_ignores_a_rejection_of_what_is_known_to_match),
      SAY(the_engine_hides_its_term_when_it_refuses_a_pre_vote),
      SAY(the_driver_names_its_term_when_it_refuses_a_pre_vote),
      SAY(the_engine_never_votes_once_its_newest_configuration_says_learner),
      SAY(the_driver_votes_even_if_its_newest_configuration_says_learner),
      SAY(the_driver_gives_vote_results_to_candidates_only_and_from_voters_only),
      SAY(the_engines_next_timeout_may_lie_in_the_past_but_not_the_drivers),
      SAY(a_tick_before_its_time_does_nothing),
      SAY(the_driver_installs_one_snapshot_at_a_time),
      SAY(the_driver_does_not_send_a_snapshot_again_for_each_refusal),
      SAY(the_engine_hands_over_to_a_node_that_lacks_entries),
      SAY(the_driver_hands_over_once_the_other_has_everything),
      SAY(a_handover_to_a_node_that_stays_behind_ends_and_work_goes_on),
      SAY(the_engine_lets_a_leader_remove_itself),
      SAY(the_driver_refuses_to_remove_the_leader_and_says_what_to_do),
      SAY(a_second_leader_in_our_own_term_stops_the_node),
      SAY(an_entry_in_the_place_of_a_committed_one_stops_the_node),
      SAY(a_refusal_skips_the_whole_run_of_a_conflicting_term))

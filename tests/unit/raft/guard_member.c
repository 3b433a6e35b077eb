/* Each thing that libraft 0.22.1 gets wrong or leaves open, twice: what the bare engine does (so that a version that does
 * otherwise is noticed), and what the driver makes of it. Here: who belongs, and who leads. */
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
	struct fake_world *world = fake_settled_leader();
	struct id id = { { 9 } };
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

static void the_engine_waits_for_a_successor_that_has_gone(void)
{
	struct bare *bare = bare_leader(3, 1, 0, 1);
	struct raft_event event = { .type = RAFT_TRANSFER };
	event.transfer.server_id = 2;
	bare_event(bare, &event);
	bare_timeout(bare, 900); /* of 1000 */
	CU_ASSERT_EQUAL(raft_transferee(&bare->raft), 2);
	CU_ASSERT_NOT_EQUAL(bare_submit(bare, RAFT_COMMAND, NULL), 0);
	guard_transferee_gone(&bare->raft, 3);
	CU_ASSERT_EQUAL(raft_transferee(&bare->raft), 2);
	guard_transferee_gone(&bare->raft, 2);
	CU_ASSERT_EQUAL(raft_transferee(&bare->raft), 0);
	CU_ASSERT_EQUAL(bare_submit(bare, RAFT_COMMAND, NULL), 0);
	event.transfer.server_id = 3;
	CU_ASSERT_EQUAL(bare_event(bare, &event), 0);
	bare_destroy(bare);
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
	struct fake_world *world = fake_settled_leader();
	driver_remove(world->driver, world->now, 5, world->now.ms + 5000, 1);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "hand leadership over first"));
	fake_destroy(world);
}

TESTS("raft guard member", SAY(the_engine_gives_a_configuration_inside_a_message_the_wrong_index),
      SAY(the_driver_steps_a_configuration_as_the_first_of_its_message),
      SAY(the_engine_does_not_conclude_that_a_later_change_commits_the_earlier),
      SAY(the_driver_confirms_a_pending_change_before_a_newer_one),
      SAY(the_engine_lets_a_sole_voter_lead_its_old_term_again),
      SAY(the_driver_begins_a_new_term_for_a_sole_voter),
      SAY(the_engine_accepts_a_change_before_an_entry_of_its_term_is_committed),
      SAY(the_driver_commits_an_entry_of_its_term_before_it_changes_who_belongs),
      SAY(the_engine_hands_over_to_a_node_that_lacks_entries),
      SAY(the_driver_hands_over_once_the_other_has_everything),
      SAY(a_handover_to_a_node_that_stays_behind_ends_and_work_goes_on),
      SAY(the_engine_waits_for_a_successor_that_has_gone),
      SAY(the_engine_lets_a_leader_remove_itself),
      SAY(the_driver_refuses_to_remove_the_leader_and_says_what_to_do))

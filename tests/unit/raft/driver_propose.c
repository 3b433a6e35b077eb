/* Proposals, on their way to the log and through it: driver_propose.c, driver_send.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static void a_proposal_is_told_when_it_is_applied(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_propose(world, 1);
	fake_written_all(world);
	CU_ASSERT_FALSE(fake_was_applied(world, 1)); /* one disk of three */
	fake_followers_agree(world, 3);
	CU_ASSERT_TRUE(fake_was_applied(world, 1));
	CU_ASSERT_EQUAL(world->commands, 1);
	CU_ASSERT_EQUAL(world->driver->proposals.count, 0);
	fake_destroy(world);
}

static void proposals_of_one_turn_share_one_write(void)
{
	struct fake_world *world = fake_settled_leader();
	for (uint8_t n = 1; n <= 20; n++) {
		struct id id = fake_request(n);
		driver_propose(world->driver, world->now, &id, "data", 4);
	}
	fake_settle(world);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->count, 20);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND, 2)->append.count, 20);
	fake_destroy(world);
}

static void a_follower_sends_proposals_to_the_leader_and_again_when_it_is_silent(void)
{
	struct fake_world *world = fake_following(2);
	fake_propose(world, 1);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 1);
	fake_pass(world, 500);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 1);
	fake_append(world, 2, 2, 1, 1, 1, NULL, 0);
	fake_pass(world, 500);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 2);
	/* another leader: at once */
	fake_append(world, 3, 3, 1, 1, 1, NULL, 0);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 3), 1);
	/* it comes back under whatever index */
	struct id id = fake_request(1);
	struct entry *entry = envelope_seal(3, &id, 0, "data", 4);
	fake_append(world, 3, 3, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(fake_was_applied(world, 1));
	fake_forget(world);
	fake_pass(world, 3000);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 3), 0);
	fake_destroy(world);
}

/* How long it takes until something is forwarded, while the leader, node 2, is alive all the time. */
static int64_t until_forwarded(struct fake_world *world)
{
	int64_t began_ms = world->now.ms;
	fake_forget(world);
	while (fake_count(world, MESSAGE_FORWARD, 2) == 0) {
		fake_forget(world);
		fake_append(world, 2, 2, 1, 1, 1, NULL, 0);
		fake_pass(world, 100);
	}
	return world->now.ms - began_ms;
}

/* A leader that has not got through all of it yet is not sent it again; and ever more seldom. */
static void a_large_proposal_is_given_time_and_then_more(void)
{
	struct fake_world *world = fake_following(2);
	static const uint8_t large[8 << 20];
	struct id id = fake_request(3);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, large, sizeof large), ERR_OK);
	fake_settle(world);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 1);
	int64_t first_ms = until_forwarded(world);
	CU_ASSERT_TRUE(first_ms >= 1000 + 2000);
	CU_ASSERT_TRUE(until_forwarded(world) >= 2 * first_ms - 100);
	fake_destroy(world);
}

/* What lay in the old connection is lost; there is no need to wait to find that out. */
static void a_new_connection_to_the_leader_gets_all_that_waits(void)
{
	struct fake_world *world = fake_following(2);
	fake_propose(world, 1);
	fake_propose(world, 2);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	fake_forget(world);
	driver_connected(world->driver, world->now, 3); /* that one isn't meant */
	fake_settle(world);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 0);
	driver_connected(world->driver, world->now, 2);
	fake_settle(world);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 2);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_READ, 2));
	fake_destroy(world);
}

static void what_is_withdrawn_is_not_sent_again(void)
{
	struct fake_world *world = fake_following(2);
	struct id id = fake_request(1);
	fake_propose(world, 1);
	driver_withdraw(world->driver, &id);
	fake_forget(world);
	fake_pass(world, 1500);
	CU_ASSERT_EQUAL(fake_count(world, MESSAGE_FORWARD, 2), 0);
	driver_withdraw(world->driver, &id);
	fake_destroy(world);
}

static void forward(struct fake_world *world, uint64_t from, uint8_t n)
{
	struct message m = { .kind = MESSAGE_FORWARD, .term = 1 };
	m.forward.request = fake_request(n);
	m.forward.entry = entry_create(0, ENTRY_COMMAND, "data", 4);
	fake_receive(world, from, &m);
}

static void a_leader_takes_a_request_once_while_it_is_under_way(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	uint64_t last = memory_log_last(&world->driver->log);
	forward(world, 2, 1);
	forward(world, 3, 1);
	fake_propose(world, 1);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last + 1);
	fake_followers_agree(world, 3);
	forward(world, 2, 1); /* applied meanwhile; the machine will know it */
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last + 2);
	fake_destroy(world);
}

static void only_members_may_propose(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	uint64_t last = memory_log_last(&world->driver->log);
	forward(world, 9, 1);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last);
	fake_destroy(world);
}

static void a_leader_that_hears_nobody_stops_taking_proposals_in(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static uint8_t megabyte[1 << 20];
	for (unsigned n = 0; n < 60; n++) {
		struct id id = fake_request((uint8_t)n);
		enum err err = driver_propose(world->driver, world->now, &id, megabyte, sizeof megabyte);
		CU_ASSERT_EQUAL(err, ERR_OK);
		fake_settle(world);
	}
	size_t in_log = 0;
	for (uint64_t i = 1; i <= memory_log_last(&world->driver->log); i++)
		in_log += memory_log_get(&world->driver->log, i)->size;
	CU_ASSERT_TRUE(in_log <= UNCOMMITTED_BYTES_MAX + (1u << 20));
	enum err err = ERR_OK;
	for (uint8_t n = 100; n < 110 && err == ERR_OK; n++) {
		struct id id = fake_request(n);
		err = driver_propose(world->driver, world->now, &id, megabyte, sizeof megabyte);
	}
	CU_ASSERT_EQUAL(err, ERR_BUSY);
	fake_destroy(world);
}

static void a_proposal_beyond_the_limit_is_too_big(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct id id = fake_request(1);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, "", ENTRY_SIZE_MAX + 1), ERR_TOO_BIG);
	fake_destroy(world);
}

static void large_entries_travel_in_several_messages(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static uint8_t large[700 << 10];
	fake_followers_agree(world, 3);
	for (uint8_t n = 1; n <= 4; n++) {
		struct id id = fake_request(n);
		driver_propose(world->driver, world->now, &id, large, sizeof large);
	}
	fake_settle(world);
	uint64_t next = memory_log_last(&world->driver->log) - 3;
	unsigned messages = 0;
	for (size_t i = 0; i < world->sent_count; i++) {
		const struct message *m = &world->sent[i].message;
		if (world->sent[i].to != 2 || m->kind != MESSAGE_APPEND)
			continue;
		CU_ASSERT_EQUAL(m->append.prev_index, next - 1);
		CU_ASSERT_EQUAL(m->append.prev_term, driver_term_of(world->driver, next - 1));
		next += m->append.count;
		messages++;
	}
	CU_ASSERT_EQUAL(messages, 4);
	CU_ASSERT_EQUAL(next, memory_log_last(&world->driver->log) + 1);
	fake_destroy(world);
}

static unsigned large_appends(const struct fake_world *world, uint64_t to)
{
	unsigned count = 0;
	for (size_t i = 0; i < world->sent_count; i++) {
		const struct message *m = &world->sent[i].message;
		count += world->sent[i].to == to && m->kind == MESSAGE_APPEND && m->append.count && m->append.entries[0]->size > 1u << 20;
	}
	return count;
}

/* The engine would, to a follower of which it doesn't know yet what it has. */
static void a_large_entry_is_not_sent_again_with_every_heartbeat(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static const uint8_t large[4 << 20];
	struct id id = fake_request(1);
	fake_forget(world);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, large, sizeof large), ERR_OK);
	fake_settle(world);
	for (int i = 0; i < 8; i++) {
		fake_pass(world, 100);
		fake_append_result(world, 2, 0, 2); /* all that came before */
	}
	CU_ASSERT_EQUAL(large_appends(world, 2), 1);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND, 3)->append.count, 0); /* but a heartbeat is */
	fake_forget(world);
	driver_connected(world->driver, world->now, 3); /* it may be lost */
	fake_pass(world, 100);
	CU_ASSERT_EQUAL(large_appends(world, 3), 1);
	fake_destroy(world);
}

TESTS("raft driver propose", SAY(a_proposal_is_told_when_it_is_applied),
      SAY(proposals_of_one_turn_share_one_write),
      SAY(a_follower_sends_proposals_to_the_leader_and_again_when_it_is_silent),
      SAY(a_large_proposal_is_given_time_and_then_more),
      SAY(a_new_connection_to_the_leader_gets_all_that_waits), SAY(what_is_withdrawn_is_not_sent_again),
      SAY(a_leader_takes_a_request_once_while_it_is_under_way), SAY(only_members_may_propose),
      SAY(a_leader_that_hears_nobody_stops_taking_proposals_in), SAY(a_proposal_beyond_the_limit_is_too_big),
      SAY(large_entries_travel_in_several_messages),
      SAY(a_large_entry_is_not_sent_again_with_every_heartbeat))

/* Reads, and what the status says: driver_read.c, driver.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static void round_answer(struct fake_world *world, uint64_t from, uint64_t term, uint64_t number)
{
	struct message m = { .kind = MESSAGE_ROUND_RESULT, .term = term };
	m.round.number = number;
	fake_receive(world, from, &m);
}

static void a_leader_answers_a_reader_once_a_majority_still_follows(void)
{
	struct fake_world *world = fake_leader(5, 1, 0, 1);
	uint64_t term = world->driver->raft.current_term;
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_ROUND, 2)); /* nothing of its term is committed */
	fake_followers_agree(world, 5);
	driver_barrier(world->driver, world->now, 6, world->now.ms + 60000);
	fake_settle(world);
	uint64_t number = world->driver->round;
	CU_ASSERT_TRUE(number > 0);
	round_answer(world, 2, term, number);
	round_answer(world, 2, term, number);     /* the same one twice */
	round_answer(world, 3, term, number - 1); /* an earlier round */
	round_answer(world, 3, term - 1, number);
	round_answer(world, 9, term, number);     /* nobody we know */
	CU_ASSERT_EQUAL(world->ticket, 0);
	round_answer(world, 3, term, number);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_EQUAL(world->result_index, 2);
	fake_settle(world);
	round_answer(world, 4, term, world->driver->round); /* the second came too late for that round */
	round_answer(world, 5, term, world->driver->round);
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_destroy(world);
}

static void a_follower_asks_the_leader_and_waits_to_have_applied_it(void)
{
	struct fake_world *world = fake_following(2);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	const struct message *asked = fake_last(world, MESSAGE_READ, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
	struct message answer = { .kind = MESSAGE_READ_RESULT, .term = 2 };
	answer.read.number = asked->read.number;
	answer.read.index = 2;
	fake_receive(world, 2, &answer);
	CU_ASSERT_EQUAL(world->ticket, 0);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result_index, 2);
	fake_destroy(world);
}

static void a_voter_confirms_its_own_term_only(void)
{
	struct fake_world *world = fake_following(2);
	struct message m = { .kind = MESSAGE_ROUND, .term = 1 };
	fake_receive(world, 3, &m);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_ROUND_RESULT, 3));
	m = (struct message){ .kind = MESSAGE_ROUND, .term = 2 };
	fake_receive(world, 2, &m);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_ROUND_RESULT, 2));
	fake_destroy(world);
}

static void a_read_without_a_majority_ends_at_its_deadline(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 400);
	fake_settle(world);
	CU_ASSERT_TRUE(driver_timeout(world->driver) <= world->now.ms + 400);
	fake_pass(world, 400);
	CU_ASSERT(fake_was_refused(world, ERR_TIMEOUT, "no majority"));
	fake_destroy(world);
}

static void a_sole_voter_needs_nobody(void)
{
	struct fake_world *world = fake_follower(1, 1, 0, 1);
	fake_settle(world);
	fake_written_all(world);
	fake_propose(world, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(fake_was_applied(world, 1));
	driver_barrier(world->driver, world->now, 5, world->now.ms + 400);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	fake_destroy(world);
}

static void the_status_says_who_is_where(void)
{
	struct fake_world *world = fake_settled_leader();
	struct consensus_status status = { 0 };
	driver_status(world->driver, &status);
	CU_ASSERT_EQUAL(status.role, ROLE_LEADER);
	CU_ASSERT_EQUAL(status.leader, 1);
	CU_ASSERT_EQUAL(status.applied_index, 2);
	CU_ASSERT_EQUAL(status.peer_count, 2);
	CU_ASSERT_EQUAL(status.peers[0].node.id, 2);
	CU_ASSERT_EQUAL(status.peers[0].match_index, 2);
	fake_destroy(world);
}

TESTS("raft driver read", SAY(a_leader_answers_a_reader_once_a_majority_still_follows),
      SAY(a_follower_asks_the_leader_and_waits_to_have_applied_it), SAY(a_voter_confirms_its_own_term_only),
      SAY(a_read_without_a_majority_ends_at_its_deadline), SAY(a_sole_voter_needs_nobody),
      SAY(the_status_says_who_is_where))

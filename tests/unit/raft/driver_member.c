/* Who belongs: driver_member.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static void hear_all(struct fake_world *world, unsigned voters)
{
	for (uint64_t id = 2; id <= voters; id++)
		fake_append_result(world, id, 0, memory_log_last(&world->driver->log));
}

static void a_learner_votes_once_it_has_caught_up(void)
{
	struct fake_world *world = fake_settled_leader();
	struct consensus_node node = fake_node(4);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &node);
	fake_followers_agree(world, 3);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_FALSE(configuration_find(&world->configuration, 4)->voter);
	driver_promote(world->driver, world->now, 6, world->now.ms + 60000, 4);
	fake_followers_agree(world, 3);
	CU_ASSERT_EQUAL(world->ticket, 5); /* node 4 has nothing yet */
	fake_append_result(world, 4, 0, memory_log_last(&world->driver->log));
	fake_followers_agree(world, 4);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_TRUE(configuration_find(&world->configuration, 4)->voter);
	fake_destroy(world);
}

static void what_would_harm_the_cluster_is_refused_with_a_reason(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct driver *d = world->driver;
	int64_t until = world->now.ms + 60000;
	struct consensus_node node = fake_node(2);
	fake_followers_agree(world, 3);
	hear_all(world, 3);
	driver_add(d, world->now, 5, until, &node);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "already"));
	node.id = 8;
	driver_add(d, world->now, 5, until, &node);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "name"));
	driver_promote(d, world->now, 5, until, 2);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "votes already"));
	driver_promote(d, world->now, 5, until, 9);
	CU_ASSERT(fake_was_refused(world, ERR_NOT_FOUND, "not a member"));
	driver_remove(d, world->now, 5, until, 9);
	CU_ASSERT(fake_was_refused(world, ERR_NOT_FOUND, "not a member"));
	driver_transfer(d, world->now, 5, until, 9);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no such voter"));
	fake_pass(world, 900);
	fake_append_result(world, 2, 0, memory_log_last(&d->log));
	fake_pass(world, 900); /* node 3 has been silent for long, node 2 has not */
	fake_append_result(world, 2, 0, memory_log_last(&d->log));
	driver_remove(d, world->now, 5, until, 2);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no majority"));
	driver_remove(d, world->now, 6, until, 3); /* the silent one may go */
	fake_followers_agree(world, 2);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	driver_remove(d, world->now, 5, until, 2);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "two voters are the least"));
	fake_destroy(world);
}

static void one_change_at_a_time(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct consensus_node four = fake_node(4), five = fake_node(5);
	driver_add(world->driver, world->now, 6, world->now.ms + 60000, &four);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &five);
	CU_ASSERT(fake_was_refused(world, ERR_BUSY, "under way"));
	driver_transfer(world->driver, world->now, 5, world->now.ms + 60000, 2);
	CU_ASSERT(fake_was_refused(world, ERR_BUSY, "under way"));
	fake_destroy(world);
}

static void a_change_ends_with_its_leadership(void)
{
	struct fake_world *world = fake_settled_leader();
	struct consensus_node four = fake_node(4);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &four);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->configuration.count, 4);
	fake_append(world, 2, world->driver->raft.current_term + 1, 2, 2, 1, NULL, 0);
	CU_ASSERT(fake_was_refused(world, ERR_NOT_LEADER, "may yet come into force"));
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &four);
	CU_ASSERT(fake_was_refused(world, ERR_NOT_LEADER, "ask node 2"));
	fake_destroy(world);
}

/* Node 1 knows 1, 2 and 3; 4 was added while it was away, and leads. */
static void a_leader_we_never_heard_of_is_followed(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *entries[] = { fake_configuration(2, 4, 0), fake_command(3, 1) };
	fake_append(world, 4, 3, 1, 1, 3, entries, 2);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->applied_index, 3);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 4)->append_result.last_index, 3);
	CU_ASSERT_EQUAL(world->configuration.count, 4);
	fake_destroy(world);
}

TESTS("raft driver member", SAY(a_learner_votes_once_it_has_caught_up),
      SAY(what_would_harm_the_cluster_is_refused_with_a_reason), SAY(one_change_at_a_time),
      SAY(a_change_ends_with_its_leadership), SAY(a_leader_we_never_heard_of_is_followed))

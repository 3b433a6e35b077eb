/* Starting, and what is promised only once it is on disk: driver_start.c, driver_step.c, driver_apply.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static void founders_write_the_first_entry_and_the_first_term(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 3), ERR_OK);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->entries[0]->type, ENTRY_CONFIGURATION);
	CU_ASSERT_EQUAL(world->term, 1);
	CU_ASSERT_EQUAL(world->configuration.count, 3);
	CU_ASSERT_EQUAL(fake_written_all(world), ERR_OK);
	fake_destroy(world);
}

/* The others hold all that is agreed and serve, but nobody waits for them. */
static void of_more_founders_than_seven_the_first_vote(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 9), ERR_OK);
	CU_ASSERT_EQUAL(world->configuration.count, 9);
	for (size_t i = 0; i < world->configuration.count; i++)
		CU_ASSERT_EQUAL(world->configuration.nodes[i].voter, world->configuration.nodes[i].id <= VOTERS_MAX);
	CU_ASSERT_EQUAL(fake_written_all(world), ERR_OK);
	fake_destroy(world);
}

static void a_founding_that_was_cut_short_is_taken_up_again(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = fake_saved(3, 0, 0, 1);
	CU_ASSERT_EQUAL(fake_start(world, &saved, 3), ERR_OK);
	CU_ASSERT_EQUAL(world->term, 1);
	CU_ASSERT_EQUAL(world->job_count, 0);
	fake_destroy(world);
}

static void a_node_without_founders_waits_to_be_taken_in(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 0), ERR_OK);
	fake_pass(world, 10000);
	CU_ASSERT_EQUAL(world->sent_count, 0);
	struct entry *entries[] = { fake_configuration(1, 3, 0), fake_command(3, 1) };
	fake_append(world, 2, 3, 0, 0, 2, entries, 2);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->applied_index, 2);
	CU_ASSERT_EQUAL(world->term, 3);
	fake_destroy(world);
}

static void start_refused(struct saved_state *saved, uint64_t machine_applied)
{
	struct fake_world *world = calloc(1, sizeof *world);
	world->machine_applied = machine_applied;
	CU_ASSERT_EQUAL(fake_start(world, saved, 0), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "new id"));
	free(world);
}

static void a_log_that_can_not_be_ours_is_refused(void)
{
	struct saved_state saved = fake_saved(3, 2, 4, 2);
	start_refused(&saved, 6); /* the machine has applied more than the log has */
	saved = fake_saved(3, 2, 4, 2);
	saved.first_index = 2; /* the beginning is missing */
	start_refused(&saved, 0);
	saved = fake_saved(3, 1, 4, 2); /* entries of terms that never were */
	start_refused(&saved, 0);
	saved = fake_saved(3, 2, 4, 2);
	saved.has_snapshot = true; /* ends before its snapshot */
	saved.snapshot = (struct snapshot_meta){ .index = 9, .term = 2, .configuration_index = 1 };
	start_refused(&saved, 0);
}

static void the_machine_is_not_given_again_what_it_has(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = fake_saved(3, 2, 5, 2); /* 2..6 */
	world->machine_applied = 4;
	CU_ASSERT_EQUAL(fake_start(world, &saved, 0), ERR_OK);
	fake_append(world, 2, 2, 6, 2, 3, NULL, 0);
	CU_ASSERT_EQUAL(world->commands, 0);
	fake_append(world, 2, 2, 6, 2, 6, NULL, 0);
	CU_ASSERT_EQUAL(world->commands, 2);
	CU_ASSERT_EQUAL(world->machine_applied, 6);
	fake_destroy(world);
}

static void a_vote_that_can_not_be_saved_is_not_cast(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	world->write_error = ERR_IO;
	CU_ASSERT_EQUAL(fake_vote(world, 2, 2, 5, 1, false), ERR_IO);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_VOTE_RESULT, 2));
	CU_ASSERT_EQUAL(fake_settle(world), ERR_IO); /* and that was its last word */
	fake_destroy(world);
}

static void an_entry_is_acknowledged_when_it_is_on_disk(void)
{
	struct fake_world *world = fake_following(2);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND_RESULT, 2));
	CU_ASSERT_EQUAL(world->applied_index, 1); /* committed elsewhere, but not on our own disk */
	fake_written(world);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 2);
	CU_ASSERT_EQUAL(world->applied_index, 2);
	fake_destroy(world);
}

/* Term 3's entry 2, then term 4's in its place, then the first one again from the leader of term 5: the disk holds it
 * for good only when the third write is done. */
static void a_write_of_an_entry_that_was_cut_and_sent_again_does_not_count(void)
{
	struct fake_world *world = fake_following(3);
	struct entry *first = fake_command(3, 1), *second = fake_command(4, 2), *third = fake_command(3, 1);
	fake_append(world, 2, 3, 1, 1, 1, &first, 1);
	fake_append(world, 3, 4, 1, 1, 1, &second, 1);
	fake_append(world, 2, 5, 1, 1, 1, &third, 1);
	CU_ASSERT_EQUAL(world->job_count, 3);
	fake_forget(world);
	fake_written(world);
	fake_written(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND_RESULT, 2));
	CU_ASSERT_EQUAL(world->driver->stored, 1);
	fake_written(world);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 2);
	fake_destroy(world);
}

/* A node that was away for long applies what it missed in portions, so that it goes on hearing its leader. */
static void a_long_backlog_is_applied_in_portions(void)
{
	struct fake_world *world = fake_follower(3, 2, 3000, 2);
	fake_append(world, 2, 2, 3001, 2, 3001, NULL, 0);
	CU_ASSERT_TRUE(world->applied_index < 3001);
	unsigned portions = 1;
	for (; driver_timeout(world->driver) <= world->now.ms && portions < 100; portions++)
		fake_pass(world, 0);
	CU_ASSERT_EQUAL(world->applied_index, 3001);
	CU_ASSERT_EQUAL(world->flushes, portions);
	CU_ASSERT_EQUAL(world->commands, 3000);
	fake_destroy(world);
}

TESTS("raft driver start", SAY(founders_write_the_first_entry_and_the_first_term),
      SAY(of_more_founders_than_seven_the_first_vote), SAY(a_founding_that_was_cut_short_is_taken_up_again),
      SAY(a_node_without_founders_waits_to_be_taken_in), SAY(a_log_that_can_not_be_ours_is_refused),
      SAY(the_machine_is_not_given_again_what_it_has), SAY(a_vote_that_can_not_be_saved_is_not_cast),
      SAY(an_entry_is_acknowledged_when_it_is_on_disk),
      SAY(a_write_of_an_entry_that_was_cut_and_sent_again_does_not_count),
      SAY(a_long_backlog_is_applied_in_portions))

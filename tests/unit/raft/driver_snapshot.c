/* driver_snapshot.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static void fill_log(struct fake_world *world, uint8_t count)
{
	for (uint8_t n = 1; n <= count; n++)
		fake_propose(world, n);
	fake_followers_agree(world, 3);
}

static void a_snapshot_is_recorded_and_the_log_trimmed(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fill_log(world, 10); /* up to 12 */
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->snapshots_asked, 1);
	fill_log(world, 12); /* the machine goes on meanwhile */
	uint64_t index = world->machine_applied - 1;
	driver_snapshot_taken(world->driver, world->now, ERR_OK, index, malloc(1));
	CU_ASSERT_EQUAL_FATAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->kind, LOG_SNAPSHOT);
	CU_ASSERT_EQUAL(world->jobs->meta.index, index);
	CU_ASSERT_EQUAL(world->jobs->meta.term, 2);
	CU_ASSERT_EQUAL(world->jobs->meta.configuration_index, 1);
	CU_ASSERT_EQUAL(world->jobs->trim_to, index - 4);
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result_index, index);
	CU_ASSERT_EQUAL(world->driver->log.base, index - 4);
	CU_ASSERT_EQUAL(world->driver->snapshot.index, index);
	fake_destroy(world);
}

static void a_copy_that_failed_is_told_and_may_be_tried_again(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fill_log(world, 3);
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	driver_snapshot_taken(world->driver, world->now, ERR_IO, 0, NULL);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_IO);
	driver_snapshot(world->driver, world->now, 6, world->now.ms + 5000);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->snapshots_asked, 2);
	fake_pass(world, 6000);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	fake_destroy(world);
}

/* Unasked, that is; it would be begun again with every turn. */
static void a_copy_that_failed_is_not_tried_again_soon(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	world->driver->config.snapshot_entries = 3;
	fill_log(world, 3);
	CU_ASSERT_EQUAL(world->snapshots_asked, 1);
	driver_snapshot_taken(world->driver, world->now, ERR_TOO_BIG, 0, NULL);
	fake_pass(world, 20000);
	CU_ASSERT_EQUAL(world->snapshots_asked, 1);
	fake_pass(world, 20000);
	CU_ASSERT_EQUAL(world->snapshots_asked, 2);
	fake_destroy(world);
}

static void a_snapshot_of_ours_that_a_leaders_has_overtaken_is_dropped(void)
{
	struct fake_world *world = fake_following(2);
	struct entry *entries[] = { fake_command(2, 1), fake_command(2, 2) };
	fake_append(world, 2, 2, 1, 1, 3, entries, 2);
	fake_written_all(world);
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	fake_install(world, 2, 2, 90, 2);
	driver_snapshot_taken(world->driver, world->now, ERR_OK, 3, malloc(1));
	CU_ASSERT_EQUAL(world->files_discarded, 1);
	CU_ASSERT_EQUAL(world->job_count, 1);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->driver->applied, 90);
	CU_ASSERT_EQUAL(world->driver->snapshot.index, 90);
	fake_destroy(world);
}

TESTS("raft driver snapshot", SAY(a_snapshot_is_recorded_and_the_log_trimmed),
      SAY(a_copy_that_failed_is_told_and_may_be_tried_again),
      SAY(a_copy_that_failed_is_not_tried_again_soon),
      SAY(a_snapshot_of_ours_that_a_leaders_has_overtaken_is_dropped))

#include "tests/check.h"
#include "tests/unit/raft/log_fixture.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void what_was_written_is_what_is_loaded(void)
{
	begin();
	CU_ASSERT(loaded_is(1, 0, 0));
	CU_ASSERT_EQUAL(saved.term, 0);
	write_entries(1, 1, 3);
	write_entries(4, 2, 7);
	CU_ASSERT_EQUAL(log_store_vote(store, 5, 2), ERR_OK);
	wait_written(2);
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT_EQUAL(saved.term, 5);
	CU_ASSERT_EQUAL(saved.vote, 2);
	CU_ASSERT(!saved.has_snapshot);
	CU_ASSERT(loaded_is(1, 10, 2));
	CU_ASSERT_EQUAL(memcmp(saved.entries[1]->data, "entry 2 of term 1", 17), 0);
	CU_ASSERT_EQUAL(saved.entries[3]->size, 0);
	finish();
}

static void a_vote_makes_durable_what_was_queued_before_it(void)
{
	begin();
	write_entries(1, 1, 3);
	CU_ASSERT_EQUAL(log_store_vote(store, 1, 1), ERR_OK);
	copy_log();
	copy_file("watermark");
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&copy), ERR_OK);
	CU_ASSERT(loaded_is(1, 3, 1));
	finish();
}

static void jobs_that_wait_together_share_a_commit(void)
{
	begin();
	for (uint64_t index = 1; index <= 500; index++)
		write_entries(index, 1, 1);
	wait_written(500);
	CU_ASSERT(log_store_syncs(store) < 500);
	finish();
}

static void newer_entries_replace_what_conflicts(void)
{
	begin();
	write_entries(1, 1, 10);
	write_entries(4, 2, 2);
	write_entries(1, 3, 1);
	write_entries(2, 3, 4);
	wait_written(4);
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT(loaded_is(1, 5, 3));
	finish();
}

static void a_truncation_is_no_damage_even_if_the_process_dies_within_it(void)
{
	begin();
	write_entries(1, 1, 10);
	wait_written(1);
	copy_file("watermark"); /* says 10 */
	write_entries(4, 2, 2);
	wait_written(2);
	copy_log();             /* ends at 5 */
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&copy), ERR_OK);
	CU_ASSERT(loaded_is(1, 5, 2));
	finish();
}

static void a_log_that_lost_its_tail_is_refused(void)
{
	begin();
	write_entries(1, 1, 10);
	wait_written(1);
	copy_log();
	write_entries(11, 1, 1);
	wait_written(2);
	copy_file("watermark");
	CU_ASSERT_EQUAL(log_store_vote(store, 9, 2), ERR_OK);
	shut();
	CU_ASSERT_EQUAL(open_at(&copy), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "log.db"));
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "lost its tail"));
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "under a new id"));
	finish();
}

static void a_log_that_lost_a_vote_is_refused(void)
{
	begin();
	write_entries(1, 1, 10);
	wait_written(1);
	copy_log();
	CU_ASSERT_EQUAL(log_store_vote(store, 9, 2), ERR_OK);
	copy_file("watermark");
	shut();
	CU_ASSERT_EQUAL(open_at(&copy), ERR_DAMAGED);
	finish();
}

static void a_missing_or_empty_file_is_refused(void)
{
	static const char *const names[] = { "log.db", "watermark", "log.db-wal" };
	begin();
	write_entries(1, 1, 10);
	wait_written(1);
	for (int i = 0; i < 6; i++) {
		char path[600];
		copy_log();
		copy_file("watermark");
		snprintf(path, sizeof path, "%s/%s", copy.path, names[i % 3]);
		if (i < 3)
			unlink(path);
		else
			scratch_write(path, "", 0);
		shut();
		CU_ASSERT_EQUAL(open_at(&copy), ERR_DAMAGED);
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "under a new id"));
		CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
		CU_ASSERT_EQUAL(log_store_vote(store, 2 + (uint64_t)i, 1), ERR_OK); /* so that there is a WAL to lose */
	}
	finish();
}

static void a_snapshot_trims_the_log_and_keeps_the_chain(void)
{
	begin();
	write_entries(1, 1, 20);
	write_snapshot(LOG_SNAPSHOT, 15, 1, 12);
	wait_written(2);
	write_entries(21, 2, 2);
	wait_written(3);
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT(saved.has_snapshot);
	CU_ASSERT_EQUAL(saved.snapshot.index, 15);
	CU_ASSERT_EQUAL(saved.snapshot.configuration.count, 1);
	CU_ASSERT(loaded_is(13, 22, 2));
	uint64_t index, term;
	CU_ASSERT(log_store_snapshot(store, &index, &term));
	CU_ASSERT_EQUAL(index, 15);
	finish();
}

static void an_installed_snapshot_empties_the_log_and_overtakes_an_older_one(void)
{
	begin();
	write_entries(1, 1, 20);
	write_snapshot(LOG_INSTALL, 100, 4, 0);
	write_snapshot(LOG_SNAPSHOT, 18, 1, 15);
	write_entries(101, 4, 2);
	wait_written(4);
	shut();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT_EQUAL(saved.snapshot.index, 100);
	CU_ASSERT_EQUAL(saved.snapshot.term, 4);
	CU_ASSERT(loaded_is(101, 102, 4));
	finish();
}

/* The process died between the two: the log speaks of the one before, or of none. */
static void a_snapshot_that_was_placed_and_not_recorded_is_forgotten(void)
{
	begin();
	write_entries(1, 1, 20);
	write_snapshot(LOG_SNAPSHOT, 15, 1, 12);
	wait_written(2);
	char *recorded = snapshots_path(snapshots, 15, 1), *placed = snapshots_path(snapshots, 18, 1);
	struct bytes_of bytes = scratch_read(recorded);
	shut();
	scratch_write(placed, bytes.data, bytes.size);
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT_EQUAL(saved.snapshot.index, 15);
	CU_ASSERT(loaded_is(13, 20, 1));
	CU_ASSERT_NOT_EQUAL(access(placed, F_OK), 0);
	CU_ASSERT_EQUAL(access(recorded, F_OK), 0);
	free(bytes.data);
	free(recorded);
	free(placed);
	finish();
}

/* And here after it was recorded: the one before still lies about. */
static void a_snapshot_that_was_recorded_before_the_older_one_went_counts(void)
{
	begin();
	write_entries(1, 1, 20);
	write_snapshot(LOG_SNAPSHOT, 10, 1, 8);
	wait_written(2);
	char *older = snapshots_path(snapshots, 10, 1);
	struct bytes_of bytes = scratch_read(older);
	write_snapshot(LOG_INSTALL, 100, 4, 0);
	wait_written(3);
	shut();
	scratch_write(older, bytes.data, bytes.size);
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	CU_ASSERT_EQUAL(saved.snapshot.index, 100);
	CU_ASSERT_EQUAL(saved.count, 0);
	CU_ASSERT_NOT_EQUAL(access(older, F_OK), 0);
	free(bytes.data);
	free(older);
	finish();
}

static void a_missing_snapshot_is_refused(void)
{
	begin();
	write_entries(1, 1, 20);
	write_snapshot(LOG_SNAPSHOT, 15, 1, 12);
	wait_written(2);
	char *path = snapshots_path(snapshots, 15, 1);
	shut();
	unlink(path);
	CU_ASSERT_EQUAL(open_at(&live), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, ".snapshot"));
	free(path);
	finish();
}

/* ------------------------------------------------------------------ the disk says no */

static void a_disk_error_is_fatal_once_and_nothing_is_promised_after_it(void)
{
	begin();
	shut();
	pid_t child = fork();
	if (child == 0) {
		struct rlimit limit = { 64 << 10, 64 << 10 };
		signal(SIGXFSZ, SIG_IGN);
		if (open_at(&live) != ERR_OK || setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(2);
		for (uint64_t index = 1; index <= 3000; index++)
			write_entries(index, 1, 1);
		wait_written(3000);
		bool ok = fatals == 1 && written < 3000 && log_store_vote(store, 9, 9) == ERR_IO;
		log_store_close(store);
		_exit(ok && fatals == 1 ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK); /* what was promised is there */
	CU_ASSERT_EQUAL(saved.term, 0);
	finish();
}

TESTS("log_sqlite", SAY(what_was_written_is_what_is_loaded),
      SAY(a_vote_makes_durable_what_was_queued_before_it), SAY(jobs_that_wait_together_share_a_commit),
      SAY(newer_entries_replace_what_conflicts),
      SAY(a_truncation_is_no_damage_even_if_the_process_dies_within_it),
      SAY(a_log_that_lost_its_tail_is_refused), SAY(a_log_that_lost_a_vote_is_refused),
      SAY(a_missing_or_empty_file_is_refused), SAY(a_snapshot_trims_the_log_and_keeps_the_chain),
      SAY(an_installed_snapshot_empties_the_log_and_overtakes_an_older_one),
      SAY(a_snapshot_that_was_placed_and_not_recorded_is_forgotten),
      SAY(a_snapshot_that_was_recorded_before_the_older_one_went_counts), SAY(a_missing_snapshot_is_refused),
      SAY(a_disk_error_is_fatal_once_and_nothing_is_promised_after_it))

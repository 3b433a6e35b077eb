#include "raft/log_sqlite.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A node's folder, its log, and somewhere to put a copy of it as a killed process would leave it. */
static struct scratch live, copy;
static struct secret *secret;
static struct chain *chain;
static struct snapshots *snapshots;
static struct log_store *store;
static struct saved_state saved;
static struct complaint complaint;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t written, fatals;

static void on_written(void *context, struct log_job *jobs)
{
	(void)context;
	size_t count = 0;
	for (struct log_job *job = jobs; job; job = job->next)
		count++;
	log_jobs_release(jobs);
	pthread_mutex_lock(&lock);
	written += count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void on_fatal(void *context)
{
	(void)context;
	pthread_mutex_lock(&lock);
	fatals++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_written(size_t count)
{
	pthread_mutex_lock(&lock);
	while (written < count && !fatals)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static enum err open_at(const struct scratch *where)
{
	char folder[300];
	snprintf(folder, sizeof folder, "%s/snapshots", where->path);
	CU_ASSERT_EQUAL_FATAL(snapshots_open(folder, secret, &snapshots, &complaint), ERR_OK);
	struct log_store_config config = { .folder = where->path, .chain = chain, .snapshots = snapshots,
		                           .written = on_written, .fatal = on_fatal };
	written = fatals = 0;
	saved = (struct saved_state){ 0 };
	enum err err = log_store_open(&config, &store, &saved, &complaint);
	if (err != ERR_OK) {
		store = NULL;
		snapshots_close(snapshots);
	}
	return err;
}

static void shut(void)
{
	log_store_close(store);
	store = NULL;
	saved_state_release(&saved);
	snapshots_close(snapshots);
}

static void begin(void)
{
	static const uint8_t key[32] = { 3 };
	scratch_make(&live);
	scratch_make(&copy);
	secret = secret_create(key, sizeof key);
	chain = chain_create(secret, 1);
	CU_ASSERT_EQUAL_FATAL(log_store_create(live.path, chain, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
}

static void end(void)
{
	if (store)
		shut();
	chain_destroy(chain);
	secret_destroy(secret);
	scratch_remove(&live);
	scratch_remove(&copy);
}

static void write_entries(uint64_t index, uint64_t term, size_t count)
{
	struct log_job *job = calloc(1, sizeof *job);
	job->kind = LOG_ENTRIES;
	job->index = index;
	job->count = count;
	job->entries = calloc(count, sizeof *job->entries);
	for (size_t i = 0; i < count; i++) {
		char text[64];
		int size = snprintf(text, sizeof text, "entry %llu of term %llu", (unsigned long long)(index + i),
		                    (unsigned long long)term);
		job->entries[i] = entry_create(term, ENTRY_COMMAND, text, i % 5 ? (size_t)size : 0);
	}
	log_store_write(store, job);
}

static void write_snapshot(enum log_job_kind kind, uint64_t index, uint64_t term, uint64_t trim_to)
{
	struct log_job *job = calloc(1, sizeof *job);
	char plain[300];
	job->kind = kind;
	job->trim_to = trim_to;
	job->meta = (struct snapshot_meta){ .index = index, .term = term, .configuration_index = 1 };
	job->meta.configuration.count = 1;
	job->meta.configuration.nodes[0] = (struct consensus_node){ .id = 1, .name = "a", .voter = true };
	snprintf(job->meta.configuration.nodes[0].address.host, 32, "127.0.0.1");
	job->meta.configuration.nodes[0].address.port = 7000;
	snprintf(plain, sizeof plain, "%s/plain", live.path);
	scratch_write(plain, "the machine", 11);
	job->file = snapshots_scratch(snapshots);
	CU_ASSERT_EQUAL(snapshots_wrap(snapshots, &job->meta, plain, job->file, &complaint), ERR_OK);
	log_store_write(store, job);
}

static bool loaded_is(uint64_t first, uint64_t last, uint64_t last_term)
{
	if (saved.first_index != first || saved.count != last + 1 - first)
		return false;
	return !saved.count || saved.entries[saved.count - 1]->term == last_term;
}

static void copy_file(const char *name)
{
	char from[600], to[600];
	snprintf(from, sizeof from, "%s/%s", live.path, name);
	snprintf(to, sizeof to, "%s/%s", copy.path, name);
	struct bytes_of bytes = scratch_read(from);
	unlink(to);
	if (bytes.exists)
		scratch_write(to, bytes.data, bytes.size);
	free(bytes.data);
}

/* What SIGKILL would leave: the files as they are, without SQLite's tidying up. */
static void copy_log(void)
{
	copy_file("log.db");
	copy_file("log.db-wal");
}

/* ------------------------------------------------------------------ stories */

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
	end();
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
	end();
}

static void jobs_that_wait_together_share_a_commit(void)
{
	begin();
	for (uint64_t index = 1; index <= 500; index++)
		write_entries(index, 1, 1);
	wait_written(500);
	CU_ASSERT(log_store_syncs(store) < 500);
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
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
	end();
}

/* ------------------------------------------------------------------ every byte */

struct expected {
	uint64_t term, vote, first_index;
	size_t count;
	uint8_t sum[32];
};

static void sum_entries(uint8_t sum[CHAIN_SIZE])
{
	chain_anchor(chain, saved.first_index, 0, sum);
	for (size_t i = 0; i < saved.count; i++) {
		struct log_row row = { .index = i, .term = saved.entries[i]->term, .type = (uint8_t)saved.entries[i]->type,
			               .data = saved.entries[i]->data, .size = saved.entries[i]->size };
		chain_append(chain, sum, &row);
	}
}

static struct expected what_is_loaded(void)
{
	struct expected expected = { .term = saved.term, .vote = saved.vote, .first_index = saved.first_index,
		                     .count = saved.count };
	sum_entries(expected.sum);
	return expected;
}

static bool is_as_expected(const struct expected *expected)
{
	uint8_t sum[CHAIN_SIZE];
	sum_entries(sum);
	return saved.term == expected->term && saved.vote == expected->vote &&
	       saved.first_index == expected->first_index && saved.count == expected->count &&
	       memcmp(sum, expected->sum, CHAIN_SIZE) == 0;
}

/* Flips each `stride`th byte of one of the copied files in turn; SQLite may change the others when it opens them, so
 * all are put back each time. */
static void flip_every_byte(const char *name, size_t stride, const struct expected *expected, size_t *refused)
{
	static const char *const names[] = { "log.db", "log.db-wal", "watermark" };
	struct bytes_of files[3];
	char paths[3][600];
	size_t target = 0;
	for (size_t i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof paths[i], "%s/%s", copy.path, names[i]);
		files[i] = scratch_read(paths[i]);
		if (strcmp(names[i], name) == 0)
			target = i;
	}
	CU_ASSERT(files[target].exists);
	for (size_t at = 0; at < files[target].size; at += at < 128 ? 1 : stride) {
		files[target].data[at] ^= 0x41;
		for (size_t i = 0; i < 3; i++) {
			unlink(paths[i]);
			if (files[i].exists)
				scratch_write(paths[i], files[i].data, files[i].size);
		}
		files[target].data[at] ^= 0x41;
		enum err err = open_at(&copy);
		if (err == ERR_OK) {
			bool same = is_as_expected(expected);
			CU_ASSERT(same);
			if (!same)
				printf("%s, byte %zu: opened, with other contents\n", name, at);
			shut();
		} else {
			CU_ASSERT(err == ERR_DAMAGED || err == ERR_IO);
			(*refused)++;
		}
	}
	for (size_t i = 0; i < 3; i++)
		free(files[i].data);
}

static void fill_and_copy(bool closed, struct expected *expected)
{
	begin();
	write_entries(1, 1, 12);
	wait_written(1);
	write_entries(10, 2, 6);
	CU_ASSERT_EQUAL(log_store_vote(store, 3, 2), ERR_OK);
	if (!closed)
		copy_log();
	copy_file("watermark");
	shut();
	if (closed)
		copy_log();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	*expected = what_is_loaded();
	CU_ASSERT_EQUAL(expected->count, 15);
	shut();
}

static void a_flipped_byte_of_the_database_is_refused_or_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(true, &expected);
	flip_every_byte("log.db", 5, &expected, &refused);
	CU_ASSERT(refused > 300);
	end();
}

static void a_flipped_byte_of_the_wal_is_refused_or_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(false, &expected);
	flip_every_byte("log.db-wal", 11, &expected, &refused);
	CU_ASSERT(refused > 1000);
	end();
}

static void a_flipped_byte_of_the_watermark_is_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(true, &expected);
	flip_every_byte("watermark", 1, &expected, &refused);
	CU_ASSERT_EQUAL(refused, 0);
	end();
}

static void a_wal_cut_short_anywhere_is_refused(void)
{
	struct expected expected;
	fill_and_copy(false, &expected);
	char path[600], database[600];
	snprintf(path, sizeof path, "%s/log.db-wal", copy.path);
	snprintf(database, sizeof database, "%s/log.db", copy.path);
	struct bytes_of wal = scratch_read(path), db = scratch_read(database);
	for (size_t size = 0; size < wal.size; size += 97) {
		scratch_write(database, db.data, db.size);
		scratch_write(path, wal.data, size);
		CU_ASSERT_EQUAL(open_at(&copy), ERR_DAMAGED);
	}
	free(wal.data);
	free(db.data);
	end();
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
	end();
}

TESTS("log_sqlite", SAY(what_was_written_is_what_is_loaded), SAY(a_vote_makes_durable_what_was_queued_before_it),
      SAY(jobs_that_wait_together_share_a_commit), SAY(newer_entries_replace_what_conflicts),
      SAY(a_truncation_is_no_damage_even_if_the_process_dies_within_it), SAY(a_log_that_lost_its_tail_is_refused),
      SAY(a_log_that_lost_a_vote_is_refused), SAY(a_missing_or_empty_file_is_refused),
      SAY(a_snapshot_trims_the_log_and_keeps_the_chain),
      SAY(an_installed_snapshot_empties_the_log_and_overtakes_an_older_one), SAY(a_snapshot_that_was_placed_and_not_recorded_is_forgotten),
      SAY(a_snapshot_that_was_recorded_before_the_older_one_went_counts), SAY(a_missing_snapshot_is_refused),
      SAY(a_flipped_byte_of_the_database_is_refused_or_harmless),
      SAY(a_flipped_byte_of_the_wal_is_refused_or_harmless), SAY(a_flipped_byte_of_the_watermark_is_harmless),
      SAY(a_wal_cut_short_anywhere_is_refused),
      SAY(a_disk_error_is_fatal_once_and_nothing_is_promised_after_it))

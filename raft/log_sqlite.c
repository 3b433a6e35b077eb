#include "raft/log_store.h"
#include "raft/folder.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_MS 500          /* for one commit */
#define SLOW_EVERY_MS 10000  /* one line at most */

/* ------------------------------------------------------------------ one commit */

static enum err write_transaction(struct log_store *store, struct log_job *jobs, const struct vote *vote)
{
	int result = log_table_begin(&store->table);
	if (result != SQLITE_OK)
		return log_store_fail(store, result);
	for (struct log_job *job = jobs; job; job = job->next) {
		enum err err = log_store_job(store, job);
		if (err != ERR_OK)
			return err;
	}
	if (vote->is_pending) {
		store->record.term = vote->term;
		store->record.vote = vote->vote;
	}
	store->record.generation++;
	result = log_table_put_record(&store->table, &store->record);
	if (result == SQLITE_OK)
		result = log_table_commit(&store->table);
	return result == SQLITE_OK ? ERR_OK : log_store_fail(store, result);
}

static bool replaced_snapshot(const struct log_job *jobs)
{
	for (; jobs; jobs = jobs->next)
		if (jobs->kind != LOG_ENTRIES)
			return true;
	return false;
}

/* Whoever creates a key waits for this; a disk that takes its time is what the operator will want to know. */
static void note_duration(struct log_store *store, int64_t started_ms)
{
	int64_t now = clock_ms(), took = now - started_ms;
	if (took < SLOW_MS || (store->slow_ms && now - store->slow_ms < SLOW_EVERY_MS))
		return;
	store->slow_ms = now;
	log_warn("raft", "slow disk folder=%s commit_ms=%" PRId64, store->config.folder, took);
}

/* The order is what makes a promise one: commit, then the watermark, then whoever waits. */
static enum err commit(struct log_store *store, struct log_job *jobs, const struct vote *vote)
{
	int64_t started_ms = clock_ms();
	enum err err = write_transaction(store, jobs, vote);
	if (err != ERR_OK)
		return err;
	note_duration(store, started_ms);
	atomic_fetch_add(&store->syncs, 1);
	struct watermark_mark mark = log_mark(&store->record);
	err = watermark_put(store->watermark, &mark);
	if (err != ERR_OK) {
		log_error("raft", "watermark can't be written folder=%s: %s", store->config.folder, strerror(errno));
		return err;
	}
	if (replaced_snapshot(jobs))
		snapshots_keep_only(store->config.snapshots, store->snapshot_index, store->snapshot_term);
	return ERR_OK;
}

/* ------------------------------------------------------------------ the writer */

/* Takes all there is; false when there is nothing and never will be. */
static bool take_work(struct log_store *store, struct log_job **jobs, struct vote *vote)
{
	pthread_mutex_lock(&store->lock);
	while (!store->first && !store->vote.is_pending && !store->is_closing)
		pthread_cond_wait(&store->work, &store->lock);
	*jobs = store->first;
	*vote = store->vote;
	store->first = NULL;
	store->last = &store->first;
	pthread_mutex_unlock(&store->lock);
	return *jobs || vote->is_pending;
}

static void end_vote(struct log_store *store, bool failed)
{
	pthread_mutex_lock(&store->lock);
	store->vote.is_pending = false;
	store->has_failed = failed;
	pthread_cond_broadcast(&store->voted);
	pthread_mutex_unlock(&store->lock);
}

static void *write_forever(void *context)
{
	struct log_store *store = context;
	struct log_job *jobs;
	struct vote vote;
	while (take_work(store, &jobs, &vote)) {
		enum err err = commit(store, jobs, &vote);
		if (vote.is_pending || err != ERR_OK)
			end_vote(store, err != ERR_OK);
		if (err != ERR_OK) {
			log_jobs_release(jobs);
			store->config.fatal(store->config.context);
			break; /* fail-stop: what comes later is neither written nor given back */
		}
		if (jobs)
			store->config.written(store->config.context, jobs);
		disk_space_watch(&store->space);
	}
	return NULL;
}

void log_store_write(struct log_store *store, struct log_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&store->lock);
	*store->last = job;
	store->last = &job->next;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
}

enum err log_store_vote(struct log_store *store, uint64_t term, uint64_t vote)
{
	pthread_mutex_lock(&store->lock);
	if (!store->has_failed) {
		store->vote = (struct vote){ true, term, vote };
		pthread_cond_signal(&store->work);
	}
	while (store->vote.is_pending)
		pthread_cond_wait(&store->voted, &store->lock);
	enum err err = store->has_failed ? ERR_IO : ERR_OK;
	pthread_mutex_unlock(&store->lock);
	return err;
}

bool log_store_snapshot(struct log_store *store, uint64_t *index, uint64_t *term)
{
	pthread_mutex_lock(&store->lock);
	bool has_snapshot = store->has_snapshot;
	*index = store->snapshot_index;
	*term = store->snapshot_term;
	pthread_mutex_unlock(&store->lock);
	return has_snapshot;
}

uint64_t log_store_syncs(struct log_store *store)
{
	return atomic_load(&store->syncs);
}

/* ------------------------------------------------------------------ open and close */

static enum err create_tables(const char *path, const struct chain *chain, struct log_record *record,
                              struct complaint *complaint)
{
	struct log_table table;
	enum err err = log_table_make(path, chain, &table, complaint);
	if (err != ERR_OK)
		return err;
	record->generation = 1;
	chain_anchor(chain, 0, 0, record->base_hash);
	memcpy(record->head, record->base_hash, CHAIN_SIZE);
	int result = log_table_put_record(&table, record);
	if (result != SQLITE_OK)
		err = log_table_complain(&table, result, complaint);
	log_table_close(&table);
	return err;
}

enum err log_store_create(const char *folder, const struct chain *chain, struct complaint *complaint)
{
	struct log_record record = { 0 };
	char *log = file_path(folder, "log.db"), *watermark = file_path(folder, "watermark");
	enum err err = ERR_NO_MEMORY;
	if (log && watermark)
		err = create_tables(log, chain, &record, complaint);
	if (err == ERR_OK) {
		struct watermark_mark mark = log_mark(&record);
		err = watermark_create(watermark, chain, &mark, complaint);
	}
	free(log);
	free(watermark);
	return err;
}

static enum err open_watermark(struct log_store *store, const char *path, struct watermark_mark *mark,
                               struct complaint *complaint)
{
	struct complaint detail = { "" };
	enum err err = watermark_open(path, store->config.chain, &store->watermark, mark, &detail);
	if (err == ERR_NOT_FOUND)
		return complain_of_damage(complaint, path, "missing");
	if (err == ERR_DAMAGED)
		return complain_of_damage(complaint, path, "it holds no valid mark");
	return err == ERR_OK ? err : complain(complaint, err, "%s", detail.text);
}

static enum err load(struct log_store *store, struct log_loaded *loaded, struct complaint *complaint)
{
	char *log = file_path(store->config.folder, "log.db"), *watermark = file_path(store->config.folder, "watermark");
	struct watermark_mark mark;
	enum err err = log && watermark ? open_watermark(store, watermark, &mark, complaint) : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = log_table_open(log, store->config.chain, &store->table, complaint);
	if (err == ERR_OK)
		err = log_load(&store->table, &mark, store->config.snapshots, loaded, complaint);
	free(log);
	free(watermark);
	return err;
}

/* The entries' references go from `loaded` to `saved`. */
static void hand_out(struct log_store *store, struct log_loaded *loaded, struct saved_state *saved)
{
	const struct log_record *record = &loaded->record;
	store->record = *record;
	store->has_snapshot = record->has_snapshot;
	store->snapshot_index = loaded->snapshot.index;
	store->snapshot_term = loaded->snapshot.term;
	*saved = (struct saved_state){
		.term = record->term,
		.vote = record->vote,
		.has_snapshot = record->has_snapshot,
		.snapshot = loaded->snapshot,
		.first_index = record->base_index + 1,
		.entries = loaded->entries,
		.count = record->last_index - record->base_index,
	};
	loaded->entries = NULL;
}

static enum err start_writer(struct log_store *store, struct complaint *complaint)
{
	store->has_writer = pthread_create(&store->writer, NULL, write_forever, store) == 0;
	return store->has_writer ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "the log's thread can't be started");
}

enum err log_store_open(const struct log_store_config *config, struct log_store **out,
                        struct saved_state *saved, struct complaint *complaint)
{
	struct log_store *store = calloc(1, sizeof *store);
	struct log_loaded *loaded = calloc(1, sizeof *loaded);
	if (!store || !loaded) {
		free(store);
		free(loaded);
		return complain(complaint, ERR_NO_MEMORY, "no memory to open the log");
	}
	store->config = *config;
	store->last = &store->first;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	pthread_cond_init(&store->voted, NULL);
	disk_space_init(&store->space, config->folder);
	enum err err = load(store, loaded, complaint);
	if (err == ERR_OK) {
		hand_out(store, loaded, saved);
		snapshots_keep_only(config->snapshots, store->snapshot_index, store->snapshot_term);
		err = start_writer(store, complaint);
		if (err != ERR_OK)
			saved_state_release(saved);
	}
	free(loaded);
	if (err == ERR_OK)
		*out = store;
	else
		log_store_close(store);
	return err;
}

void log_store_close(struct log_store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->is_closing = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	if (store->has_writer)
		pthread_join(store->writer, NULL);
	log_jobs_release(store->first);
	if (store->table.path)
		log_table_close(&store->table);
	watermark_close(store->watermark);
	pthread_cond_destroy(&store->voted);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void log_jobs_release(struct log_job *jobs)
{
	while (jobs) {
		struct log_job *next = jobs->next;
		for (size_t i = 0; i < jobs->count; i++)
			entry_drop(jobs->entries[i]);
		free(jobs->entries);
		free(jobs->file);
		free(jobs);
		jobs = next;
	}
}

void saved_state_release(struct saved_state *saved)
{
	for (size_t i = 0; saved->entries && i < saved->count; i++)
		entry_drop(saved->entries[i]);
	free(saved->entries);
	saved->entries = NULL;
	saved->count = 0;
}

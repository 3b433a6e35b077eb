#include "raft/log_store.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum err log_store_fail(struct log_store *store, int result)
{
	struct complaint complaint;
	enum err err = log_table_complain(&store->table, result, &complaint);
	log_error("raft", "log can't be written: %s", complaint.text);
	return err;
}

/* The rows from `index` on go; the chain goes on from the one before. */
static int cut(struct log_store *store, uint64_t index)
{
	struct log_record *record = &store->record;
	int result = log_table_cut(&store->table, index);
	if (result == SQLITE_OK && index - 1 == record->base_index)
		memcpy(record->head, record->base_hash, CHAIN_SIZE);
	else if (result == SQLITE_OK)
		result = log_table_hash_at(&store->table, index - 1, record->head);
	record->last_index = index - 1;
	return result;
}

static enum err write_entries(struct log_store *store, const struct log_job *job)
{
	struct log_record *record = &store->record;
	/* the driver's promise: no hole, and nothing before the base is rewritten */
	assert(job->index > record->base_index && job->index <= record->last_index + 1);
	int result = job->index <= record->last_index ? cut(store, job->index) : SQLITE_OK;
	for (size_t i = 0; i < job->count && result == SQLITE_OK; i++) {
		const struct entry *entry = job->entries[i];
		struct log_row row = { .index = job->index + i, .term = entry->term, .type = (uint8_t)entry->type,
			               .data = entry->data, .size = entry->size };
		chain_append(store->config.chain, record->head, &row);
		record->last_index = row.index;
		result = log_table_insert(&store->table, &row);
	}
	return result == SQLITE_OK ? ERR_OK : log_store_fail(store, result);
}

/* The file gets its name before the log speaks of it: one that no log speaks of is removed at start. */
static enum err place_file(struct log_store *store, struct log_job *job)
{
	struct complaint complaint;
	enum err err = snapshots_place(store->config.snapshots, job->file, job->meta.index, job->meta.term, &complaint);
	if (err != ERR_OK)
		log_error("raft", "snapshot can't be kept: %s", complaint.text);
	free(job->file);
	job->file = NULL;
	return err;
}

static enum err write_install(struct log_store *store, struct log_job *job)
{
	struct log_record *record = &store->record;
	enum err err = place_file(store, job);
	if (err != ERR_OK)
		return err;
	int result = log_table_trim(&store->table, INT64_MAX);
	record->base_index = record->last_index = job->meta.index;
	chain_anchor(store->config.chain, job->meta.index, job->meta.term, record->base_hash);
	memcpy(record->head, record->base_hash, CHAIN_SIZE);
	if (result == SQLITE_OK)
		result = log_table_put_snapshot(&store->table, &job->meta, record);
	return result == SQLITE_OK ? ERR_OK : log_store_fail(store, result);
}

static enum err write_snapshot(struct log_store *store, struct log_job *job)
{
	struct log_record *record = &store->record;
	if (store->has_snapshot && store->snapshot_index >= job->meta.index)
		return ERR_OK; /* overtaken by one that was installed */
	enum err err = place_file(store, job);
	if (err != ERR_OK)
		return err;
	int result = SQLITE_OK;
	if (job->trim_to > record->base_index) {
		assert(job->trim_to <= record->last_index);
		result = log_table_hash_at(&store->table, job->trim_to, record->base_hash);
		if (result == SQLITE_OK)
			result = log_table_trim(&store->table, job->trim_to);
		record->base_index = job->trim_to;
	}
	if (result == SQLITE_OK)
		result = log_table_put_snapshot(&store->table, &job->meta, record);
	return result == SQLITE_OK ? ERR_OK : log_store_fail(store, result);
}

static void note_snapshot(struct log_store *store, const struct snapshot_meta *meta)
{
	pthread_mutex_lock(&store->lock);
	store->has_snapshot = true;
	store->snapshot_index = meta->index;
	store->snapshot_term = meta->term;
	pthread_mutex_unlock(&store->lock);
}

enum err log_store_job(struct log_store *store, struct log_job *job)
{
	if (job->kind == LOG_ENTRIES)
		return write_entries(store, job);
	bool is_wanted = job->kind == LOG_INSTALL || !store->has_snapshot || store->snapshot_index < job->meta.index;
	enum err err = job->kind == LOG_INSTALL ? write_install(store, job) : write_snapshot(store, job);
	if (err == ERR_OK && is_wanted)
		note_snapshot(store, &job->meta);
	return err;
}

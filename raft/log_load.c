#include "raft/log_load.h"
#include "raft/folder.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct watermark_mark log_mark(const struct log_record *record)
{
	struct watermark_mark mark = {
		.generation = record->generation,
		.term = record->term,
		.vote = record->vote,
		.last_index = record->last_index,
	};
	memcpy(mark.head, record->head, CHAIN_SIZE);
	return mark;
}

/* SQLite's own structures first: a broken list of free pages would ruin rows that are good today. */
static enum err check_structure(struct log_table *table, struct complaint *complaint)
{
	sqlite3_stmt *check = NULL;
	int result = sqlite3_prepare_v2(table->db, "PRAGMA quick_check(1)", -1, &check, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(check);
	enum err err = ERR_OK;
	if (result != SQLITE_ROW)
		err = log_table_complain(table, result, complaint);
	else {
		const char *text = (const char *)sqlite3_column_text(check, 0);
		if (!text || strcmp(text, "ok") != 0)
			err = complain_of_damage(complaint, table->path, "%s", text ? text : "it can't be checked");
	}
	sqlite3_finalize(check);
	return err;
}

/* A log may be ahead of the watermark (a process that died between the two), never behind it. */
static enum err check_watermark(const struct log_table *table, const struct log_record *record,
                                const struct watermark_mark *mark, struct complaint *complaint)
{
	if (record->generation > mark->generation)
		return ERR_OK;
	if (record->generation < mark->generation)
		return complain_of_damage(complaint, table->path, "it has lost its tail: %" PRIu64 " commits are missing, "
		                          "the last durable index was %" PRIu64 " and it ends at %" PRIu64,
		                          mark->generation - record->generation, mark->last_index, record->last_index);
	if (record->term != mark->term || record->vote != mark->vote || record->last_index != mark->last_index ||
	    memcmp(record->head, mark->head, CHAIN_SIZE) != 0)
		return complain_of_damage(complaint, table->path, "it differs from its watermark at commit %" PRIu64,
		                          mark->generation);
	return ERR_OK;
}

static enum err read_row(struct log_table *table, sqlite3_stmt *rows, uint64_t next, uint64_t *term,
                         uint8_t head[CHAIN_SIZE], struct entry **out, struct complaint *complaint)
{
	int type = sqlite3_column_int(rows, 2);
	const void *hash = sqlite3_column_blob(rows, 3);
	struct log_row row = {
		.index = (uint64_t)sqlite3_column_int64(rows, 0),
		.term = (uint64_t)sqlite3_column_int64(rows, 1),
		.type = (uint8_t)type,
		.data = sqlite3_column_blob(rows, 4),
		.size = (size_t)sqlite3_column_bytes(rows, 4),
	};
	if (row.index != next)
		return complain_of_damage(complaint, table->path, "row %" PRIu64 " is missing", next);
	if (hash && sqlite3_column_bytes(rows, 3) == CHAIN_SIZE)
		memcpy(row.hash, hash, CHAIN_SIZE);
	if (row.term < *term || type != row.type || !chain_follows(table->chain, head, next, &row))
		return complain_of_damage(complaint, table->path, "row %" PRIu64 " is not what was written (the chain "
		                          "of hashes breaks there)", next);
	*term = row.term;
	*out = entry_create(row.term, row.type, row.data, row.size);
	return *out ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "no memory for the log's row %" PRIu64, next);
}

static enum err read_rows(struct log_table *table, sqlite3_stmt *rows, struct log_loaded *out,
                          struct complaint *complaint)
{
	const struct log_record *record = &out->record;
	uint8_t head[CHAIN_SIZE];
	uint64_t next = record->base_index + 1, term = 0;
	memcpy(head, record->base_hash, CHAIN_SIZE);
	int result;
	for (; (result = sqlite3_step(rows)) == SQLITE_ROW; next++) {
		if (next > record->last_index)
			return complain_of_damage(complaint, table->path, "it has rows after its last, %" PRIu64,
			                          record->last_index);
		enum err err = read_row(table, rows, next, &term, head, &out->entries[next - record->base_index - 1],
		                        complaint);
		if (err != ERR_OK)
			return err;
	}
	if (result != SQLITE_DONE)
		return log_table_complain(table, result, complaint);
	if (next <= record->last_index)
		return complain_of_damage(complaint, table->path, "rows %" PRIu64 " to %" PRIu64 " are missing", next,
		                          record->last_index);
	if (memcmp(head, record->head, CHAIN_SIZE) != 0)
		return complain_of_damage(complaint, table->path, "its last row is not the one that was written last");
	return ERR_OK;
}

static enum err load_rows(struct log_table *table, struct log_loaded *out, struct complaint *complaint)
{
	size_t count = out->record.last_index - out->record.base_index;
	sqlite3_stmt *rows = NULL;
	out->entries = calloc(count + 1, sizeof *out->entries);
	if (!out->entries)
		return complain(complaint, ERR_NO_MEMORY, "no memory for the log's %zu rows", count);
	int result = sqlite3_prepare_v2(table->db, "SELECT idx, term, type, hash, data FROM log ORDER BY idx", -1,
	                                &rows, NULL);
	enum err err = result == SQLITE_OK ? read_rows(table, rows, out, complaint)
	                                   : log_table_complain(table, result, complaint);
	sqlite3_finalize(rows);
	return err;
}

static enum err load_snapshot(struct log_table *table, struct snapshots *snapshots, struct log_loaded *out,
                              struct complaint *complaint)
{
	enum err err = log_table_get_snapshot(table, &out->record, &out->snapshot, complaint);
	if (err != ERR_OK)
		return err;
	char *path = snapshots_path(snapshots, out->snapshot.index, out->snapshot.term);
	struct snapshot_meta *found = malloc(sizeof *found);
	if (!path || !found)
		err = complain(complaint, ERR_NO_MEMORY, "no memory to check the snapshot");
	else
		err = snapshots_check(snapshots, path, found, complaint);
	if (err == ERR_OK && (found->index != out->snapshot.index || found->term != out->snapshot.term))
		err = complain_of_damage(complaint, path, "it is another snapshot than its name says");
	free(found);
	free(path);
	return err;
}

enum err log_load(struct log_table *table, const struct watermark_mark *mark, struct snapshots *snapshots,
                  struct log_loaded *out, struct complaint *complaint)
{
	*out = (struct log_loaded){ .entries = NULL };
	enum err err = check_structure(table, complaint);
	if (err == ERR_OK)
		err = log_table_get_record(table, &out->record, complaint);
	if (err == ERR_OK)
		err = check_watermark(table, &out->record, mark, complaint);
	if (err == ERR_OK)
		err = load_rows(table, out, complaint);
	if (err == ERR_OK && out->record.has_snapshot)
		err = load_snapshot(table, snapshots, out, complaint);
	if (err == ERR_OK && !out->record.has_snapshot && out->record.base_index != 0)
		err = complain_of_damage(complaint, table->path, "its beginning is cut off");
	if (err != ERR_OK)
		log_loaded_release(out);
	return err;
}

void log_loaded_release(struct log_loaded *loaded)
{
	size_t count = loaded->record.last_index - loaded->record.base_index;
	for (size_t i = 0; loaded->entries && i < count; i++)
		entry_drop(loaded->entries[i]);
	free(loaded->entries);
	loaded->entries = NULL;
}

/* The two tables of log.db, and the sealed record that says what they have to hold. Used by the log's writer
 * and by what opens it; one thread at a time. */
#pragma once
#include "raft/chain.h"
#include "raft/configuration.h"
#include "base/err.h"
#include <sqlite3.h>

struct log_record {
	uint64_t generation;               /* commits so far */
	uint64_t term, vote;
	uint64_t base_index;               /* of the place before the first row */
	uint64_t last_index;               /* of the last row, or base_index */
	uint8_t base_hash[CHAIN_SIZE];     /* what the first row is chained to */
	uint8_t head[CHAIN_SIZE];          /* the last row's hash, or base_hash */
	bool has_snapshot;
	uint8_t snapshot_seal[CHAIN_SIZE]; /* of the snapshot's particulars */
};

struct log_table {
	char *path;
	const struct chain *chain;
	sqlite3 *db;
	sqlite3_stmt *insert, *cut, *trim, *hash_at, *put, *get;
};

/* Opens (or makes) the file. ERR_DAMAGED if it is missing, empty or not what SQLite wrote, with a complaint. */
enum err log_table_make(const char *path, const struct chain *chain, struct log_table *out,
                        struct complaint *complaint);
enum err log_table_open(const char *path, const struct chain *chain, struct log_table *out,
                        struct complaint *complaint);
void log_table_close(struct log_table *table);
/* ERR_DAMAGED, ERR_IO or ERR_NO_MEMORY for what SQLite said last, in its words. */
enum err log_table_complain(const struct log_table *table, int result, struct complaint *complaint);

/* All of these return SQLite's result; SQLITE_OK is good. */
int log_table_begin(struct log_table *table);
int log_table_commit(struct log_table *table);
int log_table_insert(struct log_table *table, const struct log_row *row);
int log_table_cut(struct log_table *table, uint64_t from);      /* deletes `from` and above */
int log_table_trim(struct log_table *table, uint64_t through);  /* deletes `through` and below */
int log_table_hash_at(struct log_table *table, uint64_t index, uint8_t hash[CHAIN_SIZE]);
int log_table_put_record(struct log_table *table, const struct log_record *record);
/* Sets record's has_snapshot and snapshot_seal as well. */
int log_table_put_snapshot(struct log_table *table, const struct snapshot_meta *meta, struct log_record *record);

/* Reading, with seals checked. */
enum err log_table_get_record(struct log_table *table, struct log_record *record, struct complaint *complaint);
enum err log_table_get_snapshot(struct log_table *table, const struct log_record *record,
                                struct snapshot_meta *meta, struct complaint *complaint);

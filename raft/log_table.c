#include "raft/log_table.h"
#include "raft/folder.h"
#include "base/buf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_SIZE_MAX (64u << 10)
#define RECORD_NAME "log"
#define SNAPSHOT_NAME "snapshot"

static const char schema[] =
	"CREATE TABLE log(idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL,"
	" hash BLOB NOT NULL, data BLOB NOT NULL);"
	"CREATE TABLE record(name TEXT PRIMARY KEY, body BLOB NOT NULL, seal BLOB NOT NULL) WITHOUT ROWID;";

/* Exclusive: nobody else opens it, so the WAL needs no shared memory file. Checkpoints of 16 MiB: proposals wait while one
 * runs, so they should be seldom. */
static const char settings[] =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA wal_autocheckpoint = 4096;"
	"PRAGMA journal_size_limit = 67108864;";

enum err log_table_complain(const struct log_table *table, int result, struct complaint *complaint)
{
	const char *says = table->db ? sqlite3_errmsg(table->db) : sqlite3_errstr(result);
	switch (result & 0xff) {
	case SQLITE_NOMEM:
		return complain(complaint, ERR_NO_MEMORY, "no memory to use %s", table->path);
	case SQLITE_FULL:
		return complain(complaint, ERR_IO, "%s: the disk is full: free some space and start again", table->path);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_BUSY:
		return complain(complaint, ERR_IO, "%s: %s (%s)", table->path, says,
		                strerror(table->db ? sqlite3_system_errno(table->db) : errno));
	default:
		return complain_of_damage(complaint, table->path, "%s", says);
	}
}

static int prepare(struct log_table *table)
{
	const struct {
		sqlite3_stmt **statement;
		const char *text;
	} all[] = {
		{ &table->insert, "INSERT INTO log(idx, term, type, hash, data) VALUES(?, ?, ?, ?, ?)" },
		{ &table->cut, "DELETE FROM log WHERE idx >= ?" },
		{ &table->trim, "DELETE FROM log WHERE idx <= ?" },
		{ &table->hash_at, "SELECT hash FROM log WHERE idx = ?" },
		{ &table->put, "INSERT OR REPLACE INTO record(name, body, seal) VALUES(?, ?, ?)" },
		{ &table->get, "SELECT body, seal FROM record WHERE name = ?" },
	};
	int result = SQLITE_OK;
	for (size_t i = 0; i < sizeof all / sizeof *all && result == SQLITE_OK; i++)
		result = sqlite3_prepare_v3(table->db, all[i].text, -1, SQLITE_PREPARE_PERSISTENT,
		                            all[i].statement, NULL);
	return result;
}

static enum err open_file(const char *path, const struct chain *chain, bool make, struct log_table *out,
                          struct complaint *complaint)
{
	*out = (struct log_table){ .chain = chain, .path = strdup(path) };
	if (!out->path)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", path);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (make ? SQLITE_OPEN_CREATE : 0);
	int result = sqlite3_open_v2(path, &out->db, flags, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_extended_result_codes(out->db, 1);
	if (result == SQLITE_OK)
		result = sqlite3_exec(out->db, settings, NULL, NULL, NULL);
	if (result == SQLITE_OK && make)
		result = sqlite3_exec(out->db, schema, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = prepare(out);
	if (result == SQLITE_OK)
		return ERR_OK;
	enum err err = log_table_complain(out, result, complaint);
	log_table_close(out);
	return err;
}

enum err log_table_make(const char *path, const struct chain *chain, struct log_table *out,
                        struct complaint *complaint)
{
	return open_file(path, chain, true, out, complaint);
}

enum err log_table_open(const char *path, const struct chain *chain, struct log_table *out,
                        struct complaint *complaint)
{
	struct stat about;
	*out = (struct log_table){ 0 };
	if (stat(path, &about) != 0 && errno == ENOENT)
		return complain_of_damage(complaint, path, "missing");
	if (access(path, R_OK | W_OK) != 0)
		return complain(complaint, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
	if (about.st_size == 0) /* SQLite would take it for a new one */
		return complain_of_damage(complaint, path, "empty");
	return open_file(path, chain, false, out, complaint);
}

void log_table_close(struct log_table *table)
{
	sqlite3_stmt *all[] = { table->insert, table->cut, table->trim, table->hash_at, table->put, table->get };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(table->db);
	free(table->path);
	*table = (struct log_table){ 0 };
}

/* ------------------------------------------------------------------ writing */

static int run(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	int reset = sqlite3_reset(statement);
	return result == SQLITE_DONE ? reset : result;
}

int log_table_begin(struct log_table *table)
{
	return sqlite3_exec(table->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

int log_table_commit(struct log_table *table)
{
	return sqlite3_exec(table->db, "COMMIT", NULL, NULL, NULL);
}

int log_table_insert(struct log_table *table, const struct log_row *row)
{
	sqlite3_bind_int64(table->insert, 1, (sqlite3_int64)row->index);
	sqlite3_bind_int64(table->insert, 2, (sqlite3_int64)row->term);
	sqlite3_bind_int(table->insert, 3, row->type);
	sqlite3_bind_blob(table->insert, 4, row->hash, CHAIN_SIZE, SQLITE_STATIC);
	int result = sqlite3_bind_blob64(table->insert, 5, row->size ? row->data : "", row->size, SQLITE_STATIC);
	return result == SQLITE_OK ? run(table->insert) : result;
}

int log_table_cut(struct log_table *table, uint64_t from)
{
	sqlite3_bind_int64(table->cut, 1, (sqlite3_int64)from);
	return run(table->cut);
}

int log_table_trim(struct log_table *table, uint64_t through)
{
	sqlite3_bind_int64(table->trim, 1, (sqlite3_int64)through);
	return run(table->trim);
}

int log_table_hash_at(struct log_table *table, uint64_t index, uint8_t hash[CHAIN_SIZE])
{
	sqlite3_bind_int64(table->hash_at, 1, (sqlite3_int64)index);
	int result = sqlite3_step(table->hash_at);
	if (result == SQLITE_ROW && sqlite3_column_bytes(table->hash_at, 0) == CHAIN_SIZE) {
		memcpy(hash, sqlite3_column_blob(table->hash_at, 0), CHAIN_SIZE);
		return sqlite3_reset(table->hash_at);
	}
	sqlite3_reset(table->hash_at);
	return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_CORRUPT : result;
}

static int put(struct log_table *table, const char *name, const struct buf *body, uint8_t seal[CHAIN_SIZE])
{
	if (body->failed)
		return SQLITE_NOMEM;
	chain_seal(table->chain, name, body->data, body->size, seal);
	sqlite3_bind_text(table->put, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(table->put, 2, body->data, body->size, SQLITE_STATIC);
	sqlite3_bind_blob(table->put, 3, seal, CHAIN_SIZE, SQLITE_STATIC);
	return run(table->put);
}

int log_table_put_record(struct log_table *table, const struct log_record *record)
{
	struct buf body;
	uint8_t seal[CHAIN_SIZE];
	buf_init(&body, RECORD_SIZE_MAX);
	buf_add_u64(&body, record->generation);
	buf_add_u64(&body, record->term);
	buf_add_u64(&body, record->vote);
	buf_add_u64(&body, record->base_index);
	buf_add_u64(&body, record->last_index);
	buf_add(&body, record->base_hash, CHAIN_SIZE);
	buf_add(&body, record->head, CHAIN_SIZE);
	buf_add_u8(&body, record->has_snapshot);
	buf_add(&body, record->snapshot_seal, CHAIN_SIZE);
	int result = put(table, RECORD_NAME, &body, seal);
	buf_finish(&body);
	return result;
}

int log_table_put_snapshot(struct log_table *table, const struct snapshot_meta *meta, struct log_record *record)
{
	struct buf body;
	buf_init(&body, RECORD_SIZE_MAX);
	enum err err = snapshot_meta_encode(meta, &body);
	int result = err == ERR_OK ? put(table, SNAPSHOT_NAME, &body, record->snapshot_seal) : SQLITE_NOMEM;
	record->has_snapshot = true;
	buf_finish(&body);
	return result;
}

/* ------------------------------------------------------------------ reading */

/* The views are valid until the next call. */
static enum err get(struct log_table *table, const char *name, struct cursor *body, uint8_t seal[CHAIN_SIZE],
                    struct complaint *complaint)
{
	sqlite3_reset(table->get);
	sqlite3_bind_text(table->get, 1, name, -1, SQLITE_STATIC);
	int result = sqlite3_step(table->get);
	if (result == SQLITE_DONE)
		return complain_of_damage(complaint, table->path, "its %s record is missing", name);
	if (result != SQLITE_ROW)
		return log_table_complain(table, result, complaint);
	const void *data = sqlite3_column_blob(table->get, 0), *stored = sqlite3_column_blob(table->get, 1);
	size_t size = (size_t)sqlite3_column_bytes(table->get, 0);
	if (!data || !stored || sqlite3_column_bytes(table->get, 1) != CHAIN_SIZE ||
	    !chain_seal_holds(table->chain, name, data, size, stored))
		return complain_of_damage(complaint, table->path, "its %s record is not what was written", name);
	memcpy(seal, stored, CHAIN_SIZE);
	*body = cursor_over(data, size);
	return ERR_OK;
}

static void take(struct cursor *cursor, uint8_t out[CHAIN_SIZE])
{
	const uint8_t *bytes = cursor_bytes(cursor, CHAIN_SIZE);
	if (bytes)
		memcpy(out, bytes, CHAIN_SIZE);
}

enum err log_table_get_record(struct log_table *table, struct log_record *record, struct complaint *complaint)
{
	struct cursor body;
	uint8_t seal[CHAIN_SIZE];
	enum err err = get(table, RECORD_NAME, &body, seal, complaint);
	if (err == ERR_OK) {
		record->generation = cursor_u64(&body);
		record->term = cursor_u64(&body);
		record->vote = cursor_u64(&body);
		record->base_index = cursor_u64(&body);
		record->last_index = cursor_u64(&body);
		take(&body, record->base_hash);
		take(&body, record->head);
		record->has_snapshot = cursor_u8(&body) != 0;
		take(&body, record->snapshot_seal);
		if (body.failed || body.size != 0)
			err = complain_of_damage(complaint, table->path, "its log record is of another version");
	}
	sqlite3_reset(table->get);
	return err;
}

enum err log_table_get_snapshot(struct log_table *table, const struct log_record *record,
                                struct snapshot_meta *meta, struct complaint *complaint)
{
	struct cursor body;
	uint8_t seal[CHAIN_SIZE];
	enum err err = get(table, SNAPSHOT_NAME, &body, seal, complaint);
	if (err == ERR_OK && memcmp(seal, record->snapshot_seal, CHAIN_SIZE) != 0)
		err = complain_of_damage(complaint, table->path, "its snapshot record is not the newest");
	if (err == ERR_OK && (snapshot_meta_decode(&body, meta) != ERR_OK || body.size != 0))
		err = complain_of_damage(complaint, table->path, "its snapshot record is of another version");
	sqlite3_reset(table->get);
	return err;
}

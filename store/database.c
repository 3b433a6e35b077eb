#include "store/database.h"
#include "base/log.h"
#include "store/statements.h"
#include <assert.h>
#include <string.h>

#define WAIT_MS 10000 /* for a lock of another connection of this process; only a restore holds one so long */

enum err database_failure(struct database *database, const char *doing)
{
	int code = database->db ? sqlite3_errcode(database->db) & 0xff : SQLITE_NOMEM;
	if (database->is_trusted)
		log_error("store", "database failure doing=%s code=%d reason=%s", doing, code,
		          database->db ? sqlite3_errmsg(database->db) : "out of memory");
	if (code == SQLITE_NOMEM)
		return ERR_NO_MEMORY;
	/* SQLITE_ERROR: a format or tables that the statements do not fit. */
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR ? ERR_DAMAGED : ERR_IO;
}

static bool pragma(struct database *database, const char *sql)
{
	return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* synchronous=NORMAL: a commit is not forced to the disk, only checkpoints are, in order. The raft log is what
 * must not be lost; a directory that a power failure sets back by some commits gets them again from there. */
static bool configure(struct database *database, enum database_mode mode)
{
	sqlite3_busy_timeout(database->db, WAIT_MS);
	/* A file somebody else wrote gets no say in what runs. */
	sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(database->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	bool ok = pragma(database, "PRAGMA cell_size_check = ON");
	if (mode == DATABASE_WRITE)
		ok = ok && pragma(database, "PRAGMA synchronous = NORMAL")
		     && pragma(database, "PRAGMA cache_size = -16000")
		     && pragma(database, "PRAGMA journal_size_limit = 67108864")
		     && pragma(database, "PRAGMA wal_autocheckpoint = 0"); /* checkpoints have a thread */
	if (mode == DATABASE_CREATE)
		ok = ok && pragma(database, "PRAGMA page_size = 4096");
	return ok;
}

enum err database_open(struct database *database, const char *path, enum database_mode mode,
                       struct complaint *complaint)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	memset(database, 0, sizeof *database);
	if (mode == DATABASE_CREATE)
		flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	else
		flags |= mode == DATABASE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	if (sqlite3_open_v2(path, &database->db, flags, NULL) != SQLITE_OK || !configure(database, mode)) {
		enum err err = database_failure(database, "open");
		complain(complaint, err, "%s can't be opened: %s", path,
		         database->db ? sqlite3_errmsg(database->db) : "out of memory");
		database_close(database);
		return err;
	}
	database->is_trusted = !complaint; /* whoever wants to complain checks it first */
	return ERR_OK;
}

void database_close(struct database *database)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(database->statements[i]);
	int rv = sqlite3_close(database->db);
	assert(rv == SQLITE_OK); /* every statement is ours */
	memset(database, 0, sizeof *database);
}

sqlite3_stmt *database_statement(struct database *database, enum statement which)
{
	sqlite3_stmt **statement = &database->statements[which];
	if (!*statement && sqlite3_prepare_v3(database->db, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT,
	                                      statement, NULL) != SQLITE_OK) {
		database_failure(database, "prepare");
		return NULL;
	}
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

enum err database_step(struct database *database, sqlite3_stmt *statement)
{
	int rv = statement ? sqlite3_step(statement) : SQLITE_ERROR;
	if (rv == SQLITE_ROW)
		return ERR_OK;
	if (rv == SQLITE_DONE)
		return ERR_NOT_FOUND;
	return database_failure(database, statement ? sqlite3_sql(statement) : "step");
}

enum err database_run(struct database *database, sqlite3_stmt *statement)
{
	enum err err = database_step(database, statement);
	if (statement)
		sqlite3_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err database_do(struct database *database, enum statement which)
{
	return database_run(database, database_statement(database, which));
}

/* Everything we keep as an integer fits SQLite's signed 64 bits or is only compared for equality. */
void bind_u64(sqlite3_stmt *statement, int place, uint64_t value)
{
	sqlite3_bind_int64(statement, place, (sqlite3_int64)value);
}

void bind_bytes(sqlite3_stmt *statement, int place, const void *data, size_t size)
{
	if (size)
		sqlite3_bind_blob64(statement, place, data, size, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(statement, place, 0); /* an empty value, not NULL */
}

void bind_id(sqlite3_stmt *statement, int place, const struct id *id)
{
	bind_bytes(statement, place, id->bytes, ID_SIZE);
}

uint64_t column_u64(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

bool column_exactly(sqlite3_stmt *statement, int column, void *out, size_t size)
{
	const void *data = sqlite3_column_blob(statement, column);
	if (!data || sqlite3_column_type(statement, column) != SQLITE_BLOB
	    || (size_t)sqlite3_column_bytes(statement, column) != size)
		return false;
	memcpy(out, data, size);
	return true;
}

bool column_id(sqlite3_stmt *statement, int column, struct id *id)
{
	return column_exactly(statement, column, id->bytes, ID_SIZE);
}

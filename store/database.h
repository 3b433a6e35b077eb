/* One SQLite connection with its prepared statements; one thread at a time. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum statement {
	BEGIN_READ, BEGIN_WRITE, COMMIT, ROLLBACK,
	STATE_READ, STATE_WRITE,
	OBJECT_READ, OBJECT_ROW, OBJECT_ADD, OBJECT_CHANGE, OBJECT_REMOVE,
	OBJECTS_FROM, OBJECTS_OF_SLOT, OBJECTS_REMOVE_OF_SLOT,
	SEARCH_ADD, SEARCH_REMOVE, SEARCH_REMOVE_OF_SLOT, SEARCH_COUNT, SEARCH_FROM,
	SLOT_READ, SLOT_WRITE, SLOT_LAST, SLOTS_ALL,
	SETTING_READ, SETTING_WRITE,
	REQUEST_READ, REQUEST_CARRIED, REQUEST_ADD, REQUEST_OLDEST, REQUEST_REMOVE,
	REQUEST_CARRYING, REQUEST_BLANK,
	STATEMENT_COUNT
};

struct database {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	bool is_trusted;   /* opened, and checked where that is done: from now on a failure is news, and logged */
};

enum database_mode {
	DATABASE_READ,     /* shared with a writer */
	DATABASE_WRITE,    /* the one writer: WAL, synchronous=NORMAL */
	DATABASE_CREATE,   /* a new file; becomes WAL */
	DATABASE_FOREIGN,  /* a file nobody else has: a snapshot to look at */
};
enum err database_open(struct database *database, const char *path, enum database_mode mode,
                       struct complaint *complaint);
void database_close(struct database *database); /* also of one that failed to open, or is zero */

/* Ready to be bound: reset, without bindings. NULL (and logged) if it cannot be prepared. */
sqlite3_stmt *database_statement(struct database *database, enum statement which);
/* One that gives no rows: run and reset. */
enum err database_run(struct database *database, sqlite3_stmt *statement);
enum err database_do(struct database *database, enum statement which);
/* ERR_OK: there is a row; ERR_NOT_FOUND: there is none (more). */
enum err database_step(struct database *database, sqlite3_stmt *statement);
/* What SQLite says, logged and as an err. */
enum err database_failure(struct database *database, const char *doing);

void bind_u64(sqlite3_stmt *statement, int place, uint64_t value);
void bind_bytes(sqlite3_stmt *statement, int place, const void *data, size_t size); /* must outlive the step */
void bind_id(sqlite3_stmt *statement, int place, const struct id *id);
uint64_t column_u64(sqlite3_stmt *statement, int column);
/* false unless it is a blob of exactly that size. */
bool column_exactly(sqlite3_stmt *statement, int column, void *out, size_t size);
bool column_id(sqlite3_stmt *statement, int column, struct id *id);

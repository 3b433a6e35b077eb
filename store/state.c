/* The row that says how far the directory is. */
#include "store/parts.h"

enum err state_read(struct database *database, struct state_row *row, struct hash *seal)
{
	sqlite3_stmt *statement = database_statement(database, STATE_READ);
	enum err err = database_step(database, statement);
	if (err == ERR_OK) {
		row->applied = column_u64(statement, 0);
		row->time_ms = (int64_t)column_u64(statement, 1);
		row->objects = column_u64(statement, 2);
		row->requests = column_u64(statement, 3);
		if (!column_exactly(statement, 4, row->digest.bytes, SHA256_SIZE)
		    || !column_exactly(statement, 5, seal->bytes, SHA256_SIZE))
			err = ERR_DAMAGED;
	}
	if (statement)
		sqlite3_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_DAMAGED : err;
}

enum err table_state_write(struct directory *directory)
{
	const struct state_row *row = &directory->state;
	struct hash seal;
	sqlite3_stmt *statement = database_statement(&directory->writer, STATE_WRITE);
	if (!statement)
		return ERR_IO;
	state_row_seal(&directory->key, row, &seal);
	bind_u64(statement, 1, row->applied);
	bind_u64(statement, 2, (uint64_t)row->time_ms);
	bind_u64(statement, 3, row->objects);
	bind_u64(statement, 4, row->requests);
	bind_bytes(statement, 5, row->digest.bytes, SHA256_SIZE);
	bind_bytes(statement, 6, seal.bytes, SHA256_SIZE);
	return database_run(&directory->writer, statement);
}

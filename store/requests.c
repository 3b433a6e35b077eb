/* What became of each request, so that one that is asked again is done once. */
#include "store/parts.h"

enum err table_request_known(struct directory *directory, const struct id *id)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_READ);
	if (!statement)
		return ERR_IO;
	bind_id(statement, 1, id);
	enum err err = database_step(&directory->writer, statement);
	sqlite3_reset(statement);
	return err;
}

/* They are forgotten in the order of their indexes, and none as long as there were few. */
enum err table_request_forgotten(struct directory *directory, uint64_t since, bool *may)
{
	*may = false;
	if (directory->state.requests < REQUESTS_MIN)
		return ERR_OK;
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_OLDEST);
	enum err err = database_step(&directory->writer, statement);
	*may = err == ERR_OK && column_u64(statement, 0) > since && column_u64(statement, 0) - since > 1;
	if (statement)
		sqlite3_reset(statement);
	return err;
}

enum err table_request_add(struct directory *directory, const struct request_row *row)
{
	const struct request_record *record = &row->record;
	struct hash hash;
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_ADD);
	if (!statement)
		return ERR_IO;
	request_row_hash(&directory->key, row, &hash);
	bind_u64(statement, 1, record->index);
	bind_id(statement, 2, &row->id);
	bind_u64(statement, 3, (uint64_t)row->time_ms);
	bind_u64(statement, 4, record->slot);
	bind_u64(statement, 5, record->outcome);
	bind_bytes(statement, 6, record->objects, record->object_count * ID_SIZE);
	bind_bytes(statement, 7, row->carried.data, row->carried.size);
	bind_bytes(statement, 8, hash.bytes, SHA256_SIZE);
	hash_add(&directory->state.digest, &hash);
	directory->state.requests++;
	return database_run(&directory->writer, statement);
}

/* Is a row of that time due to be forgotten? The answer depends on nothing but the log. */
static bool due(const struct state_row *state, int64_t time_ms)
{
	if (state->requests > REQUESTS_MAX)
		return true;
	/* A leader whose clock leapt ahead cannot make us forget the requests of just now. */
	return state->requests > REQUESTS_MIN && state->time_ms - time_ms > REQUEST_AGE_MS;
}

static enum err remove_oldest(struct directory *directory, bool *removed)
{
	struct hash hash;
	uint64_t index = 0;
	*removed = false;
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_OLDEST);
	enum err err = database_step(&directory->writer, statement);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	if (!column_exactly(statement, 2, hash.bytes, SHA256_SIZE))
		err = ERR_DAMAGED;
	else if (due(&directory->state, (int64_t)column_u64(statement, 1)))
		index = column_u64(statement, 0);
	sqlite3_reset(statement);
	if (err != ERR_OK || index == 0)
		return err;
	statement = database_statement(&directory->writer, REQUEST_REMOVE);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, index);
	hash_subtract(&directory->state.digest, &hash);
	directory->state.requests--;
	*removed = true;
	return database_run(&directory->writer, statement);
}

/* At most two per entry: as many as come, and then some, but no entry pays for a thousand. */
enum err table_requests_prune(struct directory *directory)
{
	bool removed = directory->state.requests > REQUESTS_MIN;
	enum err err = ERR_OK;
	for (int i = 0; err == ERR_OK && removed && i < 2; i++)
		err = remove_oldest(directory, &removed);
	return err;
}

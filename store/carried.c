/* What was made for an asker to keep is remembered with the request (ObjectCreated.carried), for as long as it may be asked again: then, or when
 * its slot begins anew, it is blanked, and the rest of the row stays. When is decided by the log alone. */
#include "store/parts.h"
#include <string.h>

static bool read_row(sqlite3_stmt *statement, struct request_row *row, struct hash *hash)
{
	struct request_record *record = &row->record;
	size_t size = (size_t)sqlite3_column_bytes(statement, 5);
	*row = (struct request_row){ .time_ms = (int64_t)column_u64(statement, 2) };
	record->index = column_u64(statement, 0);
	record->slot = (uint32_t)column_u64(statement, 3);
	record->outcome = (enum outcome)column_u64(statement, 4);
	record->object_count = size / ID_SIZE;
	if (!column_id(statement, 1, &row->id) || !column_exactly(statement, 6, hash->bytes, SHA256_SIZE) || size > sizeof record->objects)
		return false;
	if (size)
		memcpy(record->objects, sqlite3_column_blob(statement, 5), size);
	return true;
}

/* The next row after this index that has something, without what it has; ERR_NOT_FOUND: there is none. */
static enum err find_next(struct directory *directory, uint64_t after, struct request_row *row, struct hash *hash)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_CARRYING);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, after);
	enum err err = database_step(&directory->writer, statement);
	if (err == ERR_OK && !read_row(statement, row, hash))
		err = ERR_DAMAGED;
	sqlite3_reset(statement);
	return err;
}

static enum err blank(struct directory *directory, const struct request_row *row, const struct hash *before)
{
	struct hash hash;
	sqlite3_stmt *statement = database_statement(&directory->writer, REQUEST_BLANK);
	if (!statement)
		return ERR_IO;
	request_row_hash(&directory->key, row, &hash);
	bind_u64(statement, 1, row->record.index);
	bind_bytes(statement, 2, hash.bytes, SHA256_SIZE);
	hash_subtract(&directory->state.digest, before);
	hash_add(&directory->state.digest, &hash);
	return database_run(&directory->writer, statement);
}

/* At most two per entry: as many as come, and then some. The oldest is the first. */
enum err table_carried_prune(struct directory *directory)
{
	struct request_row row;
	struct hash hash;
	enum err err = ERR_OK;
	for (int i = 0; err == ERR_OK && i < 2; i++) {
		err = find_next(directory, 0, &row, &hash);
		if (err == ERR_OK && directory->state.time_ms - row.time_ms <= CARRIED_AGE_MS)
			return ERR_OK;
		if (err == ERR_OK)
			err = blank(directory, &row, &hash);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err table_carried_remove_all(struct directory *directory, uint32_t slot)
{
	struct request_row row = { .time_ms = 0 };
	struct hash hash;
	enum err err = ERR_OK;
	while (err == ERR_OK) {
		err = find_next(directory, row.record.index, &row, &hash);
		if (err == ERR_OK && row.record.slot == slot)
			err = blank(directory, &row, &hash);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

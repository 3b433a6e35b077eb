/* Questions with one answer. */
#include "store/parts.h"
#include <stdlib.h>
#include <string.h>

uint64_t directory_applied(struct directory *directory)
{
	return atomic_load(&directory->applied);
}

/* A borrowed connection and one of its statements; readers_return gives both back. */
static enum err ask(struct directory *directory, enum statement which, struct database **reader,
                    sqlite3_stmt **statement)
{
	enum err err = readers_borrow(directory->readers, reader);
	if (err != ERR_OK)
		return err;
	*statement = database_statement(*reader, which);
	return *statement ? ERR_OK : ERR_IO;
}

enum err directory_object(struct directory *directory, uint32_t slot, const struct id *id,
                          Craton__Object **out, uint64_t *version)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	*out = NULL;
	enum err err = ask(directory, OBJECT_READ, &reader, &statement);
	if (err == ERR_OK) {
		bind_u64(statement, 1, slot);
		bind_id(statement, 2, id);
		err = database_step(reader, statement);
	}
	if (err == ERR_OK) {
		if (version)
			*version = column_u64(statement, 0);
		*out = craton__object__unpack(NULL, (size_t)sqlite3_column_bytes(statement, 1),
		                              sqlite3_column_blob(statement, 1));
		err = *out ? ERR_OK : ERR_NO_MEMORY; /* it was judged before it was stored, and when the file was opened */
	}
	readers_return(directory->readers, reader);
	return err;
}

/* ERR_NOT_FOUND: it was removed. */
static enum err slot_from(sqlite3_stmt *statement, struct slot_record *out, struct slot_access *access)
{
	if (!slot_unpack(sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0), out, access))
		return ERR_NO_MEMORY;
	return SLOT_IS_REMOVED(out) ? ERR_NOT_FOUND : ERR_OK;
}

static enum err read_slot(struct directory *directory, uint32_t slot, struct slot_record *out, struct slot_access *access)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	enum err err = ask(directory, SLOT_READ, &reader, &statement);
	if (err == ERR_OK) {
		bind_u64(statement, 1, slot);
		err = database_step(reader, statement);
	}
	if (err == ERR_OK)
		err = slot_from(statement, out, access);
	readers_return(directory->readers, reader);
	return err;
}

enum err directory_slot(struct directory *directory, uint32_t slot, struct slot_record *out)
{
	return read_slot(directory, slot, out, NULL);
}

enum err directory_slot_access(struct directory *directory, uint32_t slot, struct slot_access *out)
{
	struct slot_record record;
	*out = (struct slot_access){ NULL, 0 };
	return read_slot(directory, slot, &record, out);
}

static enum err append_slot(sqlite3_stmt *statement, struct slot_record **out, size_t *count)
{
	struct slot_record *grown = reallocarray(*out, *count + 1, sizeof **out);
	if (!grown)
		return ERR_NO_MEMORY;
	*out = grown;
	enum err err = slot_from(statement, &grown[*count], NULL);
	*count += err == ERR_OK;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err directory_slots(struct directory *directory, struct slot_record **out, size_t *count)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	*out = NULL;
	*count = 0;
	enum err err = ask(directory, SLOTS_ALL, &reader, &statement);
	while (err == ERR_OK && (err = database_step(reader, statement)) == ERR_OK)
		err = append_slot(statement, out, count);
	readers_return(directory->readers, reader);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	free(*out);
	*out = NULL;
	*count = 0;
	return err;
}

enum err directory_request(struct directory *directory, const struct id *request, struct request_record *out)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	memset(out, 0, sizeof *out);
	enum err err = ask(directory, REQUEST_READ, &reader, &statement);
	if (err == ERR_OK) {
		bind_id(statement, 1, request);
		err = database_step(reader, statement);
	}
	if (err == ERR_OK) {
		size_t size = (size_t)sqlite3_column_bytes(statement, 3);
		out->index = column_u64(statement, 0);
		out->slot = (uint32_t)column_u64(statement, 1);
		out->outcome = (enum outcome)column_u64(statement, 2);
		if (size > sizeof out->objects)
			err = ERR_DAMAGED;
		else if (size)
			memcpy(out->objects, sqlite3_column_blob(statement, 3), size);
		out->object_count = size / ID_SIZE;
	}
	readers_return(directory->readers, reader);
	return err;
}

enum err directory_carried(struct directory *directory, const struct id *request, Craton__Object **out)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	*out = NULL;
	enum err err = ask(directory, REQUEST_CARRIED, &reader, &statement);
	if (err == ERR_OK) {
		bind_id(statement, 1, request);
		err = database_step(reader, statement);
	}
	if (err == ERR_OK && sqlite3_column_bytes(statement, 0) == 0)
		err = ERR_NOT_FOUND;
	if (err == ERR_OK) {
		*out = craton__object__unpack(NULL, (size_t)sqlite3_column_bytes(statement, 0), sqlite3_column_blob(statement, 0));
		err = *out ? ERR_OK : ERR_NO_MEMORY;
	}
	readers_return(directory->readers, reader);
	return err;
}

enum err directory_setting(struct directory *directory, const char *name, struct buf *out)
{
	struct database *reader = NULL;
	sqlite3_stmt *statement;
	enum err err = ask(directory, SETTING_READ, &reader, &statement);
	if (err == ERR_OK) {
		sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
		err = database_step(reader, statement);
	}
	if (err == ERR_OK) {
		buf_add(out, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
		err = out->failed ? ERR_TOO_BIG : ERR_OK;
	}
	readers_return(directory->readers, reader);
	return err;
}

enum err directory_digest(struct directory *directory, uint8_t digest[DIRECTORY_DIGEST_SIZE],
                          uint64_t *index, uint64_t *object_count)
{
	struct database *reader = NULL;
	struct state_row state;
	struct hash seal;
	enum err err = readers_borrow(directory->readers, &reader);
	if (err == ERR_OK)
		err = state_read(reader, &state, &seal);
	if (err == ERR_OK) {
		memcpy(digest, state.digest.bytes, DIRECTORY_DIGEST_SIZE);
		*index = state.applied;
		*object_count = state.objects;
	}
	readers_return(directory->readers, reader);
	return err;
}

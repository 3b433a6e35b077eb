#include "store/parts.h"
#include "store/search.h"
#include <stdlib.h>
#include <string.h>

#define SLOT_BODY_MAX (1024 + SLOT_ACCESS_MAX * (SLOT_ACCESS_NAME_MAX + 16))

struct attribute_list object_attributes(const Craton__Object *object)
{
	return (struct attribute_list){ object->attributes, object->n_attributes };
}

bool object_is_private(const Craton__Object *object)
{
	struct attribute_list attributes = object_attributes(object);
	return attribute_list_bool(&attributes, CKA_PRIVATE, false);
}

/* The object as a row; `body` is allocated. */
static enum err object_to_row(const Craton__Object *object, uint64_t version, struct object_row *row)
{
	size_t size = craton__object__get_packed_size(object);
	uint8_t *body = malloc(size ? size : 1);
	if (!body)
		return ERR_NO_MEMORY;
	craton__object__pack(object, body);
	*row = (struct object_row){ .slot = object->slot, .is_private = object_is_private(object),
	                            .version = version, .body = { body, size } };
	id_from_bytes(&row->id, object->id.data, object->id.len);
	return ERR_OK;
}

static enum err write_object(struct directory *directory, enum statement which, const struct object_row *row,
                             const struct hash *hash)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, which);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, row->slot);
	bind_id(statement, 2, &row->id);
	bind_u64(statement, 3, row->is_private);
	bind_u64(statement, 4, row->version);
	bind_bytes(statement, 5, hash->bytes, SHA256_SIZE);
	bind_bytes(statement, 6, row->body.data, row->body.size);
	return database_run(&directory->writer, statement);
}

/* Adds or removes the rows that the object is found by. */
static enum err write_search(struct directory *directory, enum statement which, const Craton__Object *object)
{
	struct attribute_list attributes = object_attributes(object);
	struct search_key keys[SEARCH_KEYS_MAX];
	size_t count = search_keys(&attributes, keys);
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		sqlite3_stmt *statement = database_statement(&directory->writer, which);
		if (!statement)
			return ERR_IO;
		bind_u64(statement, 1, object->slot);
		bind_u64(statement, 2, keys[i].type);
		bind_u64(statement, 3, keys[i].value);
		bind_bytes(statement, 4, object->id.data, object->id.len);
		err = database_run(&directory->writer, statement);
	}
	return err;
}

/* The stored row: its hash, and the object if it is asked for. */
static enum err read_object(struct directory *directory, uint32_t slot, const struct id *id, uint64_t *version,
                            struct hash *hash, Craton__Object **object)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, OBJECT_ROW);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, slot);
	bind_id(statement, 2, id);
	enum err err = database_step(&directory->writer, statement);
	if (err == ERR_OK) {
		*version = column_u64(statement, 0);
		if (!column_exactly(statement, 2, hash->bytes, SHA256_SIZE))
			err = ERR_DAMAGED;
	}
	if (err == ERR_OK && object) {
		*object = craton__object__unpack(NULL, (size_t)sqlite3_column_bytes(statement, 1),
		                                 sqlite3_column_blob(statement, 1));
		err = *object ? ERR_OK : ERR_DAMAGED;
	}
	sqlite3_reset(statement);
	return err;
}

enum err table_object_find(struct directory *directory, uint32_t slot, const struct id *id, uint64_t *version)
{
	struct hash hash;
	return read_object(directory, slot, id, version, &hash, NULL);
}

enum err table_object_add(struct directory *directory, const Craton__Object *object, uint64_t version)
{
	struct object_row row;
	struct hash hash;
	enum err err = object_to_row(object, version, &row);
	if (err != ERR_OK)
		return err;
	object_row_hash(&directory->key, &row, &hash);
	err = write_object(directory, OBJECT_ADD, &row, &hash);
	if (err == ERR_OK)
		err = write_search(directory, SEARCH_ADD, object);
	hash_add(&directory->state.digest, &hash);
	directory->state.objects++;
	free((void *)(uintptr_t)row.body.data);
	return err;
}

enum err table_object_change(struct directory *directory, const Craton__Object *object, uint64_t version)
{
	struct object_row row;
	struct hash old, hash;
	uint64_t old_version;
	Craton__Object *before = NULL;
	enum err err = object_to_row(object, version, &row);
	if (err != ERR_OK)
		return err;
	object_row_hash(&directory->key, &row, &hash);
	err = read_object(directory, row.slot, &row.id, &old_version, &old, &before);
	if (err == ERR_OK)
		err = write_search(directory, SEARCH_REMOVE, before);
	if (err == ERR_OK)
		err = write_object(directory, OBJECT_CHANGE, &row, &hash);
	if (err == ERR_OK)
		err = write_search(directory, SEARCH_ADD, object);
	if (err == ERR_OK) {
		hash_subtract(&directory->state.digest, &old);
		hash_add(&directory->state.digest, &hash);
	}
	if (before)
		craton__object__free_unpacked(before, NULL);
	free((void *)(uintptr_t)row.body.data);
	return err;
}

enum err table_object_remove(struct directory *directory, uint32_t slot, const struct id *id)
{
	struct hash hash;
	uint64_t version;
	Craton__Object *before = NULL;
	enum err err = read_object(directory, slot, id, &version, &hash, &before);
	if (err == ERR_OK)
		err = write_search(directory, SEARCH_REMOVE, before);
	if (before)
		craton__object__free_unpacked(before, NULL);
	sqlite3_stmt *statement = err == ERR_OK ? database_statement(&directory->writer, OBJECT_REMOVE) : NULL;
	if (!statement)
		return err == ERR_OK ? ERR_IO : err;
	bind_u64(statement, 1, slot);
	bind_id(statement, 2, id);
	hash_subtract(&directory->state.digest, &hash);
	directory->state.objects--;
	return database_run(&directory->writer, statement);
}

static enum err run_for_slot(struct directory *directory, enum statement which, uint32_t slot)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, which);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, slot);
	return database_run(&directory->writer, statement);
}

enum err table_objects_remove_all(struct directory *directory, uint32_t slot)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, OBJECTS_OF_SLOT);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, slot);
	enum err err;
	while ((err = database_step(&directory->writer, statement)) == ERR_OK) {
		struct hash hash;
		if (!column_exactly(statement, 1, hash.bytes, SHA256_SIZE)) {
			err = ERR_DAMAGED;
			break;
		}
		hash_subtract(&directory->state.digest, &hash);
		directory->state.objects--;
	}
	sqlite3_reset(statement);
	if (err == ERR_NOT_FOUND)
		err = run_for_slot(directory, SEARCH_REMOVE_OF_SLOT, slot);
	return err == ERR_OK ? run_for_slot(directory, OBJECTS_REMOVE_OF_SLOT, slot) : err;
}

/* The stored row; the hash is for taking it out of the digest; `access` may be NULL. */
static enum err read_slot(struct directory *directory, uint32_t slot, struct slot_record *out,
                          struct slot_access *access, struct hash *hash)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, SLOT_READ);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, slot);
	enum err err = database_step(&directory->writer, statement);
	if (err == ERR_OK && (!column_exactly(statement, 1, hash->bytes, SHA256_SIZE)
	                      || !slot_unpack(sqlite3_column_blob(statement, 0),
	                                      (size_t)sqlite3_column_bytes(statement, 0), out, access)))
		err = ERR_DAMAGED;
	sqlite3_reset(statement);
	return err;
}

enum err table_slot_read(struct directory *directory, uint32_t slot, struct slot_record *out)
{
	struct hash hash;
	enum err err = read_slot(directory, slot, out, NULL, &hash);
	return err == ERR_OK && SLOT_IS_REMOVED(out) ? ERR_NOT_FOUND : err;
}

/* `before`: the hash of the row it replaces; NULL: there is none. */
static enum err write_slot(struct directory *directory, const struct slot_record *slot, const struct slot_access *access,
                           const struct hash *before)
{
	struct hash hash;
	struct buf body;
	buf_init(&body, SLOT_BODY_MAX);
	enum err err = slot_pack(slot, access, &body);
	sqlite3_stmt *statement = err == ERR_OK ? database_statement(&directory->writer, SLOT_WRITE) : NULL;
	if (statement) {
		slot_row_hash(&directory->key, slot->slot, &(struct bytes){ body.data, body.size }, &hash);
		bind_u64(statement, 1, slot->slot);
		bind_bytes(statement, 2, body.data, body.size);
		bind_bytes(statement, 3, hash.bytes, SHA256_SIZE);
		err = database_run(&directory->writer, statement);
		if (before)
			hash_subtract(&directory->state.digest, before);
		hash_add(&directory->state.digest, &hash);
	} else if (err == ERR_OK) {
		err = ERR_IO;
	}
	buf_finish(&body);
	return err;
}

enum err table_slot_add(struct directory *directory, const struct slot_record *slot, const struct slot_access *access)
{
	return write_slot(directory, slot, access, NULL);
}

enum err table_slot_change(struct directory *directory, const struct slot_record *slot, const struct slot_access *access)
{
	struct slot_record before;
	struct slot_access access_before = { NULL, 0 };
	struct hash hash;
	enum err err = read_slot(directory, slot->slot, &before, &access_before, &hash);
	if (err == ERR_OK)
		err = write_slot(directory, slot, access ? access : &access_before, &hash);
	slot_access_finish(&access_before);
	return err;
}

enum err table_slot_remove(struct directory *directory, uint32_t slot)
{
	return table_slot_change(directory, &(struct slot_record){ .slot = slot }, &(struct slot_access){ NULL, 0 });
}

enum err table_slot_last(struct directory *directory, uint32_t *slot)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, SLOT_LAST);
	enum err err = database_step(&directory->writer, statement);
	if (err == ERR_OK)
		*slot = (uint32_t)column_u64(statement, 0); /* NULL, of an empty table, reads as 0 */
	if (statement)
		sqlite3_reset(statement);
	return err;
}

enum err table_setting_write(struct directory *directory, const char *name, const struct bytes *value)
{
	struct hash hash;
	sqlite3_stmt *statement = database_statement(&directory->writer, SETTING_READ);
	if (!statement)
		return ERR_IO;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	enum err err = database_step(&directory->writer, statement);
	if (err == ERR_OK) {
		if (!column_exactly(statement, 1, hash.bytes, SHA256_SIZE))
			err = ERR_DAMAGED;
		else
			hash_subtract(&directory->state.digest, &hash);
	}
	sqlite3_reset(statement);
	statement = err == ERR_OK || err == ERR_NOT_FOUND ? database_statement(&directory->writer, SETTING_WRITE) : NULL;
	if (!statement)
		return err == ERR_OK || err == ERR_NOT_FOUND ? ERR_IO : err;
	setting_row_hash(&directory->key, name, value, &hash);
	hash_add(&directory->state.digest, &hash);
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	bind_bytes(statement, 2, value->data, value->size);
	bind_bytes(statement, 3, hash.bytes, SHA256_SIZE);
	return database_run(&directory->writer, statement);
}

enum err table_setting_is(struct directory *directory, const char *name, const struct bytes *value, bool *is)
{
	sqlite3_stmt *statement = database_statement(&directory->writer, SETTING_READ);
	if (!statement)
		return ERR_IO;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	enum err err = database_step(&directory->writer, statement);
	*is = err == ERR_OK && (size_t)sqlite3_column_bytes(statement, 0) == value->size &&
	      (value->size == 0 || memcmp(sqlite3_column_blob(statement, 0), value->data, value->size) == 0);
	sqlite3_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

#include "store/check.h"
#include "base/log.h"
#include "store/fingerprint.h"
#include "store/parts.h"
#include "store/schema.h"
#include "store/search.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Half of the check, with a connection of its own: one half looks at the objects, the other, on a thread of its own, at the rest, so that two
 * processors are busy where there are two.
 *
 * The search rows have no hashes of their own: they must be the ones that the objects give. */
struct check {
	struct database *database;
	struct row_key key;
	const struct fingerprint_salt *salt;
	struct hash sum;
	uint64_t objects, requests;
	uint64_t search;       /* the fingerprint of the search rows that should be there, or are */
	bool good;
	char wrong[160];
};

__attribute__((format(printf, 2, 3)))
static bool no(struct check *check, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(check->wrong, sizeof check->wrong, format, arguments);
	va_end(arguments);
	return false;
}

static struct bytes column_bytes(sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column);
	return (struct bytes){ data, (size_t)sqlite3_column_bytes(statement, column) };
}

static bool hash_is(struct check *check, sqlite3_stmt *statement, int column, const struct hash *hash)
{
	struct hash stored;
	if (!column_exactly(statement, column, stored.bytes, SHA256_SIZE)
	    || memcmp(stored.bytes, hash->bytes, SHA256_SIZE) != 0)
		return false;
	hash_add(&check->sum, hash);
	return true;
}

static void add_search(struct check *check, uint32_t slot, uint64_t type, uint64_t value, const struct id *id)
{
	uint32_t words[FINGERPRINT_WORDS_MAX] = { slot, (uint32_t)type, (uint32_t)(type >> 32), (uint32_t)value, (uint32_t)(value >> 32) };
	_Static_assert(5 * sizeof *words + ID_SIZE == sizeof words, "the id is the rest");
	memcpy(words + 5, id->bytes, ID_SIZE);
	fingerprint_add(&check->search, check->salt, words, FINGERPRINT_WORDS_MAX);
}

static bool expect_search(struct check *check, const struct object_row *row)
{
	struct search_key keys[SEARCH_KEYS_MAX];
	Craton__Object *object = craton__object__unpack(NULL, row->body.size, row->body.data);
	if (!object)
		return false;
	struct attribute_list attributes = object_attributes(object);
	size_t count = search_keys(&attributes, keys);
	for (size_t i = 0; i < count; i++)
		add_search(check, row->slot, keys[i].type, keys[i].value, &row->id);
	craton__object__free_unpacked(object, NULL);
	return true;
}

/* A slot's number has 32 bits; one of the same lower ones is another's. */
static bool column_slot(sqlite3_stmt *statement, int column, uint32_t *slot)
{
	uint64_t value = column_u64(statement, column);
	*slot = (uint32_t)value;
	return value <= UINT32_MAX;
}

static bool check_object(struct check *check, sqlite3_stmt *statement)
{
	char text[ID_TEXT_SIZE];
	struct hash hash;
	struct object_row row = { .is_private = column_u64(statement, 2),
	                          .version = column_u64(statement, 3), .body = column_bytes(statement, 5) };
	if (!column_slot(statement, 0, &row.slot) || !column_id(statement, 1, &row.id))
		return no(check, "has an object with a misshapen slot or id");
	id_text(&row.id, text);
	object_row_hash(&check->key, &row, &hash);
	if (!hash_is(check, statement, 4, &hash) || !expect_search(check, &row))
		return no(check, "has an object that was altered (id %s)", text);
	check->objects++;
	return true;
}

static bool check_slot(struct check *check, sqlite3_stmt *statement)
{
	struct bytes body = column_bytes(statement, 1);
	uint32_t slot;
	struct slot_record record;
	struct hash hash;
	bool is_slot = column_slot(statement, 0, &slot);
	slot_row_hash(&check->key, slot, &body, &hash);
	if (!is_slot || !hash_is(check, statement, 2, &hash) || !slot_unpack(body.data, body.size, &record, NULL))
		return no(check, "has a slot that was altered (slot %u)", slot);
	return true;
}

static bool check_setting(struct check *check, sqlite3_stmt *statement)
{
	struct bytes value = column_bytes(statement, 1);
	struct hash hash;
	setting_row_hash(&check->key, (const char *)sqlite3_column_text(statement, 0), &value, &hash);
	return hash_is(check, statement, 2, &hash) || no(check, "has a setting that was altered");
}

static bool check_request(struct check *check, sqlite3_stmt *statement)
{
	struct bytes objects = column_bytes(statement, 5);
	struct request_row row = { .time_ms = (int64_t)column_u64(statement, 2),
	                           .record = { .index = column_u64(statement, 0),
	                                       .outcome = (enum outcome)column_u64(statement, 4),
	                                       .object_count = objects.size / ID_SIZE },
	                           .carried = column_bytes(statement, 6) };
	struct hash hash;
	if (!column_slot(statement, 3, &row.record.slot) || !column_id(statement, 1, &row.id) ||
	    objects.size > sizeof row.record.objects || objects.size % ID_SIZE)
		return no(check, "has a misshapen request");
	if (objects.size)
		memcpy(row.record.objects, objects.data, objects.size);
	request_row_hash(&check->key, &row, &hash);
	check->requests++;
	return hash_is(check, statement, 7, &hash) || no(check, "has a request that was altered");
}

static bool check_search(struct check *check, sqlite3_stmt *statement)
{
	struct id id;
	uint32_t slot;
	if (!column_slot(statement, 0, &slot) || !column_id(statement, 3, &id))
		return no(check, "has a misshapen search row");
	add_search(check, slot, column_u64(statement, 1), column_u64(statement, 2), &id);
	return true;
}

static bool check_table(struct check *check, const char *sql, bool (*row)(struct check *, sqlite3_stmt *))
{
	sqlite3_stmt *statement = NULL;
	bool good = sqlite3_prepare_v2(check->database->db, sql, -1, &statement, NULL) == SQLITE_OK;
	int rv = SQLITE_ERROR;
	while (good && (rv = sqlite3_step(statement)) == SQLITE_ROW)
		good = row(check, statement);
	if (good && rv != SQLITE_DONE)
		good = no(check, "can't be read to its end (%s)", sqlite3_errmsg(check->database->db));
	sqlite3_finalize(statement);
	return good;
}

static bool check_objects(struct check *check)
{
	return check_table(check, "SELECT slot, id, private, version, hash, body FROM objects", check_object);
}

static bool check_rest(struct check *check)
{
	if (!schema_is_intact(check->database))
		return no(check, "fails SQLite's integrity check");
	return check_table(check, "SELECT slot, body, hash FROM slots", check_slot)
	       && check_table(check, "SELECT name, value, hash FROM settings", check_setting)
	       && check_table(check, "SELECT applied, id, time, slot, outcome, objects, carried, hash FROM requests", check_request)
	       && check_table(check, "SELECT slot, type, value, id FROM search", check_search);
}

/* What both halves have found, against what the state row says. */
static bool check_state(struct check *objects, struct check *rest, struct state_row *state)
{
	struct hash stored, seal;
	if (state_read(objects->database, state, &stored) != ERR_OK)
		return no(objects, "has no state row");
	state_row_seal(&objects->key, state, &seal);
	if (memcmp(stored.bytes, seal.bytes, SHA256_SIZE) != 0)
		return no(objects, "was altered, or written under another cluster secret");
	hash_add(&objects->sum, &rest->sum);
	if (memcmp(objects->sum.bytes, state->digest.bytes, SHA256_SIZE) != 0
	    || state->objects != objects->objects || state->requests != rest->requests)
		return no(objects, "lacks rows, or has some too many");
	if (objects->search != rest->search)
		return no(objects, "has search rows that do not fit its objects");
	return true;
}

static void *run_rest(void *argument)
{
	struct check *rest = argument;
	rest->good = check_rest(rest);
	return NULL;
}

/* Side by side, or one after the other where there is one connection, or no thread is to be had. */
static bool run_both(struct check *objects, struct check *rest)
{
	pthread_t thread;
	bool is_beside = rest->database != objects->database && pthread_create(&thread, NULL, run_rest, rest) == 0;
	objects->good = check_objects(objects);
	if (is_beside)
		pthread_join(thread, NULL);
	else
		run_rest(rest);
	return objects->good && rest->good;
}

static void check_begin(struct check *check, struct database *database, const struct row_key *key,
                        const struct fingerprint_salt *salt)
{
	*check = (struct check){ .database = database, .salt = salt, .search = FINGERPRINT_NONE };
	row_key_copy(&check->key, key);
	no(check, "can't be read");
}

bool check_rows(struct database *database, const char *path, const struct row_key *key, struct state_row *state,
                char *wrong, size_t wrong_size)
{
	struct fingerprint_salt salt;
	struct check objects, rest;
	struct database beside = { 0 };
	struct complaint complaint = { "" };
	fingerprint_draw(&salt);
	check_begin(&objects, database, key, &salt);
	check_begin(&rest, path ? &beside : database, key, &salt);
	bool is_open = !path || database_open(&beside, path, DATABASE_READ, &complaint) == ERR_OK;
	bool good = is_open && run_both(&objects, &rest) && check_state(&objects, &rest, state);
	snprintf(wrong, wrong_size, "%s", rest.good ? objects.wrong : rest.wrong);
	if (path)
		database_close(&beside);
	row_key_finish(&objects.key);
	row_key_finish(&rest.key);
	return good;
}

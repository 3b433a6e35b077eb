#include "store/check.h"
#include "base/log.h"
#include "store/parts.h"
#include "store/search.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The search rows have no hashes of their own: they must be the ones that the objects give, which is shown by two
 * sums of hashes. The salt is of this moment, so that nobody could have prepared rows whose sum fits. */
struct search_sum {
	uint8_t salt[16];
	struct hash expected, found;
};

struct check {
	struct database *database;
	const struct row_key *key;
	struct hash sum;
	uint64_t objects, requests;
	struct search_sum search;
	char *wrong;
	size_t wrong_size;
};

__attribute__((format(printf, 2, 3)))
static bool no(struct check *check, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(check->wrong, check->wrong_size, format, arguments);
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

static void add_search(struct hash *sum, const struct search_sum *search, uint64_t slot, uint64_t type,
                       uint64_t value, const struct id *id)
{
	uint64_t numbers[] = { slot, type, value };
	struct bytes parts[] = { { search->salt, sizeof search->salt }, { numbers, sizeof numbers }, { id->bytes, ID_SIZE } };
	struct hash hash;
	sha256(parts, 3, hash.bytes);
	hash_add(sum, &hash);
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
		add_search(&check->search.expected, &check->search, row->slot, keys[i].type, keys[i].value, &row->id);
	craton__object__free_unpacked(object, NULL);
	return true;
}

static bool check_object(struct check *check, sqlite3_stmt *statement)
{
	char text[ID_TEXT_SIZE];
	struct hash hash;
	struct object_row row = { .slot = (uint32_t)column_u64(statement, 0), .is_private = column_u64(statement, 2),
	                          .version = column_u64(statement, 3), .body = column_bytes(statement, 5) };
	if (!column_id(statement, 1, &row.id))
		return no(check, "has an object with a misshapen id");
	id_text(&row.id, text);
	object_row_hash(check->key, &row, &hash);
	if (!hash_is(check, statement, 4, &hash) || !expect_search(check, &row))
		return no(check, "has an object that was altered (id %s)", text);
	check->objects++;
	return true;
}

static bool check_slot(struct check *check, sqlite3_stmt *statement)
{
	struct bytes body = column_bytes(statement, 1);
	uint32_t slot = (uint32_t)column_u64(statement, 0);
	struct slot_record record;
	struct hash hash;
	slot_row_hash(check->key, slot, &body, &hash);
	if (!hash_is(check, statement, 2, &hash) || !slot_unpack(body.data, body.size, &record, NULL))
		return no(check, "has a slot that was altered (slot %u)", slot);
	return true;
}

static bool check_setting(struct check *check, sqlite3_stmt *statement)
{
	struct bytes value = column_bytes(statement, 1);
	struct hash hash;
	setting_row_hash(check->key, (const char *)sqlite3_column_text(statement, 0), &value, &hash);
	return hash_is(check, statement, 2, &hash) || no(check, "has a setting that was altered");
}

static bool check_request(struct check *check, sqlite3_stmt *statement)
{
	struct bytes objects = column_bytes(statement, 5);
	struct request_row row = { .time_ms = (int64_t)column_u64(statement, 2),
	                           .record = { .index = column_u64(statement, 0), .slot = (uint32_t)column_u64(statement, 3),
	                                       .outcome = (enum outcome)column_u64(statement, 4),
	                                       .object_count = objects.size / ID_SIZE } };
	struct hash hash;
	if (!column_id(statement, 1, &row.id) || objects.size > sizeof row.record.objects || objects.size % ID_SIZE)
		return no(check, "has a misshapen request");
	if (objects.size)
		memcpy(row.record.objects, objects.data, objects.size);
	request_row_hash(check->key, &row, &hash);
	check->requests++;
	return hash_is(check, statement, 6, &hash) || no(check, "has a request that was altered");
}

static bool check_search(struct check *check, sqlite3_stmt *statement)
{
	struct id id;
	if (!column_id(statement, 3, &id))
		return no(check, "has a misshapen search row");
	add_search(&check->search.found, &check->search, column_u64(statement, 0), column_u64(statement, 1),
	           column_u64(statement, 2), &id);
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

static bool check_state(struct check *check, struct state_row *state)
{
	struct hash stored, seal;
	if (state_read(check->database, state, &stored) != ERR_OK)
		return no(check, "has no state row");
	state_row_seal(check->key, state, &seal);
	if (memcmp(stored.bytes, seal.bytes, SHA256_SIZE) != 0)
		return no(check, "was altered, or written under another cluster secret");
	if (memcmp(check->sum.bytes, state->digest.bytes, SHA256_SIZE) != 0
	    || state->objects != check->objects || state->requests != check->requests)
		return no(check, "lacks rows, or has some too many");
	if (memcmp(check->search.expected.bytes, check->search.found.bytes, SHA256_SIZE) != 0)
		return no(check, "has search rows that do not fit its objects");
	return true;
}

bool check_rows(struct database *database, const struct row_key *key, struct state_row *state,
                char *wrong, size_t wrong_size)
{
	struct check check = { .database = database, .key = key, .wrong = wrong, .wrong_size = wrong_size };
	random_bytes(check.search.salt, sizeof check.search.salt);
	no(&check, "can't be read");
	return check_table(&check, "SELECT slot, id, private, version, hash, body FROM objects", check_object)
	       && check_table(&check, "SELECT slot, body, hash FROM slots", check_slot)
	       && check_table(&check, "SELECT name, value, hash FROM settings", check_setting)
	       && check_table(&check, "SELECT applied, id, time, slot, outcome, objects, hash FROM requests", check_request)
	       && check_table(&check, "SELECT slot, type, value, id FROM search", check_search)
	       && check_state(&check, state);
}

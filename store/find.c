/* Searches. Whatever way the candidates are found, they come in the order of ids, and each is compared whole. */
#include "store/parts.h"
#include "store/search.h"
#include <stdlib.h>
#include <string.h>

#define FEW 8     /* candidates: no use looking for a better key */
#define MANY 256  /* beyond it, more are not counted */

struct find {
	struct database *reader;
	uint32_t slot;
	const struct attribute_list *wanted;
	bool with_private;
	struct id after;
	uint32_t count_max;
	size_t capacity;          /* of out->list */
	Craton__FindReply *out;
};

static enum err count_candidates(const struct find *find, const struct search_key *key, uint64_t *count)
{
	sqlite3_stmt *statement = database_statement(find->reader, SEARCH_COUNT);
	if (!statement)
		return ERR_IO;
	bind_u64(statement, 1, find->slot);
	bind_u64(statement, 2, key->type);
	bind_u64(statement, 3, key->value);
	bind_id(statement, 4, &find->after);
	bind_u64(statement, 5, MANY);
	enum err err = database_step(find->reader, statement);
	if (err == ERR_OK)
		*count = column_u64(statement, 0);
	sqlite3_reset(statement);
	return err;
}

/* The key with the fewest candidates; NULL: there is none, look at every object. */
static enum err choose(const struct find *find, const struct search_key *keys, size_t key_count,
                       const struct search_key **best)
{
	uint64_t fewest = UINT64_MAX;
	enum err err = ERR_OK;
	*best = NULL;
	for (size_t i = 0; err == ERR_OK && i < key_count && fewest > FEW; i++) {
		uint64_t count = 0;
		err = count_candidates(find, &keys[i], &count);
		if (err == ERR_OK && count < fewest) {
			fewest = count;
			*best = &keys[i];
		}
	}
	return err;
}

static sqlite3_stmt *candidates(const struct find *find, const struct search_key *key)
{
	sqlite3_stmt *statement = database_statement(find->reader, key ? SEARCH_FROM : OBJECTS_FROM);
	if (!statement)
		return NULL;
	bind_u64(statement, 1, find->slot);
	if (key) {
		bind_u64(statement, 2, key->type);
		bind_u64(statement, 3, key->value);
	}
	bind_id(statement, key ? 4 : 2, &find->after);
	return statement;
}

static enum err add(struct find *find, const Craton__Object *object)
{
	Craton__FindReply *out = find->out;
	if (out->n_list == find->capacity) {
		size_t more = find->capacity ? find->capacity * 2 : 16;
		Craton__ObjectBrief **grown = reallocarray(out->list, more, sizeof *grown);
		if (!grown)
			return ERR_NO_MEMORY;
		out->list = grown;
		find->capacity = more;
	}
	object_brief(object, &out->list[out->n_list]);
	if (!out->list[out->n_list])
		return ERR_NO_MEMORY;
	out->n_list++;
	return ERR_OK;
}

/* One candidate. Sets out->more instead of adding one too many. */
static enum err judge(struct find *find, sqlite3_stmt *statement)
{
	if (!find->with_private && column_u64(statement, 0))
		return ERR_OK;
	Craton__Object *object = craton__object__unpack(NULL, (size_t)sqlite3_column_bytes(statement, 1),
	                                                sqlite3_column_blob(statement, 1));
	enum err err = object ? ERR_OK : ERR_NO_MEMORY;
	if (object && search_matches(object, find->wanted)) {
		if (find->count_max && find->out->n_list == find->count_max)
			find->out->more = true;
		else
			err = add(find, object);
	}
	if (object)
		craton__object__free_unpacked(object, NULL);
	return err;
}

static enum err walk(struct find *find)
{
	struct search_key keys[SEARCH_KEYS_MAX];
	const struct search_key *key;
	enum err err = choose(find, keys, search_keys(find->wanted, keys), &key);
	sqlite3_stmt *statement = err == ERR_OK ? candidates(find, key) : NULL;
	if (err == ERR_OK && !statement)
		return ERR_IO;
	while (err == ERR_OK && !find->out->more && (err = database_step(find->reader, statement)) == ERR_OK)
		err = judge(find, statement);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err directory_find(struct directory *directory, uint32_t slot, const struct attribute_list *attributes,
                        bool with_private, const struct id *after, uint32_t count_max,
                        Craton__FindReply *out)
{
	struct find find = { .slot = slot, .wanted = attributes, .with_private = with_private,
	                     .count_max = count_max, .out = out };
	if (after)
		find.after = *after;
	craton__find_reply__init(out);
	enum err err = readers_borrow(directory->readers, &find.reader);
	if (err == ERR_OK)
		err = database_do(find.reader, BEGIN_READ); /* counts and candidates as of one moment */
	if (err == ERR_OK)
		err = walk(&find);
	readers_return(directory->readers, find.reader);
	if (err != ERR_OK)
		directory_find_release(out);
	return err;
}

void directory_find_release(Craton__FindReply *reply)
{
	for (size_t i = 0; i < reply->n_list; i++)
		craton__object_brief__free_unpacked(reply->list[i], NULL);
	free(reply->list);
	craton__find_reply__init(reply);
}

#include "backend/key_table.h"
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16
#define BUCKETS_MAX ((size_t)1 << 24)

bool key_table_init(struct key_table *table, size_t capacity)
{
	size_t buckets = BUCKETS_MIN;
	while (buckets / 2 < capacity && buckets < BUCKETS_MAX)
		buckets *= 2;
	*table = (struct key_table){ .bucket_mask = buckets - 1 };
	random_bytes(&table->seed, sizeof table->seed);
	table->buckets = calloc(buckets, sizeof *table->buckets);
	return table->buckets != NULL;
}

void key_table_finish(struct key_table *table)
{
	free(table->buckets);
}

/* Ids are hashes or random: any mixing does, as long as it can't be foreseen. */
static struct entry **bucket_of(const struct key_table *table, const struct id *id)
{
	uint64_t a, b;
	memcpy(&a, id->bytes, sizeof a);
	memcpy(&b, id->bytes + sizeof a, sizeof b);
	uint64_t mixed = ((a ^ table->seed) * 0x9e3779b97f4a7c15u) ^ (b + (table->seed >> 7));
	mixed *= 0xff51afd7ed558ccdu;
	return &table->buckets[(mixed >> 32) & table->bucket_mask];
}

static void use_unlink(struct key_table *table, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void use_link(struct key_table *table, struct entry *entry)
{
	entry->older = table->newest;
	entry->newer = NULL;
	*(table->newest ? &table->newest->newer : &table->oldest) = entry;
	table->newest = entry;
}

struct entry *key_table_find(const struct key_table *table, const struct id *id)
{
	struct entry *entry = *bucket_of(table, id);
	while (entry && !id_equal(&entry->id, id))
		entry = entry->next;
	return entry;
}

void key_table_insert(struct key_table *table, struct entry *entry)
{
	struct entry **bucket = bucket_of(table, &entry->id);
	entry->next = *bucket;
	*bucket = entry;
	entry->in_table = true;
	table->count++;
	use_link(table, entry);
}

void key_table_touch(struct key_table *table, struct entry *entry)
{
	if (entry == table->newest)
		return;
	use_unlink(table, entry);
	use_link(table, entry);
}

void key_table_remove(struct key_table *table, struct entry *entry, struct entry **dead)
{
	struct entry **at = bucket_of(table, &entry->id);
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	use_unlink(table, entry);
	entry->in_table = false;
	table->count--;
	if (entry->borrowers == 0) {
		entry->next = *dead;
		*dead = entry;
	}
}

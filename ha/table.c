#include "ha/table.h"
#include <assert.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

/* Handles count up, ids are random: both spread well when multiplied by 2^64 over the golden ratio. */
static size_t home_of(const struct table *table, uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (table->capacity - 1);
}

static size_t place_of(const struct table *table, uint64_t key)
{
	size_t place = home_of(table, key);
	while (table->slots[place].key && table->slots[place].key != key)
		place = (place + 1) & (table->capacity - 1);
	return place;
}

void table_finish(struct table *table)
{
	free(table->slots);
	*table = (struct table){ 0 };
}

void *table_get(const struct table *table, uint64_t key)
{
	if (!table->capacity || !key)
		return NULL;
	return table->slots[place_of(table, key)].value;
}

static bool grow(struct table *table)
{
	struct table bigger = { .capacity = table->capacity ? table->capacity * 2 : CAPACITY_MIN, .count = table->count };
	bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->slots[i].key)
			bigger.slots[place_of(&bigger, table->slots[i].key)] = table->slots[i];
	free(table->slots);
	*table = bigger;
	return true;
}

bool table_put(struct table *table, uint64_t key, void *value)
{
	assert(key && value);
	if (table->count + 1 > table->capacity / 2 && !grow(table))
		return false;
	struct table_slot *slot = &table->slots[place_of(table, key)];
	table->count += !slot->key;
	*slot = (struct table_slot){ key, value };
	return true;
}

/* Those after the gap that could stand nearer to their home move up, so that no search ends too early. */
static void close_gap(struct table *table, size_t gap)
{
	size_t mask = table->capacity - 1;
	for (size_t i = (gap + 1) & mask; table->slots[i].key; i = (i + 1) & mask) {
		size_t home = home_of(table, table->slots[i].key);
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		table->slots[gap] = table->slots[i];
		gap = i;
	}
	table->slots[gap] = (struct table_slot){ 0 };
}

void *table_take(struct table *table, uint64_t key)
{
	if (!table->capacity || !key)
		return NULL;
	size_t place = place_of(table, key);
	void *value = table->slots[place].value;
	if (!value)
		return NULL;
	table->count--;
	close_gap(table, place);
	return value;
}

void *table_next(const struct table *table, size_t *place)
{
	while (*place < table->capacity) {
		void *value = table->slots[(*place)++].value;
		if (value)
			return value;
	}
	return NULL;
}

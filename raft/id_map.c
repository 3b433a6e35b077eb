#include "raft/id_map.h"
#include <stdlib.h>
#include <string.h>

void id_map_finish(struct id_map *map)
{
	free(map->slots);
	*map = (struct id_map){ 0 };
}

static size_t home(const struct id_map *map, const struct id *id)
{
	uint64_t word;
	memcpy(&word, id->bytes, sizeof word);
	return (size_t)word & (map->capacity - 1);
}

/* The slot that holds the id, or the free one where it would go. */
static struct id_map_slot *find(const struct id_map *map, const struct id *id)
{
	size_t i = home(map, id);
	while (map->slots[i].value && !id_equal(&map->slots[i].id, id))
		i = (i + 1) & (map->capacity - 1);
	return &map->slots[i];
}

void *id_map_get(const struct id_map *map, const struct id *id)
{
	return map->capacity ? find(map, id)->value : NULL;
}

static enum err grow(struct id_map *map)
{
	struct id_map wider = { .capacity = map->capacity ? map->capacity * 2 : 64, .count = map->count };
	wider.slots = calloc(wider.capacity, sizeof *wider.slots);
	if (!wider.slots)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].value)
			*find(&wider, &map->slots[i].id) = map->slots[i];
	free(map->slots);
	*map = wider;
	return ERR_OK;
}

enum err id_map_put(struct id_map *map, const struct id *id, void *value)
{
	if (map->count * 2 >= map->capacity && grow(map) != ERR_OK)
		return ERR_NO_MEMORY;
	struct id_map_slot *slot = find(map, id);
	map->count += !slot->value;
	*slot = (struct id_map_slot){ .id = *id, .value = value };
	return ERR_OK;
}

/* Linear probing has no tombstones here: what follows the gap and belongs before it moves up. */
static void close_gap(struct id_map *map, size_t gap)
{
	size_t mask = map->capacity - 1;
	for (size_t i = (gap + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
		size_t wanted = home(map, &map->slots[i].id);
		if (((i - wanted) & mask) < ((i - gap) & mask))
			continue;
		map->slots[gap] = map->slots[i];
		map->slots[i].value = NULL;
		gap = i;
	}
}

void *id_map_take(struct id_map *map, const struct id *id)
{
	struct id_map_slot *slot = map->capacity ? find(map, id) : NULL;
	if (!slot || !slot->value)
		return NULL;
	void *value = slot->value;
	slot->value = NULL;
	map->count--;
	close_gap(map, (size_t)(slot - map->slots));
	return value;
}

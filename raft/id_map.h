/* From a request's id to whatever is kept about it. Ids are derived from hashes, so their bytes are the hash. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include <stddef.h>

struct id_map {
	struct id_map_slot {
		struct id id;
		void *value;     /* NULL: free */
	} *slots;
	size_t count, capacity;
};

void id_map_finish(struct id_map *map); /* values are the caller's */
void *id_map_get(const struct id_map *map, const struct id *id);
/* `value` is not NULL; replaces what was there. ERR_NO_MEMORY. */
enum err id_map_put(struct id_map *map, const struct id *id, void *value);
/* What was there, or NULL. */
void *id_map_take(struct id_map *map, const struct id *id);

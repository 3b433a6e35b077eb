/* Numbers to pointers, in constant time: handles to what they stand for. The caller locks.
 *
 * Keys are any number but 0. The table owns nothing of what it points to. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint64_t key; /* 0: free */
	void *value;
};
struct table {
	struct table_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void table_finish(struct table *table);
void *table_get(const struct table *table, uint64_t key); /* NULL if there is none */
/* Replaces what stood under the key. False without memory: nothing has changed. */
bool table_put(struct table *table, uint64_t key, void *value);
void *table_take(struct table *table, uint64_t key); /* removes it; NULL if there was none */
/* All of them, in no order: start with *place = 0 and stop at NULL. Nothing may be put meanwhile; after taking the
 * one just given, step back (*place -= 1), for another may have moved up. */
void *table_next(const struct table *table, size_t *place);

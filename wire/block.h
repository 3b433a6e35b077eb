/* One block of memory for a native structure and all it points to. The same walk lays it out twice: first to
 * count, then to fill, so nothing of it can be forgotten. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
	uint8_t *data; /* NULL while counting */
	size_t size;
	bool failed;   /* a walk could not go all the way: the two may not have gone the same */
};

/* Room for `size` bytes, aligned for anything; NULL while counting. */
static inline void *block_take(struct block *block, size_t size)
{
	void *at = block->data ? block->data + block->size : NULL;
	size_t align = _Alignof(max_align_t);
	block->size += (size + align - 1) / align * align;
	return at;
}

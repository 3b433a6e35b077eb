/* What an ill-meaning application may hand over, out of a fuzzer's input: numbers of any size, lengths that are lies, pointers to odd
 * addresses or NULL, and structures that hold such pointers. Every pointer has as many bytes behind it as the longest value we
 * accept, for a length within the bounds must be believed; one beyond them, if it were, would run out of the arena. */
#pragma once
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

#define HOSTILE_INPUT_MAX (64u << 10)
#define HOSTILE_BLOCKS_MAX (64u << 10)
#define HOSTILE_BEYOND ((16u << 20) + (64u << 10)) /* more than the longest that is accepted */

struct hostile {
	struct cursor input;
	size_t input_size;
	size_t used; /* of the blocks */
};

static uint8_t hostile_arena[HOSTILE_INPUT_MAX + HOSTILE_BLOCKS_MAX + HOSTILE_BEYOND];

static inline struct hostile hostile_over(const uint8_t *data, size_t size)
{
	size = size < HOSTILE_INPUT_MAX ? size : HOSTILE_INPUT_MAX;
	if (size)
		memcpy(hostile_arena, data, size);
	return (struct hostile){ .input = cursor_over(data, size), .input_size = size };
}

/* The next input finds what this one did. */
static inline void hostile_finish(const struct hostile *hostile)
{
	memset(hostile_arena, 0, hostile->input_size);
	memset(hostile_arena + HOSTILE_INPUT_MAX, 0, hostile->used);
}

static inline uint8_t hostile_u8(struct hostile *hostile)
{
	return cursor_u8(&hostile->input);
}

/* Somewhere in the input, or NULL. */
static inline void *hostile_pointer(struct hostile *hostile)
{
	size_t at = (size_t)hostile_u8(hostile) << 8 | hostile_u8(hostile);
	return at < hostile->input_size ? hostile_arena + at : NULL;
}

/* A block of its own for a structure, at an odd address if the input says so; NULL when there is no more. */
static inline uint8_t *hostile_block(struct hostile *hostile, size_t size)
{
	size_t at = hostile->used + hostile_u8(hostile) % 8;
	if (at + size > HOSTILE_BLOCKS_MAX)
		return NULL;
	hostile->used = at + size;
	return hostile_arena + HOSTILE_INPUT_MAX + at;
}

/* A number, most often one that might be a length. */
static inline uint64_t hostile_number(struct hostile *hostile)
{
	switch (hostile_u8(hostile) % 8) {
	case 0: return cursor_u64(&hostile->input);
	case 1: return cursor_u32(&hostile->input);
	case 2: return (uint64_t)hostile_u8(hostile) << 8 | hostile_u8(hostile);
	case 3: return 8;
	case 4: return 0;
	default: return hostile_u8(hostile);
	}
}

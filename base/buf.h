/* A bounded buffer of bytes that grows up to a limit and never past it.
 * Writing past the limit (or out of memory) sets `failed` and writes nothing
 * from then on; check once at the end. Readers are separate (struct cursor). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t size_max; /* bytes; never exceeded */
	bool failed;
};

void buf_init(struct buf *buf, size_t size_max);
/* Wipes what was in it, frees it; the buf may be used again after buf_init. */
void buf_finish(struct buf *buf);
/* Forgets the contents (wiped), keeps the memory and clears `failed`. */
void buf_reset(struct buf *buf);
void buf_add(struct buf *buf, const void *data, size_t size);
void buf_add_u8(struct buf *buf, uint8_t value);
void buf_add_u32(struct buf *buf, uint32_t value);  /* big endian, as all integers of ours */
void buf_add_u64(struct buf *buf, uint64_t value);
/* u32 length, then the bytes. */
void buf_add_block(struct buf *buf, const void *data, size_t size);
/* Room for `size` more bytes at the end, which are counted as written; NULL (and failed) if there is none. */
uint8_t *buf_extend(struct buf *buf, size_t size);
/* Drops the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);

/* Reads bytes somebody else made. Reading past the end gives zeros and sets `failed`. */
struct cursor {
	const uint8_t *data;
	size_t size; /* what is left */
	bool failed;
};

struct cursor cursor_over(const void *data, size_t size);
uint8_t cursor_u8(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
/* A view into the data, valid as long as it is; NULL and failed if there are fewer bytes. */
const uint8_t *cursor_bytes(struct cursor *cursor, size_t size);
/* As written by buf_add_block; `*size` is 0 on failure. */
const uint8_t *cursor_block(struct cursor *cursor, size_t *size);

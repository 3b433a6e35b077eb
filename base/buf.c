#include "base/buf.h"
#include "base/secret.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t size_max)
{
	*buf = (struct buf){ .size_max = size_max };
}

void buf_finish(struct buf *buf)
{
	secret_wipe(buf->data, buf->size);
	free(buf->data);
	buf_init(buf, buf->size_max);
}

void buf_reset(struct buf *buf)
{
	secret_wipe(buf->data, buf->size);
	buf->size = 0;
	buf->failed = false;
}

/* Twice as much as before, so that n bytes cost O(n) copies; not realloc, which would
 * leave the old bytes lying in freed memory. */
static bool grow(struct buf *buf, size_t needed)
{
	size_t capacity = buf->capacity ? buf->capacity : 64;
	while (capacity < needed)
		capacity = capacity <= buf->size_max / 2 ? capacity * 2 : buf->size_max;
	if (capacity > buf->size_max)
		capacity = buf->size_max;
	uint8_t *data = malloc(capacity);
	if (!data)
		return false;
	if (buf->size)
		memcpy(data, buf->data, buf->size);
	secret_wipe(buf->data, buf->size);
	free(buf->data);
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

uint8_t *buf_extend(struct buf *buf, size_t size)
{
	static uint8_t nothing[1];
	if (buf->failed || size > buf->size_max - buf->size) {
		buf->failed = true;
		return NULL;
	}
	if (buf->size + size > buf->capacity && !grow(buf, buf->size + size)) {
		buf->failed = true;
		return NULL;
	}
	uint8_t *at = buf->data ? buf->data + buf->size : nothing;
	buf->size += size;
	return at;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
	uint8_t *at = buf_extend(buf, size);
	if (at && size)
		memcpy(at, data, size);
}

void buf_add_u8(struct buf *buf, uint8_t value)
{
	buf_add(buf, &value, 1);
}

void buf_add_u32(struct buf *buf, uint32_t value)
{
	uint8_t bytes[4];
	for (int i = 3; i >= 0; i--, value >>= 8)
		bytes[i] = (uint8_t)value;
	buf_add(buf, bytes, sizeof bytes);
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
	uint8_t bytes[8];
	for (int i = 7; i >= 0; i--, value >>= 8)
		bytes[i] = (uint8_t)value;
	buf_add(buf, bytes, sizeof bytes);
}

void buf_add_block(struct buf *buf, const void *data, size_t size)
{
	/* Both or neither: a length without its bytes would be a lie. */
	if (size > UINT32_MAX || buf->size_max - buf->size < 4 || size > buf->size_max - buf->size - 4) {
		buf->failed = true;
		return;
	}
	buf_add_u32(buf, (uint32_t)size);
	buf_add(buf, data, size);
}

void buf_consume(struct buf *buf, size_t size)
{
	assert(size <= buf->size);
	if (!size)
		return;
	memmove(buf->data, buf->data + size, buf->size - size);
	secret_wipe(buf->data + buf->size - size, size);
	buf->size -= size;
}

struct cursor cursor_over(const void *data, size_t size)
{
	return (struct cursor){ .data = data, .size = size };
}

const uint8_t *cursor_bytes(struct cursor *cursor, size_t size)
{
	static const uint8_t nothing[1];
	if (cursor->failed || size > cursor->size) {
		cursor->failed = true;
		return NULL;
	}
	const uint8_t *at = cursor->data ? cursor->data : nothing;
	cursor->data = at + size;
	cursor->size -= size;
	return at;
}

static uint64_t cursor_integer(struct cursor *cursor, size_t size)
{
	const uint8_t *bytes = cursor_bytes(cursor, size);
	uint64_t value = 0;
	for (size_t i = 0; bytes && i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
	return (uint8_t)cursor_integer(cursor, 1);
}

uint32_t cursor_u32(struct cursor *cursor)
{
	return (uint32_t)cursor_integer(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
	return cursor_integer(cursor, 8);
}

const uint8_t *cursor_block(struct cursor *cursor, size_t *size)
{
	*size = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, *size);
	if (!bytes)
		*size = 0;
	return bytes;
}

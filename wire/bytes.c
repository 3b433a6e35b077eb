#include "wire/bytes.h"
#include <stdlib.h>
#include <string.h>

bool wire_set_bytes(ProtobufCBinaryData *to, const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		return false;
	if (size)
		memcpy(copy, data, size);
	*to = (ProtobufCBinaryData){ size, copy };
	return true;
}

void *block_copy(struct block *block, const ProtobufCBinaryData *from)
{
	void *at = from->len ? block_take(block, from->len) : NULL;
	if (at)
		memcpy(at, from->data, from->len);
	return at;
}

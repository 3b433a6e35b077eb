/* Bytes into a message, and out of it. */
#pragma once
#include "wire/block.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* A copy, the message's own; never NULL. False without memory: nothing has changed. */
bool wire_set_bytes(ProtobufCBinaryData *to, const void *data, size_t size);
/* A copy in the block; NULL for none, and while counting. */
void *block_copy(struct block *block, const ProtobufCBinaryData *from);

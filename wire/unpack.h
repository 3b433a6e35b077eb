/* Messages from bytes that somebody else made. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* NULL if the bytes do not parse, or unfold to more memory than is decent. Ordinary memory: protobuf-c's
 * free_unpacked with unpack_wiping, or with NULL if nothing in it is secret. */
ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size);
extern ProtobufCAllocator unpack_wiping;

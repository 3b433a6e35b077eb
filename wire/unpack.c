#include "wire/unpack.h"
#include "base/secret.h"
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#define UNFOLD_FACTOR 16              /* memory for a byte of a message; a list of boolean attributes takes 8 */
#define UNFOLD_SIZE_MIN (256u << 10)  /* bytes; a small message may always unfold to this */

/* Memory for one message. An empty sub-message is two bytes on the wire and fifty in memory, so a
 * stranger could make much of little: the budget says when to stop. */
struct budget {
	ProtobufCAllocator allocator;
	size_t left;
};

static void *budget_take(void *user, size_t size)
{
	struct budget *budget = user;
	if (size > budget->left)
		return NULL;
	budget->left -= size;
	return malloc(size ? size : 1);
}

static void wipe_and_free(void *user, void *at)
{
	(void)user;
	if (!at)
		return;
	secret_wipe(at, malloc_usable_size(at));
	free(at);
}

ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size)
{
	static const uint8_t nothing[1];
	struct budget budget = {
		.allocator = { .alloc = budget_take, .free = wipe_and_free, .allocator_data = &budget },
		.left = UNFOLD_SIZE_MIN + size * UNFOLD_FACTOR,
	};
	return protobuf_c_message_unpack(descriptor, &budget.allocator, size, size ? data : nothing);
}

static void *plain_take(void *user, size_t size)
{
	(void)user;
	return malloc(size);
}

ProtobufCAllocator unpack_wiping = { .alloc = plain_take, .free = wipe_and_free };

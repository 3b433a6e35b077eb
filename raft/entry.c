#include "raft/entry.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry *entry_create(uint64_t term, enum entry_type type, const void *data, size_t size)
{
	if (size > UINT32_MAX)
		return NULL;
	struct entry *entry = malloc(sizeof *entry + size);
	if (!entry)
		return NULL;
	*entry = (struct entry){ .term = term, .type = type, .size = (uint32_t)size, .references = 1 };
	if (data && size)
		memcpy(entry->data, data, size);
	return entry;
}

struct entry *entry_keep(struct entry *entry)
{
	__atomic_fetch_add(&entry->references, 1, __ATOMIC_RELAXED);
	return entry;
}

void entry_drop(struct entry *entry)
{
	if (!entry)
		return;
	unsigned before = __atomic_fetch_sub(&entry->references, 1, __ATOMIC_ACQ_REL);
	assert(before > 0);
	if (before == 1)
		free(entry);
}

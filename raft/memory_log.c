#include "raft/memory_log.h"
#include <assert.h>
#include <stdlib.h>

void memory_log_init(struct memory_log *log)
{
	*log = (struct memory_log){ 0 };
}

void memory_log_finish(struct memory_log *log)
{
	memory_log_reset(log, 0);
	free(log->entries);
	memory_log_init(log);
}

static struct entry **slot(const struct memory_log *log, size_t i)
{
	return &log->entries[(log->start + i) % log->capacity];
}

struct entry *memory_log_get(const struct memory_log *log, uint64_t index)
{
	if (index <= log->base || index > log->base + log->count)
		return NULL;
	return *slot(log, (size_t)(index - log->base - 1));
}

uint64_t memory_log_last(const struct memory_log *log)
{
	return log->base + log->count;
}

static enum err grow(struct memory_log *log)
{
	size_t capacity = log->capacity ? log->capacity * 2 : 64;
	struct entry **entries = calloc(capacity, sizeof *entries);
	if (!entries)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < log->count; i++)
		entries[i] = *slot(log, i);
	free(log->entries);
	log->entries = entries;
	log->capacity = capacity;
	log->start = 0;
	return ERR_OK;
}

enum err memory_log_append(struct memory_log *log, struct entry *entry)
{
	if (log->count == log->capacity && grow(log) != ERR_OK)
		return ERR_NO_MEMORY;
	*slot(log, log->count++) = entry_keep(entry);
	return ERR_OK;
}

void memory_log_cut(struct memory_log *log, uint64_t index)
{
	assert(index > log->base);
	while (log->count && memory_log_last(log) >= index)
		entry_drop(*slot(log, --log->count));
}

void memory_log_trim(struct memory_log *log, uint64_t index)
{
	while (log->count && log->base < index) {
		entry_drop(*slot(log, 0));
		log->start = (log->start + 1) % log->capacity;
		log->count--;
		log->base++;
	}
}

void memory_log_reset(struct memory_log *log, uint64_t base)
{
	while (log->count)
		entry_drop(*slot(log, --log->count));
	log->start = 0;
	log->base = base;
}

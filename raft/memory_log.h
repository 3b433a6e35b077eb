/* The part of the log that is in memory: all entries behind the last snapshot and a few before it. What the
 * driver sends and applies comes from here, so it also has entries that are not on disk yet. */
#pragma once
#include "base/err.h"
#include "raft/entry.h"
#include <stddef.h>
#include <stdint.h>

struct memory_log {
	uint64_t base;           /* index of the place before the first entry */
	struct entry **entries;  /* a ring */
	size_t start, count, capacity;
};

void memory_log_init(struct memory_log *log);
void memory_log_finish(struct memory_log *log);
/* The log's entry, or NULL if it isn't here; no reference is given. */
struct entry *memory_log_get(const struct memory_log *log, uint64_t index);
uint64_t memory_log_last(const struct memory_log *log);
/* Takes a reference of its own. ERR_NO_MEMORY. */
enum err memory_log_append(struct memory_log *log, struct entry *entry);
/* Forgets `index` and all after it. */
void memory_log_cut(struct memory_log *log, uint64_t index);
/* Forgets everything up to and including `index`. */
void memory_log_trim(struct memory_log *log, uint64_t index);
/* Empty; the next entry will be base + 1. */
void memory_log_reset(struct memory_log *log, uint64_t base);

/* One entry of the log: made once, never changed, shared by counting. The driver, the log's writer and the
 * peers' queues each hold one reference while they need the bytes; any thread may keep and drop. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum entry_type {
	ENTRY_COMMAND = 1,       /* an envelope (envelope.h) for the state machine */
	ENTRY_BARRIER = 2,       /* the engine's own: commits what came before it */
	ENTRY_CONFIGURATION = 3, /* who belongs (configuration.h) */
};

struct entry {
	uint64_t term;
	enum entry_type type;
	uint32_t size;           /* bytes of data */
	unsigned references;     /* entry_keep and entry_drop alone */
	uint8_t data[];
};

/* With one reference, the caller's; `data` is copied, or left for the caller to fill if NULL. NULL without memory. */
struct entry *entry_create(uint64_t term, enum entry_type type, const void *data, size_t size);
struct entry *entry_keep(struct entry *entry); /* returns it */
void entry_drop(struct entry *entry);          /* accepts NULL */

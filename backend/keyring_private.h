/* What the keyring's two halves share: keeping keys (keyring.c) and loading them (keyring_load.c). */
#pragma once
#include "backend/key_table.h"
#include <pthread.h>

struct keyring {
	struct domain *domain;
	size_t capacity;
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t loaded;  /* an entry is not ENTRY_LOADING any more */
	struct key_table table;
	struct entry *graves;   /* forgotten, and still in the token */
	uint64_t epoch;
	uint64_t last_serial;
	struct keyring_counts counts;
	void (*gone)(void *context, uint64_t serial);
	void *gone_context;
};

/* What these take out of the table is added to `dead`, for keyring_bury once the lock is open. */

/* NULL also where its handle is of before the token was started afresh, and so nobody's. */
struct entry *keyring_find_locked(struct keyring *keyring, const struct id *id, struct entry **dead);
/* The least recently used that nobody has in hand go, until no more than so many are left, if they can. */
void keyring_evict_locked(struct keyring *keyring, size_t count_max, struct entry **dead);
struct entry *keyring_graves_locked(struct keyring *keyring); /* the caller's from now on */
void keyring_bury(struct keyring *keyring, struct entry *dead);

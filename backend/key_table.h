/* The keys of a working set, found by id, and in order of use. Not a lock of its own: the keyring's guards it. Inside backend/ only. */
#pragma once
#include "backend/keyring.h"

enum entry_state {
	ENTRY_LOADING, /* somebody asks the token for it */
	ENTRY_READY,
	ENTRY_FAILED,
};

/* A key. It is in the table until it is evicted or forgotten, and in memory until nobody has it any more. */
struct entry {
	struct loaded_key key; /* first: what borrowers hold */
	struct id id;
	uint32_t slot;
	enum entry_state state;
	CK_RV rv;              /* why, if it failed */
	bool in_table;
	size_t borrowers;
	struct entry *next;    /* in its bucket, or in a list of those to be destroyed */
	struct entry *newer, *older; /* by last use, of those in the table */
};

struct key_table {
	uint64_t seed;         /* so that nobody chooses ids that share a bucket */
	struct entry **buckets;
	size_t bucket_mask;
	struct entry *newest, *oldest;
	size_t count;
};

bool key_table_init(struct key_table *table, size_t capacity); /* false without memory */
void key_table_finish(struct key_table *table);
struct entry *key_table_find(const struct key_table *table, const struct id *id);
/* As the newest. */
void key_table_insert(struct key_table *table, struct entry *entry);
void key_table_touch(struct key_table *table, struct entry *entry);
/* If nobody has it in hand it is added to `dead`, else it is its last borrower's to destroy. */
void key_table_remove(struct key_table *table, struct entry *entry, struct entry **dead);

/* The rows of the directory: what one holds, its keyed hash, and the sum of all of them. */
#pragma once
#include "base/digest.h"
#include "store/directory.h"

/* The key of the rows' hashes, derived from the cluster secret and ready for use: by one thread at a time. */
struct row_key {
	struct hmac *hmac;
};
void row_key_derive(struct row_key *key, const struct secret *secret);
void row_key_copy(struct row_key *copy, const struct row_key *key); /* for another thread */
void row_key_finish(struct row_key *key); /* also of one that is all zero */

struct hash {
	uint8_t bytes[SHA256_SIZE];
};
/* Modulo 2^256, big endian: the order in which rows come and go leaves no trace. */
void hash_add(struct hash *sum, const struct hash *row);
void hash_subtract(struct hash *sum, const struct hash *row);

/* A row's place among the tables is part of its hash. */
struct object_row {
	uint32_t slot;
	struct id id;
	bool is_private;
	uint64_t version;
	struct bytes body;     /* a packed Craton__Object */
};
void object_row_hash(const struct row_key *key, const struct object_row *row, struct hash *out);
void slot_row_hash(const struct row_key *key, uint32_t slot, const struct bytes *body, struct hash *out);
void setting_row_hash(const struct row_key *key, const char *name, const struct bytes *value, struct hash *out);

struct request_row {
	struct id id;
	int64_t time_ms;
	struct request_record record;
	struct bytes carried;  /* a packed Craton__Object, or nothing */
};
void request_row_hash(const struct row_key *key, const struct request_row *row, struct hash *out);

/* The one row that says how far the directory is. Its seal is a keyed hash of the rest. */
struct state_row {
	uint64_t applied;
	int64_t time_ms;       /* the leader's, as far as it has been seen; never goes back */
	uint64_t objects, requests; /* how many */
	struct hash digest;    /* the sum of all other rows' hashes */
};
void state_row_seal(const struct row_key *key, const struct state_row *row, struct hash *out);

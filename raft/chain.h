/* A keyed hash over each row of the log that takes in the row before it, so that a row
 * changed, dropped, inserted or moved on disk breaks every hash after it. Pure: no disk, no clock.
 *
 *	hash(row) = HMAC-SHA256(key, "row" ‖ hash(row before) ‖ index ‖ term ‖ type ‖ size ‖ data)
 *
 * The first row hangs on an anchor, which is the place (index, term) after which it comes:
 * (0, 0) for a new log, the snapshot's after one was installed. The key belongs to one node, so
 * another node's log is not taken for ours. One thread at a time. */
#pragma once
#include "base/err.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_SIZE 32

struct log_row {
	uint64_t index, term;
	uint8_t type;            /* the engine's; opaque here */
	const void *data;        /* the row's owner's; NULL only if size is 0 */
	size_t size;
	uint8_t hash[CHAIN_SIZE];
};

struct chain;

/* `secret` is the cluster's; the key is derived from it and the node's id. NULL without memory. */
struct chain *chain_create(const struct secret *secret, uint64_t node);
void chain_destroy(struct chain *chain); /* accepts NULL */

/* The hash that the row after (index, term) takes in. */
void chain_anchor(const struct chain *chain, uint64_t index, uint64_t term, uint8_t hash[CHAIN_SIZE]);
/* What row->hash has to be after a row (or anchor) with hash `before`. */
void chain_hash(const struct chain *chain, const uint8_t before[CHAIN_SIZE], const struct log_row *row,
                uint8_t hash[CHAIN_SIZE]);
/* Sets row->hash and moves `head` on to it. */
void chain_append(const struct chain *chain, uint8_t head[CHAIN_SIZE], struct log_row *row);
/* Moves `head` on over the row if its hash is right and its index is `next`; otherwise leaves it and says no. */
bool chain_follows(const struct chain *chain, uint8_t head[CHAIN_SIZE], uint64_t next,
                   const struct log_row *row);
/* ERR_DAMAGED with *bad set to the index at which the sequence breaks (a wrong hash, a hole, an index out of
 * order, a term that falls). `head` is the anchor's at first, the last good row's at the end. */
enum err chain_verify(const struct chain *chain, uint8_t head[CHAIN_SIZE], uint64_t next,
                      const struct log_row *rows, size_t count, uint64_t *bad);

/* A hash over a record that stands alone (term and vote, the watermark, a snapshot's particulars); `kind` keeps
 * one kind of record from being taken for another. */
void chain_seal(const struct chain *chain, const char *kind, const void *data, size_t size,
                uint8_t seal[CHAIN_SIZE]);
bool chain_seal_holds(const struct chain *chain, const char *kind, const void *data, size_t size,
                      const uint8_t seal[CHAIN_SIZE]);

/* The last thing this node knows to be durable in its log, kept apart from the log, in a small file of its
 * own. SQLite's WAL loses its tail without a word when a byte in it flips; the watermark is what remembers
 * that there was one.
 *
 * Two slots are written in turn, each under a seal (chain.h), so a write that is cut short costs a slot and
 * never the file. Written after each commit and not fsynced: it survives the death of the process, and after
 * a power cut it is at worst older than the log, which is no accusation against the log. A conflict
 * truncation is a commit like any other with a higher generation, so it is never taken for damage. */
#pragma once
#include "base/err.h"
#include "raft/chain.h"
#include <stdint.h>

struct watermark_mark {
	uint64_t generation;     /* counts the log's commits; a log of a lower one has lost something */
	uint64_t term, vote;
	uint64_t last_index;     /* of the log, or of the snapshot if that is further */
	uint8_t head[CHAIN_SIZE];/* the chain at last_index */
};

struct watermark;

/* A new file holding `mark` twice, fsynced. ERR_IO. */
enum err watermark_create(const char *path, const struct chain *chain, const struct watermark_mark *mark,
                          struct complaint *complaint);
/* Opens it and reads the newer of the valid slots. ERR_NOT_FOUND, ERR_DAMAGED if none is valid, ERR_IO.
 * `chain` stays the caller's and must outlive it. */
enum err watermark_open(const char *path, const struct chain *chain, struct watermark **out,
                        struct watermark_mark *mark, struct complaint *complaint);
void watermark_close(struct watermark *watermark); /* accepts NULL */
/* Into the slot that was not written last. ERR_IO. */
enum err watermark_put(struct watermark *watermark, const struct watermark_mark *mark);

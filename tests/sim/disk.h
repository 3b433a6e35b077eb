/* A node's disk: what is durable, in the order it became so, and what waits to be. Rows hang together by raft/chain.h,
 * as the real store's do, and a watermark is kept apart. */
#pragma once
#include "raft/chain.h"
#include "raft/world.h"
#include "tests/sim/machine.h"
#include <stdbool.h>
#include <stdint.h>

struct disk_vote {
	uint64_t term, vote;
};

struct disk {
	struct chain *chain;
	/* durable */
	struct log_row *rows;    /* data is malloc */
	size_t count, capacity;
	uint64_t base, base_term;/* the place before the first row */
	uint8_t base_hash[CHAIN_SIZE], head[CHAIN_SIZE];
	struct disk_vote vote;
	uint8_t vote_seal[CHAIN_SIZE];
	struct snapshot_meta snapshot; /* index 0: none */
	struct image *image;
	uint64_t generation;
	struct { uint64_t generation, last; uint8_t head[CHAIN_SIZE]; struct disk_vote vote; } mark;
	bool damaged;            /* by the nemesis; nothing in here knows it */
	/* volatile */
	struct log_job *jobs;    /* oldest first */
	int64_t busy_ms;         /* when the oldest is done */
	struct log_job *snapshot_job;
	int64_t snapshot_ms;
};

void disk_init(struct disk *disk, uint64_t id);
void disk_finish(struct disk *disk);
void disk_queue(struct disk *disk, struct log_job *job);
/* Everything queued becomes durable now; completions are still to be told. */
void disk_vote(struct disk *disk, uint64_t term, uint64_t vote);
/* The next completed job, or NULL; the caller gives it to the driver. */
struct log_job *disk_done(struct disk *disk);
int64_t disk_next(const struct disk *disk); /* INT64_MAX: nothing waits */

/* Some of what waited got through, the rest didn't. */
void disk_crash(struct disk *disk);
/* What a bad disk does meanwhile; false if there was nothing to damage. */
bool disk_damage(struct disk *disk);
/* ERR_DAMAGED, or the state for driver_start; free(saved->entries) afterwards. */
enum err disk_load(const struct disk *disk, struct saved_state *saved);
bool disk_holds(const struct disk *disk, uint64_t index, uint64_t term);

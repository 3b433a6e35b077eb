/* The log on disk: SQLite in WAL mode with synchronous=FULL, written by one thread that takes all that is queued
 * into one transaction, so many proposals share one fsync.
 *
 * Each row carries a hash chained to the row before (chain.h). One sealed record says what the log has to hold: how many
 * commits it has seen, term and vote, where the rows begin and end, the hash of the last. It is part of every
 * transaction, and its gist goes to the watermark after each, before anybody hears of the commit. So a lost tail, a lost
 * vote, a row changed, dropped or moved, is found when the log is opened.
 *
 * Any error of the disk is the end: `fatal` is called once, nothing is written any more. */
#pragma once
#include "raft/chain.h"
#include "raft/snapshot_file.h"
#include "raft/world.h"

struct log_store;

struct log_store_config {
	const char *folder;            /* of log.db and watermark */
	const struct chain *chain;     /* chain and snapshots outlive the store */
	struct snapshots *snapshots;
	/* On the writer's thread: these are durable, in this order, linked by `next`. */
	void (*written)(void *context, struct log_job *jobs);
	void (*fatal)(void *context);
	void *context;
};

/* Makes log.db and watermark, empty. For a folder that is_fresh. ERR_IO, ERR_NO_MEMORY. */
enum err log_store_create(const char *folder, const struct chain *chain, struct complaint *complaint);
/* Opens the log, checks all of it against chain, watermark and snapshot, and starts the writer. What it holds goes to
 * *saved (the entries' references and the array are the caller's). ERR_DAMAGED with the file and what to do, ERR_IO,
 * ERR_NO_MEMORY. */
enum err log_store_open(const struct log_store_config *config, struct log_store **out,
                        struct saved_state *saved, struct complaint *complaint);
/* Writes what is queued (unless it failed), ends the thread. Jobs nobody took back are let go. Accepts NULL. */
void log_store_close(struct log_store *store);

/* Queues a job, which comes back by `written`. A job's file is a path in the snapshots' folder, of a wrapped and checked
 * snapshot (a char * from malloc): the writer puts it in place and sets it to NULL. A LOG_SNAPSHOT that is no newer than
 * the snapshot in place keeps its file. */
void log_store_write(struct log_store *store, struct log_job *job);
/* Waits until term and vote, and all that was queued before, are durable. ERR_IO. */
enum err log_store_vote(struct log_store *store, uint64_t term, uint64_t vote);
/* The newest durable snapshot; false if there is none. */
bool log_store_snapshot(struct log_store *store, uint64_t *index, uint64_t *term);
uint64_t log_store_syncs(struct log_store *store); /* commits since it was opened */

/* For those that nobody will take any more: the jobs (linked by `next`) with their entries and files, a saved state's
 * entries. */
void log_jobs_release(struct log_job *jobs);
void saved_state_release(struct saved_state *saved);

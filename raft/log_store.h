/* The log's writer from inside: log_sqlite.c (queue, thread, commits, beginning and end) and log_job.c (what each kind of
 * job does to the tables). */
#pragma once
#include "raft/disk_space.h"
#include "raft/log_load.h"
#include "raft/log_sqlite.h"
#include <pthread.h>
#include <stdatomic.h>

/* A vote is waited for by the one thread that asks, so there is at most one. */
struct vote {
	bool is_pending;
	uint64_t term, vote;
};

struct log_store {
	struct log_store_config config;
	struct log_table table;          /* the writer's, as are record and watermark */
	struct log_record record;
	struct watermark *watermark;
	struct disk_space space;
	int64_t slow_ms;                 /* when it was last said that the disk is slow */
	pthread_t writer;
	bool has_writer;
	atomic_uint_fast64_t syncs;

	pthread_mutex_t lock;            /* guards what follows */
	pthread_cond_t work, voted;
	struct log_job *first, **last;
	struct vote vote;
	bool is_closing, has_failed;
	bool has_snapshot;
	uint64_t snapshot_index, snapshot_term;
};

/* Within the transaction. The complaint is logged. */
enum err log_store_job(struct log_store *store, struct log_job *job);
/* Logs what SQLite says about `result`. */
enum err log_store_fail(struct log_store *store, int result);

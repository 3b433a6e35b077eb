/* What consensus needs of the world: a log that lasts, a network that may lose things, a state machine.
 * cratond is one world (consensus.c), the simulator another; the driver can't tell them apart.
 *
 * Everything here happens on the one thread that calls the driver, and nothing waits except log_vote (one
 * fsync, at elections), the machine's own functions and restore. The world never calls the driver from inside
 * one of these: what it has to say later it says with driver_written and its kin, from its own loop:
 *
 *	for (;;) {
 *		wait for events, no longer than until driver_timeout();
 *		driver_receive, driver_written, driver_propose, ... for all that is there;
 *		driver_settle();        (submits, applies, flushes, tells proposers: once for the batch)
 *	}
 *
 * An error from any of these is the end: the driver does nothing more, returns it from every call, and the
 * process must stop (fail-stop; a log that can't be written is not guessed about). */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"
#include <stdbool.h>
#include <stdint.h>

enum log_job_kind {
	LOG_ENTRIES,  /* delete everything from `index` on, then append the entries at `index`; one transaction */
	LOG_INSTALL,  /* a snapshot of the leader's: `meta` is the snapshot now, the log is empty after meta.index;
	               * one transaction; `file` becomes the snapshot's file */
	LOG_SNAPSHOT, /* a snapshot of our own: `meta` is the snapshot now, rows up to and including `trim_to` go;
	               * `file` becomes its file. Rows above stay as they are */
};

/* A durable write. The driver makes it, log_write takes it, driver_written gives it back when it is durable;
 * entries, file and the job itself are then the driver's to let go again.
 *
 * Jobs become durable in the order they were given, with one exception: a LOG_SNAPSHOT may come later than jobs
 * given after it (its file has to be completed first). If by then a snapshot with a higher index is in place,
 * it is skipped: not written, given back all the same. */
struct log_job {
	struct log_job *next;    /* the world's, while it has the job */
	enum log_job_kind kind;
	uint64_t index;          /* LOG_ENTRIES: of entries[0] */
	struct entry **entries;  /* one reference each, held by the job */
	size_t count;
	struct snapshot_meta meta;
	void *file;              /* the world's handle; NULL again once it took it over */
	uint64_t trim_to;
};

/* A proposal that has been applied here, under whatever index; may be told more than once for one request. */
struct applied_request {
	struct id request;
	uint64_t index;
};

struct world_ops {
	/* Queues the job; takes it, also on an error. */
	enum err (*log_write)(void *world, struct log_job *job);
	/* Durable when it returns, and so is every job given before it that is not a LOG_SNAPSHOT
	 * (their driver_written comes later all the same). */
	enum err (*log_vote)(void *world, uint64_t term, uint64_t vote);

	/* Keeps what it needs (bytes, or references to entries) before it returns. May lose, delay and repeat it;
	 * says nothing about that. `to` may be a node that is not in the configuration (one that is just
	 * joining, or of which this node hasn't heard yet): it is answered over any connection it has opened. */
	void (*send)(void *world, uint64_t to, const struct message *message);
	/* A MESSAGE_INSTALL and with it the newest durable snapshot's body, in chunks, at leisure; the other
	 * side's world calls driver_receive once all of it is there and verified. While one is on
	 * its way to that node another is not begun: this call is then ignored. */
	void (*send_snapshot)(void *world, uint64_t to, const struct message *install);
	/* A handle from install.file or driver_snapshot_taken that the driver doesn't want. */
	void (*file_discard)(void *world, void *file);

	/* Copy the state machine elsewhere; ends in driver_snapshot_taken. One at a time. */
	enum err (*snapshot_take)(void *world);
	/* The machine becomes what the newest durable snapshot says (machine_ops.restore). At the start, if the machine is
	 * behind it, and after each LOG_INSTALL. */
	enum err (*restore)(void *world, const struct snapshot_meta *meta);

	/* A batch has been applied and is visible: everything up to `index`. `requests` are those in it. */
	void (*applied)(void *world, uint64_t index, const struct applied_request *requests, size_t count);
	/* Who belongs has changed (at the start too): connect to these, let go of others. Not yet committed,
	 * perhaps; it is what the engine goes by. */
	void (*configuration)(void *world, const struct configuration *configuration);
	/* The end of what was begun under `ticket`: a barrier, a change of membership, a transfer, a snapshot. The
	 * complaint is empty on ERR_OK. */
	void (*finished)(void *world, uint64_t ticket, enum err err, uint64_t index,
	                 const struct complaint *complaint);
};

/* What the log held when it was opened. */
struct saved_state {
	uint64_t term, vote;             /* 0 if never written */
	bool has_snapshot;
	struct snapshot_meta snapshot;
	uint64_t first_index;            /* of entries[0]; if there are none, where the next row goes */
	struct entry **entries;          /* contiguous, checked against the chain; one reference each */
	size_t count;
};

/* Raft, decided one event at a time: the rules are libraft's raft_step(), what libraft leaves open or gets wrong is
 * made good here. No clock, disk, socket or thread: the world (world.h) has those and tells the driver what happened
 * and when. All calls come from one thread.
 *
 * Each function returns ERR_OK or what ended it: then this driver is dead, says the same for ever, and the process must
 * stop. Errors that are answers (ERR_BUSY, ERR_NOT_LEADER, ERR_TOO_BIG) end nothing; they come from driver_propose alone and
 * through finished(). */
#pragma once
#include "raft/world.h"

/* When something happens: milliseconds of one monotonic clock that starts above 0, and the wall's. */
struct moment {
	int64_t ms;
	int64_t wall_ms;
};

struct driver_config {
	uint64_t self;
	struct consensus_node self_node;     /* name and address, for an empty configuration */
	const struct consensus_node *founders; /* used if the log is empty; copied */
	size_t founder_count;                /* 0: waits to be taken in by a running cluster */
	int64_t election_ms, heartbeat_ms;
	int64_t contact_ms;                  /* 0: election_ms */
	uint64_t snapshot_entries;           /* take one after so many entries; 0: only when asked */
	uint64_t trailing_entries;           /* kept behind a snapshot */
	uint32_t inflight_entries;           /* to one follower, unacknowledged; 0: 512, the most there may be */
	uint32_t seed;                       /* election jitter */
	const struct world_ops *world_ops;
	void *world;
	const struct machine_ops *machine_ops; /* applied, apply, flush are called; snapshot and restore are the world's */
	void *machine;
};

struct driver;

/* Is the installed libraft the one this driver was proven against? ERR_CONFIG with what to do otherwise. */
enum err driver_engine_check(struct complaint *complaint);

/* Takes the saved entries' references, not the array (also on error). ERR_CONFIG, ERR_DAMAGED (a log that doesn't reach what the
 * machine has applied, or its own snapshot) with a complaint that says what to do; errors of the world. May call log_write,
 * log_vote, restore, configuration. A founder whose log is empty founds. */
enum err driver_start(const struct driver_config *config, struct saved_state *saved, struct moment now,
                      struct driver **out, struct complaint *complaint);
void driver_destroy(struct driver *driver); /* accepts NULL; whoever waits for something is not told */

/* A message that came from message->from, which the link has verified. Entries and meta stay the caller's
 * (message_release); install.file is taken: NULL afterwards. */
enum err driver_receive(struct driver *driver, struct moment now, struct message *message);
/* There is a new connection to that node: what was sent to it before may be lost. */
enum err driver_connected(struct driver *driver, struct moment now, uint64_t id);
/* The connection to that node has ended: it may have, too. */
enum err driver_disconnected(struct driver *driver, struct moment now, uint64_t id);
enum err driver_written(struct driver *driver, struct moment now, struct log_job *job);
/* The machine has been copied to `file`, which is its state as of `index`; or could not be (err, file NULL). */
enum err driver_snapshot_taken(struct driver *driver, struct moment now, enum err err, uint64_t index, void *file);
/* Anything whose time has come by driver_timeout(). Harmless when early. */
enum err driver_tick(struct driver *driver, struct moment now);
/* Ends a turn: after any number of the others. */
enum err driver_settle(struct driver *driver, struct moment now);
/* The moment (ms) by which driver_tick has to be called. */
int64_t driver_timeout(const struct driver *driver);

/* Brings it into the log, through whoever leads, again and again until world->applied has told of `request`
 * or it is withdrawn. Copies the data. ERR_TOO_BIG, ERR_BUSY (too much waits already), ERR_NO_MEMORY: not taken. The same
 * request while it still waits is taken once. */
enum err driver_propose(struct driver *driver, struct moment now, const struct id *request, const void *data, size_t size);
void driver_withdraw(struct driver *driver, const struct id *request); /* nobody waits for it any more */

/* These end in world->finished(ticket), perhaps before they return; at the latest at `deadline` (ms) with ERR_TIMEOUT. */
/* `index` such that all acknowledged before the call is at or below it, applied here. Any node. */
void driver_barrier(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline);
/* Done when every node has applied `index` or can not be in contact any more without it (consensus_settle). Any node. */
void driver_settle_index(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline, uint64_t index);
/* On the leader, one at a time; ERR_NOT_LEADER, ERR_BUSY, ERR_REFUSED with a sentence. Done when committed and applied here. */
void driver_add(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline, const struct consensus_node *node);
void driver_promote(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline, uint64_t id);
void driver_remove(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline, uint64_t id);
void driver_transfer(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline, uint64_t to);
/* This node would rather not lead, or would again. The leader is told: it hands leadership over to it if asked to by name; or
 * for want of another, but not that if it declines itself. It may be elected all the same. */
void driver_decline(struct driver *driver, bool declines);
/* Any node; index of the snapshot, which may be an older one if nothing has been applied since. */
void driver_snapshot(struct driver *driver, struct moment now, uint64_t ticket, int64_t deadline);

/* In contact (consensus.h) until then, on the clock of struct moment; as of the last driver_settle. */
int64_t driver_contact_until(const struct driver *driver);
uint64_t driver_commit_heard(const struct driver *driver); /* consensus_heard */

/* Fills in role, indexes, term, leader, peers (node, match_index), snapshots_*; the rest is the world's. */
void driver_status(const struct driver *driver, struct consensus_status *out);

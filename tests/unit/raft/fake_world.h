/* A world for one driver in which everything happens when the test says so. */
#pragma once
#include "raft/driver_internal.h"
#include "raft/envelope.h"
#include "raft/message.h"
#include <stdbool.h>

#define FAKE_SENT_MAX 512
#define FAKE_APPLIED_MAX 256

struct fake_sent {
	uint64_t to;
	struct message message;  /* its own: decoded from its bytes */
};

struct fake_world {
	struct driver *driver;
	struct moment now;
	struct fake_sent sent[FAKE_SENT_MAX];
	size_t sent_count;
	struct log_job *jobs;    /* oldest first */
	size_t job_count;
	uint64_t term, vote;     /* as last saved */
	unsigned votes_saved;
	enum err write_error;
	unsigned snapshots_asked;
	unsigned files_discarded;
	uint64_t restored;       /* index */
	unsigned configurations;
	struct configuration configuration;
	struct applied_request applied[FAKE_APPLIED_MAX];
	size_t applied_count;
	uint64_t applied_index;
	/* the machine */
	uint64_t machine_applied;
	unsigned flushes;
	uint64_t commands;
	/* what finished last */
	uint64_t ticket;
	enum err result;
	uint64_t result_index;
	struct complaint complaint;
};

struct consensus_node fake_node(uint64_t id);
/* What a log held: the founders' configuration at 1 (voters 1..voters), then `extra` commands of `extra_term`. */
struct saved_state fake_saved(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term);
struct entry *fake_configuration(uint64_t term, unsigned voters, uint64_t learner);
struct entry *fake_command(uint64_t term, uint64_t number);

/* Node 1, from `saved` (whose array it frees); NULL founders: none. ERR_OK or what driver_start said. */
enum err fake_start(struct fake_world *world, struct saved_state *saved, unsigned founders);
struct fake_world *fake_follower(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term);
/* Elected by node 2. Its own term's first entry is submitted, not committed. */
struct fake_world *fake_leader(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term);
/* Of three, with its own term's first entry, 2, committed and applied. */
struct fake_world *fake_settled_leader(void);
void fake_destroy(struct fake_world *world);

/* Hands over a message from `from`; takes what it holds. */
enum err fake_receive(struct fake_world *world, uint64_t from, struct message *message);
/* Entries' references are taken. */
enum err fake_append(struct fake_world *world, uint64_t from, uint64_t term, uint64_t prev, uint64_t prev_term,
                     uint64_t commit, struct entry **entries, uint32_t count);
enum err fake_append_result(struct fake_world *world, uint64_t from, uint64_t rejected, uint64_t last);
enum err fake_vote(struct fake_world *world, uint64_t from, uint64_t term, uint64_t last, uint64_t last_term, bool pre_vote);
enum err fake_install(struct fake_world *world, uint64_t from, uint64_t term, uint64_t index, uint64_t index_term);
/* The oldest write, or all of them, become durable. */
enum err fake_written(struct fake_world *world);
enum err fake_written_all(struct fake_world *world);
void fake_pass(struct fake_world *world, int64_t ms); /* and tick */
enum err fake_settle(struct fake_world *world);
/* Followers answer everything that was sent to them, until nothing is left to say. */
void fake_followers_agree(struct fake_world *world, unsigned voters);

/* The last message of this kind to that node; NULL if none was sent since the last fake_forget. */
const struct message *fake_last(const struct fake_world *world, enum message_kind kind, uint64_t to);
unsigned fake_count(const struct fake_world *world, enum message_kind kind, uint64_t to);
void fake_forget(struct fake_world *world);

/* Node 1 follows node 2 in `term`, its log ends at 1. */
struct fake_world *fake_following(uint64_t term);
struct id fake_request(uint8_t n);
void fake_propose(struct fake_world *world, uint8_t n); /* on node 1, of four bytes */
bool fake_was_applied(const struct fake_world *world, uint8_t n);
/* What ended last was ticket 5, so, and for a reason that has `why` in it; forgets it. */
bool fake_was_refused(struct fake_world *world, enum err err, const char *why);

/* Agreement among the nodes, whatever engine brings it about. Nothing above this
 * header sees the engine. One instance per process: a raft thread that owns
 * consensus and feeds the state machine, a writer thread for the log, a snapshot thread while
 * one is taken, and threads for the peers.
 *
 * An entry's data is wrapped here with request id, leader's wall clock and SHA-256;
 * DESIGN's "Entries" paragraph. At most ENTRY_SIZE_MAX bytes, checked before memory is taken. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"
#include "wire/address.h"
#include "wire/tls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_SIZE_MAX (16u << 20)
#define VOTERS_MAX 7
#define NODES_MAX 32

/* One committed entry, as the state machine sees it. */
struct committed {
	uint64_t index;
	int64_t time_ms;         /* the leader's wall clock when it was proposed */
	struct id request;       /* the proposer's; a retry has the same */
	const uint8_t *data;
	size_t size;
};

/* What consensus keeps in step. Called on the raft thread except where said. Applying is
 * deterministic and never fails for reasons of content; any error stops the process. */
struct machine_ops {
	/* Highest index whose effect survives a crash of this process. */
	uint64_t (*applied)(void *machine);
	enum err (*apply)(void *machine, const struct committed *entry);
	/* End of a batch of applies: make them visible together, before proposers are told. `index` may be
	 * higher than the last entry's (entries that are the engine's own). */
	enum err (*flush)(void *machine, uint64_t index);
	/* On the snapshot thread: a copy of itself as of one index, written to `path` (a new file). */
	enum err (*snapshot)(void *machine, const char *path, uint64_t *index);
	/* Becomes what the file says, which is the state as of `index`. */
	enum err (*restore)(void *machine, const char *path, uint64_t index);
};

struct consensus_node {
	uint64_t id;             /* never reused, 1.. */
	char name[IDENTITY_NAME_MAX + 1];
	struct address address;  /* where its peers reach it */
	bool voter;
};

struct consensus_config {
	const char *folder;      /* state: log.db, watermark, snapshots/, lock; mode 0700 */
	uint64_t self;           /* id */
	struct address listen;
	const struct consensus_node *founders; /* the cluster's first configuration, the same on every founder */
	size_t founder_count;    /* 1..NODES_MAX, of which the VOTERS_MAX lowest ids vote; 0 for a node that joins a running cluster */
	struct tls *tls;
	const struct secret *secret; /* the cluster's, 32 bytes */
	int64_t election_ms, heartbeat_ms;
	int64_t message_age_ms_max;  /* 30000 */
	int64_t contact_ms;          /* how long contact with the leader counts once it was confirmed (a lease); the same on every
	                              * node; 0: election_ms */
	uint64_t snapshot_entries;   /* take one after so many entries */
	uint64_t trailing_entries;   /* kept in the log behind a snapshot */
	const struct machine_ops *machine_ops;
	void *machine;
	/* Called once, from any thread, when consensus can't go on (storage error, second leader …): the
	 * process must end. The complaint is already logged. */
	void (*fatal)(void *context);
	void *context;
};

struct consensus;

/* Opens and checks the log against watermark, chain and the machine, then starts. ERR_DAMAGED, ERR_BUSY (locked by another process),
 * ERR_CONFIG, ERR_IO with a complaint that says what to do. */
enum err consensus_start(const struct consensus_config *config, struct consensus **out,
                         struct complaint *complaint);
/* Hands leadership over if it leads (until the deadline), ends all threads, closes the log. Calls that wait end with ERR_CLOSED;
 * none may begin any more. */
void consensus_stop(struct consensus *consensus, deadline_ms deadline);

/* On any node: gets the entry committed, through the leader whoever that is, and returns once it is applied
 * here (its index in *index). Sent again when leaders change, so the machine must recognise
 * request ids. ERR_TIMEOUT (it may yet be applied), ERR_TOO_BIG, ERR_CLOSED when stopping. */
enum err consensus_propose(struct consensus *consensus, const struct id *request,
                           const void *data, size_t size, deadline_ms deadline, uint64_t *index);
/* Waits until `index` is applied here. */
enum err consensus_wait(struct consensus *consensus, uint64_t index, deadline_ms deadline);
uint64_t consensus_applied(struct consensus *consensus); /* cheap: an atomic */
/* The highest index of which this node has heard that it is committed, applied here or not: of any leader, in the first word that it
 * hears of one. Never below consensus_applied. Cheap. */
uint64_t consensus_heard(struct consensus *consensus);
/* An index such that everything acknowledged before this call is at or below it, applied here
 * (linearizable reads; Raft dissertation §6.4). */
enum err consensus_barrier(struct consensus *consensus, deadline_ms deadline, uint64_t *index);

/* Contact: what stands between a deed and a node that could not hear of it. A node is in contact while a leader with a majority
 * behind it has confirmed, no longer than contact_ms ago, that it heard from this node, and everything the leader had committed
 * by then is applied here. Cheap: an atomic and the clock. Ask first, look into the directory after that: then what you find is not
 * older than anything that was settled when your call began. driver_contact.c says why. */
bool consensus_in_contact(struct consensus *consensus);
/* On any node, after `index` was committed: waits until every node has applied it or can no longer be in contact without having
 * done so. So nobody in contact acts on what was before `index` once this returns. At most about contact_ms after the commit (a
 * little more where the leader changed meanwhile), and no time at all for nodes that were out of contact already. ERR_TIMEOUT,
 * ERR_CLOSED when stopping. */
enum err consensus_settle(struct consensus *consensus, uint64_t index, deadline_ms deadline);

/* Membership (Raft dissertation §4, one server at a time), on the leader only: ERR_NOT_LEADER elsewhere. The complaint says
 * why not, in a sentence. */
enum err consensus_add(struct consensus *consensus, const struct consensus_node *node,
                       deadline_ms deadline, struct complaint *complaint);   /* as learner */
enum err consensus_promote(struct consensus *consensus, uint64_t id, deadline_ms deadline,
                           struct complaint *complaint);                     /* catches up, then votes */
enum err consensus_remove(struct consensus *consensus, uint64_t id, deadline_ms deadline,
                          struct complaint *complaint);
enum err consensus_transfer(struct consensus *consensus, uint64_t to, deadline_ms deadline,
                            struct complaint *complaint); /* to 0: whoever is there and furthest, and has
                               * not declined lately, and the next if that one goes; ERR_REFUSED at once if there is nobody, or the one
                               * named has gone. Costs nothing where this node doesn't
                               * lead, and may be asked again and again */
/* This node would rather not lead (what it leads for is out of order), or would again. From any thread, as often as one likes. The leader
 * hears of it within a heartbeat, and leadership is not handed over to it while there is anybody else; consensus_transfer to 0 on a
 * leader that declines itself refuses where all others do, too, rather than have it passed round. It may be elected all the same. */
void consensus_decline(struct consensus *consensus, bool declines);
enum err consensus_snapshot(struct consensus *consensus, deadline_ms deadline, uint64_t *index);

enum consensus_role { ROLE_FOLLOWER, ROLE_CANDIDATE, ROLE_LEADER, ROLE_LEARNER };
struct consensus_peer {
	struct consensus_node node;
	bool connected;          /* in either direction */
	uint64_t match_index;    /* known to the leader only */
	int64_t heard_ms_ago;    /* -1: never */
};
struct consensus_status {
	enum consensus_role role;
	uint64_t term, last_index, commit_index, applied_index, snapshot_index;
	uint64_t leader;         /* id, 0 if none is known */
	struct consensus_peer peers[NODES_MAX]; /* all nodes of the configuration but ourselves */
	size_t peer_count;
	uint64_t frames_refused; /* did not verify, too old, replayed */
	uint64_t snapshots_taken, snapshots_installed, log_syncs;
};
void consensus_status(struct consensus *consensus, struct consensus_status *out);

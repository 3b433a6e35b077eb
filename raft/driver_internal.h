/* The driver's insides, shared by driver*.c. The order of one turn is in driver_step.c. */
#pragma once
#include "raft/driver.h"
#include "raft/engine.h"
#include "raft/guard.h"
#include "raft/id_map.h"
#include "raft/memory_log.h"

/* Entries on their way to one follower that it hasn't acknowledged. */
#define INFLIGHT_ENTRIES_MAX 512
/* What a leader takes without commitment, and what a node keeps for its own proposers; always at least one. */
#define UNCOMMITTED_BYTES_MAX (64u << 20)
#define UNCOMMITTED_ENTRIES_MAX 8192
#define WAITING_BYTES_MAX (64u << 20)
#define WAITING_ENTRIES_MAX 65536
/* What a follower has on its way to the leader at a time. */
#define FORWARD_BYTES_MAX (4u << 20)
#define FORWARD_ENTRIES_MAX 512
/* What even a loaded machine gets across to the leader, in bytes a millisecond: so long a proposal is not missed. */
#define FORWARD_BYTES_PER_MS 4096u
#define RESEND_DOUBLINGS_MAX 4
#define LARGE_BYTES (256u << 10)
/* Applied between two looks at the clock and the network. */
#define APPLY_ENTRIES_MAX 1024
/* A snapshot is also taken after so many bytes of entries. */
#define SNAPSHOT_BYTES (64u << 20)

/* Who belonged as of which entry: kept from the last snapshot on, since the next one is of a place that is not
 * known before it is taken. */
struct configuration_mark {
	uint64_t index;
	struct configuration configuration;
};

struct proposal {
	struct proposal *next, *previous; /* in `waiting` or in `sent`, oldest first */
	struct id request;
	struct entry *entry;     /* the bare data */
	bool sent;
	unsigned times;          /* it was sent, to this leader over this connection */
	int64_t due_ms;          /* sent again then */
};
struct proposal_list {
	struct proposal *first, *last;
	size_t count, bytes;
};

/* What this leader has put into the log and not applied yet, by request: a retry doesn't go in again. */
struct accepted {
	size_t bytes;
};
/* A proposal to be put into the log at the end of the turn. */
struct submission {
	struct id request;
	struct entry *entry;
};

struct heard {
	uint64_t id;
	int64_t ms;
	int64_t snapshot_until_ms; /* no other snapshot goes to it before */
	unsigned snapshot_doublings; /* of the pause until then */
	uint64_t commit_told;    /* the highest commit index that was sent to it */
	uint64_t large_index, large_term; /* of the last entries sent to it that take long */
	unsigned large_times;
	int64_t large_until_ms;  /* they are not sent again before */
	int64_t declined_ms;     /* it did not take leadership over when asked; 0: it never has */
	int64_t gone_ms;         /* the connection to it ended then, and there is no other; 0: there is one, or never was */
	bool declines;           /* as it said last */
};

enum change_stage { CHANGE_NONE, CHANGE_CATCHING_UP, CHANGE_READY, CHANGE_SUBMITTED };
struct change {
	enum change_stage stage;
	uint64_t ticket;
	int64_t deadline;
	struct configuration wanted;
	uint64_t learner;        /* catching up */
	uint64_t round_index;
	int64_t round_ms;
	struct entry *entry;     /* SUBMITTED, as of `index` */
	uint64_t index;
};

struct transfer {
	uint64_t ticket;         /* 0: none */
	int64_t deadline;
	int64_t until_ms;        /* no submissions for longer */
	uint64_t to;
	bool any;                /* whoever is fittest: it was not asked for by name */
	bool stepped;
};

struct ticket {
	struct ticket *next;
	uint64_t ticket;
	int64_t deadline;
};

/* A barrier of this node's, or its wish to have an index settled: asks the leader, then waits to have applied what it was told. */
struct barrier {
	struct barrier *next;
	uint64_t ticket;
	int64_t deadline;
	uint64_t number;
	uint64_t settles;        /* 0: it is a barrier */
	uint64_t index;          /* 0: not answered yet */
	int64_t asked_ms;
	uint64_t asked_term;     /* whose leader */
};
/* A leader's reader, waiting for a round that began after it asked. */
struct reader {
	struct reader *next;
	uint64_t asker, number;
	uint64_t round;          /* 0: not in one yet */
};

/* What a leader knows of a node in its term; of itself too. Times are the leader's. */
struct contact {
	uint64_t id;             /* 0: not used */
	uint64_t applied;        /* as it said */
	uint64_t wanted;         /* it was asked to say so when it has applied this */
	int64_t heard_ms;        /* at this moment, or later, it was in our term; -1: not known to be */
	int64_t granted_ms;      /* the last grant; -1: none */
};
/* A leader's word, good for contact_ms from from_ms on (our clock), as soon as `commit` is applied. */
struct grant {
	int64_t from_ms;
	uint64_t commit;
};
#define GRANTS_MAX 16
#define NEVER_MS (INT64_MIN / 2)
struct lease {
	int64_t until_ms;        /* in contact until then */
	struct grant grants[GRANTS_MAX]; /* not applied yet, oldest first */
	size_t grant_count;
	int64_t next_ms;         /* when the leader hears of us again */
	uint64_t salt;           /* stamps of another life of this node say nothing */
	uint64_t leader_term, leader_at; /* the leader's clock in its last word, and of which term that was */
	uint64_t applied_told, applied_wanted; /* what the leader has heard that we applied, and would like to hear at once */
	uint64_t commit_heard;   /* the highest that any leader has named */
	bool is_in;              /* as last logged */
};
/* Somebody who waits on the leader for an index to be settled. */
struct settler {
	struct settler *next;
	uint64_t asker, number, index;
	int64_t since_ms;        /* whatever is granted from then on knows of the index; -1: it is not committed yet */
};

struct driver {
	struct raft raft;
	bool engine_runs;        /* raft_init has been called */
	struct driver_config config;
	struct consensus_node *founders;
	enum err dead;
	struct moment now;

	struct memory_log log;
	struct guard guard;
	uint64_t stored;         /* all up to here is durable, and the log's */
	uint64_t confirmed;      /* the engine knows of all committed configurations up to here */
	uint64_t applied;
	uint64_t machine_floor;  /* the machine had applied this when we started: it isn't given that again */
	size_t bytes_applied;    /* since the last snapshot */

	struct raft_configuration engine_configuration; /* as last told to the world */
	struct configuration configuration;
	struct configuration_mark *marks;
	size_t mark_count;

	struct snapshot_meta snapshot; /* durable; index 0: none */
	bool taking;
	int64_t snapshot_again_ms; /* none is taken unasked before: the last one failed */
	struct ticket *snapshot_tickets;
	uint64_t snapshots_taken, snapshots_installed;

	struct heard heard[NODES_MAX + 1];
	size_t heard_count;

	uint64_t leading_term;   /* we lead in it; 0: we don't */
	uint64_t leader, leader_term; /* whom proposals go to */

	struct id_map proposals;
	struct proposal_list waiting, sent;
	int64_t resend_ms;       /* nothing of what was sent is due before */
	struct id_map accepted;
	size_t accepted_bytes;
	struct submission *submissions;
	size_t submission_count, submission_capacity;
	struct applied_request *told;
	size_t told_count, told_capacity;

	struct change change;
	struct transfer transfer;
	bool declines;           /* this node would rather not lead */

	struct barrier *barriers;
	uint64_t barrier_number;
	struct reader *readers;
	uint64_t round;          /* number of the last one begun */
	uint64_t round_index;    /* commit index when it began */
	bool round_runs;
	int64_t round_asked_ms;
	uint64_t round_voters[NODES_MAX];
	size_t round_voter_count;

	struct lease lease;
	struct contact contacts[NODES_MAX]; /* on the leader */
	int64_t led_since_ms;
	int64_t configured_ms;   /* when we learned of the newest configuration; NEVER_MS for the founders' */
	struct settler *settlers;
	int64_t settle_due_ms;   /* when the first of them is told even if nobody is heard of */
};

/* What a step is given besides the engine's event: our own idea of the bytes the engine only sees the terms of. */
struct step {
	struct raft_event event;
	struct message *message; /* RECEIVE */
	struct entry *const *entries;
	uint64_t index;          /* of entries[0] */
	void *batch;             /* RECEIVE: the engine's block, ours to free if the entries were taken */
};

/* driver_step.c */
void driver_step(struct driver *d, struct step *step);
void driver_fail(struct driver *d, enum err err, const char *what);
uint64_t driver_term_of(const struct driver *d, uint64_t index); /* 0: unknown */
bool driver_leads(const struct driver *d);
bool driver_own_term_committed(const struct driver *d); /* what a leader's own commit index is worth */
bool driver_is_voter(const struct driver *d, uint64_t id);
/* driver_receive.c */
void driver_step_message(struct driver *d, struct message *m);
/* driver_send.c */
void driver_send_all(struct driver *d, const struct raft_update *update);
/* Followers that hold all that is committed and have not heard so hear it now. */
void driver_tell_commit(struct driver *d);
void driver_send(struct driver *d, uint64_t to, struct message *message);
/* How long so many bytes are not missed that were sent `times` times before: a node that is busy is not made more so by saying it
 * all again. */
int64_t driver_patience_ms(const struct driver *d, size_t bytes, unsigned times);
struct heard *driver_heard(struct driver *d, uint64_t id);
/* driver_apply.c */
void driver_apply(struct driver *d);
bool driver_has_more_to_apply(const struct driver *d);
uint64_t driver_applied(const struct driver *d); /* by the machine, perhaps before we started */
/* driver_snapshot.c */
void driver_snapshot_install(struct driver *d, const struct step *step, struct raft_update *update);
void driver_snapshot_written(struct driver *d, struct log_job *job);
void driver_snapshot_if_due(struct driver *d);
void driver_snapshot_tick(struct driver *d);
enum err driver_mark(struct driver *d, uint64_t index, const struct configuration *configuration);
const struct configuration_mark *driver_mark_at(const struct driver *d, uint64_t index);
enum err driver_engine_meta(const struct snapshot_meta *meta, struct raft_snapshot_metadata *out);
/* driver_propose.c */
void driver_submit(struct driver *d);
void driver_submission(struct driver *d, const struct id *request, struct entry *entry);
void driver_resend(struct driver *d);
void driver_proposals_again(struct driver *d); /* to another leader, or the same in another term */
void driver_proposal_applied(struct driver *d, const struct id *request);
void driver_accepted_forget(struct driver *d);
bool driver_submit_entry(struct driver *d, struct entry *entry);
/* driver_member.c */
void driver_member_chores(struct driver *d);
void driver_member_lost(struct driver *d);
/* Says no for the reasons that all changes and handovers share; true if it said so. */
bool driver_member_refused(struct driver *d, uint64_t ticket);
/* driver_transfer.c */
void driver_transfer_chores(struct driver *d); /* while one is under way */
int64_t driver_transfer_timeout(const struct driver *d);
bool driver_may_submit(const struct driver *d);
/* driver_read.c */
void driver_read_receive(struct driver *d, const struct message *message);
void driver_read_chores(struct driver *d);
void driver_read_lost(struct driver *d);
void driver_read_again(struct driver *d); /* what was asked of the leader may be lost */
/* driver_contact.c */
void driver_contact_asked(struct driver *d, const struct message *message); /* MESSAGE_CONTACT */
void driver_grant_self(struct driver *d); /* a leader, as to any other */
void driver_contact_led(struct driver *d); /* leads from now on, or no longer */
void driver_contact_configured(struct driver *d);
struct contact *driver_contact_of(struct driver *d, uint64_t id);
int64_t driver_contact_ms(const struct driver *d);
int64_t driver_contact_over_ms(const struct driver *d); /* after which a grant has ended, whoever keeps the time */
/* driver_lease.c */
void driver_contact_start(struct driver *d);
void driver_contact_receive(struct driver *d, const struct message *message); /* any message: it takes its part */
void driver_contact_chores(struct driver *d);
int64_t driver_contact_timeout(const struct driver *d);
void driver_granted(struct driver *d, int64_t from_ms, uint64_t commit);
/* driver_settle.c */
void driver_settle_wish(struct driver *d, uint64_t asker, uint64_t number, uint64_t index);
void driver_settle_chores(struct driver *d);
void driver_settle_lost(struct driver *d);
void driver_settled(struct driver *d, uint64_t number, uint64_t index); /* a wish of our own */

void driver_finished(struct driver *d, uint64_t ticket, enum err err, uint64_t index, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

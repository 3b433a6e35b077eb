/* What raft_step() of libraft 0.22.1 gets wrong or leaves to its caller, put right before or after it. Each guard is a
 * decision over the engine's public state and what little the driver remembers; tests/unit/raft/ has for each
 * a story of what the bare engine does and of what the driver does. The driver's guards that need
 * a conversation (membership, transfer) are in driver_member.c and driver_transfer.c. */
#pragma once
#include "raft/engine.h"
#include "raft/memory_log.h"
#include "raft/message.h"

/* What the guards remember. */
struct guard {
	uint64_t commit;         /* the highest commit index there ever was */
	uint64_t snapshot_index; /* of the last durable snapshot, or the one being installed */
	uint64_t snapshot_term;
	int64_t leader_seen_ms;  /* when a leader of the current term was last heard from */
	int64_t timeout_fired_ms;
	bool installing;         /* a LOG_INSTALL is not durable yet */
};

enum guard_verdict {
	GUARD_STEP,  /* hand it, perhaps edited, to the engine */
	GUARD_DROP,
	GUARD_REPLY, /* don't; `reply` goes back to the sender */
	GUARD_FATAL, /* can't be: stop */
};

/* Looks at a message before it is stepped. An APPEND may be shortened at its front: entries and count are moved
 * on, so the caller keeps its own idea of what to free. */
enum guard_verdict guard_receive(const struct guard *guard, const struct raft *raft, struct message *message,
                                 struct message *reply);
/* How many of the leading entries may go into one step. */
uint32_t guard_chunk(struct entry *const *entries, uint32_t count);
/* The index of our pending configuration if this message proves it committed, else 0. `term_at_prev`: of our
 * own entry at message->append.prev_index. */
uint64_t guard_pending_change(const struct raft *raft, const struct message *message, uint64_t term_at_prev);

/* Around the step of a RequestVote. `granted` after: whether the engine's refusal has been turned into a vote. */
void guard_vote_before(const struct guard *guard, const struct raft *raft, struct message *message, int64_t now_ms);
bool guard_vote_after(const struct guard *guard, struct raft *raft, const struct message *message,
                      uint64_t last_index, uint64_t last_term, struct raft_update *update);

/* Edits a message before it is sent. */
void guard_send(const struct guard *guard, const struct raft *raft, const struct memory_log *log,
                struct message *message);
/* When the next RAFT_TIMEOUT is due. */
int64_t guard_timeout(const struct guard *guard, const struct raft *raft);
/* The connection to that node has ended: if it was to lead next, the engine waits for it no longer. */
void guard_transferee_gone(struct raft *raft, uint64_t id);
/* A sole voter would lead again in the term it led in before. */
bool guard_sole_voter(const struct configuration *configuration, uint64_t self);

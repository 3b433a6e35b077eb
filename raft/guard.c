#include "raft/guard.h"
#include <string.h>

/* Vote results are kept in a part of struct raft that other states use for other things; the engine writes
 * there without asking what it is. */
static enum guard_verdict vote_result(const struct raft *raft, const struct message *m)
{
	if (raft->state != RAFT_CANDIDATE)
		return GUARD_DROP;
	for (unsigned i = 0; i < raft->configuration.n; i++)
		if (raft->configuration.servers[i].id == m->from)
			return raft->configuration.servers[i].role == RAFT_VOTER ? GUARD_STEP : GUARD_DROP;
	return GUARD_DROP;
}

/* A rejection at or below what is known to match is an old one that took the long way. In probe state the
 * engine would believe it, and stop sending entries to that follower for the rest of the term. */
static enum guard_verdict append_result(const struct raft *raft, const struct message *m)
{
	raft_index match;
	if (raft->state != RAFT_LEADER || !m->append_result.rejected || m->term != raft->current_term)
		return GUARD_STEP;
	if (raft_match_index(raft, m->from, &match) == 0 && m->append_result.rejected <= match)
		return GUARD_DROP;
	return GUARD_STEP;
}

/* The engine answers a leader of an older term with an index it never set, as a success. Ours says nothing but
 * the term. */
static enum guard_verdict answer_stale(const struct raft *raft, const struct message *m, struct message *reply)
{
	memset(reply, 0, sizeof *reply);
	reply->kind = MESSAGE_APPEND_RESULT;
	reply->from = raft->id;
	reply->term = raft->current_term;
	reply->append_result.features = 1;
	(void)m;
	return GUARD_REPLY;
}

/* What lies below our snapshot is committed, so it matches; the engine knows it no more, and would refuse down
 * to 0 and then write the entries where they don't belong. */
static void trim_below_snapshot(const struct guard *guard, struct message *m)
{
	if (guard->installing || m->append.prev_index >= guard->snapshot_index)
		return;
	uint64_t cut = guard->snapshot_index - m->append.prev_index;
	if (cut > m->append.count)
		cut = m->append.count;
	if (cut) /* a heartbeat has no array to move on in */
		m->append.entries += cut;
	m->append.count -= (uint32_t)cut;
	m->append.prev_index = guard->snapshot_index;
	m->append.prev_term = guard->snapshot_term;
}

/* A shorter or repeated message with a newer commit index would move ours back to the end of what it carries. */
static void keep_commit(const struct guard *guard, struct message *m)
{
	if (m->append.prev_index + m->append.count < guard->commit && m->append.commit > guard->commit)
		m->append.commit = guard->commit;
}

static enum guard_verdict from_leader(const struct guard *guard, const struct raft *raft, struct message *m,
                                      struct message *reply)
{
	if (m->term < raft->current_term)
		return answer_stale(raft, m, reply);
	if (m->term == raft->current_term && raft->state == RAFT_LEADER)
		return GUARD_FATAL;
	if (m->kind == MESSAGE_INSTALL)
		return guard->installing ? GUARD_DROP : GUARD_STEP; /* the engine would leak the second */
	trim_below_snapshot(guard, m);
	keep_commit(guard, m);
	return GUARD_STEP;
}

enum guard_verdict guard_receive(const struct guard *guard, const struct raft *raft, struct message *m,
                                 struct message *reply)
{
	switch (m->kind) {
	case MESSAGE_VOTE_RESULT:
		return vote_result(raft, m);
	case MESSAGE_APPEND_RESULT:
		return append_result(raft, m);
	case MESSAGE_APPEND:
	case MESSAGE_INSTALL:
		return from_leader(guard, raft, m, reply);
	default:
		return GUARD_STEP;
	}
}

/* The engine gives every configuration in a message the index of the message's first new entry. */
uint32_t guard_chunk(struct entry *const *entries, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (entries[i]->type == ENTRY_CONFIGURATION)
			return i;
	return count;
}

/* A leader has one change pending at most, so a later one in its log proves the earlier committed. The engine
 * doesn't draw that conclusion, and would later roll back to the wrong one. */
uint64_t guard_pending_change(const struct raft *raft, const struct message *m, uint64_t term_at_prev)
{
	uint64_t pending = raft->configuration_uncommitted_index;
	if (!pending || raft->state != RAFT_FOLLOWER || m->term != raft->current_term ||
	    pending > m->append.prev_index || term_at_prev != m->append.prev_term)
		return 0;
	return pending;
}

/* The engine holds a leader it once heard of for alive until its own timer says otherwise, on a non-voter for ever. One
 * that has been silent for an election timeout protects nobody. */
void guard_vote_before(const struct guard *guard, const struct raft *raft, struct message *m, int64_t now_ms)
{
	if (m->kind == MESSAGE_VOTE && raft->state == RAFT_FOLLOWER &&
	    now_ms - guard->leader_seen_ms >= (int64_t)raft->election_timeout)
		m->vote.disrupt_leader = true;
}

static bool may_vote(const struct raft *raft, const struct message *m, uint64_t last_index, uint64_t last_term)
{
	if (m->vote.pre_vote ? m->term < raft->current_term : m->term != raft->current_term)
		return false;
	if (!m->vote.pre_vote && raft->voted_for && raft->voted_for != m->vote.candidate)
		return false;
	return m->vote.last_term > last_term ||
	       (m->vote.last_term == last_term && m->vote.last_index >= last_index);
}

static bool is_own_voter(const struct raft *raft)
{
	for (unsigned i = 0; i < raft->configuration.n; i++)
		if (raft->configuration.servers[i].id == raft->id)
			return raft->configuration.servers[i].role == RAFT_VOTER;
	return false;
}

/* Dissertation 4.2.2: a server votes whether or not its own newest configuration says that it may, since that one
 * may never be committed; only the candidate's counts. The engine refuses. */
bool guard_vote_after(const struct guard *guard, struct raft *raft, const struct message *m, uint64_t last_index,
                      uint64_t last_term, struct raft_update *update)
{
	if (guard->installing || !m->vote.disrupt_leader || raft->state != RAFT_FOLLOWER || !last_index ||
	    is_own_voter(raft) || !(update->flags & (RAFT_UPDATE_MESSAGES)) || !may_vote(raft, m, last_index, last_term))
		return false;
	bool granted = false;
	for (unsigned i = 0; i < update->messages.n; i++) {
		struct raft_message *answer = &update->messages.batch[i];
		if (answer->type != RAFT_REQUEST_VOTE_RESULT || answer->server_id != m->from ||
		    answer->request_vote_result.vote_granted)
			continue;
		answer->request_vote_result.vote_granted = true;
		granted = true;
		if (!m->vote.pre_vote) {
			raft->voted_for = m->vote.candidate;
			update->flags |= RAFT_UPDATE_VOTED_FOR;
		}
	}
	return granted;
}

/* A refusal names the place before the whole run of entries of the conflicting term, so that the leader skips
 * them in one round trip; never below what is committed. */
static void better_hint(const struct guard *guard, const struct memory_log *log, struct message *m)
{
	uint64_t i = m->append_result.rejected;
	const struct entry *entry = i > guard->commit ? memory_log_get(log, i) : NULL;
	if (!entry)
		return;
	const struct entry *before;
	while (i > guard->commit + 1 && (before = memory_log_get(log, i - 1)) && before->term == entry->term)
		i--;
	if (m->append_result.last_index > i - 1)
		m->append_result.last_index = i - 1;
}

void guard_send(const struct guard *guard, const struct raft *raft, const struct memory_log *log, struct message *m)
{
	/* A refused pre-vote carries the term asked for. A candidate behind would never learn of ours. */
	if (m->kind == MESSAGE_VOTE_RESULT && m->vote_result.pre_vote && !m->vote_result.granted &&
	    raft->current_term > m->term)
		m->term = raft->current_term;
	if (m->kind == MESSAGE_APPEND_RESULT)
		better_hint(guard, log, m);
}

/* On a leader the engine may name a time in the past for ever (a server it no longer sends to). And each
 * timeout demotes followers that haven't answered since the last, so there must not be too many. */
int64_t guard_timeout(const struct guard *guard, const struct raft *raft)
{
	int64_t due = (int64_t)raft_timeout(raft);
	int64_t rest = raft->state == RAFT_LEADER ? (int64_t)raft->heartbeat_timeout / 2 : 1;
	return due < guard->timeout_fired_ms + rest ? guard->timeout_fired_ms + rest : due;
}

/* The engine waits an election timeout for whoever was told to take over, and takes nothing in meanwhile. A leader may resume at any
 * time (dissertation 3.10): what it then does is done here earlier. If the other has heard it all the same it is elected, or not. */
void guard_transferee_gone(struct raft *raft, uint64_t id)
{
#ifdef PLANT_WAIT_FOR_GONE /* a mistake for the simulator to find */
	id = 0;
#endif
	if (raft->state != RAFT_LEADER || raft->leader_state.transferee != id)
		return;
	raft->leader_state.transferee = 0;
	raft->leader_state.transferring = false;
}

bool guard_sole_voter(const struct configuration *configuration, uint64_t self)
{
	const struct consensus_node *node = configuration_find(configuration, self);
	return node && node->voter && configuration_voters(configuration) == 1;
}

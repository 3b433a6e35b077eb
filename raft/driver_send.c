/* The engine's messages become ours: it names places in the log, we add the bytes. */
#include "raft/driver_internal.h"
#include <string.h>

/* What was sent is being received, checked and restored for so long; if it was lost with its connection, no time at all. Where that is
 * not enough it is given twice as long the next time, since one more would only keep the node from the one it has. */
#define SNAPSHOT_PAUSE_ELECTIONS 5
#define SNAPSHOT_DOUBLINGS_MAX 2

struct heard *driver_heard(struct driver *d, uint64_t id)
{
	size_t oldest = 0;
	for (size_t i = 0; i < d->heard_count; i++) {
		if (d->heard[i].id == id)
			return &d->heard[i];
		if (d->heard[i].ms < d->heard[oldest].ms)
			oldest = i;
	}
	if (d->heard_count <= NODES_MAX)
		oldest = d->heard_count++;
	d->heard[oldest] = (struct heard){ .id = id, .ms = -1 };
	return &d->heard[oldest];
}

void driver_send(struct driver *d, uint64_t to, struct message *message)
{
	message->from = d->config.self;
	if (d->dead == ERR_OK)
		d->config.world_ops->send(d->config.world, to, message);
}

int64_t driver_patience_ms(const struct driver *d, size_t bytes, unsigned times)
{
	unsigned doublings = times < RESEND_DOUBLINGS_MAX ? times : RESEND_DOUBLINGS_MAX;
	return (d->config.election_ms + (int64_t)(bytes / FORWARD_BYTES_PER_MS)) << doublings;
}

/* The engine sends a follower that it is not sure of the same entries with every heartbeat. Many megabytes of them, each time, keep
 * both so busy that they lose each other. Those that may still be on their way are left out: what remains is a heartbeat. */
static bool is_on_its_way(struct driver *d, struct heard *peer, uint64_t index, struct entry *const *entries, uint32_t count)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		bytes += entries[i]->size;
	if (bytes < LARGE_BYTES)
		return false;
	bool again = peer->large_index == index && peer->large_term == entries[0]->term;
	if (again && d->now.ms < peer->large_until_ms)
		return true;
	peer->large_times = again ? peer->large_times + 1 : 0;
	peer->large_index = index;
	peer->large_term = entries[0]->term;
	peer->large_until_ms = d->now.ms + driver_patience_ms(d, bytes, peer->large_times);
	return false;
}

/* As many of the entries from `index` on as go into one message. */
static uint32_t fill(const struct driver *d, uint64_t index, uint64_t end, struct entry **entries)
{
	size_t bytes = 0;
	uint32_t count = 0;
	for (; index < end && count < INFLIGHT_ENTRIES_MAX; index++, count++) {
		struct entry *entry = memory_log_get(&d->log, index);
		if (!entry || (count && bytes + entry->size > MESSAGE_SIZE_GOAL))
			break;
		bytes += entry->size;
		entries[count] = entry;
	}
	return count;
}

/* The engine counts all it asked for as sent, so all of it goes, in as many messages as it takes. */
static void send_append(struct driver *d, const struct raft_message *from)
{
	const struct raft_append_entries *append = &from->append_entries;
	struct entry *entries[INFLIGHT_ENTRIES_MAX];
	struct message m = { .kind = MESSAGE_APPEND, .term = append->term };
	uint64_t index = append->prev_log_index + 1, end = index + append->n_entries;
	m.append.entries = entries;
	m.append.commit = append->leader_commit;
	m.append.prev_term = append->prev_log_term;
	struct heard *peer = driver_heard(d, from->server_id);
	peer->commit_told = append->leader_commit;
	do {
		m.append.prev_index = index - 1;
		m.append.count = fill(d, index, end, entries);
		if (index < end && !m.append.count) {
			driver_fail(d, ERR_DAMAGED, "an entry to be sent is not in memory");
			return;
		}
		if (is_on_its_way(d, peer, index, entries, m.append.count)) {
			m.append.count = 0;
			driver_send(d, from->server_id, &m);
			return;
		}
		driver_send(d, from->server_id, &m);
		index += m.append.count;
		m.append.prev_term = m.append.count ? entries[m.append.count - 1]->term : 0;
	} while (index < end);
}

/* Of the pause after this snapshot; when the last one has been over for long, this is another occasion. */
static int64_t snapshot_pause_ms(const struct driver *d, struct heard *peer)
{
	int64_t pause_ms = SNAPSHOT_PAUSE_ELECTIONS * d->config.election_ms;
	bool again = peer->snapshot_until_ms && d->now.ms - peer->snapshot_until_ms < pause_ms;
	if (!again)
		peer->snapshot_doublings = 0;
	else if (peer->snapshot_doublings < SNAPSHOT_DOUBLINGS_MAX)
		peer->snapshot_doublings++;
	return pause_ms << peer->snapshot_doublings;
}

/* Heartbeats that overtake a snapshot make the engine ask for it again and again. */
static void send_install(struct driver *d, const struct raft_message *from)
{
	struct heard *peer = driver_heard(d, from->server_id);
	struct message m = { .kind = MESSAGE_INSTALL, .term = from->install_snapshot.term, .from = d->config.self };
	if (!d->snapshot.index || d->snapshot.index != from->install_snapshot.last_index)
		return;
	if (d->now.ms < peer->snapshot_until_ms)
		return;
	peer->snapshot_until_ms = d->now.ms + snapshot_pause_ms(d, peer);
	m.install.meta = &d->snapshot;
	d->config.world_ops->send_snapshot(d->config.world, from->server_id, &m);
}

static void convert(const struct raft_message *from, struct message *m)
{
	switch (from->type) {
	case RAFT_REQUEST_VOTE:
		m->kind = MESSAGE_VOTE;
		m->term = from->request_vote.term;
		m->vote.candidate = from->request_vote.candidate_id;
		m->vote.last_index = from->request_vote.last_log_index;
		m->vote.last_term = from->request_vote.last_log_term;
		m->vote.disrupt_leader = from->request_vote.disrupt_leader;
		m->vote.pre_vote = from->request_vote.pre_vote;
		break;
	case RAFT_REQUEST_VOTE_RESULT:
		m->kind = MESSAGE_VOTE_RESULT;
		m->term = from->request_vote_result.term;
		m->vote_result.granted = from->request_vote_result.vote_granted;
		m->vote_result.pre_vote = from->request_vote_result.pre_vote;
		m->vote_result.features = from->request_vote_result.features;
		break;
	case RAFT_APPEND_ENTRIES_RESULT:
		m->kind = MESSAGE_APPEND_RESULT;
		m->term = from->append_entries_result.term;
		m->append_result.rejected = from->append_entries_result.rejected;
		m->append_result.last_index = from->append_entries_result.last_log_index;
		m->append_result.features = from->append_entries_result.features;
		break;
	case RAFT_TIMEOUT_NOW:
		m->kind = MESSAGE_TIMEOUT_NOW;
		m->term = from->timeout_now.term;
		m->timeout_now.last_index = from->timeout_now.last_log_index;
		m->timeout_now.last_term = from->timeout_now.last_log_term;
		break;
	default:
		break;
	}
}

static void send_one(struct driver *d, const struct raft_message *from)
{
	struct message m;
	memset(&m, 0, sizeof m);
	if (from->type == RAFT_APPEND_ENTRIES) {
		send_append(d, from);
	} else if (from->type == RAFT_INSTALL_SNAPSHOT) {
		send_install(d, from);
	} else {
		convert(from, &m);
		guard_send(&d->guard, &d->raft, &d->log, &m);
		driver_send(d, from->server_id, &m);
	}
}

/* What is committed a follower learns with the next message, which may be a heartbeat away; whoever waits there for a proposal
 * of its own would wait that long. An empty AppendEntries may go out at any time (Raft §5.3): from what the follower is known to
 * hold, so it can only agree. Those that hold less hear of it with the entries they lack. */
void driver_tell_commit(struct driver *d)
{
	if (d->dead != ERR_OK || !driver_leads(d))
		return;
	for (size_t i = 0; i < d->configuration.count; i++) {
		uint64_t id = d->configuration.nodes[i].id;
		raft_index match = 0;
		struct message m = { .kind = MESSAGE_APPEND, .term = d->raft.current_term };
		if (id == d->raft.id || raft_match_index(&d->raft, id, &match) != 0 || match < d->guard.commit)
			continue;
		struct heard *peer = driver_heard(d, id);
		m.append.prev_index = match;
		m.append.prev_term = driver_term_of(d, match);
		m.append.commit = d->guard.commit;
		if (!m.append.prev_term || peer->commit_told >= d->guard.commit)
			continue;
		peer->commit_told = d->guard.commit;
		driver_send(d, id, &m);
	}
}

void driver_send_all(struct driver *d, const struct raft_update *update)
{
	if (!(update->flags & (RAFT_UPDATE_MESSAGES)))
		return;
	for (unsigned i = 0; d->dead == ERR_OK && i < update->messages.n; i++)
		send_one(d, &update->messages.batch[i]);
}

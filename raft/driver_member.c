/* Who belongs. One server differs per change (dissertation 4.3); a change goes into the log only when an entry of the
 * leader's own term is committed and no other change is pending, which the engine doesn't insist on. */
#include "raft/driver_internal.h"
#include <stdlib.h>
#include <string.h>

static void change_end(struct driver *d, enum err err, uint64_t index, const char *why)
{
	uint64_t ticket = d->change.ticket;
	entry_drop(d->change.entry);
	memset(&d->change, 0, sizeof d->change);
	driver_finished(d, ticket, err, index, "%s", why);
}

bool driver_member_refused(struct driver *d, uint64_t ticket)
{
	if (d->dead != ERR_OK)
		driver_finished(d, ticket, d->dead, 0, "this node has stopped");
	else if (!driver_leads(d))
		driver_finished(d, ticket, ERR_NOT_LEADER, 0, "node %llu does not lead; ask node %llu",
		                d->raft.id, (unsigned long long)d->leader);
	else if (d->change.stage != CHANGE_NONE)
		driver_finished(d, ticket, ERR_BUSY, 0, "another change of membership is under way; ask again when it is done");
	else if (d->transfer.ticket)
		driver_finished(d, ticket, ERR_BUSY, 0, "leadership is being handed over; ask the next leader");
	else
		return false;
	return true;
}

static void begin(struct driver *d, uint64_t ticket, int64_t deadline, const struct configuration *wanted)
{
	d->change = (struct change){ .stage = CHANGE_READY, .ticket = ticket, .deadline = deadline };
	d->change.wanted = *wanted;
	driver_member_chores(d);
}

static bool address_taken(const struct configuration *configuration, const struct consensus_node *node)
{
	for (size_t i = 0; i < configuration->count; i++) {
		const struct consensus_node *other = &configuration->nodes[i];
		if (strcmp(other->name, node->name) == 0 ||
		    (strcmp(other->address.host, node->address.host) == 0 && other->address.port == node->address.port))
			return true;
	}
	return false;
}

void driver_add(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline, const struct consensus_node *node)
{
	char text[NODE_TEXT_MAX];
	struct configuration wanted = d->configuration;
	d->now = now;
	if (driver_member_refused(d, ticket))
		return;
	if (!node->id || node_text(node, text) != ERR_OK)
		driver_finished(d, ticket, ERR_CONFIG, 0, "a node needs an id above 0, a name, and an address host:port");
	else if (configuration_find(&wanted, node->id))
		driver_finished(d, ticket, ERR_REFUSED, 0, "node %llu is a member already; ids are never used again, take a new one",
		                (unsigned long long)node->id);
	else if (address_taken(&wanted, node))
		driver_finished(d, ticket, ERR_REFUSED, 0, "another member has the name %s or its address; remove that one first", node->name);
	else if (wanted.count == NODES_MAX)
		driver_finished(d, ticket, ERR_REFUSED, 0, "a cluster has at most %d nodes; remove one first", NODES_MAX);
	else {
		wanted.nodes[wanted.count] = *node;
		wanted.nodes[wanted.count++].voter = false;
		begin(d, ticket, deadline, &wanted);
	}
}

/* Not the engine's own catch-up, which corrupts memory when its preconditions fail and does not notice a
 * learner that has everything already: a learner is sent all entries anyway, so we only watch (dissertation
 * 4.2.1: rounds, until one is no longer than an election timeout). */
static void round_begin(struct driver *d)
{
	d->change.round_index = raft_last_index(&d->raft);
	d->change.round_ms = d->now.ms;
}

void driver_promote(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline, uint64_t id)
{
	struct configuration wanted = d->configuration;
	struct consensus_node *node = (struct consensus_node *)(uintptr_t)configuration_find(&wanted, id);
	d->now = now;
	if (driver_member_refused(d, ticket))
		return;
	if (!node)
		driver_finished(d, ticket, ERR_NOT_FOUND, 0, "node %llu is not a member; add it first", (unsigned long long)id);
	else if (node->voter)
		driver_finished(d, ticket, ERR_REFUSED, 0, "node %llu votes already", (unsigned long long)id);
	else if (configuration_voters(&wanted) >= VOTERS_MAX)
		driver_finished(d, ticket, ERR_REFUSED, 0, "at most %d nodes vote; remove a voter first", VOTERS_MAX);
	else {
		node->voter = true;
		d->change = (struct change){ .stage = CHANGE_CATCHING_UP, .ticket = ticket, .deadline = deadline, .learner = id };
		d->change.wanted = wanted;
		round_begin(d);
		driver_member_chores(d);
	}
}

static bool is_heard(struct driver *d, uint64_t id)
{
	int64_t ms = driver_heard(d, id)->ms;
	return id == d->raft.id || (ms >= 0 && d->now.ms - ms <= d->config.election_ms);
}

/* What would be left must be able to go on by itself. */
static bool leaves_quorum(struct driver *d, const struct configuration *left, size_t *answer)
{
	*answer = 0;
	for (size_t i = 0; i < left->count; i++)
		*answer += left->nodes[i].voter && is_heard(d, left->nodes[i].id);
	return *answer > configuration_voters(left) / 2;
}

static void without(struct configuration *configuration, uint64_t id)
{
	size_t i = 0;
	while (configuration->nodes[i].id != id)
		i++;
	configuration->count--;
	memmove(&configuration->nodes[i], &configuration->nodes[i + 1],
	        (configuration->count - i) * sizeof configuration->nodes[0]);
}

void driver_remove(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline, uint64_t id)
{
	struct configuration left = d->configuration;
	const struct consensus_node *node = configuration_find(&d->configuration, id);
	size_t voters = configuration_voters(&left), answer;
	d->now = now;
	if (driver_member_refused(d, ticket))
		return;
	if (node)
		without(&left, id);
	if (!node)
		driver_finished(d, ticket, ERR_NOT_FOUND, 0, "node %llu is not a member", (unsigned long long)id);
	else if (id == d->raft.id)
		driver_finished(d, ticket, ERR_REFUSED, 0, "node %llu leads; hand leadership over first, then remove it", d->raft.id);
	else if (node->voter && voters <= 2)
		driver_finished(d, ticket, ERR_REFUSED, 0, "two voters are the least a running cluster shrinks to; add and promote another first");
	else if (node->voter && !leaves_quorum(d, &left, &answer))
		driver_finished(d, ticket, ERR_REFUSED, 0,
		                "without node %llu %zu voters would be left, of which only %zu answer: no majority; bring one back or promote a learner first",
		                (unsigned long long)id, voters - 1, answer);
	else
		begin(d, ticket, deadline, &left);
}

static void watch_learner(struct driver *d)
{
	raft_index match = 0;
	if (raft_match_index(&d->raft, d->change.learner, &match) || match < d->change.round_index)
		return;
	if (match == raft_last_index(&d->raft) || d->now.ms - d->change.round_ms <= d->config.election_ms)
		d->change.stage = CHANGE_READY;
	else
		round_begin(d);
}

static void submit_change(struct driver *d)
{
	struct buf bytes;
	if (!driver_may_submit(d) || !driver_own_term_committed(d) || d->raft.configuration_uncommitted_index)
		return;
	buf_init(&bytes, 64u << 10);
	enum err err = configuration_encode(&d->change.wanted, &bytes);
	if (err == ERR_OK) {
		d->change.entry = entry_create(d->raft.current_term, ENTRY_CONFIGURATION, bytes.data, bytes.size);
		err = d->change.entry ? ERR_OK : ERR_NO_MEMORY;
	}
	buf_finish(&bytes);
	if (err != ERR_OK) {
		change_end(d, err, 0, "the new configuration could not be written");
		return;
	}
	d->change.index = raft_last_index(&d->raft) + 1;
	d->change.stage = CHANGE_SUBMITTED;
	driver_submit_entry(d, d->change.entry);
}

static void change_chores(struct driver *d)
{
	if (d->change.stage == CHANGE_CATCHING_UP)
		watch_learner(d);
	if (d->change.stage == CHANGE_READY)
		submit_change(d);
	if (d->change.stage == CHANGE_SUBMITTED && d->applied >= d->change.index)
		change_end(d, ERR_OK, d->change.index, "");
	if (d->change.stage != CHANGE_NONE && d->now.ms >= d->change.deadline)
		change_end(d, ERR_TIMEOUT, 0,
		           d->change.stage == CHANGE_CATCHING_UP ? "the learner has not caught up in time" :
		           d->change.stage == CHANGE_READY ? "no majority has confirmed the leader in time" :
		           "no majority has confirmed the change in time; it may yet come into force");
}

/* We no longer lead, or lead anew: the change is out of our hands. */
void driver_member_lost(struct driver *d)
{
	if (d->change.stage != CHANGE_NONE)
		change_end(d, ERR_NOT_LEADER, 0,
		           d->change.stage == CHANGE_SUBMITTED ? "leadership was lost meanwhile; the change may yet come into force"
		                                               : "leadership was lost meanwhile; nothing was changed");
}

void driver_member_chores(struct driver *d)
{
	if (d->dead == ERR_OK && d->change.stage != CHANGE_NONE)
		change_chores(d);
	if (d->dead == ERR_OK && d->transfer.ticket)
		driver_transfer_chores(d);
}

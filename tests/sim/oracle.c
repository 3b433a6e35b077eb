/* What must never happen, looked for after every turn of every node. */
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 12

/* All that was ever in any log at an index: one content per term. */
static struct {
	unsigned count;
	uint64_t term[VERSIONS_MAX], hash[VERSIONS_MAX];
} logged[SIM_INDEX_MAX];

/* What is committed at an index, as the first to apply it saw it, in which term that was. */
static struct {
	uint64_t hash, term, seen_in, machine;
} committed[SIM_INDEX_MAX];
static uint64_t committed_last;

static uint64_t leader_of[SIM_TERM_MAX];
static uint64_t vote_of[SIM_TERM_MAX][SIM_NODES_MAX + 1];
static uint64_t acked[SIM_REQUESTS_MAX], acked_last;
static uint64_t settled_last;

static unsigned long long u(uint64_t value)
{
	return value;
}

static uint64_t hash_of(const struct entry *entry)
{
	return mix_bytes(mix(entry->term, (uint64_t)entry->type), entry->data, entry->size);
}

/* Log matching: same index and term, same entry, and the same one before it. */
static void log_one(struct sim_node *node, uint64_t index, const struct entry *entry)
{
	if (index >= SIM_INDEX_MAX)
		violation("the log is longer than this simulation foresees");
	uint64_t hash = hash_of(entry);
	for (unsigned i = 0; i < logged[index].count; i++) {
		if (logged[index].term[i] != entry->term)
			continue;
		if (logged[index].hash[i] != hash)
			violation("LOG MATCHING: node %llu has another entry %llu of term %llu", u(node->id), u(index), u(entry->term));
		return;
	}
	if (logged[index].count < VERSIONS_MAX) {
		logged[index].term[logged[index].count] = entry->term;
		logged[index].hash[logged[index].count++] = hash;
	}
}

void oracle_logged(struct sim_node *node, const struct log_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		log_one(node, job->index + i, job->entries[i]);
}

/* One vote per term, across restarts. */
void oracle_voted(struct sim_node *node, uint64_t term, uint64_t candidate)
{
	if (term >= SIM_TERM_MAX)
		violation("more terms than this simulation foresees");
	uint64_t *vote = &vote_of[term][node->id];
	if (*vote && *vote != candidate)
		violation("TWO VOTES: node %llu votes for %llu and %llu in term %llu", u(node->id), u(*vote), u(candidate), u(term));
	*vote = candidate;
}

/* Leader completeness: whoever leads a term has all that was committed in earlier ones. */
static void complete(const struct sim_node *node, uint64_t term)
{
	const struct driver *d = node->driver;
	for (uint64_t i = d->log.base + 1; i <= committed_last; i++) {
		const struct entry *entry = memory_log_get(&d->log, i);
		if (committed[i].seen_in >= term || !committed[i].term)
			continue;
		if (!entry || entry->term != committed[i].term)
			violation("INCOMPLETE LEADER: node %llu leads term %llu without committed entry %llu", u(node->id), u(term), u(i));
	}
}

static void check_leader(struct sim_node *node)
{
	uint64_t term = node->driver->raft.current_term;
	if (term >= SIM_TERM_MAX)
		violation("more terms than this simulation foresees");
	if (!driver_leads(node->driver) || leader_of[term] == node->id)
		return;
	if (leader_of[term])
		violation("TWO LEADERS: nodes %llu and %llu lead term %llu", u(leader_of[term]), u(node->id), u(term));
	leader_of[term] = node->id;
	trace("node %llu leads term %llu", u(node->id), u(term));
	complete(node, term);
}

static void check_term(struct sim_node *node)
{
	uint64_t term = node->driver->raft.current_term;
	if (term < node->seen_term)
		violation("TERM WENT BACK: node %llu from %llu to %llu", u(node->id), u(node->seen_term), u(term));
	node->seen_term = term;
}

static bool majority_holds(const struct raft_configuration *of, uint64_t index, uint64_t term)
{
	size_t have = 0, voters = 0;
	for (unsigned i = 0; i < of->n; i++) {
		if (of->servers[i].role != RAFT_VOTER)
			continue;
		voters++;
		have += disk_holds(&sim.nodes[of->servers[i].id].disk, index, term);
	}
	return have > voters / 2;
}

/* Committed means: on the disks of a majority. Looked at when a leader is the first to apply it; not in runs where disks
 * are damaged, which lose what they had. A change of membership counts from the moment it is in the log, and may
 * have come into it after the entry was committed, in the same turn: so either majority will do. */
static void check_majority(const struct sim_node *node, uint64_t index, uint64_t term)
{
	const struct raft *raft = &node->driver->raft;
	if (sim.damaged || !driver_leads(node->driver) || majority_holds(&raft->configuration, index, term) ||
	    (raft->configuration_uncommitted_index && majority_holds(&raft->configuration_committed, index, term)))
		return;
	violation("COMMITTED TOO SOON: entry %llu is not on the disks of a majority", u(index));
}

static void check_applied(struct sim_node *node, uint64_t index)
{
	const struct entry *entry = memory_log_get(&node->driver->log, index);
	if (!entry)
		return; /* came with a snapshot */
	uint64_t hash = hash_of(entry);
	if (committed[index].hash && committed[index].hash != hash)
		violation("COMMITTED ENTRY CHANGED: index %llu on node %llu", u(index), u(node->id));
	if (committed[index].hash)
		return;
	committed[index].hash = hash;
	committed[index].term = entry->term;
	committed[index].seen_in = node->driver->raft.current_term;
	if (index > committed_last)
		committed_last = index;
	check_majority(node, index, entry->term);
}

static void check_machine(const struct sim_node *node)
{
	const struct machine *machine = &node->machine;
	uint64_t index = machine->flushed;
	if (!index || machine->now.index != index)
		return;
	uint64_t hash = mix(machine->now.hash, machine->now.count);
	if (committed[index].machine && committed[index].machine != hash)
		violation("MACHINES DIFFER at %llu, node %llu", u(index), u(node->id));
	committed[index].machine = hash;
}

/* Nothing new goes into the log meanwhile. */
static void check_transferee(const struct sim_node *node)
{
	struct driver *d = node->driver;
	uint64_t to = driver_leads(d) ? raft_transferee(&d->raft) : 0;
	if (to && driver_heard(d, to)->gone_ms)
		violation("WAITS IN VAIN: node %llu hands over to %llu, which has gone", u(node->id), u(to));
}

void oracle_booted(struct sim_node *node)
{
	node->seen_applied = node->driver->snapshot.index;
}

void oracle_turn(struct sim_node *node)
{
	const struct driver *d = node->driver;
	check_term(node);
	check_leader(node);
	if (d->applied < node->seen_applied && !d->guard.installing)
		violation("APPLIED WENT BACK on node %llu", u(node->id));
	while (node->seen_applied < d->applied)
		check_applied(node, ++node->seen_applied);
	check_machine(node);
	check_transferee(node);
	oracle_configuration(node);
}

void oracle_acked(uint64_t request, uint64_t index)
{
	sim.count.acked++;
	acked[request] = index;
	if (index > acked_last)
		acked_last = index;
}

uint64_t oracle_acked_index(void)
{
	return acked_last;
}

static bool in_contact(const struct sim_node *node)
{
	return node->up && driver_contact_until(node->driver) > node_moment(node).ms;
}

/* Whoever is in contact has applied all that is settled: at any moment, paused or not. */
void oracle_contact(void)
{
	for (uint64_t id = 1; id < sim.next_id; id++) {
		struct sim_node *node = &sim.nodes[id];
		if (!in_contact(node))
			continue;
		node->in_contact_ms = sim.now;
		if (node->machine.flushed < settled_last)
			violation("IN CONTACT WITHOUT: node %llu has applied %llu, but %llu is settled", u(id),
			          u(node->machine.flushed), u(settled_last));
	}
}

void oracle_settled(uint64_t index)
{
	sim.count.settles++;
	trace("settled to %llu", u(index));
	if (index > settled_last)
		settled_last = index;
	oracle_contact();
}

static bool is_member(const struct configuration *configuration, const struct sim_node *node)
{
	return node->id && !node->gone && configuration_find(configuration, node->id);
}

/* All that belong and live have applied all there is. */
bool oracle_converged(void)
{
	struct sim_node *leader = node_leader();
	if (!leader || leader->driver->applied < committed_last ||
	    leader->driver->applied != memory_log_last(&leader->driver->log))
		return false;
	for (uint64_t id = 1; id < sim.next_id; id++) {
		struct sim_node *node = &sim.nodes[id];
		if (is_member(&leader->driver->configuration, node) &&
		    (!node->up || node->driver->applied != leader->driver->applied))
			return false;
	}
	return client_idle() && operator_idle();
}

/* Every acknowledged request is in every directory, once and at one place; nothing else is there that was never asked. */
void oracle_final(void)
{
	struct sim_node *leader = node_leader();
	for (uint64_t id = 1; id < sim.next_id; id++) {
		struct sim_node *node = &sim.nodes[id];
		if (!is_member(&leader->driver->configuration, node))
			continue;
		if (node->in_contact_ms < sim.profile.heal_ms)
			violation("NO CONTACT: node %llu", u(id));
		if (memcmp(node->machine.now.first, leader->machine.now.first, sizeof node->machine.now.first) != 0)
			violation("DIRECTORIES DIFFER: nodes %llu and %llu", u(id), u(leader->id));
		for (uint64_t request = 0; request < SIM_REQUESTS_MAX; request++)
			if (acked[request] && (!node->machine.now.first[request] || node->machine.now.first[request] > acked[request]))
				violation("ACKNOWLEDGED REQUEST LOST: %llu on node %llu", u(request), u(id));
	}
}

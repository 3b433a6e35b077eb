/* Adds, promotes, removes, hands leadership over; and replaces a node whose disk was damaged by one with a new id. */
#include "tests/sim/sim.h"
#include <string.h>

static uint64_t pending;         /* ticket of what is under way; 0: nothing */
static int64_t pending_until;
static uint64_t tickets;
static int64_t next_ms;

static void begin(int64_t patience)
{
	pending = TICKET_OPERATOR | ++tickets;
	pending_until = sim.now + patience;
}

void operator_finished(uint64_t ticket, enum err err, const struct complaint *complaint)
{
	trace("operator: %s %s", err_name(err), complaint->text);
	if (err != ERR_OK && !complaint->text[0])
		violation("a refusal without a reason");
	if (ticket == pending)
		pending = 0;
}

static struct sim_node *broken_member(const struct configuration *configuration)
{
	for (size_t i = 0; i < configuration->count; i++) {
		struct sim_node *node = &sim.nodes[configuration->nodes[i].id];
		if (node->gone || node->disk.damaged)
			return node;
	}
	return NULL;
}

static const struct consensus_node *any_member(const struct configuration *configuration, bool voter)
{
	const struct consensus_node *found = NULL;
	for (size_t i = 0, seen = 0; i < configuration->count; i++)
		if (configuration->nodes[i].voter == voter && roll((unsigned)++seen) == 0)
			found = &configuration->nodes[i];
	return found;
}

static void add(struct sim_node *leader)
{
	if (sim.next_id > SIM_NODES_MAX || leader->driver->configuration.count >= 9)
		return;
	struct consensus_node address = node_address(sim.next_id);
	node_boot(node_new(false));
	begin(5000);
	sim.count.changes++;
	driver_add(leader->driver, node_moment(leader), pending, node_moment(leader).ms + 4000, &address);
}

static void promote(struct sim_node *leader)
{
	const struct consensus_node *learner = any_member(&leader->driver->configuration, false);
	if (!learner)
		return;
	begin(9000);
	sim.count.changes++;
	driver_promote(leader->driver, node_moment(leader), pending, node_moment(leader).ms + 8000, learner->id);
}

static void remove_node(struct sim_node *leader, uint64_t id)
{
	begin(5000);
	sim.count.changes++;
	driver_remove(leader->driver, node_moment(leader), pending, node_moment(leader).ms + 4000, id);
}

static void hand_over(struct sim_node *leader)
{
	const struct consensus_node *to = any_member(&leader->driver->configuration, true);
	begin(5000);
	sim.count.transfers++;
	driver_transfer(leader->driver, node_moment(leader), pending, node_moment(leader).ms + 3000, to && chance(700) ? to->id : 0);
}

/* A cluster that is as large as it was meant to be, of nodes that work. */
static bool repair(struct sim_node *leader)
{
	const struct configuration *configuration = &leader->driver->configuration;
	struct sim_node *broken = broken_member(configuration);
	if (broken)
		remove_node(leader, broken->id);
	else if (configuration_voters(configuration) < sim.nodes_founding && any_member(configuration, false))
		promote(leader);
	else if (configuration_voters(configuration) < sim.nodes_founding)
		add(leader);
	return pending;
}

static void meddle(struct sim_node *leader)
{
	const struct configuration *configuration = &leader->driver->configuration;
	unsigned kind = roll(100);
	const struct consensus_node *victim = any_member(configuration, chance(500));
	if (kind < 25)
		hand_over(leader);
	else if (kind < 50)
		add(leader);
	else if (kind < 70)
		promote(leader);
	else if (victim)
		remove_node(leader, victim->id);
}

void operator_events(void)
{
	struct sim_node *leader = node_leader();
	if (pending && sim.now >= pending_until)
		pending = 0; /* whoever was asked died over it */
	if (sim.now < next_ms)
		return;
	next_ms = sim.now + (sim.profile.harsh ? 10 + roll(200) : 100 + roll(800));
	if (pending || !leader || !node_awake(leader) || sim.profile.leader_stops)
		return;
	if (!((sim.profile.members || sim.damaged) && (healed() || chance(600)) && repair(leader)) && !healed()) {
		if (sim.profile.members && !broken_member(&leader->driver->configuration))
			meddle(leader);
		else if (chance(150))
			hand_over(leader);
	}
	if (pending)
		node_turn(leader, ERR_OK);
}

int64_t operator_next(void)
{
	return pending && pending_until < next_ms ? pending_until : next_ms;
}

bool operator_idle(void)
{
	const struct sim_node *leader = node_leader();
	return !pending && leader && !broken_member(&leader->driver->configuration);
}

/* One at a time, of a cluster of three or more that agrees on who belongs: what is left is a majority, whatever is
 * under way. */
bool operator_may_damage(const struct sim_node *victim)
{
	const struct sim_node *leader = node_leader();
	if (!leader || pending || leader == victim)
		return false;
	const struct configuration *configuration = &leader->driver->configuration;
	if (configuration_voters(configuration) < 3 || broken_member(configuration) ||
	    leader->driver->raft.configuration_uncommitted_index)
		return false;
	for (uint64_t id = 1; id < sim.next_id; id++) {
		const struct sim_node *node = &sim.nodes[id];
		if (node->up && configuration_find(configuration, id) &&
		    memcmp(&node->driver->configuration, configuration, sizeof *configuration) != 0)
			return false;
	}
	return true;
}

/* A node whose token is out would rather not lead: it says so, and hands leadership over again and again, as cratond does. */
#include "tests/sim/sim.h"

#define BETWEEN_HANDOVERS_MS 200
#define ROUNDS_MAX 10 /* handed over among nodes that all decline, since one has not yet heard it of another */

static uint64_t tickets, rounds;

bool health_declines(const struct sim_node *node)
{
	return sim.now < node->declines_until_ms && !healed();
}

void health_strike(struct sim_node *node, int64_t for_ms)
{
	trace("node %llu: its token is out", (unsigned long long)node->id);
	if (!health_declines(node))
		node->declines_from_ms = sim.now;
	node->declines_until_ms = sim.now + for_ms;
	node->hands_over_ms = sim.now;
	sim.count.declines++;
}

void health_finished(enum err err, const struct complaint *complaint)
{
	if (err != ERR_OK && !complaint->text[0])
		violation("a refusal without a reason");
	sim.count.handovers += err == ERR_OK;
}

/* Three leaders of which none is well must not pass it round. */
void health_told_to_lead(const struct sim_node *by, uint64_t to)
{
	const struct sim_node *node = &sim.nodes[to];
	if (!by->driver->transfer.any || !health_declines(by) || !health_declines(node) ||
	    sim.now - by->declines_from_ms < sim.profile.election_ms || sim.now - node->declines_from_ms < sim.profile.election_ms)
		return;
	if (++rounds > ROUNDS_MAX)
		violation("PASSED ROUND: leadership, by nodes that all decline, for the %lluth time", (unsigned long long)rounds);
}

void health_events(struct sim_node *node)
{
	if (!node_awake(node) || !health_declines(node) || node->hands_over_ms > sim.now)
		return;
	node->hands_over_ms = sim.now + BETWEEN_HANDOVERS_MS;
	if (!driver_leads(node->driver))
		return;
	struct moment now = node_moment(node);
	driver_transfer(node->driver, now, TICKET_HEALTH | ++tickets, now.ms + sim.profile.election_ms, 0);
	node_turn(node, ERR_OK);
}

int64_t health_next(const struct sim_node *node)
{
	return health_declines(node) ? node->hands_over_ms : INT64_MAX;
}

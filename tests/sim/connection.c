/* Connections, one for each direction between two nodes: they end, and are made anew when both are there; each driver hears of
 * its own. What is sent meanwhile waits for the next one, or is lost. */
#include "tests/sim/sim.h"
#include <string.h>

#define BACKOFF_MS 50
#define UNACKNOWLEDGED_ELECTIONS 3 /* so long nothing gets through, and whoever sends takes it for ended */

enum state { NOT_MADE, MADE, DEAD /* and the sender has yet to notice */ };
static struct connection {
	enum state state;
	int64_t at;              /* it is tried, or looked at, then; INT64_MAX: it stays as it is */
	int64_t again_ms;        /* not tried before */
} connections[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
static int64_t due_ms = INT64_MAX; /* of the first */

static void look_at(struct connection *connection, int64_t at)
{
	connection->at = at;
	sooner(&due_ms, at);
}

bool connection_is_made(uint64_t from, uint64_t to)
{
	return connections[from][to].state == MADE;
}

bool connection_is_dead(uint64_t from, uint64_t to)
{
	return connections[from][to].state == DEAD;
}

int64_t connection_tried_ms(uint64_t from, uint64_t to)
{
	const struct connection *connection = &connections[from][to];
	return connection->state == NOT_MADE ? connection->at : sim.now;
}

void connection_break(uint64_t from, uint64_t to, int64_t for_ms)
{
	struct connection *connection = &connections[from][to];
	if (connection->state != MADE)
		return;
	trace("the connection from %llu to %llu breaks", (unsigned long long)from, (unsigned long long)to);
	sim.count.breaks++;
	network_lose(from, to);
	connection->state = DEAD;
	connection->again_ms = sim.now + for_ms;
	look_at(connection, sim.now);
}

void connection_cut(uint64_t from, uint64_t to)
{
	if (connections[from][to].state == MADE)
		look_at(&connections[from][to], sim.now + UNACKNOWLEDGED_ELECTIONS * sim.profile.election_ms);
}

/* Its own end with it; the others hear of that at once, unless they are cut off. */
void connection_crashed(uint64_t id)
{
	for (uint64_t other = 1; other < sim.next_id; other++) {
		struct connection *to = &connections[other][id];
		connections[id][other] = (struct connection){ .state = NOT_MADE, .at = INT64_MAX };
		if (to->state != MADE)
			continue;
		to->state = DEAD;
		look_at(to, sim.now + (network_is_cut(id, other) ? UNACKNOWLEDGED_ELECTIONS * sim.profile.election_ms : (int64_t)roll(5)));
	}
}

void connection_booted(uint64_t id)
{
	for (uint64_t other = 1; other < sim.next_id; other++) {
		if (other == id)
			continue;
		look_at(&connections[id][other], sim.now + 1 + roll(BACKOFF_MS));
		if (connections[other][id].state == NOT_MADE)
			look_at(&connections[other][id], sim.now + 1 + roll(BACKOFF_MS));
	}
}

static void end(struct sim_node *node, uint64_t to, struct connection *connection)
{
	connection->state = NOT_MADE;
	look_at(connection, sim.now + BACKOFF_MS / 2 + roll(BACKOFF_MS / 2));
	node_turn(node, driver_disconnected(node->driver, node_moment(node), to));
}

static void try(struct sim_node *node, uint64_t to, struct connection *connection)
{
	const struct sim_node *other = &sim.nodes[to];
	if (!other->up) /* its start is heard of */
		return;
	if (!node_awake(other) || sim.now < connection->again_ms || network_is_cut(node->id, to) || network_is_cut(to, node->id)) {
		look_at(connection, sim.now + BACKOFF_MS + roll(BACKOFF_MS));
		return;
	}
	connection->state = MADE;
	node_turn(node, driver_connected(node->driver, node_moment(node), to));
}

/* Its time has come. */
static void look(uint64_t from, uint64_t to)
{
	struct connection *connection = &connections[from][to];
	struct sim_node *node = &sim.nodes[from];
	connection->at = INT64_MAX;
	if (!node->up)
		return;
	if (!node_awake(node))
		look_at(connection, node->paused_until_ms);
	else if (connection->state == NOT_MADE)
		try(node, to, connection);
	else if (connection->state == DEAD || network_is_cut(from, to) || network_is_cut(to, from))
		end(node, to, connection);
}

void connection_events(void)
{
	if (due_ms > sim.now)
		return;
	due_ms = INT64_MAX;
	for (uint64_t from = 1; from < sim.next_id; from++)
		for (uint64_t to = 1; to < sim.next_id; to++)
			if (connections[from][to].at && connections[from][to].at <= sim.now)
				look(from, to);
	for (uint64_t from = 1; from < sim.next_id; from++)
		for (uint64_t to = 1; to < sim.next_id; to++)
			if (connections[from][to].at)
				sooner(&due_ms, connections[from][to].at);
}

int64_t connection_next(void)
{
	return due_ms;
}

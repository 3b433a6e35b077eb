/* Clients ask for things through any node, and again through another under the same id when no answer comes. */
#include "tests/sim/sim.h"
#include <string.h>

struct client {
	uint64_t request;        /* 0: rests until `at` */
	struct sim_node *node;   /* where it was asked last */
	unsigned life;           /* of that node */
	int64_t at;              /* asks (again) */
};
static struct client clients[SIM_CLIENTS];
static uint64_t requests;

struct read {
	uint64_t ticket, acked;  /* what was acknowledged when it began */
	struct sim_node *node;
	unsigned life;
};
static struct read reads[4];
static uint64_t tickets;
static int64_t read_at;

/* Whoever destroys something waits until nobody in contact can act on it any more. */
struct settle {
	uint64_t ticket, index;
	struct sim_node *node;
	unsigned life;
};
static struct settle settles[8];
static int64_t settle_at;

static struct sim_node *any_node(void)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		struct sim_node *node = &sim.nodes[1 + roll((unsigned)sim.next_id - 1)];
		if (node_awake(node))
			return node;
	}
	return NULL;
}

static bool still_there(const struct sim_node *node, unsigned life)
{
	return node && node_awake(node) && node->life == life;
}

static void ask(struct client *client)
{
	uint8_t payload[SIM_PAYLOAD_MAX];
	struct id id = request_id(client->request);
	if (still_there(client->node, client->life) && chance(700))
		driver_withdraw(client->node->driver, &id);
	client->node = any_node();
	client->at = sim.now + sim.profile.election_ms / 3;
	if (!sim.profile.leader_stops)
		client->at += roll((unsigned)sim.profile.election_ms * 5 / 2);
	if (!client->node)
		return;
	client->life = client->node->life;
	enum err err = driver_propose(client->node->driver, node_moment(client->node), &id, payload,
	                              request_payload(client->request, payload));
	if (err != ERR_OK)
		violation("a proposal was not taken: %s", err_name(err));
	stop_at(STOP_RECEIVED, client->node, &id);
	node_turn(client->node, ERR_OK);
}

static void next_request(struct client *client)
{
	client->at = INT64_MAX;
	if (healed() || requests + 1 >= SIM_REQUESTS_MAX)
		return;
	client->request = ++requests;
	ask(client);
}

void client_applied(struct sim_node *node, const struct applied_request *done, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < SIM_CLIENTS; k++) {
			struct client *client = &clients[k];
			if (!client->request || request_of(&done[i].request) != client->request ||
			    client->node != node || client->life != node->life)
				continue;
			oracle_acked(client->request, done[i].index);
			stop_acked(client->request);
			if (node_leader())
				stop_at(STOP_ANSWERED, node_leader(), &done[i].request);
			client->request = 0;
			client->node = NULL;
			client->at = sim.now + roll(chance(50) ? 400 : 40);
		}
}

/* Linearizable: what was acknowledged before the read began is at or below the index it got, and applied there. */
static void read_finished(struct sim_node *node, uint64_t ticket, enum err err, uint64_t index)
{
	for (unsigned i = 0; i < 4; i++) {
		if (reads[i].ticket != ticket)
			continue;
		reads[i].ticket = 0;
		if (err != ERR_OK)
			return;
		sim.count.reads++;
		if (index < reads[i].acked)
			violation("STALE READ: index %llu, but %llu was acknowledged before", (unsigned long long)index,
			          (unsigned long long)reads[i].acked);
		if (node->machine.flushed < index)
			violation("EARLY READ: %llu is not applied on node %llu", (unsigned long long)index, (unsigned long long)node->id);
	}
}

void client_finished(struct sim_node *node, uint64_t ticket, enum err err, uint64_t index)
{
	for (unsigned i = 0; i < 8; i++) {
		if (settles[i].ticket != ticket)
			continue;
		settles[i].ticket = 0;
		if (err == ERR_OK)
			oracle_settled(settles[i].index);
		return;
	}
	read_finished(node, ticket, err, index);
}

static void begin_settle(void)
{
	struct sim_node *node = any_node();
	struct settle *settle = &settles[roll(8)];
	settle_at = sim.now + 10 + roll(200);
	if (!node || !oracle_acked_index() || (settle->ticket && settle->node->up && settle->node->life == settle->life))
		return;
	*settle = (struct settle){ .ticket = ++tickets, .index = oracle_acked_index(), .node = node, .life = node->life };
	driver_settle_index(node->driver, node_moment(node), settle->ticket, node_moment(node).ms + 4000, settle->index);
	node_turn(node, ERR_OK);
}

static void begin_read(void)
{
	struct sim_node *node = any_node();
	struct read *read = NULL;
	for (unsigned i = 0; i < 4; i++)
		if (!reads[i].ticket || !reads[i].node->up || reads[i].node->life != reads[i].life)
			read = &reads[i];
	read_at = sim.now + 20 + roll(400);
	if (!read || !node)
		return;
	*read = (struct read){ .ticket = ++tickets, .acked = oracle_acked_index(), .node = node, .life = node->life };
	driver_barrier(node->driver, node_moment(node), read->ticket, node_moment(node).ms + 3000);
	node_turn(node, ERR_OK);
}

void client_events(void)
{
	for (unsigned i = 0; i < sim.profile.clients; i++) {
		if (clients[i].at > sim.now)
			continue;
		if (clients[i].request)
			ask(&clients[i]);
		else
			next_request(&clients[i]);
	}
	if (read_at <= sim.now)
		begin_read();
	if (settle_at <= sim.now)
		begin_settle();
}

int64_t client_next(void)
{
	int64_t next = read_at < settle_at ? read_at : settle_at;
	for (unsigned i = 0; i < sim.profile.clients; i++)
		if (clients[i].at < next)
			next = clients[i].at;
	return next;
}

bool client_waits(uint64_t request)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++)
		if (clients[i].request == request)
			return true;
	return false;
}

bool client_idle(void)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++)
		if (clients[i].request)
			return false;
	return true;
}

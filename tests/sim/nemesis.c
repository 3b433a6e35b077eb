/* What goes wrong. */
#include "tests/sim/sim.h"

static int64_t next_ms;
static int64_t mend_ms;
static int64_t next_small_ms;

static struct sim_node *victim(void)
{
	struct sim_node *leader = node_leader();
	if (leader && chance(500))
		return leader;
	return &sim.nodes[1 + roll((unsigned)sim.next_id - 1)];
}

static void crash(struct sim_node *node)
{
	if (node->up)
		node_power_off(node);
}

static void pause(struct sim_node *node)
{
	if (!node_awake(node))
		return;
	node->paused_until_ms = sim.now + (chance(500) ? 10 + roll(300) : 100 + roll((unsigned)sim.profile.election_ms * 5));
	sim.count.pauses++;
	trace("node %llu is paused until %lld", (unsigned long long)node->id, (long long)node->paused_until_ms);
}

static void crash_all(void)
{
	for (uint64_t id = 1; id < sim.next_id; id++)
		crash(&sim.nodes[id]);
}

/* Mostly both ways, sometimes one way only, sometimes with a bridge left. */
static void isolate(const struct sim_node *node)
{
	for (uint64_t id = 1; id < sim.next_id; id++) {
		if (id == node->id)
			continue;
		if (chance(850))
			network_cut(node->id, id, true);
		if (chance(850))
			network_cut(id, node->id, true);
	}
}

static void split(void)
{
	unsigned side = roll(1u << SIM_NODES_MAX);
	for (uint64_t a = 1; a < sim.next_id; a++)
		for (uint64_t b = 1; b < sim.next_id; b++)
			if ((side >> a & 1) != (side >> b & 1))
				network_cut(a, b, true);
}

static void damage(struct sim_node *node)
{
	if (!sim.profile.damage || node->gone || node->disk.damaged || !operator_may_damage(node))
		return;
	crash(node);
	if (!disk_damage(&node->disk))
		return;
	node->disk.damaged = true;
	sim.damaged++;
	trace("node %llu: its disk is damaged", (unsigned long long)node->id);
}

static void strike(void)
{
	unsigned kind = roll(100);
	if (kind < 20)
		crash(victim());
	else if (kind < 28)
		pause(victim());
	else if (kind < 46)
		isolate(victim());
	else if (kind < 56)
		split();
	else if (kind < 81)
		network_heal();
	else if (kind < 95)
		damage(victim());
	else if (chance(250))
		crash_all();
	if (kind >= 28 && kind < 56)
		mend_ms = sim.now + (sim.profile.harsh ? 50 + roll(1500) : 300 + roll(5000));
}

/* Of a leader that hands leadership over, rather often the one to its successor. */
static void break_connection(void)
{
	const struct sim_node *node = victim();
	uint64_t to = 1 + roll((unsigned)sim.next_id - 1);
	if (node->up && node->driver->transfer.ticket && chance(700))
		to = node->driver->transfer.to;
	connection_break(node->id, to, chance(700) ? 0 : roll(3000));
}

static void take_tokens_out(void)
{
	int64_t for_ms = 100 + roll((unsigned)sim.profile.election_ms * 5);
	bool all = chance(150);
	for (uint64_t id = 1; id < sim.next_id; id++)
		if (all)
			health_strike(&sim.nodes[id], for_ms);
	if (!all)
		health_strike(victim(), for_ms);
}

static void strike_lightly(void)
{
	if (next_small_ms > sim.now)
		return;
	next_small_ms = sim.now + (sim.profile.harsh ? 20 + roll(300) : 50 + roll(1000));
	if (chance(850))
		break_connection();
	else
		take_tokens_out();
}

void nemesis_events(void)
{
	if (mend_ms <= sim.now) {
		network_heal();
		mend_ms = INT64_MAX;
	}
	if (healed() || sim.profile.leader_stops)
		return;
	strike_lightly();
	if (next_ms > sim.now)
		return;
	next_ms = sim.now + (sim.profile.harsh ? 20 + roll(350) : 100 + roll(1500));
	if (sim.now > 1500)
		strike();
}

int64_t nemesis_next(void)
{
	int64_t next = healed() || sim.profile.leader_stops ? INT64_MAX : next_ms < next_small_ms ? next_ms : next_small_ms;
	return mend_ms < next ? mend_ms : next;
}

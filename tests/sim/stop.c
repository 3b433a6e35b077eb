/* The leader is stopped at a chosen step of a proposal: killed, hung (and back later, not knowing), or cut off. Nothing else goes
 * wrong in these runs, so how long the proposer waits says how long an election and a retry take. */
#include "raft/envelope.h"
#include "tests/sim/sim.h"

#define LATE_ELECTIONS 5 /* two elections that fail, and one that doesn't */

enum manner { KILLED, HUNG, CUT_OFF, MANNERS };
static const char *const steps[] = { "received", "saving", "saved", "sent", "committed", "applied", "answered" };
static const char *const manners[] = { "killed", "hung", "cut off" };

static struct {
	bool armed;
	enum stop_step step;
	enum manner manner;
	uint64_t request;        /* whose step it was; 0: nobody waits */
	int64_t struck_ms, next_ms;
} stop = { .next_ms = 3000 };

static bool is_calm(void)
{
	const struct sim_node *leader = node_leader();
	for (uint64_t id = 1; id < sim.next_id; id++)
		if (!node_awake(&sim.nodes[id]) || !leader || sim.nodes[id].driver->leader != leader->id)
			return false;
	return driver_own_term_committed(leader->driver);
}

static void cut_off(const struct sim_node *node)
{
	for (uint64_t id = 1; id < sim.next_id; id++) {
		network_cut(node->id, id, true);
		network_cut(id, node->id, true);
	}
}

static void strike(struct sim_node *node, uint64_t request)
{
	trace("node %llu is %s: request %llu %s", (unsigned long long)node->id, manners[stop.manner], (unsigned long long)request,
	      steps[stop.step]);
	stop.armed = false;
	stop.request = stop.step == STOP_ANSWERED ? 0 : request;
	stop.struck_ms = sim.now;
	stop.next_ms = sim.now + (4 + roll(4)) * sim.profile.election_ms;
	sim.count.stops++;
	if (stop.manner == KILLED)
		node->crash = true;
	else if (stop.manner == HUNG)
		node->paused_until_ms = stop.next_ms - sim.profile.election_ms;
	else
		cut_off(node);
}

void stop_at(enum stop_step step, struct sim_node *node, const struct id *request)
{
	if (stop.armed && step == stop.step && node == node_leader() && !healed() &&
	    (step == STOP_ANSWERED || client_waits(request_of(request))))
		strike(node, request_of(request));
}

void stop_at_entries(enum stop_step step, struct sim_node *node, struct entry *const *entries, size_t count)
{
	for (size_t i = 0; stop.armed && i < count; i++) {
		struct envelope envelope;
		if (entries[i]->type == ENTRY_COMMAND && envelope_open(entries[i], &envelope) == ERR_OK)
			stop_at(step, node, &envelope.request);
	}
}

void stop_acked(uint64_t request)
{
	if (!request || request != stop.request)
		return;
	int64_t waited = sim.now - stop.struck_ms;
	trace("request %llu succeeds after %lld ms", (unsigned long long)request, (long long)waited);
	stop.request = 0;
	sim.count.stop_ms += (uint64_t)waited;
	if ((uint64_t)waited > sim.count.stop_ms_max)
		sim.count.stop_ms_max = (uint64_t)waited;
	if (waited > LATE_ELECTIONS * sim.profile.election_ms)
		violation("LATE: a request took %lld ms when the leader was %s (%s)", (long long)waited, manners[stop.manner],
		          steps[stop.step]);
}

void stop_events(void)
{
	if (!sim.profile.leader_stops || stop.armed || stop.next_ms > sim.now || healed())
		return;
	network_heal();
	stop.next_ms = sim.now + 100;
	if (stop.request)
		violation("NO ANSWER: request %llu, when the leader was %s (%s)", (unsigned long long)stop.request,
		          manners[stop.manner], steps[stop.step]);
	if (!is_calm())
		return;
	stop.armed = true;
	stop.step = (enum stop_step)roll(STOP_STEPS);
	stop.manner = (enum manner)roll(MANNERS);
}

int64_t stop_next(void)
{
	return sim.profile.leader_stops && !stop.armed && !healed() ? stop.next_ms : INT64_MAX;
}

/* The clock: from one thing that happens to the next. */
#include "base/digest.h"
#include "tests/sim/sim.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 60000    /* for everything to come right once nothing goes wrong any more */
#define QUIET_MS 1500        /* that it has to stay right for */

struct sim sim;

void violation(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("violation: ");
	vprintf(format, arguments);
	printf(" (t=%lld ms)\n", (long long)sim.now);
	va_end(arguments);
	fflush(stdout);
	_exit(3);
}

void trace(const char *format, ...)
{
	va_list arguments;
	if (!sim.trace)
		return;
	va_start(arguments, format);
	printf("%8lld ", (long long)sim.now);
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

static void choose_profile(void)
{
	static const uint32_t inflights[] = { 5, 32, 512 };
	sim.profile = (struct sim_profile){
		.members = chance(500), .reorder = chance(500), .damage = chance(400), .slow_disks = chance(400), .skew = chance(500),
		.harsh = chance(400), .clients = chance(300) ? SIM_CLIENTS : 2 + roll(6),
		.inflight = inflights[roll(3)], .election_ms = 1000, .heartbeat_ms = 100, .snapshot_entries = 20 + roll(60), .trailing_entries = roll(30),
		.heal_ms = 12000 + roll(16000),
	};
	if (sim.leader_stops) {
		sim.profile.members = sim.profile.reorder = sim.profile.damage = sim.profile.slow_disks = sim.profile.harsh = false;
		sim.profile.leader_stops = true;
		sim.profile.clients = 1 + roll(3);
		sim.profile.heal_ms = 60000;
	}
	if (sim.profile.harsh) {
		sim.profile.election_ms = 150 + roll(150);
		sim.profile.heartbeat_ms = 20 + roll(20);
	}
	if (chance(500)) /* any length will do; 0 is the election timeout's */
		sim.profile.contact_ms = 4 * sim.profile.heartbeat_ms + roll((unsigned)sim.profile.election_ms * 3);
}

static void begin(uint64_t seed, unsigned nodes)
{
	static const uint8_t key[32] = "the secret of a simulated cluste";
	dice_seed(seed * 8 + nodes);
	sim.seed = seed;
	sim.nodes_founding = nodes;
	sim.next_id = 1;
	sim.now = 1;
	sim.secret = secret_create(key, sizeof key);
	network_init();
	choose_profile();
	for (unsigned i = 0; i < nodes; i++)
		node_new(true);
	for (unsigned i = 0; i < nodes; i++)
		node_boot(&sim.nodes[i + 1]);
}

static int64_t next_moment(void)
{
	int64_t next = sim.now + 50;
	sooner(&next, network_next());
	sooner(&next, connection_next());
	sooner(&next, client_next());
	sooner(&next, operator_next());
	sooner(&next, nemesis_next());
	sooner(&next, stop_next());
	for (uint64_t id = 1; id < sim.next_id; id++)
		sooner(&next, node_next(&sim.nodes[id]));
	return next > sim.now ? next : sim.now + 1;
}

static void happen(void)
{
	connection_events();
	network_deliver();
	for (uint64_t id = 1; id < sim.next_id; id++)
		node_events(&sim.nodes[id]);
	client_events();
	operator_events();
	nemesis_events();
	stop_events();
	oracle_contact();
}

static void report_standstill(void)
{
	for (uint64_t id = 1; id < sim.next_id; id++) {
		const struct sim_node *node = &sim.nodes[id];
		const struct driver *d = node->driver;
		printf("node %llu %s", (unsigned long long)id, node->up ? "up" : node->gone ? "gone" : "down");
		if (d)
			printf(" state=%d term=%llu last=%llu stored=%llu commit=%llu applied=%llu snapshot=%llu pending=%llu%s leader=%llu waiting=%zu sent=%zu voters=",
			       d->raft.state, d->raft.current_term, (unsigned long long)memory_log_last(&d->log),
			       (unsigned long long)d->stored, (unsigned long long)d->guard.commit,
			       (unsigned long long)d->applied, (unsigned long long)d->guard.snapshot_index,
			       d->raft.configuration_uncommitted_index, d->guard.installing ? " installing" : "",
			       (unsigned long long)d->leader, d->waiting.count, d->sent.count);
		if (d)
			printf("(jobs %d, due %lld) ", node->disk.jobs != NULL, (long long)node_next(node));
		for (size_t i = 0; d && i < d->configuration.count; i++)
			printf("%llu%s ", (unsigned long long)d->configuration.nodes[i].id, d->configuration.nodes[i].voter ? "" : "l");
		printf("\n");
	}
}

static void come_right(void)
{
	int64_t right_since = 0;
	while (!right_since || sim.now < right_since + QUIET_MS) {
		sim.now = next_moment();
		happen();
		if (!oracle_converged())
			right_since = 0;
		else if (!right_since)
			right_since = sim.now;
		if (sim.now > sim.profile.heal_ms + PATIENCE_MS) {
			report_standstill();
			violation("NO PROGRESS a minute after everything was healed");
		}
	}
}

/* So that a leak, the driver's or the engine's, shows under a sanitizer. */
static void end(void)
{
	network_init();
	for (uint64_t id = 1; id < sim.next_id; id++) {
		struct sim_node *node = &sim.nodes[id];
		driver_destroy(node->driver);
		disk_crash(&node->disk);
		disk_finish(&node->disk);
		machine_finish(&node->machine);
		buf_finish(&node->seen_configuration.snapshot);
	}
	secret_destroy(sim.secret);
}

void sim_run(uint64_t seed, unsigned nodes, bool trace_it, bool leader_stops)
{
	sim.trace = trace_it;
	sim.leader_stops = leader_stops;
	begin(seed, nodes);
	while (!healed()) {
		sim.now = next_moment();
		happen();
	}
	trace("healed");
	network_heal();
	come_right();
	oracle_final();
	end();
}

/* A driver and its world. */
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

struct moment node_moment(const struct sim_node *node)
{
	return (struct moment){ .ms = node->clock_ms + sim.now * node->pace / 1000,
	                        .wall_ms = 1700000000000 + sim.now + node->wall_skew_ms };
}

/* The first of our moments at which its clock shows `ms`. */
static int64_t moment_of(const struct sim_node *node, int64_t ms)
{
	return ((ms - node->clock_ms) * 1000 + node->pace - 1) / node->pace;
}

bool node_awake(const struct sim_node *node)
{
	return node->up && node->paused_until_ms <= sim.now;
}

bool node_may_crash_now(struct sim_node *node, unsigned per_million)
{
	if (!node->crash && !healed() && !sim.profile.leader_stops && roll(1000000) < per_million)
		node->crash = true;
	return node->crash;
}

static enum err log_write(void *world, struct log_job *job)
{
	struct sim_node *node = world;
	node->log_changes++;
	if (job->kind == LOG_ENTRIES)
		oracle_logged(node, job);
	disk_queue(&node->disk, job);
	stop_at_entries(STOP_SAVING, node, job->entries, job->count);
	return ERR_OK;
}

/* Power may fail just before or just after. */
static enum err log_vote(void *world, uint64_t term, uint64_t vote)
{
	struct sim_node *node = world;
	const struct disk_vote *before = &node->disk.vote;
	if (term < before->term || (term == before->term && before->vote && vote && vote != before->vote))
		violation("VOTE TAKEN BACK: node %llu term %llu vote %llu, was %llu/%llu", (unsigned long long)node->id,
		          (unsigned long long)term, (unsigned long long)vote, (unsigned long long)before->term,
		          (unsigned long long)before->vote);
	if (node_may_crash_now(node, 3000))
		return ERR_CLOSED;
	disk_vote(&node->disk, term, vote);
	return node_may_crash_now(node, 3000) ? ERR_CLOSED : ERR_OK;
}

static void send(void *world, uint64_t to, const struct message *message)
{
	struct sim_node *node = world;
	if (node_may_crash_now(node, 60))
		return;
	if (message->kind == MESSAGE_VOTE && !message->vote.pre_vote)
		oracle_voted(node, message->term, node->id);
	if (message->kind == MESSAGE_VOTE_RESULT && message->vote_result.granted && !message->vote_result.pre_vote)
		oracle_voted(node, message->term, to);
	if (message->kind == MESSAGE_TIMEOUT_NOW)
		health_told_to_lead(node, to);
	network_send(node, to, message);
	if (message->kind == MESSAGE_APPEND)
		stop_at_entries(STOP_SENT, node, message->append.entries, message->append.count);
}

static void send_snapshot(void *world, uint64_t to, const struct message *install)
{
	struct sim_node *node = world;
	if (!node->crash)
		network_send_snapshot(node, to, install);
}

static void file_discard(void *world, void *file)
{
	(void)world;
	image_drop(file);
}

static enum err snapshot_take(void *world)
{
	struct sim_node *node = world;
	node->copy_ms = sim.now + 1 + roll(60);
	return ERR_OK;
}

static enum err restore(void *world, const struct snapshot_meta *meta)
{
	struct sim_node *node = world;
	if (!node->disk.image || node->disk.snapshot.index != meta->index || node->disk.image->index != meta->index)
		violation("RESTORE: node %llu has no snapshot of %llu", (unsigned long long)node->id, (unsigned long long)meta->index);
	machine_become(&node->machine, node->disk.image);
	sim.count.installs++;
	return ERR_OK;
}

static void applied(void *world, uint64_t index, const struct applied_request *requests, size_t count)
{
	struct sim_node *node = world;
	(void)index;
	for (size_t i = 0; i < count; i++)
		stop_at(STOP_APPLIED, node, &requests[i].request);
	if (!node->crash && node_awake(node))
		client_applied(node, requests, count);
}

static void configuration(void *world, const struct configuration *configuration)
{
	(void)world;
	(void)configuration; /* packets find their way by id */
}

static void finished(void *world, uint64_t ticket, enum err err, uint64_t index, const struct complaint *complaint)
{
	struct sim_node *node = world;
	if (node->crash)
		return;
	if (ticket & TICKET_OPERATOR)
		operator_finished(ticket, err, complaint);
	else if (ticket & TICKET_HEALTH)
		health_finished(err, complaint);
	else
		client_finished(node, ticket, err, index);
}

static enum err apply(void *machine, const struct committed *entry)
{
	struct sim_node *node = (struct sim_node *)(void *)((char *)machine - offsetof(struct sim_node, machine));
	stop_at(STOP_COMMITTED, node, &entry->request);
	return sim_machine_ops.apply(machine, entry);
}

static const struct world_ops world_ops = {
	.log_write = log_write, .log_vote = log_vote, .send = send, .send_snapshot = send_snapshot,
	.file_discard = file_discard, .snapshot_take = snapshot_take, .restore = restore, .applied = applied,
	.configuration = configuration, .finished = finished,
};

struct consensus_node node_address(uint64_t id)
{
	struct consensus_node node = { .id = id, .address.port = (uint16_t)(7000 + id), .voter = true };
	snprintf(node.name, sizeof node.name, "n%llu", (unsigned long long)id);
	snprintf(node.address.host, sizeof node.address.host, "10.0.0.%llu", (unsigned long long)id);
	return node;
}

struct sim_node *node_new(bool founder)
{
	struct sim_node *node = &sim.nodes[sim.next_id];
	node->id = sim.next_id++;
	node->founder = founder;
	node->wall_skew_ms = (int64_t)roll(4000) - 2000;
	node->clock_ms = 1 + roll(1000000);
	node->pace = sim.profile.skew ? 960 + roll(81) : 1000;
	disk_init(&node->disk, node->id);
	machine_init(&node->machine);
	buf_init(&node->seen_configuration.snapshot, 64u << 10);
	return node;
}

static struct machine_ops machine_ops;

static struct driver_config config_of(struct sim_node *node, const struct consensus_node *founders)
{
	machine_ops = sim_machine_ops;
	machine_ops.apply = apply;
	return (struct driver_config){
		.self = node->id, .self_node = node_address(node->id), .founders = founders,
		.founder_count = node->founder ? sim.nodes_founding : 0, .election_ms = sim.profile.election_ms,
		.heartbeat_ms = sim.profile.heartbeat_ms, .contact_ms = sim.profile.contact_ms, .snapshot_entries = sim.profile.snapshot_entries,
		.trailing_entries = sim.profile.trailing_entries, .inflight_entries = sim.profile.inflight,
		.seed = (uint32_t)dice(), .world_ops = &world_ops, .world = node,
		.machine_ops = &machine_ops, .machine = &node->machine,
	};
}

static void refuse(struct sim_node *node)
{
	if (!sim.damaged)
		violation("REFUSED: node %llu finds damage where there is none", (unsigned long long)node->id);
	trace("node %llu refuses to start", (unsigned long long)node->id);
	sim.count.refusals++;
	node->gone = true;
}

void node_boot(struct sim_node *node)
{
	struct consensus_node founders[VOTERS_MAX];
	struct saved_state saved;
	struct complaint complaint = { "" };
	if (disk_load(&node->disk, &saved) != ERR_OK) {
		refuse(node);
		return;
	}
	if (node->disk.damaged)
		violation("DAMAGE ACCEPTED: node %llu started from an altered disk", (unsigned long long)node->id);
	for (unsigned i = 0; i < sim.nodes_founding; i++)
		founders[i] = node_address(i + 1);
	struct driver_config config = config_of(node, founders);
	node->up = true;
	node->crash = false;
	node->life++;
	node->log_changes++;
	node->copy_ms = 0;
	memset(node->streaming, 0, sizeof node->streaming);
	enum err err = driver_start(&config, &saved, node_moment(node), &node->driver, &complaint);
	free(saved.entries);
	if (err != ERR_OK && !node->crash)
		violation("node %llu does not start: %s", (unsigned long long)node->id, complaint.text);
	trace("node %llu starts, term %llu, log to %llu", (unsigned long long)node->id,
	      (unsigned long long)node->disk.vote.term, (unsigned long long)(node->disk.base + node->disk.count));
	if (node->driver)
		oracle_booted(node);
	connection_booted(node->id);
	node_turn(node, err);
}

void node_power_off(struct sim_node *node)
{
	bool power = chance(600);
	trace("node %llu crashes", (unsigned long long)node->id);
	driver_destroy(node->driver);
	node->driver = NULL;
	disk_crash(&node->disk);
	machine_crashed(&node->machine, power);
	node->up = node->crash = false;
	connection_crashed(node->id);
	node->paused_until_ms = 0;
	node->boot_ms = sim.now + (sim.profile.harsh ? 20 + roll(600) : 50 + roll(3000));
	sim.count.crashes++;
}

static enum err settle(struct sim_node *node)
{
	driver_decline(node->driver, health_declines(node));
	return driver_settle(node->driver, node_moment(node));
}

void node_turn(struct sim_node *node, enum err err)
{
	if (err == ERR_OK && !node->crash && chance(900)) /* now and then several events make one turn */
		err = settle(node);
	if (node->crash) {
		node_power_off(node);
		return;
	}
	if (err != ERR_OK)
		violation("STOPPED: node %llu stopped by itself: %s", (unsigned long long)node->id, err_name(err));
	oracle_turn(node);
}

static void copy_machine(struct sim_node *node)
{
	enum err err = chance(30) && !healed() ? ERR_IO : ERR_OK;
	struct image *image = err == ERR_OK ? image_copy(&node->machine.now) : NULL;
	node->copy_ms = 0;
	node_turn(node, driver_snapshot_taken(node->driver, node_moment(node), err, image ? image->index : 0, image));
}

/* What was due has been done; else a thread would do nothing but look at the clock. */
static void tick(struct sim_node *node)
{
	int64_t now_ms = node_moment(node).ms;
	enum err err = driver_tick(node->driver, node_moment(node));
	if (err == ERR_OK && !node->crash)
		err = settle(node);
	if (err == ERR_OK && !node->crash && driver_timeout(node->driver) <= now_ms && !driver_has_more_to_apply(node->driver))
		violation("IN VAIN: node %llu is awake all the time", (unsigned long long)node->id);
	node_turn(node, err);
}

/* What has come due for this node, one event at a time since each may end its life. */
void node_events(struct sim_node *node)
{
	struct log_job *job;
	if (!node->up && !node->gone && node->id && (sim.now >= node->boot_ms || healed()))
		node_boot(node);
	while (node_awake(node) && (job = disk_done(&node->disk))) {
		stop_at_entries(STOP_SAVED, node, job->entries, job->count);
		node_turn(node, driver_written(node->driver, node_moment(node), job));
	}
	health_events(node);
	if (node_awake(node) && node->copy_ms && node->copy_ms <= sim.now)
		copy_machine(node);
	if (node_awake(node) && driver_timeout(node->driver) <= node_moment(node).ms)
		tick(node);
}

int64_t node_next(const struct sim_node *node)
{
	int64_t next = INT64_MAX;
	if (node->gone || !node->id)
		return next;
	if (!node->up)
		return node->boot_ms;
	if (!node_awake(node))
		return node->paused_until_ms;
	sooner(&next, disk_next(&node->disk));
	if (node->copy_ms)
		sooner(&next, node->copy_ms);
	sooner(&next, health_next(node));
	sooner(&next, moment_of(node, driver_timeout(node->driver)));
	return next;
}

struct sim_node *node_leader(void)
{
	struct sim_node *leader = NULL;
	for (uint64_t id = 1; id < sim.next_id; id++) {
		struct sim_node *node = &sim.nodes[id];
		if (node->up && driver_leads(node->driver) &&
		    (!leader || node->driver->raft.current_term > leader->driver->raft.current_term))
			leader = node;
	}
	return leader;
}

#include "tests/unit/raft/fake_world.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELECTION_MS 1000
#define HEARTBEAT_MS 100

static enum err log_write(void *context, struct log_job *job)
{
	struct fake_world *world = context;
	struct log_job **end = &world->jobs;
	while (*end)
		end = &(*end)->next;
	job->next = NULL;
	*end = job;
	world->job_count++;
	return world->write_error;
}

static enum err log_vote(void *context, uint64_t term, uint64_t vote)
{
	struct fake_world *world = context;
	world->term = term;
	world->vote = vote;
	world->votes_saved++;
	return world->write_error;
}

static void send(void *context, uint64_t to, const struct message *message)
{
	struct fake_world *world = context;
	struct buf bytes;
	assert(world->sent_count < FAKE_SENT_MAX);
	struct fake_sent *sent = &world->sent[world->sent_count++];
	buf_init(&bytes, MESSAGE_SIZE_MAX);
	assert(message_encode(message, &bytes) == ERR_OK);
	assert(message_decode(bytes.data, bytes.size, &sent->message) == ERR_OK);
	buf_finish(&bytes);
	sent->to = to;
}

static void file_discard(void *context, void *file)
{
	struct fake_world *world = context;
	world->files_discarded++;
	free(file);
}

static enum err snapshot_take(void *context)
{
	struct fake_world *world = context;
	world->snapshots_asked++;
	return ERR_OK;
}

static enum err restore(void *context, const struct snapshot_meta *meta)
{
	struct fake_world *world = context;
	world->restored = world->machine_applied = meta->index;
	return ERR_OK;
}

static void applied(void *context, uint64_t index, const struct applied_request *requests, size_t count)
{
	struct fake_world *world = context;
	world->applied_index = index;
	for (size_t i = 0; i < count && world->applied_count < FAKE_APPLIED_MAX; i++)
		world->applied[world->applied_count++] = requests[i];
}

static void configuration(void *context, const struct configuration *configuration)
{
	struct fake_world *world = context;
	world->configurations++;
	world->configuration = *configuration;
}

static void finished(void *context, uint64_t ticket, enum err err, uint64_t index, const struct complaint *complaint)
{
	struct fake_world *world = context;
	world->ticket = ticket;
	world->result = err;
	world->result_index = index;
	world->complaint = *complaint;
}

static const struct world_ops world_ops = {
	.log_write = log_write, .log_vote = log_vote, .send = send, .send_snapshot = send, .file_discard = file_discard,
	.snapshot_take = snapshot_take, .restore = restore, .applied = applied, .configuration = configuration,
	.finished = finished,
};

static uint64_t machine_applied(void *context)
{
	return ((struct fake_world *)context)->machine_applied;
}

static enum err machine_apply(void *context, const struct committed *entry)
{
	struct fake_world *world = context;
	assert(entry->index > world->machine_applied);
	world->commands++;
	return ERR_OK;
}

static enum err machine_flush(void *context, uint64_t index)
{
	struct fake_world *world = context;
	world->machine_applied = index;
	world->flushes++;
	return ERR_OK;
}

static const struct machine_ops machine_ops = { .applied = machine_applied, .apply = machine_apply, .flush = machine_flush };

struct consensus_node fake_node(uint64_t id)
{
	struct consensus_node node = { .id = id, .voter = true, .address.port = (uint16_t)(7000 + id) };
	snprintf(node.name, sizeof node.name, "n%llu", (unsigned long long)id);
	snprintf(node.address.host, sizeof node.address.host, "10.0.0.%llu", (unsigned long long)id);
	return node;
}

struct entry *fake_configuration(uint64_t term, unsigned voters, uint64_t learner)
{
	struct configuration c = { .count = 0 };
	struct buf bytes;
	for (uint64_t id = 1; id <= voters; id++)
		c.nodes[c.count++] = fake_node(id);
	const struct consensus_node *known = configuration_find(&c, learner);
	if (learner && !known)
		c.nodes[c.count++] = fake_node(learner);
	for (size_t i = 0; i < c.count; i++)
		c.nodes[i].voter = c.nodes[i].id != learner;
	buf_init(&bytes, 1u << 16);
	configuration_encode(&c, &bytes);
	struct entry *entry = entry_create(term, ENTRY_CONFIGURATION, bytes.data, bytes.size);
	buf_finish(&bytes);
	return entry;
}

struct entry *fake_command(uint64_t term, uint64_t number)
{
	struct id id = { { (uint8_t)number, (uint8_t)(number >> 8), 1 } };
	return envelope_seal(term, &id, 0, &number, sizeof number);
}

struct saved_state fake_saved(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term)
{
	struct saved_state saved = { .term = term, .first_index = 1, .count = extra + 1 };
	saved.entries = calloc(extra + 1, sizeof(struct entry *));
	saved.entries[0] = fake_configuration(1, voters, 0);
	for (unsigned i = 1; i <= extra; i++)
		saved.entries[i] = fake_command(extra_term, i);
	return saved;
}

enum err fake_start(struct fake_world *world, struct saved_state *saved, unsigned founders)
{
	struct consensus_node nodes[NODES_MAX];
	for (unsigned i = 0; i < founders && i < NODES_MAX; i++)
		nodes[i] = fake_node(i + 1);
	struct driver_config config = {
		.self = 1, .self_node = fake_node(1), .founders = nodes, .founder_count = founders,
		.election_ms = ELECTION_MS, .heartbeat_ms = HEARTBEAT_MS, .trailing_entries = 4, .seed = 7,
		.world_ops = &world_ops, .world = world, .machine_ops = &machine_ops, .machine = world,
	};
	if (!world->now.ms)
		world->now = (struct moment){ .ms = 5000, .wall_ms = 1700000000000 };
	enum err err = driver_start(&config, saved, world->now, &world->driver, &world->complaint);
	free(saved->entries);
	return err;
}

struct fake_world *fake_follower(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = fake_saved(voters, term, extra, extra_term);
	enum err err = fake_start(world, &saved, 0);
	assert(err == ERR_OK);
	return world;
}

struct fake_world *fake_leader(unsigned voters, uint64_t term, unsigned extra, uint64_t extra_term)
{
	struct fake_world *world = fake_follower(voters, term, extra, extra_term);
	fake_pass(world, 2 * ELECTION_MS + 500);
	for (int pre_vote = 1; pre_vote >= 0; pre_vote--) {
		for (uint64_t from = 2; from <= voters / 2 + 1; from++) {
			struct message vote = { .kind = MESSAGE_VOTE_RESULT, .term = world->driver->raft.current_term + (unsigned)pre_vote };
			vote.vote_result.granted = true;
			vote.vote_result.pre_vote = pre_vote;
			fake_receive(world, from, &vote);
		}
	}
	assert(driver_leads(world->driver));
	return world;
}

void fake_forget(struct fake_world *world)
{
	while (world->sent_count)
		message_release(&world->sent[--world->sent_count].message);
}

void fake_destroy(struct fake_world *world)
{
	fake_forget(world);
	while (world->jobs) {
		struct log_job *job = world->jobs;
		world->jobs = job->next;
		if (world->driver)
			world->driver->dead = ERR_CLOSED;
		driver_written(world->driver, world->now, job);
	}
	driver_destroy(world->driver);
	free(world);
}

enum err fake_settle(struct fake_world *world)
{
	return driver_settle(world->driver, world->now);
}

enum err fake_receive(struct fake_world *world, uint64_t from, struct message *message)
{
	message->from = from;
	driver_receive(world->driver, world->now, message);
	message_release(message);
	return fake_settle(world);
}

enum err fake_append(struct fake_world *world, uint64_t from, uint64_t term, uint64_t prev, uint64_t prev_term,
                     uint64_t commit, struct entry **entries, uint32_t count)
{
	struct message m = { .kind = MESSAGE_APPEND, .term = term };
	m.append.prev_index = prev;
	m.append.prev_term = prev_term;
	m.append.commit = commit;
	m.append.count = count;
	m.append.entries = calloc(count + 1u, sizeof(struct entry *));
	for (uint32_t i = 0; i < count; i++)
		m.append.entries[i] = entries[i];
	return fake_receive(world, from, &m);
}

enum err fake_append_result(struct fake_world *world, uint64_t from, uint64_t rejected, uint64_t last)
{
	struct message m = { .kind = MESSAGE_APPEND_RESULT, .term = world->driver->raft.current_term };
	m.append_result.rejected = rejected;
	m.append_result.last_index = last;
	m.append_result.features = 1;
	return fake_receive(world, from, &m);
}

enum err fake_vote(struct fake_world *world, uint64_t from, uint64_t term, uint64_t last, uint64_t last_term, bool pre_vote)
{
	struct message m = { .kind = MESSAGE_VOTE, .term = term };
	m.vote.candidate = from;
	m.vote.last_index = last;
	m.vote.last_term = last_term;
	m.vote.pre_vote = pre_vote;
	return fake_receive(world, from, &m);
}

enum err fake_install(struct fake_world *world, uint64_t from, uint64_t term, uint64_t index, uint64_t index_term)
{
	struct message m = { .kind = MESSAGE_INSTALL, .term = term };
	m.install.meta = calloc(1, sizeof *m.install.meta);
	m.install.meta->index = index;
	m.install.meta->term = index_term;
	m.install.meta->configuration_index = 1;
	m.install.meta->configuration.count = 3;
	for (uint64_t id = 1; id <= 3; id++)
		m.install.meta->configuration.nodes[id - 1] = fake_node(id);
	m.install.file = malloc(1);
	return fake_receive(world, from, &m);
}

enum err fake_written(struct fake_world *world)
{
	struct log_job *job = world->jobs;
	assert(job);
	world->jobs = job->next;
	world->job_count--;
	driver_written(world->driver, world->now, job);
	return fake_settle(world);
}

enum err fake_written_all(struct fake_world *world)
{
	enum err err = ERR_OK;
	while (world->jobs)
		err = fake_written(world);
	return err;
}

void fake_pass(struct fake_world *world, int64_t ms)
{
	world->now.ms += ms;
	world->now.wall_ms += ms;
	driver_tick(world->driver, world->now);
	fake_settle(world);
}

static void acknowledge(struct fake_world *world, uint64_t from)
{
	const struct message *append = fake_last(world, MESSAGE_APPEND, from);
	if (append)
		fake_append_result(world, from, 0, append->append.prev_index + append->append.count);
}

void fake_followers_agree(struct fake_world *world, unsigned voters)
{
	for (int round = 0; round < 3; round++) {
		fake_written_all(world);
		fake_pass(world, HEARTBEAT_MS);
		for (uint64_t id = 2; id <= voters; id++)
			acknowledge(world, id);
		fake_forget(world);
	}
}

const struct message *fake_last(const struct fake_world *world, enum message_kind kind, uint64_t to)
{
	for (size_t i = world->sent_count; i > 0; i--)
		if (world->sent[i - 1].to == to && world->sent[i - 1].message.kind == kind)
			return &world->sent[i - 1].message;
	return NULL;
}

unsigned fake_count(const struct fake_world *world, enum message_kind kind, uint64_t to)
{
	unsigned count = 0;
	for (size_t i = 0; i < world->sent_count; i++)
		count += world->sent[i].to == to && world->sent[i].message.kind == kind;
	return count;
}

struct fake_world *fake_settled_leader(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	return world;
}

struct fake_world *fake_following(uint64_t term)
{
	struct fake_world *world = fake_follower(3, term, 0, 1);
	fake_append(world, 2, term, 1, 1, 1, NULL, 0);
	fake_forget(world);
	return world;
}

struct id fake_request(uint8_t n)
{
	return (struct id){ { n, 0, 7 } };
}

void fake_propose(struct fake_world *world, uint8_t n)
{
	struct id id = fake_request(n);
	enum err err = driver_propose(world->driver, world->now, &id, "data", 4);
	assert(err == ERR_OK);
	fake_settle(world);
}

bool fake_was_applied(const struct fake_world *world, uint8_t n)
{
	struct id id = fake_request(n);
	for (size_t i = 0; i < world->applied_count; i++)
		if (id_equal(&world->applied[i].request, &id))
			return true;
	return false;
}

bool fake_was_refused(struct fake_world *world, enum err err, const char *why)
{
	bool was = world->ticket == 5 && world->result == err && strstr(world->complaint.text, why);
	world->ticket = 0;
	return was;
}

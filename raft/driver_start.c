/* From what was on disk to a running engine, or to a sentence that says why not. */
#include "base/log.h"
#include "raft/driver_internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_TIMEOUT_ELECTIONS 10

static uint64_t last_index(const struct saved_state *saved)
{
	return saved->first_index + saved->count - 1;
}

static bool is_empty(const struct saved_state *saved)
{
	return !saved->count && !saved->has_snapshot;
}

/* A founder's first entry was written, its first term not: it may found again, the same way. */
static bool founding_was_cut_short(const struct saved_state *saved)
{
	return !saved->term && !saved->has_snapshot && saved->count == 1 &&
	       saved->entries[0]->type == ENTRY_CONFIGURATION && saved->entries[0]->term == 1;
}

static enum err check_entries(const struct saved_state *saved, struct complaint *complaint)
{
	uint64_t term = 0;
	uint64_t term_max = founding_was_cut_short(saved) ? 1 : saved->term;
	struct configuration configuration;
	for (size_t i = 0; i < saved->count; i++) {
		const struct entry *entry = saved->entries[i];
		bool parses = entry->type != ENTRY_CONFIGURATION ||
		              configuration_decode(entry->data, entry->size, &configuration) == ERR_OK;
		if (entry->term < term || entry->term > term_max || !parses)
			return complain(complaint, ERR_DAMAGED,
			                "the log's entry %llu does not fit the one before it; remove this node from the cluster "
			                "and add it again with a new id and an empty state folder",
			                (unsigned long long)(saved->first_index + i));
		term = entry->term;
	}
	return ERR_OK;
}

static enum err check_saved(const struct saved_state *saved, uint64_t machine, struct complaint *complaint)
{
	static const char remedy[] = "remove this node from the cluster and add it again with a new id and an empty state folder";
	uint64_t base = saved->has_snapshot ? saved->snapshot.index : 0;
	if (saved->first_index > base + 1 || (!saved->count && saved->first_index != base + 1) ||
	    (saved->count && last_index(saved) < base))
		return complain(complaint, ERR_DAMAGED, "the log (from %llu, %zu entries) and its snapshot at %llu do not meet; %s",
		                (unsigned long long)saved->first_index, saved->count, (unsigned long long)base, remedy);
	uint64_t reach = saved->count ? last_index(saved) : base;
	if (machine > reach)
		return complain(complaint, ERR_DAMAGED, "the log ends at %llu but entries up to %llu have been applied; %s",
		                (unsigned long long)reach, (unsigned long long)machine, remedy);
	return check_entries(saved, complaint);
}

/* Of more founders than may vote, those with the lowest ids do: the same on each of them. */
static bool founder_votes(const struct configuration *founders, uint64_t id)
{
	size_t before = 0;
	for (size_t i = 0; i < founders->count; i++)
		before += founders->nodes[i].id < id;
	return before < VOTERS_MAX;
}

static enum err found(struct driver *d, struct saved_state *saved, struct complaint *complaint)
{
	struct configuration founders = { .count = d->config.founder_count };
	struct buf bytes;
	struct log_job *job = calloc(1, sizeof *job);
	struct entry **entries = calloc(1, sizeof(struct entry *));
	memcpy(founders.nodes, d->founders, founders.count * sizeof founders.nodes[0]);
	for (size_t i = 0; i < founders.count; i++)
		founders.nodes[i].voter = founder_votes(&founders, founders.nodes[i].id);
	buf_init(&bytes, 64u << 10);
	enum err err = configuration_encode(&founders, &bytes);
	struct entry *entry = err == ERR_OK ? entry_create(1, ENTRY_CONFIGURATION, bytes.data, bytes.size) : NULL;
	buf_finish(&bytes);
	if (!job || !entries || !entry) {
		free(job);
		free(entries);
		entry_drop(entry);
		return err == ERR_OK ? complain(complaint, ERR_NO_MEMORY, "no memory to found the cluster")
		                     : complain(complaint, err, "the founders need different ids above 0, different names, and addresses host:port");
	}
	*job = (struct log_job){ .kind = LOG_ENTRIES, .index = 1, .entries = entries, .count = 1 };
	entries[0] = entry;
	err = memory_log_append(&d->log, entry);
	if (err == ERR_OK)
		err = d->config.world_ops->log_write(d->config.world, job);
	saved->term = 1;
	return err;
}

static bool is_founder(const struct driver *d)
{
	for (size_t i = 0; i < d->config.founder_count; i++)
		if (d->founders[i].id == d->config.self)
			return true;
	return false;
}

static enum err load_log(struct driver *d, const struct saved_state *saved)
{
	d->log.base = saved->first_index - 1;
	for (size_t i = 0; i < saved->count; i++)
		if (memory_log_append(&d->log, saved->entries[i]) != ERR_OK)
			return ERR_NO_MEMORY;
	return ERR_OK;
}

static enum err load_snapshot(struct driver *d, const struct saved_state *saved)
{
	if (!saved->has_snapshot)
		return ERR_OK;
	d->snapshot = saved->snapshot;
	d->guard.snapshot_index = d->snapshot.index;
	d->guard.snapshot_term = d->snapshot.term;
	d->guard.commit = d->confirmed = d->applied = d->snapshot.index;
	enum err err = driver_mark(d, d->snapshot.configuration_index, &d->snapshot.configuration);
	if (err == ERR_OK && d->machine_floor < d->snapshot.index) {
		err = d->config.world_ops->restore(d->config.world, &d->snapshot);
		d->machine_floor = d->snapshot.index;
	}
	return err;
}

static bool newest_configuration(const struct driver *d, struct configuration *out)
{
	for (uint64_t i = memory_log_last(&d->log); i > d->log.base; i--) {
		const struct entry *entry = memory_log_get(&d->log, i);
		if (entry->type == ENTRY_CONFIGURATION)
			return configuration_decode(entry->data, entry->size, out) == ERR_OK;
	}
	*out = d->snapshot.configuration;
	return d->snapshot.index;
}

/* A sole voter leads from the start, and in the term it was stopped in: entries of one term could then
 * differ at one index. It begins a new one. */
static void begin_sole_term(const struct driver *d, struct saved_state *saved)
{
	struct configuration configuration;
	if (!newest_configuration(d, &configuration) || !guard_sole_voter(&configuration, d->config.self))
		return;
	saved->term++;
	saved->vote = d->config.self;
}

static enum err engine_init(struct driver *d)
{
	char text[NODE_TEXT_MAX];
	enum err err = node_text(&d->config.self_node, text);
	if (err != ERR_OK)
		return err;
	if (raft_init(&d->raft, NULL, NULL, d->config.self, text))
		return ERR_NO_MEMORY;
	d->raft.tracer = NULL; /* the default one formats everything into one static buffer */
	raft_seed(&d->raft, d->config.seed);
	raft_set_election_timeout(&d->raft, (unsigned)d->config.election_ms);
	raft_set_heartbeat_timeout(&d->raft, (unsigned)d->config.heartbeat_ms);
	raft_set_install_snapshot_timeout(&d->raft, (unsigned)(SNAPSHOT_TIMEOUT_ELECTIONS * d->config.election_ms));
	raft_set_pre_vote(&d->raft, true);
	raft_set_max_inflight_entries(&d->raft, d->config.inflight_entries ? d->config.inflight_entries : INFLIGHT_ENTRIES_MAX);
	return ERR_OK;
}

static struct raft_entry *engine_entries(const struct driver *d)
{
	struct raft_entry *entries = calloc(d->log.count + 1, sizeof *entries);
	for (size_t i = 0; entries && i < d->log.count; i++) {
		struct entry *entry = memory_log_get(&d->log, d->log.base + 1 + i);
		entries[i].term = entry->term;
		entries[i].type = (enum raft_entry_type)entry->type;
		entries[i].buf = (struct raft_buffer){ entry->data, entry->size };
		entries[i].batch = entry->data;
	}
	return entries;
}

static enum err engine_start(struct driver *d, const struct saved_state *saved)
{
	struct raft_snapshot_metadata meta;
	struct raft_entry *entries = engine_entries(d);
	struct step step = { .event.type = RAFT_START };
	if (!entries)
		return ERR_NO_MEMORY;
	if (d->snapshot.index) {
		enum err err = driver_engine_meta(&d->snapshot, &meta);
		if (err != ERR_OK) {
			free(entries);
			return err;
		}
		step.event.start.metadata = &meta;
	}
	step.event.start.term = saved->term;
	step.event.start.voted_for = saved->vote;
	step.event.start.start_index = d->log.base + 1;
	step.event.start.entries = d->log.count ? entries : NULL;
	step.event.start.n_entries = (unsigned)d->log.count;
	d->stored = memory_log_last(&d->log);
	driver_step(d, &step);
	free(entries);
	return d->dead;
}

static enum err start(struct driver *d, struct saved_state *saved, struct complaint *complaint)
{
	d->machine_floor = d->config.machine_ops->applied(d->config.machine);
	enum err err = check_saved(saved, d->machine_floor, complaint);
	bool founds = is_founder(d) && ((is_empty(saved) && !saved->term) || founding_was_cut_short(saved));
	if (err != ERR_OK)
		return err;
	if (load_log(d, saved) != ERR_OK)
		return complain(complaint, ERR_NO_MEMORY, "no memory for the log");
	err = load_snapshot(d, saved);
	if (err != ERR_OK)
		return complain(complaint, err, "the snapshot at %llu could not be restored", (unsigned long long)saved->snapshot.index);
	if (founds && is_empty(saved))
		err = found(d, saved, complaint);
	if (err != ERR_OK)
		return err;
	uint64_t term = saved->term;
	if (founds)
		saved->term = 1;
	begin_sole_term(d, saved);
	if (founds || saved->term != term)
		err = d->config.world_ops->log_vote(d->config.world, saved->term, saved->vote);
	if (err == ERR_OK)
		err = engine_init(d);
	if (err != ERR_OK)
		return complain(complaint, err, "consensus could not be started");
	d->engine_runs = true;
	driver_contact_start(d);
	err = engine_start(d, saved);
	return err == ERR_OK ? err : complain(complaint, err, "consensus could not be started");
}

enum err driver_start(const struct driver_config *config, struct saved_state *saved, struct moment now,
                      struct driver **out, struct complaint *complaint)
{
	assert(now.ms > 0 && config->self > 0);
	struct driver *d = calloc(1, sizeof *d);
	enum err err = engine_check(complaint);
	*out = NULL;
	if (d) {
		d->config = *config;
		d->now = now;
		d->guard.timeout_fired_ms = d->guard.leader_seen_ms = now.ms;
		d->barrier_number = d->lease.salt = (uint64_t)config->seed << 32;
		d->founders = calloc(config->founder_count + 1, sizeof *d->founders);
	}
	if (err == ERR_OK && (!d || !d->founders))
		err = complain(complaint, ERR_NO_MEMORY, "no memory for consensus");
	if (err == ERR_OK && config->founder_count > NODES_MAX)
		err = complain(complaint, ERR_CONFIG, "at most %d nodes can found a cluster", NODES_MAX);
	if (err == ERR_OK && config->founder_count)
		memcpy(d->founders, config->founders, config->founder_count * sizeof *d->founders);
	if (err == ERR_OK)
		err = start(d, saved, complaint);
	for (size_t i = 0; i < saved->count; i++)
		entry_drop(saved->entries[i]);
	if (err == ERR_OK)
		*out = d;
	else
		driver_destroy(d);
	return err;
}

static void release_lists(struct driver *d)
{
	for (struct ticket *t = d->snapshot_tickets, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	for (struct barrier *b = d->barriers, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	driver_read_lost(d);
	driver_settle_lost(d);
	while (d->waiting.first)
		driver_withdraw(d, &d->waiting.first->request);
	while (d->sent.first)
		driver_withdraw(d, &d->sent.first->request);
}

void driver_destroy(struct driver *d)
{
	if (!d)
		return;
	release_lists(d);
	driver_accepted_forget(d);
	id_map_finish(&d->proposals);
	memory_log_finish(&d->log);
	raft_configuration_close(&d->engine_configuration);
	entry_drop(d->change.entry);
	if (d->engine_runs)
		raft_close(&d->raft, NULL);
	free(d->submissions);
	free(d->told);
	free(d->marks);
	free(d->founders);
	free(d);
}

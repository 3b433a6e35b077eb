/* One turn of consensus. The order is the safety argument: a promise is on disk before anyone hears it, and no
 * deed is done before it is promised. */
#include "base/log.h"
#include "raft/driver_internal.h"
#include <stdlib.h>
#include <string.h>

void driver_fail(struct driver *d, enum err err, const char *what)
{
	if (d->dead != ERR_OK)
		return;
	d->dead = err;
	log_error("raft", "stops: %s node=%llu term=%llu err=%s", what, d->raft.id, d->raft.current_term,
	          err_name(err));
}

bool driver_leads(const struct driver *d)
{
	return d->raft.state == RAFT_LEADER;
}

uint64_t driver_term_of(const struct driver *d, uint64_t index)
{
	const struct entry *entry = memory_log_get(&d->log, index);
	if (entry)
		return entry->term;
	return index && index == d->guard.snapshot_index ? d->guard.snapshot_term : 0;
}

bool driver_own_term_committed(const struct driver *d)
{
	return driver_term_of(d, d->guard.commit) == d->raft.current_term;
}

bool driver_is_voter(const struct driver *d, uint64_t id)
{
	const struct consensus_node *node = configuration_find(&d->configuration, id);
	return node && node->voter;
}

static void save_vote(struct driver *d, const struct raft_update *update)
{
	if (d->dead != ERR_OK || !(update->flags & ((RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR))))
		return;
#ifndef PLANT_VOTE_TWICE /* a mistake for the simulator to find: the vote is cast and not remembered */
	enum err err = d->config.world_ops->log_vote(d->config.world, raft_current_term(&d->raft),
	                                             raft_voted_for(&d->raft));
#else
	enum err err = d->config.world_ops->log_vote(d->config.world, raft_current_term(&d->raft), 0);
#endif
	if (err != ERR_OK)
		driver_fail(d, err, "term and vote could not be saved");
}

/* The entry at `index` of what is being stepped; the engine's own (at the start of a term) is copied. */
static struct entry *stepped_entry(const struct step *step, const struct raft_update *update, unsigned i)
{
	uint64_t index = update->entries.index + i;
	const struct raft_entry *from = &update->entries.batch[i];
	if (step->entries)
		return entry_keep(step->entries[index - step->index]);
	return entry_create(from->term, (enum entry_type)from->type, from->buf.base, from->buf.len);
}

static struct log_job *entries_job(const struct step *step, const struct raft_update *update)
{
	struct log_job *job = calloc(1, sizeof *job);
	if (!job)
		return NULL;
	job->kind = LOG_ENTRIES;
	job->index = update->entries.index;
	job->entries = calloc(update->entries.n, sizeof *job->entries);
	for (unsigned i = 0; job->entries && i < update->entries.n; i++, job->count++) {
		job->entries[i] = stepped_entry(step, update, i);
		if (!job->entries[i])
			break;
	}
	return job;
}

static void write_job(struct driver *d, struct log_job *job)
{
	enum err err = d->config.world_ops->log_write(d->config.world, job);
	if (err != ERR_OK)
		driver_fail(d, err, "the log could not be written");
}

static void append_job(struct driver *d, const struct log_job *job)
{
	memory_log_cut(&d->log, job->index);
	if (d->stored >= job->index)
		d->stored = job->index - 1;
	for (size_t i = 0; i < job->count; i++)
		if (memory_log_append(&d->log, job->entries[i]) != ERR_OK)
			driver_fail(d, ERR_NO_MEMORY, "no memory for the log");
}

static bool may_append(const struct driver *d, uint64_t index)
{
	return index > d->guard.commit && index > d->machine_floor && index > d->log.base &&
	       index <= memory_log_last(&d->log) + 1;
}

static struct log_job *append(struct driver *d, const struct step *step, const struct raft_update *update)
{
	if (!may_append(d, update->entries.index)) {
		driver_fail(d, ERR_DAMAGED, "the engine would overwrite what is committed");
		return NULL;
	}
	struct log_job *job = entries_job(step, update);
	if (!job || job->count != update->entries.n)
		driver_fail(d, ERR_NO_MEMORY, "no memory for the log");
	else
		append_job(d, job);
	return job;
}

/* The engine lends the entries; the block their bytes are in is ours to free, whether received or its own. */
static void save_entries(struct driver *d, const struct step *step, const struct raft_update *update)
{
	if (!(update->flags & (RAFT_UPDATE_ENTRIES)))
		return;
	struct log_job *job = d->dead == ERR_OK ? append(d, step, update) : NULL;
	raft_free(step->batch ? step->batch : step->entries ? NULL : update->entries.batch[0].batch);
	if (job && d->dead == ERR_OK)
		write_job(d, job);
	else if (job)
		driver_written(d, d->now, job); /* which only lets it go */
}

/* The engine's idea of who belongs moves with the log: forwards with entries, back when they are cut. */
static bool same_configuration(const struct raft_configuration *a, const struct raft_configuration *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->servers[i].id != b->servers[i].id || a->servers[i].role != b->servers[i].role ||
		    strcmp(a->servers[i].address, b->servers[i].address) != 0)
			return false;
	return true;
}

static void note_configuration(struct driver *d)
{
	const struct raft_configuration *current = &d->raft.configuration;
	if (d->dead != ERR_OK || same_configuration(current, &d->engine_configuration))
		return;
	raft_configuration_close(&d->engine_configuration);
	raft_configuration_init(&d->engine_configuration);
	for (unsigned i = 0; i < current->n; i++)
		if (raft_configuration_add(&d->engine_configuration, current->servers[i].id,
		                           current->servers[i].address, current->servers[i].role))
			driver_fail(d, ERR_NO_MEMORY, "no memory for the configuration");
	engine_configuration_read(current, &d->configuration);
	driver_contact_configured(d);
	d->config.world_ops->configuration(d->config.world, &d->configuration);
}

static void note_leader(struct driver *d)
{
	uint64_t leader = d->raft.id;
	raft_id id = 0;
	const char *address;
	if (!driver_leads(d)) {
		raft_leader(&d->raft, &id, &address);
		leader = id;
	}
	uint64_t term = leader ? d->raft.current_term : 0;
	if (leader == d->leader && term == d->leader_term)
		return;
	d->leader = leader;
	d->leader_term = term;
	if (leader && leader != d->raft.id)
		log_info("raft", "follows node=%llu leader=%llu term=%llu", d->raft.id, (unsigned long long)leader,
		         (unsigned long long)term);
	d->lease.next_ms = d->now.ms; /* it hears of us at once */
	driver_proposals_again(d);
}

/* What was ours as leader of a term ends with it. */
static void note_leadership(struct driver *d)
{
	uint64_t leading = driver_leads(d) ? d->raft.current_term : 0;
	if (leading != d->leading_term) {
		d->leading_term = leading;
		driver_accepted_forget(d);
		driver_read_lost(d);
		driver_settle_lost(d);
		driver_contact_led(d);
		driver_member_lost(d);
		if (leading)
			log_info("raft", "leads node=%llu term=%llu", d->raft.id, d->raft.current_term);
	}
	note_leader(d);
}

static void confirm(struct driver *d, uint64_t index, const struct entry *entry)
{
	struct step step = { .event.type = RAFT_CONFIGURATION };
	struct raft_buffer bytes = { (void *)(uintptr_t)entry->data, entry->size };
	step.event.configuration.index = index;
	if (raft_configuration_decode(&bytes, &step.event.configuration.conf))
		driver_fail(d, ERR_DAMAGED, "a committed configuration does not parse");
	else
		driver_step(d, &step);
}

/* The engine is told of each configuration that is now committed before it hears anything else. */
static void note_commit(struct driver *d)
{
	if (d->dead != ERR_OK || raft_commit_index(&d->raft) <= d->guard.commit)
		return;
	d->guard.commit = raft_commit_index(&d->raft);
	while (d->dead == ERR_OK && d->confirmed < d->guard.commit) {
		const struct entry *entry = memory_log_get(&d->log, ++d->confirmed);
		if (entry && entry->type == ENTRY_CONFIGURATION)
			confirm(d, d->confirmed, entry);
	}
}

static void carry_out(struct driver *d, const struct step *step, struct raft_update *update)
{
	save_vote(d, update);
	save_entries(d, step, update);
	driver_snapshot_install(d, step, update);
	driver_send_all(d, update);
	note_leadership(d);
	note_commit(d);
	note_configuration(d);
#ifdef PLANT_REPLY_BEFORE_PERSIST /* a mistake for the simulator to find */
	if (d->dead == ERR_OK && !d->guard.installing && d->stored < memory_log_last(&d->log)) {
		struct step persisted = { .event.type = RAFT_PERSISTED_ENTRIES };
		persisted.event.persisted_entries.index = d->stored = memory_log_last(&d->log);
		driver_step(d, &persisted);
	}
#endif
}

void driver_step(struct driver *d, struct step *step)
{
	struct raft_update update = { 0 };
	struct message *vote = step->message && step->message->kind == MESSAGE_VOTE ? step->message : NULL;
	if (d->dead != ERR_OK)
		return;
	step->event.time = (raft_time)d->now.ms;
	int rv = raft_step(&d->raft, &step->event, &update);
	if (rv) {
		driver_fail(d, rv == RAFT_NOMEM ? ERR_NO_MEMORY : ERR_DAMAGED, raft_strerror(rv));
		return;
	}
	if (vote)
		guard_vote_after(&d->guard, &d->raft, vote, memory_log_last(&d->log),
		                 driver_term_of(d, memory_log_last(&d->log)), &update);
	carry_out(d, step, &update);
}

/* What the world calls. */
#include "raft/driver_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err driver_engine_check(struct complaint *complaint)
{
	return engine_check(complaint);
}

void driver_finished(struct driver *d, uint64_t ticket, enum err err, uint64_t index, const char *format, ...)
{
	struct complaint complaint = { "" };
	va_list arguments;
	va_start(arguments, format);
	if (err != ERR_OK)
		vsnprintf(complaint.text, sizeof complaint.text, format, arguments);
	va_end(arguments);
	d->config.world_ops->finished(d->config.world, ticket, err, index, &complaint);
}

/* The highest entry of the write that is still the log's own: a later truncation may have put others there. The very
 * same object, since an entry of the same term may have been cut off and sent again, and then counts only when
 * that write is done. */
static uint64_t survivor(const struct driver *d, const struct log_job *job)
{
	for (size_t i = job->count; i > 0; i--)
		if (memory_log_get(&d->log, job->index + i - 1) == job->entries[i - 1])
			return job->index + i - 1;
	return 0;
}

static void entries_written(struct driver *d, const struct log_job *job)
{
	struct step step = { .event.type = RAFT_PERSISTED_ENTRIES };
	uint64_t index = survivor(d, job);
	if (d->guard.installing || index <= d->stored)
		return;
	d->stored = index;
	step.event.persisted_entries.index = index;
	driver_step(d, &step);
}

static void job_release(struct driver *d, struct log_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		entry_drop(job->entries[i]);
	free(job->entries);
	if (job->file)
		d->config.world_ops->file_discard(d->config.world, job->file);
	free(job);
}

enum err driver_written(struct driver *d, struct moment now, struct log_job *job)
{
	d->now = now;
	if (d->dead == ERR_OK && job->kind == LOG_ENTRIES)
		entries_written(d, job);
	else if (d->dead == ERR_OK)
		driver_snapshot_written(d, job);
	job_release(d, job);
	return d->dead;
}

enum err driver_tick(struct driver *d, struct moment now)
{
	struct step step = { .event.type = RAFT_TIMEOUT };
	d->now = now;
	if (d->dead == ERR_OK && now.ms >= guard_timeout(&d->guard, &d->raft)) {
		d->guard.timeout_fired_ms = now.ms;
		driver_step(d, &step);
	}
	driver_snapshot_tick(d);
	return d->dead;
}

/* An entry of its own term is what lets a new leader commit what it found, change who belongs, and answer readers;
 * the engine appends one only when something was left uncommitted. */
static void begin_term(struct driver *d)
{
	static const uint8_t nothing[8];
	if (d->dead != ERR_OK || !driver_may_submit(d) ||
	    driver_term_of(d, memory_log_last(&d->log)) == d->raft.current_term)
		return;
	struct entry *entry = entry_create(d->raft.current_term, ENTRY_BARRIER, nothing, sizeof nothing);
	if (entry)
		driver_submit_entry(d, entry);
	else
		driver_fail(d, ERR_NO_MEMORY, "no memory for an entry");
	entry_drop(entry);
}

enum err driver_settle(struct driver *d, struct moment now)
{
	d->now = now;
	if (d->dead != ERR_OK)
		return d->dead;
	driver_apply(d);
	begin_term(d);
	driver_resend(d);
	driver_submit(d);
	driver_member_chores(d);
	driver_contact_chores(d);
	driver_read_chores(d);
	driver_snapshot_if_due(d);
	driver_tell_commit(d);
	return d->dead;
}

static void sooner(int64_t *due, int64_t other)
{
	if (other < *due)
		*due = other;
}

int64_t driver_timeout(const struct driver *d)
{
	int64_t due = guard_timeout(&d->guard, &d->raft);
	if (driver_has_more_to_apply(d))
		return d->now.ms;
	if (d->sent.first)
		sooner(&due, d->resend_ms);
	if (d->change.stage != CHANGE_NONE)
		sooner(&due, d->change.deadline);
	sooner(&due, driver_transfer_timeout(d));
	for (const struct barrier *b = d->barriers; b; b = b->next) {
		sooner(&due, b->deadline);
		if (!b->index && b->asked_ms >= 0)
			sooner(&due, b->asked_ms + d->config.election_ms);
	}
	if (d->round_runs)
		sooner(&due, d->round_asked_ms + d->config.heartbeat_ms);
	for (const struct ticket *t = d->snapshot_tickets; t; t = t->next)
		sooner(&due, t->deadline);
	sooner(&due, driver_contact_timeout(d));
	sooner(&due, d->settle_due_ms);
	return due;
}

static enum consensus_role role(const struct driver *d)
{
	const struct consensus_node *self = configuration_find(&d->configuration, d->raft.id);
	if (d->raft.state == RAFT_LEADER)
		return ROLE_LEADER;
	if (d->raft.state == RAFT_CANDIDATE)
		return ROLE_CANDIDATE;
	return self && self->voter ? ROLE_FOLLOWER : ROLE_LEARNER;
}

void driver_status(const struct driver *d, struct consensus_status *out)
{
	out->role = role(d);
	out->term = d->raft.current_term;
	out->last_index = memory_log_last(&d->log);
	out->commit_index = d->guard.commit > d->machine_floor ? d->guard.commit : d->machine_floor;
	out->applied_index = driver_applied(d);
	out->snapshot_index = d->snapshot.index;
	out->leader = d->leader;
	out->snapshots_taken = d->snapshots_taken;
	out->snapshots_installed = d->snapshots_installed;
	out->peer_count = 0;
	for (size_t i = 0; i < d->configuration.count; i++) {
		raft_index match = 0;
		if (d->configuration.nodes[i].id == d->raft.id)
			continue;
		if (driver_leads(d))
			raft_match_index(&d->raft, d->configuration.nodes[i].id, &match);
		struct consensus_peer *peer = &out->peers[out->peer_count++];
		peer->node = d->configuration.nodes[i];
		peer->match_index = match;
	}
}

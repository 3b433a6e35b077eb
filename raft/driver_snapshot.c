/* Snapshots: of our own machine, when the log has grown; and a leader's, when ours is too far behind. Their bodies are the
 * world's business; here is what place they stand for and who belonged there. */
#include "raft/driver_internal.h"
#include <stdlib.h>
#include <string.h>

/* A copy that failed (of a machine that has grown too large, say) is not tried again with every turn. */
#define FAILED_PAUSE_ELECTIONS 30

enum err driver_mark(struct driver *d, uint64_t index, const struct configuration *configuration)
{
	struct configuration_mark *marks = realloc(d->marks, (d->mark_count + 1) * sizeof *marks);
	if (!marks)
		return ERR_NO_MEMORY;
	d->marks = marks;
	d->marks[d->mark_count++] = (struct configuration_mark){ .index = index, .configuration = *configuration };
	return ERR_OK;
}

const struct configuration_mark *driver_mark_at(const struct driver *d, uint64_t index)
{
	const struct configuration_mark *mark = NULL;
	for (size_t i = 0; i < d->mark_count && d->marks[i].index <= index; i++)
		mark = &d->marks[i];
	return mark;
}

/* Those before the one that the snapshot at `index` has are not asked for again. */
static void forget_marks(struct driver *d, uint64_t index)
{
	size_t gone = 0;
	while (gone + 1 < d->mark_count && d->marks[gone + 1].index <= index)
		gone++;
	d->mark_count -= gone;
	memmove(d->marks, d->marks + gone, d->mark_count * sizeof *d->marks);
}

enum err driver_engine_meta(const struct snapshot_meta *meta, struct raft_snapshot_metadata *out)
{
	out->index = meta->index;
	out->term = meta->term;
	out->configuration_index = meta->configuration_index;
	return engine_configuration(&meta->configuration, &out->configuration);
}

static void tickets_finish(struct driver *d, enum err err, const char *why)
{
	struct ticket *ticket = d->snapshot_tickets;
	d->snapshot_tickets = NULL;
	while (ticket) {
		struct ticket *next = ticket->next;
		driver_finished(d, ticket->ticket, err, d->snapshot.index, "%s", why);
		free(ticket);
		ticket = next;
	}
}

static void take(struct driver *d)
{
	enum err err = d->config.world_ops->snapshot_take(d->config.world);
	if (err != ERR_OK)
		driver_fail(d, err, "no snapshot could be begun");
	d->taking = err == ERR_OK;
}

/* The machine may be ahead of us after a start, until we have walked to where it was. */
static bool may_take(const struct driver *d)
{
	return !d->taking && !d->guard.installing && d->applied >= d->machine_floor &&
	       d->applied > d->guard.snapshot_index;
}

void driver_snapshot_if_due(struct driver *d)
{
	bool unasked = d->config.snapshot_entries && d->now.ms >= d->snapshot_again_ms;
	bool many = d->applied >= d->guard.snapshot_index + d->config.snapshot_entries;
	bool large = d->bytes_applied >= SNAPSHOT_BYTES;
	if (d->dead != ERR_OK)
		return;
	if (d->snapshot_tickets && d->applied == d->guard.snapshot_index && !d->guard.installing && !d->taking)
		tickets_finish(d, ERR_OK, ""); /* nothing new since the last one */
	else if (((unasked && (many || large)) || d->snapshot_tickets) && may_take(d))
		take(d);
}

void driver_snapshot(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline)
{
	d->now = now;
	struct ticket *waiting = malloc(sizeof *waiting);
	if (!waiting) {
		driver_finished(d, ticket, ERR_NO_MEMORY, 0, "no memory");
		return;
	}
	*waiting = (struct ticket){ .next = d->snapshot_tickets, .ticket = ticket, .deadline = deadline };
	d->snapshot_tickets = waiting;
}

void driver_snapshot_tick(struct driver *d)
{
	for (struct ticket **link = &d->snapshot_tickets; *link;) {
		struct ticket *ticket = *link;
		if (ticket->deadline > d->now.ms) {
			link = &ticket->next;
			continue;
		}
		*link = ticket->next;
		driver_finished(d, ticket->ticket, ERR_TIMEOUT, 0, "the snapshot was not finished in time");
		free(ticket);
	}
}

static struct log_job *snapshot_job(const struct driver *d, uint64_t index, void *file)
{
	const struct configuration_mark *mark = driver_mark_at(d, index);
	struct log_job *job = mark ? calloc(1, sizeof *job) : NULL;
	if (!job)
		return NULL;
	job->kind = LOG_SNAPSHOT;
	job->meta.index = index;
	job->meta.term = driver_term_of(d, index);
	job->meta.configuration_index = mark->index;
	job->meta.configuration = mark->configuration;
	job->file = file;
	job->trim_to = index > d->config.trailing_entries ? index - d->config.trailing_entries : 0;
	return job;
}

/* The copy is of whatever index the machine had reached when it was made; one that a leader's snapshot has overtaken
 * meanwhile is of no use any more. */
enum err driver_snapshot_taken(struct driver *d, struct moment now, enum err err, uint64_t index, void *file)
{
	d->now = now;
	struct log_job *job = NULL;
	bool wanted = d->dead == ERR_OK && err == ERR_OK && !d->guard.installing &&
	              index > d->guard.snapshot_index && index <= d->applied;
	if (wanted && !(job = snapshot_job(d, index, file)))
		driver_fail(d, ERR_NO_MEMORY, "no memory for a snapshot");
	if (job) {
		enum err written = d->config.world_ops->log_write(d->config.world, job);
		if (written != ERR_OK)
			driver_fail(d, written, "a snapshot could not be saved");
		return d->dead;
	}
	if (file)
		d->config.world_ops->file_discard(d->config.world, file);
	d->taking = false;
	if (err != ERR_OK) {
		d->snapshot_again_ms = now.ms + FAILED_PAUSE_ELECTIONS * d->config.election_ms;
		tickets_finish(d, err, "the state machine could not be copied");
	}
	return d->dead;
}

static void own_written(struct driver *d, const struct log_job *job)
{
	struct step step = { .event.type = RAFT_SNAPSHOT };
	d->taking = false;
	if (d->guard.installing || job->meta.index <= d->guard.snapshot_index)
		return;
	d->snapshot = job->meta;
	d->snapshots_taken++;
	d->guard.snapshot_index = job->meta.index;
	d->guard.snapshot_term = job->meta.term;
	d->bytes_applied = 0;
	memory_log_trim(&d->log, job->trim_to);
	forget_marks(d, job->meta.index);
	step.event.snapshot.trailing = (unsigned)d->config.trailing_entries;
	if (driver_engine_meta(&job->meta, &step.event.snapshot.metadata) != ERR_OK)
		driver_fail(d, ERR_NO_MEMORY, "no memory for a snapshot");
	driver_step(d, &step);
	tickets_finish(d, ERR_OK, "");
}

/* The step that said so is over: memory holds nothing, the write is queued, what it stands for counts from now on. */
static void install(struct driver *d, struct log_job *job, const struct message *message)
{
	job->kind = LOG_INSTALL;
	job->meta = *message->install.meta;
	job->file = message->install.file;
	memory_log_reset(&d->log, job->meta.index);
	d->stored = 0;
	d->guard.installing = true;
	d->guard.snapshot_index = job->meta.index;
	d->guard.snapshot_term = job->meta.term;
	enum err err = d->config.world_ops->log_write(d->config.world, job);
	if (err != ERR_OK)
		driver_fail(d, err, "a snapshot could not be saved");
}

void driver_snapshot_install(struct driver *d, const struct step *step, struct raft_update *update)
{
	if (!(update->flags & (RAFT_UPDATE_SNAPSHOT)))
		return;
	raft_configuration_close(&update->snapshot.metadata.configuration);
	raft_free(update->snapshot.chunk.base);
	struct log_job *job = d->dead == ERR_OK ? calloc(1, sizeof *job) : NULL;
	if (!job) {
		driver_fail(d, ERR_NO_MEMORY, "no memory for a snapshot");
		return;
	}
	install(d, job, step->message);
	step->message->install.file = NULL;
}

static void installed(struct driver *d, const struct log_job *job)
{
	uint64_t index = job->meta.index;
	struct step step = { .event.type = RAFT_PERSISTED_SNAPSHOT };
	d->snapshot = job->meta;
	d->snapshots_installed++;
	d->guard.installing = false;
	d->bytes_applied = 0;
	d->stored = d->applied = d->confirmed = index;
	d->mark_count = 0;
	enum err err = driver_mark(d, job->meta.configuration_index, &job->meta.configuration);
	if (err == ERR_OK && index > d->machine_floor)
		err = d->config.world_ops->restore(d->config.world, &job->meta);
	if (err == ERR_OK)
		err = driver_engine_meta(&job->meta, &step.event.persisted_snapshot.metadata);
	if (err != ERR_OK) {
		driver_fail(d, err, "a snapshot could not be installed");
		return;
	}
	step.event.persisted_snapshot.last = true;
	driver_step(d, &step);
	if (d->guard.commit < index)
		d->guard.commit = index;
	if (d->dead == ERR_OK)
		d->config.world_ops->applied(d->config.world, index, NULL, 0);
	tickets_finish(d, ERR_OK, "");
}

void driver_snapshot_written(struct driver *d, struct log_job *job)
{
	if (job->kind == LOG_INSTALL)
		installed(d, job);
	else
		own_written(d, job);
}

/* The real world under the driver: the log on disk, the peers, the state machine. */
#include "raft/consensus_internal.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ what the driver asks */

static enum err log_write(void *world, struct log_job *job)
{
	struct consensus *c = world;
	if (c->has_failed)
		return ERR_IO;
	if (job->kind == LOG_SNAPSHOT)
		consensus_task(c, TASK_WRAP, job, NULL, NULL);
	else
		log_store_write(c->log, job);
	return ERR_OK;
}

static enum err log_vote(void *world, uint64_t term, uint64_t vote)
{
	return log_store_vote(((struct consensus *)world)->log, term, vote);
}

static void send_message(void *world, uint64_t to, const struct message *message)
{
	peers_send(((struct consensus *)world)->peers, to, message);
}

static void send_snapshot(void *world, uint64_t to, const struct message *install)
{
	struct consensus *c = world;
	char *path = snapshots_path(c->snapshots, install->install.meta->index, install->install.meta->term);
	if (path)
		peers_send_snapshot(c->peers, to, install, path);
	free(path);
}

static void file_discard(void *world, void *file)
{
	(void)world;
	file_remove(file);
}

static enum err snapshot_take(void *world)
{
	consensus_task(world, TASK_TAKE, NULL, NULL, NULL);
	return ERR_OK;
}

static enum err restore(void *world, const struct snapshot_meta *meta)
{
	struct consensus *c = world;
	struct complaint complaint = { "no memory" };
	char *plain = snapshots_scratch(c->snapshots);
	enum err err = plain ? snapshots_unwrap(c->snapshots, meta->index, meta->term, plain, &complaint) : ERR_NO_MEMORY;
	if (err != ERR_OK)
		log_error("raft", "snapshot can't be restored index=%" PRIu64 ": %s", meta->index, complaint.text);
	else if ((err = c->config.machine_ops->restore(c->config.machine, plain, meta->index)) != ERR_OK)
		log_error("raft", "the directory did not take the snapshot index=%" PRIu64 " err=%s", meta->index,
		          err_name(err));
	else
		log_info("raft", "snapshot restored index=%" PRIu64 " term=%" PRIu64, meta->index, meta->term);
	file_remove(plain);
	return err;
}

static void applied(void *world, uint64_t index, const struct applied_request *requests, size_t count)
{
	consensus_tell_applied(world, index, requests, count);
}

static void configuration(void *world, const struct configuration *configuration)
{
	peers_configure(((struct consensus *)world)->peers, configuration);
}

static void finished(void *world, uint64_t ticket, enum err err, uint64_t index, const struct complaint *complaint)
{
	consensus_tell_finished(world, ticket, err, index, complaint);
}

const struct world_ops consensus_world = {
	.log_write = log_write,
	.log_vote = log_vote,
	.send = send_message,
	.send_snapshot = send_snapshot,
	.file_discard = file_discard,
	.snapshot_take = snapshot_take,
	.restore = restore,
	.applied = applied,
	.configuration = configuration,
	.finished = finished,
};

/* ------------------------------------------------------------------ what the world has to say */

struct written_event {
	struct event event;
	struct log_job *jobs;
};

static void run_written(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct log_job *job = ((struct written_event *)event)->jobs;
	free(event);
	(void)c;
	if (!driver) {
		log_jobs_release(job);
		return;
	}
	while (job) {
		struct log_job *next = job->next;
		driver_written(driver, now, job); /* its error comes back from driver_settle */
		job = next;
	}
}

void consensus_written(void *context, struct log_job *jobs)
{
	struct written_event *event = calloc(1, sizeof *event);
	if (!event) {
		log_error("raft", "no memory to go on");
		log_jobs_release(jobs);
		consensus_fail(context);
		return;
	}
	event->event.run = run_written;
	event->jobs = jobs;
	consensus_post(context, &event->event);
}

struct arrival_event {
	struct event event;
	struct arrival *first;
};

static void deliver(struct driver *driver, struct moment now, struct arrival *arrival)
{
	while (arrival) {
		struct arrival *next = arrival->next;
		if (driver)
			driver_receive(driver, now, &arrival->message); /* its error comes back from driver_settle */
		if (arrival->message.kind == MESSAGE_INSTALL)
			file_remove(arrival->message.install.file); /* NULL if the driver took it */
		message_release(&arrival->message);
		free(arrival);
		arrival = next;
	}
}

static void run_arrivals(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	(void)c;
	deliver(driver, now, ((struct arrival_event *)event)->first);
	free(event);
}

static bool has_room(struct consensus *c, size_t size)
{
	pthread_mutex_lock(&c->queue_lock);
	bool fits = c->arrivals + size <= ARRIVALS_MAX;
	pthread_mutex_unlock(&c->queue_lock);
	return fits;
}

void consensus_arrive(struct consensus *c, struct arrival *first)
{
	struct arrival_event *event = calloc(1, sizeof *event);
	size_t size = 0;
	for (struct arrival *arrival = first; arrival; arrival = arrival->next)
		size += arrival->size;
	if (!event || !has_room(c, size)) {
		free(event);
		deliver(NULL, (struct moment){ 0 }, first); /* lost, as a network may lose it */
		return;
	}
	event->event.run = run_arrivals;
	event->event.size = size;
	event->first = first;
	consensus_post(c, &event->event);
}

static void on_arrived(void *context, struct arrival *first)
{
	consensus_arrive(context, first);
}

static void on_snapshot_arrived(void *context, struct arrival *install, char *path)
{
	consensus_task(context, TASK_CHECK, NULL, install, path);
}

struct connected_event {
	struct event event;
	uint64_t id;
	bool is_connected;
};

static void run_connected(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct connected_event connected = *(struct connected_event *)event;
	free(event);
	(void)c;
	/* its error comes back from driver_settle */
	if (driver && connected.is_connected)
		driver_connected(driver, now, connected.id);
	else if (driver)
		driver_disconnected(driver, now, connected.id);
}

static void on_connected(void *context, uint64_t id, bool is_connected)
{
	struct connected_event *event = malloc(sizeof *event);
	if (!event)
		return; /* what was lost is sent again all the same, and who is there says so: only later */
	*event = (struct connected_event){ .event = { .run = run_connected }, .id = id, .is_connected = is_connected };
	consensus_post(context, &event->event);
}

static void on_forgotten(void *context)
{
	consensus_fail(context);
}

struct peers_config consensus_peers_config(struct consensus *c)
{
	return (struct peers_config){
		.self = c->config.self,
		.incarnation = c->folder.incarnation,
		.listen = c->config.listen,
		.tls = c->config.tls,
		.secret = c->config.secret,
		.message_age_ms_max = c->config.message_age_ms_max,
		.acquaintances = c->acquaintances,
		.snapshots = c->snapshots,
		.arrived = on_arrived,
		.snapshot_arrived = on_snapshot_arrived,
		.connected = on_connected,
		.forgotten = on_forgotten,
		.context = c,
	};
}

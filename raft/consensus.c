#include "raft/consensus_internal.h"
#include "base/file.h"
#include "base/log.h"
#include "base/wait.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------ the queue */

/* A machine that slept finds its lease over when it wakes: so the driver's clock goes on meanwhile. */
struct moment consensus_moment(void)
{
	return (struct moment){ .ms = clock_boot_ms(), .wall_ms = clock_wall_ms() };
}

void consensus_post(struct consensus *c, struct event *event)
{
	event->next = NULL;
	pthread_mutex_lock(&c->queue_lock);
	*c->last = event;
	c->last = &event->next;
	c->arrivals += event->size;
	pthread_cond_signal(&c->queue_changed);
	pthread_mutex_unlock(&c->queue_lock);
}

int64_t consensus_slept_ms(void)
{
	int64_t awake_ms = clock_ms();
	return clock_boot_ms() - awake_ms;
}

/* All there is, or NULL when the time has come for something of the driver's own, at until_ms of its clock; false at the end. */
static bool take_events(struct consensus *c, int64_t until_ms, struct event **events)
{
	deadline_ms until = until_ms - consensus_slept_ms() + 1; /* clocks are read in whole milliseconds: late rather than in vain */
	pthread_mutex_lock(&c->queue_lock);
	while (!c->first && !c->is_ending && wait_until(&c->queue_changed, &c->queue_lock, until))
		;
	*events = c->first;
	c->first = NULL;
	c->last = &c->first;
	c->arrivals = 0;
	bool goes_on = !c->is_ending;
	pthread_mutex_unlock(&c->queue_lock);
	return goes_on;
}

static void run_events(struct consensus *c, struct driver *driver, struct moment now, struct event *events)
{
	while (events) {
		struct event *next = events->next;
		events->run(c, driver, now, events);
		events = next;
	}
}

/* ------------------------------------------------------------------ the raft thread */

void consensus_fail(struct consensus *c)
{
	if (atomic_exchange(&c->has_failed, true))
		return;
	consensus_tell_closed(c);
	c->config.fatal(c->config.context);
}

/* Everything that has happened since the last turn, then once for all of it: submit, apply, flush, tell. */
static enum err turn(struct consensus *c, struct event *events)
{
	struct moment now = consensus_moment();
	driver_decline(c->driver, c->declines);
	run_events(c, c->driver, now, events);
	enum err err = ERR_OK;
	if (now.ms >= driver_timeout(c->driver))
		err = driver_tick(c->driver, now);
	if (err == ERR_OK)
		err = driver_settle(c->driver, now);
	c->contact_until = driver_contact_until(c->driver);
	c->heard = driver_commit_heard(c->driver);
	return err;
}

static void *raft_forever(void *context)
{
	struct consensus *c = context;
	struct event *events;
	while (take_events(c, driver_timeout(c->driver), &events)) {
		enum err err = turn(c, events);
		if (err == ERR_OK && !c->has_failed)
			continue;
		if (err != ERR_OK)
			log_error("raft", "consensus can't go on err=%s", err_name(err));
		consensus_fail(c);
		return NULL;
	}
	run_events(c, NULL, consensus_moment(), events);
	return NULL;
}

/* ------------------------------------------------------------------ beginning */

static void on_log_failed(void *context)
{
	consensus_fail(context);
}

static enum err open_log(struct consensus *c, struct saved_state *saved, struct complaint *complaint)
{
	struct log_store_config config = {
		.folder = c->folder.path,
		.chain = c->chain,
		.snapshots = c->snapshots,
		.written = consensus_written,
		.fatal = on_log_failed,
		.context = c,
	};
	enum err err = ERR_OK;
	if (c->folder.is_fresh)
		err = log_store_create(c->folder.path, c->chain, complaint);
	if (err == ERR_OK)
		err = log_store_open(&config, &c->log, saved, complaint);
	if (err == ERR_OK && c->folder.is_fresh)
		err = folder_settle(&c->folder, c->config.self, c->config.secret, complaint);
	return err;
}

static enum err open_folder(struct consensus *c, struct complaint *complaint)
{
	enum err err = folder_open(c->config.folder, c->config.self, c->config.secret, &c->folder, complaint);
	if (err != ERR_OK)
		return err;
	char *path = file_path(c->folder.path, "snapshots");
	c->chain = chain_create(c->config.secret, c->config.self);
	if (!path || !c->chain)
		err = complain(complaint, ERR_NO_MEMORY, "no memory to start");
	if (err == ERR_OK)
		err = snapshots_open(path, c->config.secret, &c->snapshots, complaint);
	if (err == ERR_OK)
		err = acquaintances_open(c->folder.path, c->config.secret, &c->acquaintances, complaint);
	free(path);
	return err;
}

static enum err make_driver(struct consensus *c, struct saved_state *saved, struct complaint *complaint)
{
	struct driver_config config = {
		.self = c->config.self,
		.self_node = { .id = c->config.self, .address = c->config.listen },
		.founders = c->config.founders,
		.founder_count = c->config.founder_count,
		.election_ms = c->config.election_ms,
		.heartbeat_ms = c->config.heartbeat_ms,
		.contact_ms = c->config.contact_ms,
		.snapshot_entries = c->config.snapshot_entries,
		.trailing_entries = c->config.trailing_entries,
		.world_ops = &consensus_world,
		.world = c,
		.machine_ops = c->config.machine_ops,
		.machine = c->config.machine,
	};
	snprintf(config.self_node.name, sizeof config.self_node.name, "%s", tls_identity(c->config.tls)->name);
	random_bytes(&config.seed, sizeof config.seed);
	return driver_start(&config, saved, consensus_moment(), &c->driver, complaint);
}

static enum err start_thread(pthread_t *thread, bool *has_thread, void *(*run)(void *), struct consensus *c,
                             struct complaint *complaint)
{
	*has_thread = pthread_create(thread, NULL, run, c) == 0;
	return *has_thread ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "a thread of consensus can't be started");
}

static enum err start(struct consensus *c, struct complaint *complaint)
{
	struct saved_state saved = { 0 };
	enum err err = open_folder(c, complaint);
	if (err == ERR_OK)
		err = open_log(c, &saved, complaint);
	if (err == ERR_OK) {
		struct peers_config config = consensus_peers_config(c);
		err = peers_create(&config, &c->peers, complaint);
	}
	if (err == ERR_OK) {
		err = make_driver(c, &saved, complaint); /* takes the references, not the array */
		free(saved.entries);
	} else
		saved_state_release(&saved);
	if (err == ERR_OK)
		err = start_thread(&c->snapshot_thread, &c->has_snapshot_thread, consensus_snapshot_forever, c, complaint);
	if (err == ERR_OK)
		err = start_thread(&c->raft_thread, &c->has_raft_thread, raft_forever, c, complaint);
	return err == ERR_OK ? peers_start(c->peers, complaint) : err;
}

static void release(struct consensus *c);

enum err consensus_start(const struct consensus_config *config, struct consensus **out, struct complaint *complaint)
{
	struct consensus *c = calloc(1, sizeof *c);
	if (!c)
		return complain(complaint, ERR_NO_MEMORY, "no memory to start");
	c->config = *config;
	c->folder.lock = -1;
	c->last = &c->first;
	c->last_task = &c->first_task;
	pthread_mutex_init(&c->queue_lock, NULL);
	pthread_mutex_init(&c->task_lock, NULL);
	pthread_cond_init(&c->task_changed, NULL);
	consensus_calls_init(c);
	enum err err = start(c, complaint);
	if (err == ERR_OK)
		*out = c;
	else
		release(c);
	return err;
}

/* ------------------------------------------------------------------ end */

static void end_raft_thread(struct consensus *c)
{
	pthread_mutex_lock(&c->queue_lock);
	c->is_ending = true;
	pthread_cond_signal(&c->queue_changed);
	pthread_mutex_unlock(&c->queue_lock);
	if (c->has_raft_thread)
		pthread_join(c->raft_thread, NULL);
	c->has_raft_thread = false;
}

/* The threads one after another, each before what it uses; then what still lay in a queue between two. */
static void release(struct consensus *c)
{
	consensus_close_calls(c);
	end_raft_thread(c);
	if (c->peers)
		peers_stop(c->peers);
	consensus_end_tasks(c);
	if (c->has_snapshot_thread)
		pthread_join(c->snapshot_thread, NULL);
	consensus_drop_tasks(c);
	log_store_close(c->log);
	run_events(c, NULL, consensus_moment(), c->first);
	driver_destroy(c->driver);
	peers_destroy(c->peers);
	acquaintances_close(c->acquaintances);
	snapshots_close(c->snapshots);
	chain_destroy(c->chain);
	folder_close(&c->folder);
	consensus_calls_finish(c);
	pthread_cond_destroy(&c->task_changed);
	pthread_mutex_destroy(&c->task_lock);
	pthread_mutex_destroy(&c->queue_lock);
	free(c);
}

/* Quietly where there is nothing to hand over, or nobody to take it. */
static void hand_over(struct consensus *c, deadline_ms deadline)
{
	struct complaint complaint;
	enum err err = deadline_passed(deadline) ? ERR_NOT_LEADER : consensus_transfer(c, 0, deadline, &complaint);
	if (err == ERR_OK)
		log_info("raft", "leadership handed over node=%llu", (unsigned long long)c->config.self);
	else if (err != ERR_NOT_LEADER && err != ERR_REFUSED)
		log_warn("raft", "leadership not handed over err=%s: %s", err_name(err), complaint.text);
}

void consensus_stop(struct consensus *c, deadline_ms deadline)
{
	if (!c)
		return;
	consensus_decline(c, false); /* to one that would rather not is better than to nobody */
	if (!c->has_failed)
		hand_over(c, deadline);
	release(c);
}

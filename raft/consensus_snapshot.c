/* The snapshot thread: whatever takes long and reads or writes a whole copy of the state machine. */
#include "raft/consensus_internal.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void file_remove(char *path)
{
	if (path)
		unlink(path);
	free(path);
}

/* ------------------------------------------------------------------ taking */

struct taken_event {
	struct event event;
	enum err err;
	uint64_t index;
	char *path;
};

static void run_taken(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct taken_event *taken = (struct taken_event *)event;
	(void)c;
	if (driver)
		driver_snapshot_taken(driver, now, taken->err, taken->index, taken->path);
	else
		file_remove(taken->path);
	free(taken);
}

static enum err check_size(const char *path)
{
	struct stat about;
	if (stat(path, &about) != 0)
		return ERR_IO;
	return (uint64_t)about.st_size > SNAPSHOT_PLAIN_MAX ? ERR_TOO_BIG : ERR_OK;
}

static void take(struct consensus *c)
{
	struct taken_event *taken = calloc(1, sizeof *taken);
	char *path = snapshots_scratch(c->snapshots);
	if (!taken || !path) {
		log_error("raft", "no memory to go on");
		free(taken);
		free(path);
		consensus_fail(c);
		return;
	}
	unlink(path);
	taken->event.run = run_taken;
	taken->err = c->config.machine_ops->snapshot(c->config.machine, path, &taken->index);
	if (taken->err == ERR_OK)
		taken->err = check_size(path);
	if (taken->err == ERR_OK)
		taken->path = path;
	else {
		log_error("raft", "no snapshot can be taken err=%s", err_name(taken->err));
		file_remove(path);
	}
	consensus_post(c, &taken->event);
}

/* ------------------------------------------------------------------ wrapping */

/* The plain copy becomes a snapshot's file; then it is the log's turn. */
static enum err wrap(struct consensus *c, struct log_job *job)
{
	struct complaint complaint = { "no memory" };
	char *path = snapshots_scratch(c->snapshots);
	enum err err = path ? snapshots_wrap(c->snapshots, &job->meta, job->file, path, &complaint) : ERR_NO_MEMORY;
	file_remove(job->file);
	job->file = path;
	if (err != ERR_OK)
		log_error("raft", "snapshot can't be kept index=%" PRIu64 ": %s", job->meta.index, complaint.text);
	return err;
}

static void wrap_and_write(struct consensus *c, struct log_job *job)
{
	if (wrap(c, job) == ERR_OK) {
		log_store_write(c->log, job);
		return;
	}
	job->next = NULL;
	log_jobs_release(job);
	consensus_fail(c);
}

/* ------------------------------------------------------------------ checking */

static void check(struct consensus *c, struct arrival *install, char *path)
{
	struct complaint complaint;
	const struct snapshot_meta *meta = install->message.install.meta;
	install->message.install.file = path;
	install->next = NULL;
	enum err err = snapshots_check_received(c->snapshots, path, meta->index, meta->term, &complaint);
	if (err == ERR_OK) {
		log_info("raft", "snapshot received index=%" PRIu64 " from=%" PRIu64, meta->index, install->message.from);
		consensus_arrive(c, install);
		return;
	}
	log_warn("raft", "snapshot refused index=%" PRIu64 " from=%" PRIu64 ": %s", meta->index, install->message.from,
	         complaint.text);
	file_remove(path);
	install->message.install.file = NULL;
	message_release(&install->message);
	free(install);
}

/* ------------------------------------------------------------------ the thread */

static void run_task(struct consensus *c, struct task *task)
{
	switch (task->kind) {
	case TASK_TAKE:
		take(c);
		break;
	case TASK_WRAP:
		wrap_and_write(c, task->job);
		break;
	case TASK_CHECK:
		check(c, task->install, task->path);
		break;
	}
}

static struct task *next_task(struct consensus *c)
{
	pthread_mutex_lock(&c->task_lock);
	while (!c->first_task && !c->no_more_tasks)
		pthread_cond_wait(&c->task_changed, &c->task_lock);
	struct task *task = c->no_more_tasks ? NULL : c->first_task;
	if (task && !(c->first_task = task->next))
		c->last_task = &c->first_task;
	pthread_mutex_unlock(&c->task_lock);
	return task;
}

void *consensus_snapshot_forever(void *context)
{
	struct consensus *c = context;
	for (struct task *task; (task = next_task(c)); free(task))
		run_task(c, task);
	return NULL;
}

static void drop_task(struct task *task)
{
	if (task->job) {
		unlink(task->job->file);
		task->job->next = NULL;
		log_jobs_release(task->job);
	}
	if (task->install) {
		message_release(&task->install->message);
		free(task->install);
	}
	file_remove(task->path);
	free(task);
}

void consensus_task(struct consensus *c, enum task_kind kind, struct log_job *job, struct arrival *install, char *path)
{
	struct task *task = malloc(sizeof *task);
	if (!task) {
		log_error("raft", "no memory to go on");
		consensus_fail(c);
		return;
	}
	*task = (struct task){ .kind = kind, .job = job, .install = install, .path = path };
	pthread_mutex_lock(&c->task_lock);
	*c->last_task = task;
	c->last_task = &task->next;
	pthread_cond_signal(&c->task_changed);
	pthread_mutex_unlock(&c->task_lock);
}

void consensus_end_tasks(struct consensus *c)
{
	pthread_mutex_lock(&c->task_lock);
	c->no_more_tasks = true;
	pthread_cond_signal(&c->task_changed);
	pthread_mutex_unlock(&c->task_lock);
}

void consensus_drop_tasks(struct consensus *c)
{
	for (struct task *task = c->first_task; task;) {
		struct task *next = task->next;
		drop_task(task);
		task = next;
	}
	c->first_task = NULL;
	c->last_task = &c->first_task;
}

#include "cli/dev_run.h"
#include "base/clock.h"
#include "cli/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define WAIT_MS 60000
#define LOOK_EVERY_MS 20
#define FAILURES_MAX 3   /* of a node that ends again and again: it will not serve */

enum err dev_launch(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	const char *argv[] = { programs->craton, "dev", "supervise", "--dir", dev->dir, NULL };
	struct spawn spawn = { .argv = argv, .out = -1, .log = dev_path(dev, NULL, "supervisor.log"), .is_session = true };
	enum err err = control_listen(dev, &spawn.in, complaint);
	if (err != ERR_OK)
		return err;
	pid_t pid = spawn_start(&spawn);
	close(spawn.in);
	return pid > 0 ? ERR_OK : complain(complaint, ERR_IO, "the supervisor cannot be started: %s", strerror(errno));
}

static enum err judge_process(const struct dev *dev, const struct dev_node *node, const struct process_status *process,
                              struct complaint *complaint)
{
	char line[SPAWN_LAST_LINE_SIZE];
	if (process->state != PROCESS_STOPPED && process->failures < FAILURES_MAX)
		return ERR_OK;
	spawn_last_line(dev_path(dev, node, "log"), line);
	return complain(complaint, ERR_IO, "node %s %s: %s (log: %s)", node->name, process->ending, line,
	                dev_path(dev, node, "log"));
}

/* What is known of a node that does not serve (yet). */
static void say_why_not(const struct dev_node *node, const struct member_status *status, struct complaint *complaint)
{
	const Craton__Status *body = member_status(status);
	complain(complaint, ERR_OK, "node %s: %s", node->name, body ? body->state : status->complaint.text);
}

/* *done once all that are waited for serve; ERR_REFUSED once all do but those for which waiting is no use. */
static enum err look(const struct dev *dev, const struct asker *asker, const struct dev_node *only, bool *done,
                     struct complaint *complaint)
{
	struct process_status processes[DEV_NODES_MAX];
	struct member_status statuses[MEMBERS_MAX] = { 0 };
	bool is_stuck = false;
	enum err err = control_status(dev, processes, complaint);
	if (err != ERR_OK)
		return err;
	ask_status(asker, statuses);
	*done = true;
	for (size_t i = 0; i < dev->node_count && err == ERR_OK; i++) {
		if ((only && only != &dev->nodes[i]) || member_is_serving(&statuses[i]))
			continue;
		err = judge_process(dev, &dev->nodes[i], &processes[i], complaint);
		if (err == ERR_OK)
			say_why_not(&dev->nodes[i], &statuses[i], complaint);
		is_stuck |= member_is_stuck(&statuses[i]);
		*done &= member_is_stuck(&statuses[i]);
	}
	member_status_release(statuses, asker->config.member_count);
	return err == ERR_OK && *done && is_stuck ? ERR_REFUSED : err;
}

enum err dev_wait(const struct dev *dev, const struct dev_node *only, struct complaint *complaint)
{
	deadline_ms deadline = deadline_in(WAIT_MS);
	struct asker asker;
	bool done = false;
	enum err err = asker_open(dev_path(dev, NULL, "admin.conf"), &asker, complaint);
	if (err != ERR_OK)
		return err;
	while (err == ERR_OK && !done) {
		err = look(dev, &asker, only, &done, complaint);
		if (err == ERR_OK && !done && deadline_passed(deadline))
			err = ERR_TIMEOUT; /* the complaint has the last that was seen */
		if (err == ERR_OK && !done)
			poll(NULL, 0, LOOK_EVERY_MS);
	}
	asker_close(&asker);
	return err;
}

/* The supervisor holds supervisor.pid until its process is gone. */
static void wait_for_supervisor(const struct dev *dev)
{
	int fd = open(dev_path(dev, NULL, "supervisor.pid"), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
		;
	close(fd);
}

enum err dev_halt(const struct dev *dev, struct complaint *complaint)
{
	if (!control_is_answered(dev))
		return ERR_OK;
	enum err err = control_ask(dev, "quit", complaint);
	if (err == ERR_OK)
		wait_for_supervisor(dev);
	return err;
}

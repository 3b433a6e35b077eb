/* The domain keys: made in the first node's token, then carried to the others'. Each node that
 * enrols makes its transport key at the same time as the others; they are admitted one by one. */
#include "cli/dev.h"
#include "cli/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { END_READ, END_WRITE };

struct domain_task {
	const struct dev_node *node;
	char config[DEV_PATH_MAX + 64], so_pin[DEV_PATH_MAX + 64], log[DEV_PATH_MAX + 64];
	const char *argv[8];
	struct spawn spawn;
	pid_t pid;
	int request[2], answer[2]; /* pipes: from the node that enrols, and to it */
};

static void task_init(struct domain_task *task, const struct dev *dev, const struct dev_programs *programs,
                      const struct dev_node *node, const char *deed)
{
	*task = (struct domain_task){ .node = node, .pid = -1, .request = { -1, -1 }, .answer = { -1, -1 } };
	snprintf(task->config, sizeof task->config, "%s", dev_path(dev, node, "cratond.conf"));
	snprintf(task->so_pin, sizeof task->so_pin, "%s", dev_path(dev, node, "token.so-pin"));
	snprintf(task->log, sizeof task->log, "%s", dev_path(dev, node, "domain.log"));
	memcpy(task->argv, (const char *[8]){ programs->cratond, "-c", task->config, "domain", deed, "--so-pin-file",
	                                      task->so_pin, NULL }, sizeof task->argv);
	task->spawn = (struct spawn){ .argv = task->argv, .in = -1, .out = -1, .log = task->log };
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void task_close(struct domain_task *task)
{
	for (int end = 0; end < 2; end++) {
		close_one(&task->request[end]);
		close_one(&task->answer[end]);
	}
}

static enum err enrol_begin(struct domain_task *task, struct complaint *complaint)
{
	if (pipe2(task->request, O_CLOEXEC) != 0 || pipe2(task->answer, O_CLOEXEC) != 0)
		return complain(complaint, ERR_IO, "a pipe: %s", strerror(errno));
	task->spawn.in = task->answer[END_READ];
	task->spawn.out = task->request[END_WRITE];
	task->pid = spawn_start(&task->spawn);
	if (task->pid < 0)
		return complain(complaint, ERR_IO, "node %s: %s", task->node->name, strerror(errno));
	close_one(&task->answer[END_READ]);
	close_one(&task->request[END_WRITE]);
	return ERR_OK;
}

/* The first node answers the request of the one that enrols. */
static enum err admit(struct domain_task *task, const struct dev *dev, const struct dev_programs *programs,
                      struct complaint *complaint)
{
	struct domain_task host;
	char what[64];
	snprintf(what, sizeof what, "admitting node %s to the domain", task->node->name);
	task_init(&host, dev, programs, &dev->nodes[0], "admit");
	host.spawn.in = task->request[END_READ];
	host.spawn.out = task->answer[END_WRITE];
	return spawn_run(&host.spawn, what, complaint);
}

/* Also when something failed: nothing that was started is left alone. */
static enum err enrol_end(struct domain_task *task, enum err err, struct complaint *complaint)
{
	char what[64];
	snprintf(what, sizeof what, "enrolling node %s in the domain", task->node->name);
	task_close(task);
	if (task->pid < 0)
		return err;
	enum err waited = spawn_wait(&task->spawn, task->pid, what, err == ERR_OK ? complaint : NULL);
	return err == ERR_OK ? waited : err;
}

static enum err enrol_all(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	static struct domain_task tasks[DEV_NODES_MAX];
	enum err err = ERR_OK;
	for (size_t i = 1; i < dev->node_count; i++)
		task_init(&tasks[i], dev, programs, &dev->nodes[i], "enroll");
	for (size_t i = 1; err == ERR_OK && i < dev->node_count; i++)
		err = enrol_begin(&tasks[i], complaint);
	for (size_t i = 1; i < dev->node_count; i++) {
		if (err == ERR_OK)
			err = admit(&tasks[i], dev, programs, complaint);
		err = enrol_end(&tasks[i], err, complaint);
	}
	return err;
}

enum err dev_make_domain(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	struct domain_task task;
	task_init(&task, dev, programs, &dev->nodes[0], "create");
	enum err err = spawn_run(&task.spawn, "making the domain", complaint);
	return err == ERR_OK ? enrol_all(dev, programs, complaint) : err;
}

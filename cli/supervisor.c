/* craton dev supervise: the process that keeps a dev cluster's nodes running. It has one thread,
 * and everything it does begins with a signal or a line on its control socket, which it was
 * given as its standard input. */
#include "base/clock.h"
#include "base/log.h"
#include "cli/control.h"
#include "cli/dev.h"
#include "cli/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTART_FIRST_MS 100     /* after a node that ended at once; twice as long each time */
#define RESTART_LAST_MS 5000
#define STEADY_MS 5000           /* a node that ran this long is restarted at once */
#define STOP_MS 20000            /* for a node to end after SIGTERM */
#define LINE_PATIENCE_MS 2000

struct process {
	const struct dev_node *node;
	pid_t pid;               /* 0: not running */
	bool is_wanted;
	int64_t started_ms;
	int64_t restart_at_ms;   /* if wanted and not running */
	int64_t delay_ms;
	unsigned restarts, failures; /* as in struct process_status */
	char ending[64];
};

struct supervisor {
	struct dev dev;
	struct dev_programs programs;
	struct process processes[DEV_NODES_MAX];
	int signals;             /* a signalfd */
	bool is_over;
};

static void process_start(struct supervisor *supervisor, struct process *process)
{
	const struct dev *dev = &supervisor->dev;
	const char *argv[] = { supervisor->programs.cratond, "-c", dev_path(dev, process->node, "cratond.conf"), NULL };
	struct spawn spawn = { .argv = argv, .in = -1, .out = -1, .log = dev_path(dev, process->node, "log"),
	                       .dies_with_us = true };
	process->pid = spawn_start(&spawn);
	process->started_ms = clock_ms();
	if (process->pid > 0) {
		log_info("dev", "node started name=%s pid=%d", process->node->name, (int)process->pid);
		return;
	}
	process->pid = 0;
	process->restart_at_ms = clock_ms() + RESTART_LAST_MS;
	log_error("dev", "node cannot be started name=%s errno=%d", process->node->name, errno);
}

static void process_ended(struct process *process, int wait_status)
{
	int64_t now = clock_ms();
	bool was_steady = now - process->started_ms >= STEADY_MS;
	spawn_ending(wait_status, process->ending, sizeof process->ending);
	log_info("dev", "node ended name=%s pid=%d how=\"%s\"", process->node->name, (int)process->pid, process->ending);
	process->pid = 0;
	process->restart_at_ms = was_steady ? now : now + process->delay_ms;
	process->failures += !was_steady;
	process->delay_ms = was_steady ? RESTART_FIRST_MS : process->delay_ms * 2;
	if (process->delay_ms > RESTART_LAST_MS)
		process->delay_ms = RESTART_LAST_MS;
}

static void reap(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->dev.node_count; i++) {
		struct process *process = &supervisor->processes[i];
		int status;
		if (process->pid && waitpid(process->pid, &status, WNOHANG) == process->pid)
			process_ended(process, status);
	}
}

static void restart_due(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->dev.node_count; i++) {
		struct process *process = &supervisor->processes[i];
		if (process->is_wanted && !process->pid && clock_ms() >= process->restart_at_ms) {
			process->restarts++;
			process_start(supervisor, process);
		}
	}
}

/* When the next node is due, for poll(2). */
static int time_to_restart(const struct supervisor *supervisor)
{
	deadline_ms first = DEADLINE_NEVER;
	for (size_t i = 0; i < supervisor->dev.node_count; i++) {
		const struct process *process = &supervisor->processes[i];
		if (process->is_wanted && !process->pid && process->restart_at_ms < first)
			first = process->restart_at_ms;
	}
	return deadline_left(first);
}

/* Drains the signalfd; SIGTERM and SIGINT end us. */
static void take_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signals, &info, sizeof info) == sizeof info)
		supervisor->is_over |= info.ssi_signo != SIGCHLD;
	reap(supervisor);
}

/* Until it has ended, or the deadline. */
static bool wait_for_end(struct supervisor *supervisor, const struct process *process, deadline_ms deadline)
{
	for (;;) {
		struct pollfd signals = { .fd = supervisor->signals, .events = POLLIN };
		take_signals(supervisor);
		if (!process->pid || deadline_passed(deadline))
			return !process->pid;
		poll(&signals, 1, deadline_left(deadline));
	}
}

static void process_stop(struct supervisor *supervisor, struct process *process, int signal_number)
{
	process->is_wanted = false;
	if (process->pid)
		kill(process->pid, signal_number);
	if (wait_for_end(supervisor, process, deadline_in(STOP_MS)))
		return;
	log_warn("dev", "node did not stop, killed name=%s", process->node->name);
	kill(process->pid, SIGKILL);
	wait_for_end(supervisor, process, DEADLINE_NEVER);
}

/* One after the other, so that each has somebody to hand the leadership over to. */
static void stop_all(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->dev.node_count; i++)
		process_stop(supervisor, &supervisor->processes[i], SIGTERM);
}

static void start_wanted(struct supervisor *supervisor, struct process *process)
{
	process->is_wanted = true;
	process->delay_ms = RESTART_FIRST_MS;
	process->failures = 0;
	if (!process->pid)
		process_start(supervisor, process);
}

static void answer_status(const struct supervisor *supervisor, int fd)
{
	dprintf(fd, "ok\n");
	for (size_t i = 0; i < supervisor->dev.node_count; i++) {
		const struct process *process = &supervisor->processes[i];
		enum process_state state = process->pid ? PROCESS_RUNNING : process->is_wanted ? PROCESS_RESTARTING : PROCESS_STOPPED;
		dprintf(fd, "%s %d %d %u %u %s\n", process->node->name, (int)state, (int)process->pid, process->restarts,
		        process->failures, process->ending);
	}
}

static struct process *find_process(struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->dev.node_count; i++)
		if (strcmp(supervisor->processes[i].node->name, name) == 0)
			return &supervisor->processes[i];
	return NULL;
}

static void obey(struct supervisor *supervisor, char *line, int fd)
{
	char *name = line;
	char *deed = strsep(&name, " ");
	struct process *process = name ? find_process(supervisor, name) : NULL;
	if (strcmp(deed, "status") == 0) {
		answer_status(supervisor, fd);
		return;
	}
	if (strcmp(deed, "quit") == 0) {
		stop_all(supervisor);
		supervisor->is_over = true;
	} else if (process && strcmp(deed, "kill") == 0) {
		process_stop(supervisor, process, SIGKILL);
	} else if (process && strcmp(deed, "stop") == 0) {
		process_stop(supervisor, process, SIGTERM);
	} else if (process && strcmp(deed, "start") == 0) {
		start_wanted(supervisor, process);
	} else {
		dprintf(fd, "does not know what to do with: %s %s\n", deed, name ? name : "");
		return;
	}
	dprintf(fd, "ok\n");
}

static void take_connection(struct supervisor *supervisor, int listener)
{
	struct timeval patience = { .tv_sec = LINE_PATIENCE_MS / 1000 };
	char line[64] = "";
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	ssize_t size = read(fd, line, sizeof line - 1);
	if (size > 0 && line[size - 1] == '\n') {
		line[size - 1] = '\0';
		obey(supervisor, line, fd);
	}
	close(fd);
}

static void run(struct supervisor *supervisor)
{
	while (!supervisor->is_over) {
		struct pollfd fds[] = { { .fd = supervisor->signals, .events = POLLIN },
		                        { .fd = STDIN_FILENO, .events = POLLIN } };
		if (poll(fds, 2, time_to_restart(supervisor)) < 0 && errno != EINTR)
			break;
		take_signals(supervisor);
		if (!supervisor->is_over && (fds[1].revents & POLLIN))
			take_connection(supervisor, STDIN_FILENO);
		restart_due(supervisor);
	}
	stop_all(supervisor);
}

/* One supervisor a folder: it holds this file, with its process id in it, as long as it lives. */
static enum err hold_pid_file(const struct dev *dev, struct complaint *complaint)
{
	const char *path = dev_path(dev, NULL, "supervisor.pid");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return complain(complaint, ERR_BUSY, "%s: %s; another supervisor runs this cluster", path, strerror(errno));
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return complain(complaint, ERR_IO, "%s: %s", path, strerror(errno));
	return ERR_OK; /* the fd stays open on purpose */
}

static enum err catch_signals(int *fd, struct complaint *complaint)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd >= 0 ? ERR_OK : complain(complaint, ERR_IO, "signalfd: %s", strerror(errno));
}

int dev_supervise_run(const struct options *options)
{
	static struct supervisor supervisor;
	struct complaint complaint = { "" };
	char dir[DEV_PATH_MAX];
	log_to_stderr(LOG_INFO_LINE);
	enum err err = dev_folder(options, dir, &complaint);
	if (err == ERR_OK)
		err = dev_load(dir, &supervisor.dev, &complaint);
	if (err == ERR_OK)
		err = dev_find_programs(&supervisor.programs, &complaint);
	if (err == ERR_OK)
		err = hold_pid_file(&supervisor.dev, &complaint);
	if (err == ERR_OK)
		err = catch_signals(&supervisor.signals, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	for (size_t i = 0; i < supervisor.dev.node_count; i++) {
		supervisor.processes[i].node = &supervisor.dev.nodes[i];
		start_wanted(&supervisor, &supervisor.processes[i]);
	}
	run(&supervisor);
	unlink(dev_path(&supervisor.dev, NULL, "control"));
	dev_release(&supervisor.dev);
	return COMMAND_OK;
}

#include "cli/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's side: nothing of ours but what the program is meant to have. */
__attribute__((noreturn)) static void become(const struct spawn *spawn, pid_t parent)
{
	sigset_t none;
	int in = spawn->in >= 0 ? spawn->in : open("/dev/null", O_RDONLY);
	int log = open(spawn->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int out = spawn->out >= 0 ? spawn->out : log;
	if (in < 0 || log < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	if (spawn->is_session)
		setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (spawn->dies_with_us)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (spawn->dies_with_us && getppid() != parent) /* it ended before we said so */
		_exit(126);
	/* putenv and execvp are declared for writable strings, which they do not write to. */
	for (const char *const *pair = spawn->environment; pair && *pair; pair++)
		putenv((char *)(uintptr_t)*pair);
	execvp(spawn->argv[0], (char **)(uintptr_t)spawn->argv);
	dprintf(2, "%s: %s\n", spawn->argv[0], strerror(errno));
	_exit(127);
}

pid_t spawn_start(const struct spawn *spawn)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(spawn, parent);
	return pid;
}

void spawn_ending(int wait_status, char *text, size_t size)
{
	if (WIFSIGNALED(wait_status))
		snprintf(text, size, "was killed by signal %d", WTERMSIG(wait_status));
	else
		snprintf(text, size, "exited with %d", WEXITSTATUS(wait_status));
}

void spawn_last_line(const char *path, char line[SPAWN_LAST_LINE_SIZE])
{
	FILE *file = fopen(path, "re");
	line[0] = '\0';
	for (char next[SPAWN_LAST_LINE_SIZE]; file && fgets(next, sizeof next, file);) {
		next[strcspn(next, "\n")] = '\0';
		if (next[0])
			strcpy(line, next);
	}
	if (file)
		fclose(file);
}

enum err spawn_wait(const struct spawn *spawn, pid_t pid, const char *what, struct complaint *complaint)
{
	char ending[64], line[SPAWN_LAST_LINE_SIZE];
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain(complaint, ERR_IO, "%s: %s", what, strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_OK;
	spawn_ending(status, ending, sizeof ending);
	spawn_last_line(spawn->log, line);
	return complain(complaint, ERR_IO, "%s: %s %s: %s (log: %s)", what, spawn->argv[0], ending, line, spawn->log);
}

enum err spawn_run(const struct spawn *spawn, const char *what, struct complaint *complaint)
{
	pid_t pid = spawn_start(spawn);
	if (pid < 0)
		return complain(complaint, ERR_IO, "%s: %s", what, strerror(errno));
	return spawn_wait(spawn, pid, what, complaint);
}

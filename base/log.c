#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE 1024 /* bytes, with its newline: a pipe keeps lines this short whole */

static atomic_int log_fd = -1;
static atomic_int log_level_max = LOG_ERROR_LINE;
static atomic_bool log_to_journal;

void log_to_stderr(enum log_level level)
{
	log_level_max = (int)level;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
	log_fd = STDERR_FILENO;
}

static int open_as_environment_says(void)
{
	const char *where = secure_getenv("CRATON_DEBUG");
	if (!where || !*where)
		return -1;
	if (strcmp(where, "stderr") == 0)
		return STDERR_FILENO;
	return open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

/* Opened once and kept: another thread may be writing to it right now. Without a lock, which a forked child might find held. */
void log_as_environment_says(void)
{
	int none = -1;
	if (log_fd >= 0)
		return;
	log_level_max = LOG_DEBUG_LINE;
	int fd = open_as_environment_says();
	if (!atomic_compare_exchange_strong(&log_fd, &none, fd) && fd > STDERR_FILENO)
		close(fd); /* another thread was first */
}

/* A library that is unloaded leaves no descriptor behind. */
__attribute__((destructor)) static void log_close(void)
{
	int fd = atomic_exchange(&log_fd, -1);
	if (fd > STDERR_FILENO)
		close(fd);
}

static size_t put_start(char *line, size_t size_max, enum log_level level, const char *room)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	static const int priorities[] = { 3, 4, 6, 7 }; /* of syslog(3), as sd-daemon(3) has them */
	if (log_to_journal)
		return (size_t)snprintf(line, size_max, "<%d>%s %s: ", priorities[level], names[level], room);
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	return (size_t)snprintf(line, size_max, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: ",
	                        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	                        now.tv_nsec / 1000000, names[level], room);
}

/* What a stranger sent may stand in a line, but can't start a line of its own or drive a terminal. */
static void make_harmless(char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

void log_line(enum log_level level, const char *room, const char *format, ...)
{
	int fd = log_fd, saved = errno;
	if (fd < 0 || (int)level > log_level_max)
		return;
	char line[LINE_MAX_SIZE];
	size_t size = put_start(line, sizeof line, level, room);
	va_list args;
	va_start(args, format);
	int more = vsnprintf(line + size, sizeof line - size, format, args);
	va_end(args);
	size += more > 0 ? (size_t)more : 0;
	if (size > sizeof line - 1)
		size = sizeof line - 1;
	make_harmless(line, size);
	line[size++] = '\n';
	/* One write, so that lines of several threads do not mix. A log that can't be written stops nobody. */
	ssize_t ignored = write(fd, line, size);
	(void)ignored;
	errno = saved;
}

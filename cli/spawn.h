/* Other programs: started, and waited for. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const char *const *argv;        /* argv[0] is looked for in $PATH unless it has a slash */
	const char *const *environment; /* "NAME=value" added to ours; ends with NULL; may be NULL */
	int in, out;                    /* -1: /dev/null, the log. Stay the caller's. */
	const char *log;                /* stderr (and stdout) are appended to this file, made 0600 */
	bool dies_with_us;              /* SIGTERM to it when the thread that started it ends */
	bool is_session;                /* a session of its own, without our terminal */
};
/* -1 and errno if there could be no process; that the program is missing shows as exit status 127. */
pid_t spawn_start(const struct spawn *spawn);
/* ERR_OK if it exited with 0; otherwise a complaint with `what`, how it ended and the last line of its log. */
enum err spawn_wait(const struct spawn *spawn, pid_t pid, const char *what, struct complaint *complaint);
/* Both. */
enum err spawn_run(const struct spawn *spawn, const char *what, struct complaint *complaint);
/* The last line that is not empty, which says why a program ended; "" if there is none. */
#define SPAWN_LAST_LINE_SIZE 400
void spawn_last_line(const char *path, char line[SPAWN_LAST_LINE_SIZE]);
/* "exited with 3" or "was killed by signal 9", as waitpid(2) told it. */
void spawn_ending(int wait_status, char *text, size_t size);

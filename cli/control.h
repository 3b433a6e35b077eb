/* The supervisor's socket, DIR/control: one line asked ("status", "kill a", "start a", "stop a",
 * "quit"), lines answered until the end. The first says "ok" or what is wrong. Only for processes of the
 * same user: the folder is 0700. */
#pragma once
#include "cli/dev.h"
#include <sys/types.h>

enum process_state { PROCESS_RUNNING, PROCESS_RESTARTING, PROCESS_STOPPED };
extern const char *const process_state_names[];

/* What the supervisor knows of a node's process. */
struct process_status {
	char name[8];
	enum process_state state;
	pid_t pid;          /* 0 unless running */
	unsigned restarts;  /* since the supervisor started */
	unsigned failures;  /* since it was last told to start: it ended soon and unasked */
	char ending[64];    /* of the last process that ended, or "" */
};

/* A listening socket; a dead supervisor's is replaced. */
enum err control_listen(const struct dev *dev, int *fd, struct complaint *complaint);
bool control_is_answered(const struct dev *dev);
/* Does what the line says; ERR_CLOSED if there is no supervisor, ERR_REFUSED with its words. */
enum err control_ask(const struct dev *dev, const char *line, struct complaint *complaint);
/* `out` has room for every node. */
enum err control_status(const struct dev *dev, struct process_status *out, struct complaint *complaint);

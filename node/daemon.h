/* cratond as a process: starts a node, serves, stops when told to. */
#pragma once
#include "base/err.h"

struct node_config;

/* The process's exit status. Before it serves, any mistake is one line on stderr. */
int daemon_run(const struct node_config *config);
/* sysexits.h: 78 for settings, files and tokens an operator must mend, 75 for something in use, 65 for damaged state, 71 otherwise. */
int exit_status(enum err err);

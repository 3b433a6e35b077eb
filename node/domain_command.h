/* cratond domain create | enroll | admit | show: what is done once to a token, while the daemon does not run. */
#pragma once
#include "node/config.h"

/* `verb` as on the command line. Talks on stdin, stdout and stderr; returns the exit status. */
int domain_command(const struct node_config *config, const char *verb, const char *so_pin_file);

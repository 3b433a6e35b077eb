/* A dev cluster as it runs: its supervisor, and waiting for its nodes. */
#pragma once
#include "cli/ask.h"
#include "cli/control.h"
#include "cli/dev.h"

/* Starts the supervisor, which starts every node, and returns once it takes orders. */
enum err dev_launch(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint);
/* Until `only` (NULL: every node) is serving. ERR_IO with the reason once a node has failed
 * to start a few times over, ERR_REFUSED when it says that its token is in the way, ERR_TIMEOUT after a minute. */
enum err dev_wait(const struct dev *dev, const struct dev_node *only, struct complaint *complaint);
/* ERR_OK also if there was none. Returns once all processes have ended. */
enum err dev_halt(const struct dev *dev, struct complaint *complaint);

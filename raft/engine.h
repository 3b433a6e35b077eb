/* libraft as it is installed here: its types to and from ours, and whether it is the one we know.
 * Only raft/driver*.c, guard.c, engine.c and configuration.c see <raft.h>. */
#pragma once
#include "base/err.h"
#include "raft/configuration.h"
#include <raft.h>

/* The build with the old API, which is what Debian ships. With RAFT__LEGACY_no the structs differ from the library's. */
_Static_assert(sizeof(struct raft) == 992, "this libraft's struct raft is not the one the driver knows");
_Static_assert(RAFT_VERSION_NUMBER == 2201,
               "the simulator has not run on this libraft; build against 0.22.1 (libraft-dev of Debian 13 or bookworm-backports)");

/* A throw-away sole voter is asked to take an entry: who owns what afterwards, and whether its fields are where our
 * header has them, tells the library from others with the same soname. ERR_CONFIG with what to do. */
enum err engine_check(struct complaint *complaint);

/* What raft_configuration_close frees. ERR_NO_MEMORY. */
enum err engine_configuration(const struct configuration *from, struct raft_configuration *out);
/* What the engine goes by, as ours. */
void engine_configuration_read(const struct raft_configuration *from, struct configuration *out);
/* "name@host:port": what the engine keeps as a server's address. */
#define NODE_TEXT_MAX (IDENTITY_NAME_MAX + 1 + 258 + 6 + 1)
enum err node_text(const struct consensus_node *node, char text[NODE_TEXT_MAX]);
enum err node_from_text(const char *text, struct consensus_node *node);

/* The nodes of the cluster's configuration, by name. */
#pragma once
#include "node/node.h"

/* "" if it is in no configuration that we know. */
const char *members_name(const struct node *node, const struct consensus_status *status, uint64_t id);
bool members_find(const struct node *node, const struct consensus_status *status, const char *name, uint64_t *id);

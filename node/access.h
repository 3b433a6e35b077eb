/* Who may come to a node, and who may administer it. */
#pragma once
#include "node/config.h"
#include "wire/channel.h"

/* Client and admin certificates, and on the Unix socket root, the daemon's own user and those in [listen] users. Other nodes'
 * certificates are for consensus alone. */
bool access_allowed(const struct node_config *config, const struct identity *identity);
/* Admin certificates; root and the daemon's own user on the Unix socket. */
bool access_administers(const struct identity *identity);

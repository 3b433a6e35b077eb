/* Who may come to a node, and who may administer it. */
#pragma once
#include "node/config.h"
#include "store/directory.h"
#include "wire/channel.h"

/* Client and admin certificates, and on the Unix socket root, the daemon's own user and those in [listen] users. Other nodes'
 * certificates are for consensus alone. */
bool access_allowed(const struct node_config *config, const struct identity *identity);
/* Admin certificates; root and the daemon's own user on the Unix socket. */
bool access_administers(const struct identity *identity);

#define ACCESS_NAME_SIZE 80
/* How slots' lists call it: "client:NAME", "user:bob"; "-" for one that no list can name. */
void access_name(const struct identity *identity, char name[ACCESS_NAME_SIZE]);
/* May it use the slot? Those on its list; any client if that is empty. Root and the daemon's own user could become any local
 * user (and read what the node knows), so they may, too. An admin certificate is not a client. */
bool access_sees(const struct identity *identity, const char *name, const struct slot_access *access);

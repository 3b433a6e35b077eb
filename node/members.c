#include "node/members.h"
#include <string.h>

const char *members_name(const struct node *node, const struct consensus_status *status, uint64_t id)
{
	if (id == (uint64_t)node->config->id)
		return node->config->name;
	for (size_t i = 0; i < status->peer_count; i++)
		if (status->peers[i].node.id == id)
			return status->peers[i].node.name;
	return "";
}

bool members_find(const struct node *node, const struct consensus_status *status, const char *name, uint64_t *id)
{
	*id = strcmp(name, node->config->name) == 0 ? (uint64_t)node->config->id : 0;
	for (size_t i = 0; i < status->peer_count; i++)
		if (strcmp(status->peers[i].node.name, name) == 0)
			*id = status->peers[i].node.id;
	return *id != 0;
}

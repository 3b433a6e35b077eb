#include "node/access.h"
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "uid:1000", as the channel took it from the kernel. */
static bool uid_of(const struct identity *identity, uid_t *uid)
{
	char *end;
	if (identity->kind != IDENTITY_LOCAL_USER || strncmp(identity->name, "uid:", 4) != 0)
		return false;
	*uid = (uid_t)strtoul(identity->name + 4, &end, 10);
	return end != identity->name + 4 && !*end;
}

static bool is_own(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

#define GROUPS_MAX 256
static bool is_in_group(const struct node_config *config, uid_t uid)
{
	struct passwd entry, *user = NULL;
	char text[4096];
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	if (config->group_count == 0 || getpwuid_r(uid, &entry, text, sizeof text, &user) != 0 || !user)
		return false;
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		count = GROUPS_MAX;
	for (int i = 0; i < count; i++)
		for (size_t j = 0; j < config->group_count; j++)
			if (groups[i] == config->groups[j])
				return true;
	return false;
}

static bool is_listed(const struct node_config *config, uid_t uid)
{
	for (size_t i = 0; i < config->user_count; i++)
		if (config->users[i] == uid)
			return true;
	return is_in_group(config, uid);
}

bool access_allowed(const struct node_config *config, const struct identity *identity)
{
	uid_t uid;
	switch (identity->kind) {
	case IDENTITY_CLIENT:
	case IDENTITY_ADMIN:
		return true;
	case IDENTITY_LOCAL_USER:
		return uid_of(identity, &uid) && (is_own(uid) || is_listed(config, uid));
	case IDENTITY_NODE:
		break;
	}
	return false;
}

bool access_administers(const struct identity *identity)
{
	uid_t uid;
	return identity->kind == IDENTITY_ADMIN || (uid_of(identity, &uid) && is_own(uid));
}

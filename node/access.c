#include "node/access.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
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

static bool user_name(const struct identity *identity, char name[ACCESS_NAME_SIZE])
{
	struct passwd entry, *user = NULL;
	char text[4096];
	uid_t uid;
	return uid_of(identity, &uid) && getpwuid_r(uid, &entry, text, sizeof text, &user) == 0 && user &&
	       snprintf(name, ACCESS_NAME_SIZE, "user:%s", user->pw_name) < ACCESS_NAME_SIZE;
}

void access_name(const struct identity *identity, char name[ACCESS_NAME_SIZE])
{
	if (identity->kind == IDENTITY_CLIENT)
		snprintf(name, ACCESS_NAME_SIZE, "client:%s", identity->name);
	else if (!user_name(identity, name))
		strcpy(name, "-");
}

bool access_sees(const struct identity *identity, const char *name, const struct slot_access *access)
{
	uid_t uid;
	if (identity->kind != IDENTITY_CLIENT && identity->kind != IDENTITY_LOCAL_USER)
		return false;
	return access->count == 0 || slot_access_has(access, name) || (uid_of(identity, &uid) && is_own(uid));
}

/* What no single key can know: whether the settings agree with one another and with this machine. */
#include "node/config.h"
#include "backend/held.h"
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judge {
	const char *path;
	struct node_config *config;
	struct complaint *complaint;
};

#define WRONG(judge, ...) complain((judge)->complaint, ERR_CONFIG, __VA_ARGS__)

static bool is_name(const char *name)
{
	size_t size = strlen(name);
	if (size == 0 || size > IDENTITY_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}

static enum err check_name(struct judge *judge, const char *what, const char *name)
{
	if (is_name(name))
		return ERR_OK;
	return WRONG(judge, "%s: %s: \"%s\" is no name; use 1 to %d letters, digits, '-', '_' or '.'",
	             judge->path, what, name, IDENTITY_NAME_MAX);
}

static enum err parse_host_port(struct judge *judge, const char *what, const char *text, struct address *out)
{
	struct complaint why = { "" };
	if (address_parse(out, text, &why) != ERR_OK)
		return WRONG(judge, "%s: %s: %s", judge->path, what, why.text);
	if (out->is_unix)
		return WRONG(judge, "%s: %s: \"%s\" is a Unix socket; write host:port", judge->path, what, text);
	return ERR_OK;
}

static enum err check_founder(struct judge *judge, size_t i)
{
	struct node_config *config = judge->config;
	struct node_founder *founder = &config->founders[i];
	char what[IDENTITY_NAME_MAX + 32];
	enum err err = check_name(judge, "[founder]", founder->name);
	if (err != ERR_OK)
		return err;
	snprintf(what, sizeof what, "[founder %s] address", founder->name);
	if ((err = parse_host_port(judge, what, founder->address_text, &founder->address)) != ERR_OK)
		return err;
	for (size_t j = 0; j < i; j++)
		if (config->founders[j].id == founder->id)
			return WRONG(judge, "%s: [founder %s] and [founder %s] have the same id; give each node its own",
			             judge->path, config->founders[j].name, founder->name);
	if ((founder->id == config->id) != (strcmp(founder->name, config->name) == 0))
		return WRONG(judge, "%s: [founder %s] id=%lld does not agree with [node] id=%lld name=%s; make both say the same",
		             judge->path, founder->name, (long long)founder->id, (long long)config->id, config->name);
	return ERR_OK;
}

/* A founder starts the cluster, so it must be among those it names. */
static enum err check_founders(struct judge *judge)
{
	struct node_config *config = judge->config;
	bool found = config->founder_count == 0;
	for (size_t i = 0; i < config->founder_count; i++) {
		enum err err = check_founder(judge, i);
		if (err != ERR_OK)
			return err;
		found = found || config->founders[i].id == config->id;
	}
	if (!found)
		return WRONG(judge, "%s: no [founder %s] section; add it, or remove all founders on a node that joins later",
		             judge->path, config->name);
	return ERR_OK;
}

static enum err check_raft(struct judge *judge)
{
	struct node_config *config = judge->config;
	enum err err = parse_host_port(judge, "[raft] listen", config->raft_listen_text, &config->raft_listen);
	if (err != ERR_OK)
		return err;
	if (config->heartbeat_ms * 2 > config->election_ms)
		return WRONG(judge, "%s: [raft] heartbeat=%lldms is too long for election=%lldms; make it half or less",
		             judge->path, (long long)config->heartbeat_ms, (long long)config->election_ms);
	if (!config->contact_ms)
		config->contact_ms = config->election_ms;
	if (config->contact_ms < config->heartbeat_ms * 2 || config->contact_ms > config->election_ms)
		return WRONG(judge, "%s: [raft] contact=%lldms is not between twice the heartbeat and election=%lldms; leave it out, or choose one that is",
		             judge->path, (long long)config->contact_ms, (long long)config->election_ms);
	return check_founders(judge);
}

static enum err check_mode(struct judge *judge)
{
	struct node_config *config = judge->config;
	char *end;
	unsigned long mode = strtoul(config->unix_mode_text, &end, 8);
	if (*end || end == config->unix_mode_text || mode > 0777)
		return WRONG(judge, "%s: [listen] unix_mode: \"%s\" is no mode; write it in octal, for example 0660",
		             judge->path, config->unix_mode_text);
	config->unix_mode = (unsigned)mode;
	return ERR_OK;
}

static enum err add_group(struct judge *judge, const char *name)
{
	struct node_config *config = judge->config;
	struct group *group = getgrnam(name);
	if (!group || config->group_count == LISTEN_USERS_MAX)
		return WRONG(judge, "%s: [listen] users: there is no group \"%s\" (or more than %d); create it or remove @%s",
		             judge->path, name, LISTEN_USERS_MAX, name);
	config->groups[config->group_count++] = group->gr_gid;
	return ERR_OK;
}

static enum err add_user(struct judge *judge, const char *name)
{
	struct node_config *config = judge->config;
	struct passwd *user = getpwnam(name);
	if (!user || config->user_count == LISTEN_USERS_MAX)
		return WRONG(judge, "%s: [listen] users: there is no user \"%s\" (or more than %d); create it or remove it here",
		             judge->path, name, LISTEN_USERS_MAX);
	config->users[config->user_count++] = user->pw_uid;
	return ERR_OK;
}

static enum err check_users(struct judge *judge)
{
	if (!judge->config->users_text)
		return ERR_OK;
	char *copy = strdup(judge->config->users_text), *rest = copy;
	enum err err = copy ? ERR_OK : ERR_NO_MEMORY;
	for (char *word; err == ERR_OK && (word = strsep(&rest, ", \t"));)
		if (*word)
			err = *word == '@' ? add_group(judge, word + 1) : add_user(judge, word);
	free(copy);
	return err;
}

static enum err check_unix(struct judge *judge)
{
	struct node_config *config = judge->config;
	size_t size = strlen(config->unix_path);
	if (size > 107) /* sun_path, less its NUL */
		return WRONG(judge, "%s: [listen] unix: the path is longer than 107 bytes; choose a shorter one", judge->path);
	config->listens_unix = true;
	config->unix_listen.is_unix = true;
	memcpy(config->unix_listen.host, config->unix_path, size + 1);
	enum err err = check_mode(judge);
	return err == ERR_OK ? check_users(judge) : err;
}

static enum err check_listen(struct judge *judge)
{
	struct node_config *config = judge->config;
	enum err err = ERR_OK;
	if (!config->unix_path && !config->tls_listen_text)
		return WRONG(judge, "%s: [listen] says neither unix nor tls, so no application could come; write one of them",
		             judge->path);
	if (config->unix_path)
		err = check_unix(judge);
	if (err == ERR_OK && config->tls_listen_text) {
		config->listens_tls = true;
		err = parse_host_port(judge, "[listen] tls", config->tls_listen_text, &config->tls_listen);
	}
	return err;
}

/* The standard's mechanisms have parameters of their own. */
static enum err check_mechanism(struct judge *judge, const char *name)
{
	struct probe_wishes *wishes = &judge->config->wishes;
	char *end;
	errno = 0;
	unsigned long type = strtoul(name, &end, 0);
	if (!isdigit((unsigned char)*name) || *end || errno || type < CKM_VENDOR_DEFINED || type > UINT32_MAX)
		return WRONG(judge, "%s: [mechanism %s]: is no vendor's mechanism; write its number, from 0x80000000, for example 0x80000001",
		             judge->path, name);
	wishes->bytes[wishes->bytes_count++] = type;
	return ERR_OK;
}

static enum err check_node_generated(struct judge *judge)
{
	char *copy = strdup(judge->config->node_generated_text), *rest = copy;
	enum err err = copy ? ERR_OK : ERR_NO_MEMORY;
	for (char *word; err == ERR_OK && (word = strsep(&rest, ", \t"));) {
		unsigned kind = held_named(word);
		if (*word && !kind)
			err = WRONG(judge, "%s: [token] node_generated: \"%s\" is none; write some of ed25519, ed448, x25519, x448",
			            judge->path, word);
		judge->config->wishes.node_generated |= kind;
	}
	free(copy);
	return err;
}

static enum err check_token(struct judge *judge)
{
	struct node_config *config = judge->config;
	enum err err = config->node_generated_text ? check_node_generated(judge) : ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < config->mechanism_count; i++)
		err = check_mechanism(judge, config->mechanisms[i].name);
	return err;
}

enum err node_config_check(const char *path, struct node_config *config, struct complaint *complaint)
{
	struct judge judge = { path, config, complaint };
	enum err err = check_name(&judge, "[node] name", config->name);
	if (err == ERR_OK)
		err = check_raft(&judge);
	if (err == ERR_OK)
		err = check_token(&judge);
	return err == ERR_OK ? check_listen(&judge) : err;
}

#include "wire/client_config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FILE "/etc/craton/craton.conf"
#define HOME_FILE ".config/craton/craton.conf"
#define DAY_MS 86400000

static const char *const recovery_modes[] = { [RECOVERY_ENHANCED] = "enhanced", [RECOVERY_BASIC] = "basic", NULL };
static const char *const hedge_modes[] = { [HEDGE_AUTO] = "auto", [HEDGE_OFF] = "off", NULL };

#define AT(field) .offset = offsetof(struct client_config, field)
#define MEMBER(field) .offset = offsetof(struct client_member, field)

const struct config_key client_config_keys[] = {
	{ "tls", "authority", CONFIG_PATH, AT(authority_file), .hint = "the file of the cluster authority's certificate" },
	{ "tls", "certificate", CONFIG_PATH, AT(certificate_file), .hint = "the file of this client's certificate" },
	{ "tls", "key", CONFIG_PATH, AT(key_file), .hint = "the file (mode 0600) of this client's private key" },
	{ "slot", "id", CONFIG_NUMBER, AT(slot), .min = 1, .max = INT32_MAX, .hint = "the virtual slot's number, for example 1" },
	{ "slot", "label", CONFIG_TEXT, AT(slot_label), .hint = "the virtual slot's label, for example payments" },
	{ "timeouts", "connect", CONFIG_MS, AT(connect_ms), .preset = "2s", .min = 1, .max = DAY_MS, .hint = "for example 2s" },
	{ "timeouts", "command", CONFIG_MS, AT(command_ms), .preset = "20s", .min = 1, .max = DAY_MS, .hint = "for example 20s" },
	{ "hedge", "mode", CONFIG_CHOICE, AT(hedge_mode), .preset = "auto", .choices = hedge_modes, .hint = "auto or off" },
	{ "hedge", "least", CONFIG_MS, AT(hedge_least_ms), .preset = "20ms", .min = 1, .max = DAY_MS, .hint = "for example 20ms" },
	{ "hedge", "most", CONFIG_MS, AT(hedge_most_ms), .preset = "200ms", .min = 1, .max = DAY_MS, .hint = "for example 200ms" },
	{ "recovery", "retries", CONFIG_NUMBER, AT(recovery_retries), .preset = "-1", .min = -1, .max = INT32_MAX, .hint = "how often, or -1: for ever" },
	{ "recovery", "interval", CONFIG_MS, AT(recovery_interval_ms), .preset = "1s", .min = 1, .max = DAY_MS, .hint = "for example 1s" },
	{ "recovery", "mode", CONFIG_CHOICE, AT(recovery_mode), .preset = "enhanced", .choices = recovery_modes, .hint = "enhanced or basic" },
	{ "recovery", "wait", CONFIG_MS, AT(recovery_wait_ms), .preset = "0s", .min = 0, .max = DAY_MS, .hint = "for example 5s" },
	{ "recovery", "replay", CONFIG_NUMBER, AT(replay_size), .preset = "1048576", .min = 0, .max = 1 << 30, .hint = "bytes, for example 1048576" },
	{ "member *", "address", CONFIG_TEXT, MEMBER(address_text), .required = true, .hint = "unix:/run/craton/a.sock or host:port" },
	{ .section = NULL },
};

static const struct config_group groups[] = {
	{ "member", sizeof(struct client_member), offsetof(struct client_config, members), offsetof(struct client_config, member_count), 1, MEMBERS_MAX },
	{ .kind = NULL },
};

/* Where it is: *out is free()d by the caller. */

static enum err keep(const char *path, char **out)
{
	return (*out = strdup(path)) ? ERR_OK : ERR_NO_MEMORY;
}

static bool home_file(char *path, size_t size)
{
	const char *home = secure_getenv("HOME");
	return home && *home && snprintf(path, size, "%s/" HOME_FILE, home) < (int)size;
}

/* A file that is there but can't be read is found, so that reading it says why. */
static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static enum err find(const char *file, char **out, struct complaint *complaint)
{
	char path[4096];
	const char *variable = secure_getenv("CRATON_CONF");
	if (file)
		return keep(file, out);
	if (variable && *variable)
		return keep(variable, out);
	if (home_file(path, sizeof path) && is_there(path))
		return keep(path, out);
	if (is_there(SYSTEM_FILE))
		return keep(SYSTEM_FILE, out);
	return complain(complaint, ERR_CONFIG, "no craton.conf: write ~/" HOME_FILE " or " SYSTEM_FILE
	                ", or set CRATON_CONF to the path of one");
}

/* What the keys' table can't say */

static enum err judge_addresses(struct client_config *config, struct complaint *complaint)
{
	for (size_t i = 0; i < config->member_count; i++) {
		struct client_member *member = &config->members[i];
		struct complaint why;
		if (address_parse(&member->address, member->address_text, &why) != ERR_OK)
			return complain(complaint, ERR_CONFIG, "%s: [member %s] address = %s", config->file, member->name, why.text);
	}
	return ERR_OK;
}

static enum err judge_tls(const struct client_config *config, struct complaint *complaint)
{
	const char *missing = !config->authority_file ? "authority" : !config->certificate_file ? "certificate"
	                    : !config->key_file ? "key" : NULL;
	bool some = config->authority_file || config->certificate_file || config->key_file;
	if (!missing)
		return ERR_OK;
	if (some)
		return complain(complaint, ERR_CONFIG, "%s: [tls] %s: missing; authority, certificate and key go together", config->file, missing);
	for (size_t i = 0; i < config->member_count; i++)
		if (!config->members[i].address.is_unix)
			return complain(complaint, ERR_CONFIG, "%s: [tls] %s: missing; [member %s] is not a unix: address, so it needs authority, certificate and key",
			                config->file, missing, config->members[i].name);
	return ERR_OK;
}

static enum err judge_slot(struct client_config *config, struct complaint *complaint)
{
	if (config->slot && config->slot_label)
		return complain(complaint, ERR_CONFIG, "%s: [slot] id and label: write one of them", config->file);
	if (!config->slot && !config->slot_label)
		config->slot = 1;
	return ERR_OK;
}

static enum err judge_hedge(const struct client_config *config, struct complaint *complaint)
{
	if (config->hedge_least_ms > config->hedge_most_ms)
		return complain(complaint, ERR_CONFIG, "%s: [hedge] least is more than most: %lldms, %lldms", config->file,
		                (long long)config->hedge_least_ms, (long long)config->hedge_most_ms);
	return ERR_OK;
}

enum err client_config_load(const char *file, struct client_config *out, struct complaint *complaint)
{
	*out = (struct client_config){ 0 };
	enum err err = find(file, &out->file, complaint);
	if (err == ERR_OK)
		err = config_load(out->file, client_config_keys, groups, out, complaint);
	if (err == ERR_OK)
		err = judge_addresses(out, complaint);
	if (err == ERR_OK)
		err = judge_tls(out, complaint);
	if (err == ERR_OK)
		err = judge_slot(out, complaint);
	if (err == ERR_OK)
		err = judge_hedge(out, complaint);
	if (err == ERR_NO_MEMORY)
		complain(complaint, err, "craton.conf: no memory");
	if (err != ERR_OK)
		client_config_release(out);
	return err;
}

void client_config_release(struct client_config *config)
{
	config_release(client_config_keys, groups, config);
	free(config->file);
	config->file = NULL;
}

enum err client_config_tls(const struct client_config *config, struct tls **out, struct complaint *complaint)
{
	*out = NULL;
	if (!config->authority_file)
		return ERR_OK;
	return tls_create(config->authority_file, config->certificate_file, config->key_file, NULL, out, complaint);
}

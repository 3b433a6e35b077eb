#include "node/config.h"
#include "base/log.h"
#include <string.h>

#define FIELD(name) offsetof(struct node_config, name)

static const char *const log_levels[] = {
	[LOG_ERROR_LINE] = "error",
	[LOG_WARN_LINE] = "warn",
	[LOG_INFO_LINE] = "info",
	[LOG_DEBUG_LINE] = "debug",
	NULL,
};

static const char *const parameters[] = { "bytes", NULL };

const struct config_key node_config_keys[] = {
	{ .section = "node", .key = "id", .type = CONFIG_NUMBER, .offset = FIELD(id),
	  .min = 1, .max = INT32_MAX, .required = true,
	  .hint = "a number from 1 that no other node of the cluster has or ever had" },
	{ .section = "node", .key = "name", .type = CONFIG_TEXT, .offset = FIELD(name), .required = true,
	  .hint = "the node's name, as in its certificate (craton:node:NAME)" },
	{ .section = "node", .key = "state", .type = CONFIG_PATH, .offset = FIELD(state_folder), .required = true,
	  .hint = "the folder that keeps this node's log and directory, for example /var/lib/craton" },

	{ .section = "raft", .key = "listen", .type = CONFIG_TEXT, .offset = FIELD(raft_listen_text), .required = true,
	  .hint = "host:port where the other nodes reach this one, for example 192.0.2.1:7410" },
	{ .section = "raft", .key = "secret_file", .type = CONFIG_PATH, .offset = FIELD(secret_file),
	  .hint = "a file of mode 0600 with the cluster's secret, 64 hex digits" },
	{ .section = "raft", .key = "election", .type = CONFIG_MS, .offset = FIELD(election_ms), .preset = "1000ms",
	  .min = 50, .max = 60000, .hint = "how long a silent leader is waited for, for example 1000ms" },
	{ .section = "raft", .key = "heartbeat", .type = CONFIG_MS, .offset = FIELD(heartbeat_ms), .preset = "100ms",
	  .min = 5, .max = 10000, .hint = "how often the leader shows that it lives, for example 100ms" },
	{ .section = "raft", .key = "contact", .type = CONFIG_MS, .offset = FIELD(contact_ms),
	  .min = 10, .max = 60000, .hint = "how long contact with the leader counts once it was confirmed, for example 1000ms" },
	{ .section = "raft", .key = "message_age", .type = CONFIG_MS, .offset = FIELD(message_age_ms_max), .preset = "30s",
	  .min = 1000, .max = 600000, .hint = "how far the nodes' clocks may be apart, for example 30s" },
	{ .section = "raft", .key = "snapshot_entries", .type = CONFIG_NUMBER, .offset = FIELD(snapshot_entries), .preset = "8192",
	  .min = 16, .max = 100000000, .hint = "after how many log entries a snapshot is taken, for example 8192" },
	{ .section = "raft", .key = "trailing_entries", .type = CONFIG_NUMBER, .offset = FIELD(trailing_entries), .preset = "1024",
	  .min = 64, .max = 100000000, .hint = "how many log entries are kept behind a snapshot, for example 1024" },

	{ .section = "founder *", .key = "id", .type = CONFIG_NUMBER, .offset = offsetof(struct node_founder, id),
	  .min = 1, .max = INT32_MAX, .required = true, .hint = "the founding node's id, as in its own [node] section" },
	{ .section = "founder *", .key = "address", .type = CONFIG_TEXT, .offset = offsetof(struct node_founder, address_text),
	  .required = true, .hint = "host:port where its peers reach it, for example 192.0.2.1:7410" },

	{ .section = "tls", .key = "authority", .type = CONFIG_PATH, .offset = FIELD(authority_file), .required = true,
	  .hint = "the certificate of the cluster's authority (PEM)" },
	{ .section = "tls", .key = "certificate", .type = CONFIG_PATH, .offset = FIELD(certificate_file), .required = true,
	  .hint = "this node's certificate (PEM), with the URI craton:node:NAME" },
	{ .section = "tls", .key = "key", .type = CONFIG_PATH, .offset = FIELD(key_file), .required = true,
	  .hint = "the private key of that certificate (PEM, mode 0600)" },

	{ .section = "token", .key = "module", .type = CONFIG_PATH, .offset = FIELD(module), .required = true,
	  .hint = "the token's PKCS#11 module, for example /usr/lib/softhsm/libsofthsm2.so" },
	{ .section = "token", .key = "uri", .type = CONFIG_TEXT, .offset = FIELD(uri), .required = true,
	  .hint = "a PKCS#11 URI (RFC 7512) that matches one token, for example pkcs11:token=a" },
	{ .section = "token", .key = "pin_file", .type = CONFIG_PATH, .offset = FIELD(pin_file),
	  .hint = "a file of mode 0600 with the token's user PIN" },
	{ .section = "token", .key = "sessions", .type = CONFIG_NUMBER, .offset = FIELD(sessions), .preset = "16",
	  .min = 1, .max = 4096, .hint = "how many calls the token is given at once, for example 16" },
	{ .section = "token", .key = "keys", .type = CONFIG_NUMBER, .offset = FIELD(keys), .preset = "1024",
	  .min = 1, .max = 1000000, .hint = "how many keys are kept loaded in the token, for example 1024" },

	{ .section = "token", .key = "answer_limit", .type = CONFIG_MS, .offset = FIELD(answer_limit_ms), .preset = "10s",
	  .min = 100, .max = 600000, .hint = "how long a call may be in the token before it is taken to hang, for example 10s" },
	{ .section = "token", .key = "generate_limit", .type = CONFIG_MS, .offset = FIELD(generate_limit_ms), .preset = "120s",
	  .min = 100, .max = 3600000, .hint = "the same for making keys or parameters and starting the module, for example 120s" },
	{ .section = "token", .key = "restart_after", .type = CONFIG_MS, .offset = FIELD(restart_after_ms), .preset = "30s",
	  .min = 0, .max = 86400000, .hint = "how long the token may hang before the node restarts itself, for example 30s; 0: never" },

	{ .section = "token", .key = "node_generated", .type = CONFIG_TEXT, .offset = FIELD(node_generated_text),
	  .hint = "which keys that the token can't seal the node may make and hold itself, for example ed25519, x25519" },

	{ .section = "mechanism *", .key = "parameter", .type = CONFIG_CHOICE, .offset = offsetof(struct node_mechanism, parameter),
	  .choices = parameters, .required = true, .hint = "bytes" },

	{ .section = "environment *", .key = "value", .type = CONFIG_TEXT, .offset = offsetof(struct node_variable, value),
	  .required = true, .hint = "the variable's value, for example /etc/craton/a/softhsm2.conf" },

	{ .section = "listen", .key = "unix", .type = CONFIG_PATH, .offset = FIELD(unix_path),
	  .hint = "a socket for applications of this host, for example /run/craton/cratond.sock" },
	{ .section = "listen", .key = "unix_mode", .type = CONFIG_TEXT, .offset = FIELD(unix_mode_text), .preset = "0660",
	  .hint = "the socket's mode in octal, for example 0660" },
	{ .section = "listen", .key = "users", .type = CONFIG_TEXT, .offset = FIELD(users_text),
	  .hint = "local users and @groups that may come besides root and the daemon's own, for example www-data, @craton" },
	{ .section = "listen", .key = "tls", .type = CONFIG_TEXT, .offset = FIELD(tls_listen_text),
	  .hint = "host:port for applications with a client certificate, for example 0.0.0.0:7400" },

	{ .section = "limits", .key = "connections", .type = CONFIG_NUMBER, .offset = FIELD(connections), .preset = "1024",
	  .min = 1, .max = 100000, .hint = "how many connections are served at once, for example 1024" },
	{ .section = "limits", .key = "hello", .type = CONFIG_MS, .offset = FIELD(hello_ms), .preset = "5s",
	  .min = 100, .max = 60000, .hint = "how long a new connection may take to say who it is, for example 5s" },
	{ .section = "limits", .key = "frame", .type = CONFIG_MS, .offset = FIELD(frame_ms), .preset = "10s",
	  .min = 100, .max = 600000, .hint = "how long the rest of a begun message may take, for example 10s" },
	{ .section = "limits", .key = "command", .type = CONFIG_MS, .offset = FIELD(command_ms), .preset = "20s",
	  .min = 100, .max = 600000, .hint = "how long a call that names no time may take, for example 20s" },
	{ .section = "limits", .key = "catch_up", .type = CONFIG_MS, .offset = FIELD(catch_up_ms), .preset = "1s",
	  .min = 0, .max = 60000, .hint = "how long a call waits for this node to catch up, for example 1s" },
	{ .section = "limits", .key = "stop", .type = CONFIG_MS, .offset = FIELD(stop_ms), .preset = "10s",
	  .min = 0, .max = 600000, .hint = "how long calls in progress may take when the node is stopped, for example 10s" },

	{ .section = "log", .key = "level", .type = CONFIG_CHOICE, .offset = FIELD(log_level), .preset = "info",
	  .choices = log_levels, .hint = "error, warn, info or debug" },
	{ .section = NULL },
};

static const struct config_group groups[] = {
	{ .kind = "founder", .item_size = sizeof(struct node_founder), .offset_items = FIELD(founders),
	  .offset_count = FIELD(founder_count), .count_min = 0, .count_max = FOUNDERS_MAX },
	{ .kind = "environment", .item_size = sizeof(struct node_variable), .offset_items = FIELD(variables),
	  .offset_count = FIELD(variable_count), .count_min = 0, .count_max = VARIABLES_MAX },
	{ .kind = "mechanism", .item_size = sizeof(struct node_mechanism), .offset_items = FIELD(mechanisms),
	  .offset_count = FIELD(mechanism_count), .count_min = 0, .count_max = DECLARED_MAX },
	{ .kind = NULL },
};

static enum err judge(const char *path, struct node_config *config, struct complaint *complaint)
{
	enum err err = node_config_check(path, config, complaint);
	if (err != ERR_OK)
		node_config_release(config);
	return err;
}

enum err node_config_load(const char *path, struct node_config *out, struct complaint *complaint)
{
	memset(out, 0, sizeof *out);
	enum err err = config_load(path, node_config_keys, groups, out, complaint);
	return err == ERR_OK ? judge(path, out, complaint) : err;
}

enum err node_config_parse(const char *name, const char *text, size_t size, struct node_config *out,
                           struct complaint *complaint)
{
	memset(out, 0, sizeof *out);
	enum err err = config_parse(name, text, size, node_config_keys, groups, out, complaint);
	return err == ERR_OK ? judge(name, out, complaint) : err;
}

void node_config_release(struct node_config *config)
{
	config_release(node_config_keys, groups, config);
}

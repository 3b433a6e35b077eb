/* cratond's settings: one table for the parser, its messages and the manual (docs/cratond.conf.5). */
#pragma once
#include "backend/probe.h"
#include "base/config.h"
#include "wire/address.h"
#include "wire/tls.h"
#include <sys/types.h>

#define FOUNDERS_MAX 32
#define LISTEN_USERS_MAX 64
#define VARIABLES_MAX 64

struct node_founder {
	char *name;              /* [founder NAME] */
	int64_t id;
	char *address_text;
	struct address address;  /* where its peers reach it */
};

struct node_variable {
	char *name;              /* [environment NAME] */
	char *value;
};

struct node_mechanism {
	char *name;              /* [mechanism NUMBER] */
	int parameter;           /* bytes, so far */
};

struct node_config {
	/* [node] */
	int64_t id;
	char *name;
	char *state_folder;
	/* [raft] */
	char *raft_listen_text;
	struct address raft_listen;
	char *secret_file;
	int64_t election_ms, heartbeat_ms, contact_ms, message_age_ms_max;
	int64_t snapshot_entries, trailing_entries;
	struct node_founder *founders;
	size_t founder_count;
	/* [tls] */
	char *authority_file, *certificate_file, *key_file;
	/* [token] */
	char *module, *uri, *pin_file, *node_generated_text;
	int64_t sessions, keys;
	int64_t answer_limit_ms, generate_limit_ms, restart_after_ms; /* of a call that stays in the token; 0: never */
	/* [mechanism NUMBER]: a vendor's, and what its parameter is */
	struct node_mechanism *mechanisms;
	size_t mechanism_count;
	struct probe_wishes wishes; /* [token] node_generated, and the mechanisms */
	/* [environment NAME]: for the token's module */
	struct node_variable *variables;
	size_t variable_count;
	/* [listen] */
	char *unix_path, *unix_mode_text, *tls_listen_text, *users_text;
	bool listens_unix, listens_tls;
	struct address unix_listen, tls_listen;
	unsigned unix_mode;
	uid_t users[LISTEN_USERS_MAX]; /* who may come besides root and ourselves */
	size_t user_count;
	gid_t groups[LISTEN_USERS_MAX];
	size_t group_count;
	/* [limits] */
	int64_t connections, hello_ms, frame_ms, command_ms, catch_up_ms, stop_ms;
	/* [log] */
	int log_level;           /* an enum log_level */
};

/* Reads and judges the whole file: what comes out needs no second look. ERR_CONFIG (or ERR_NOT_FOUND, ERR_IO) with the
 * line to show, and nothing to release. */
enum err node_config_load(const char *path, struct node_config *out, struct complaint *complaint);
/* The same from memory, for tests and the fuzzer. */
enum err node_config_parse(const char *name, const char *text, size_t size, struct node_config *out,
                           struct complaint *complaint);
void node_config_release(struct node_config *config);

extern const struct config_key node_config_keys[]; /* ends with a key whose section is NULL */
/* Bounds that no single key can know; used by node_config_load. */
enum err node_config_check(const char *path, struct node_config *config, struct complaint *complaint);

/* craton.conf: how a library or the command line reaches the nodes. */
#pragma once
#include "base/config.h"
#include "wire/address.h"
#include "wire/tls.h"

#define MEMBERS_MAX 32

enum recovery_mode { RECOVERY_ENHANCED, RECOVERY_BASIC };
enum hedge_mode { HEDGE_AUTO, HEDGE_OFF };

struct client_member {
	char *name;           /* [member NAME]: the node's name */
	char *address_text;   /* address = unix:/path | host:port */
	struct address address;
};
struct client_config {
	char *file;           /* where it was found */
	/* [tls] */
	char *authority_file, *certificate_file, *key_file; /* needed if a member is not unix: */
	/* [slot] */
	int64_t slot;         /* id = 1; 0 if there is a label */
	char *slot_label;     /* label = payments; NULL if there is an id */
	/* [timeouts] */
	int64_t connect_ms;   /* connect = 2s */
	int64_t command_ms;   /* command = 20s; extended by heartbeats */
	/* [hedge] */
	int hedge_mode;               /* mode = auto */
	int64_t hedge_least_ms;       /* least = 20ms: bounds of how long a member may be silent before another is asked, too */
	int64_t hedge_most_ms;        /* most = 200ms */
	/* [recovery] */
	int64_t recovery_retries;     /* retries = -1 */
	int64_t recovery_interval_ms; /* interval = 1s */
	int recovery_mode;            /* mode = enhanced */
	int64_t recovery_wait_ms;     /* wait = 0s: how long calls wait after every member was lost */
	int64_t replay_size;          /* replay = 1048576: bytes kept of an operation in parts, to begin it anew elsewhere */
	struct client_member *members;
	size_t member_count;
};
/* `file` NULL: $CRATON_CONF, else ~/.config/craton/craton.conf, else /etc/craton/craton.conf. */
enum err client_config_load(const char *file, struct client_config *out, struct complaint *complaint);
void client_config_release(struct client_config *config);
/* The tls of the [tls] section, NULL (and ERR_OK) if there is none and none is needed. */
enum err client_config_tls(const struct client_config *config, struct tls **out, struct complaint *complaint);
/* For docs checks and man page tests. */
extern const struct config_key client_config_keys[];

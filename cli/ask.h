/* Asking the nodes of a craton.conf as an administrator: over their Unix socket (as root or the
 * daemon's user) or over TLS with an admin certificate. */
#pragma once
#include "base/id.h"
#include "base/secret.h"
#include "cli/command.h"
#include "wire/call.h"
#include "wire/client_config.h"

struct asker {
	struct client_config config;
	struct tls *tls;         /* NULL if every member is on a Unix socket */
};

/* `conf` NULL: $CRATON_ADMIN_CONF, else as the module finds its own. */
enum err asker_open(const char *conf, struct asker *asker, struct complaint *complaint);
void asker_close(struct asker *asker);
/* NULL with a complaint that lists the names there are. */
const struct client_member *asker_member(const struct asker *asker, const char *name, struct complaint *complaint);

/* One question to one member. ERR_OK means an answer without fault and with CKR_OK; a fault or
 * return value becomes an error and a line. The reply is the caller's
 * (craton__reply__free_unpacked), and NULL on error. */
enum err ask_member(const struct asker *asker, const struct client_member *member, const Craton__Request *request,
                    int64_t patience_ms, Craton__Reply **out, struct complaint *complaint);
/* The same of each member in turn until one answers. A fault that asking elsewhere would not
 * mend ends it. The request id stays the same, so the deed is done once. */
enum err ask_any(const struct asker *asker, const Craton__Request *request, Craton__Reply **out,
                 struct complaint *complaint);

/* The same for what is answered by having been done: gives the request its id, and the answer back. */
enum err ask_deed(const struct asker *asker, Craton__Request *request, struct complaint *complaint);

/* Every member's status, asked all at once. */
struct member_status {
	const char *name;
	struct id cluster;          /* what it said it belongs to; zero: not said (yet) */
	bool is_strange;            /* of another cluster than the others */
	Craton__Reply *reply;       /* NULL if it did not answer */
	struct complaint complaint; /* why not */
};
/* `out` has room for config.member_count. */
void ask_status(const struct asker *asker, struct member_status *out);
void member_status_release(struct member_status *statuses, size_t count);
/* NULL if it did not answer. */
const Craton__Status *member_status(const struct member_status *status);
bool member_is_serving(const struct member_status *status);
/* It has said that it will not serve by waiting alone: its token hangs, or is not (any more) the cluster's. */
bool member_is_stuck(const struct member_status *status);
/* Says which of them are strange. */
void members_find_strange(struct member_status *statuses, size_t count);

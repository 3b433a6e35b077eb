/* How two nodes begin a connection: TLS, then a hello each way, then a frame each way that shows they hold the same
 * secret. A node is who its certificate says, under the id that name is bound to, with the memory it had before: one
 * that comes back with another folder has forgotten its votes and must not be listened to. */
#pragma once
#include "base/clock.h"
#include "base/id.h"
#include "raft/link.h"
#include "raft/stream.h"
#include "wire/address.h"
#include "wire/tls.h"

/* Who we are, and whom we let in. */
struct greeter {
	uint64_t self;
	struct id incarnation;
	struct tls *tls;
	const struct secret *secret;
	int64_t age_ms_max;
	size_t payload_max;      /* of a frame, once greeted */
	/* Where others reach us, as told to them. */
	struct address (*address)(void *context);
	/* May a node of this name be this id? */
	bool (*is_bound)(void *context, uint64_t id, const char *name);
	/* Is this the incarnation we know of it (or the first we hear of)? */
	bool (*is_remembered)(void *context, uint64_t id, const struct id *incarnation);
	void *context;
};

struct greeted {
	struct stream stream;
	struct link in, out;     /* theirs to us, ours to them */
	uint64_t id;
	char name[IDENTITY_NAME_MAX + 1];
	struct address address;  /* theirs, as they say; port 0: they don't */
	bool is_forgetful;       /* ERR_REFUSED because they don't know our incarnation: our memory is lost */
};

/* `fd` is a connected socket, taken in any case. ERR_REFUSED (certificate, id, secret, incarnation), ERR_MALFORMED,
 * ERR_CLOSED, ERR_TIMEOUT; then nothing has to be finished. */
enum err greeting_open(const struct greeter *greeter, int fd, uint64_t to, const char *name,
                       deadline_ms deadline, struct greeted *out);
enum err greeting_accept(const struct greeter *greeter, int fd, deadline_ms deadline, struct greeted *out);
void greeted_finish(struct greeted *greeted);

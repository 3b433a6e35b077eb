/* The other nodes: a connection to each that we open and send on, and the connections they open and we receive on.
 * Messages may be lost and nobody is told; a lost connection is opened again. Threads: one for each node we send to, one for
 * each connection that was accepted, one that accepts. */
#pragma once
#include "base/id.h"
#include "base/secret.h"
#include "raft/acquaintances.h"
#include "raft/configuration.h"
#include "raft/message.h"
#include "wire/tls.h"

struct arrival {
	struct arrival *next;
	struct message message;  /* `from` is filled in; message_release */
	size_t size;             /* bytes it came in */
};

struct peers_config {
	uint64_t self;
	struct id incarnation;
	struct address listen;
	struct tls *tls;
	const struct secret *secret;
	int64_t message_age_ms_max;
	struct acquaintances *acquaintances;
	struct snapshots *snapshots; /* where what is received is put */
	/* These come on threads of the peers. The list is the callee's. */
	void (*arrived)(void *context, struct arrival *first);
	/* A MESSAGE_INSTALL whose body is in the file at `path` (malloc), not yet checked; both are the callee's. */
	void (*snapshot_arrived)(void *context, struct arrival *install, char *path);
	/* There is a new connection to that node, and what was sent before it may be lost; or the one there was has ended. */
	void (*connected)(void *context, uint64_t id, bool is_connected);
	/* The others know this node with another folder: it has lost its memory and must not go on. Once. */
	void (*forgotten)(void *context);
	void *context;
};

struct peers;

/* Listens, but neither accepts nor connects yet. The config's pointers stay the caller's and must last. ERR_CONFIG, ERR_NO_MEMORY. */
enum err peers_create(const struct peers_config *config, struct peers **out, struct complaint *complaint);
enum err peers_start(struct peers *peers, struct complaint *complaint);
/* Ends all threads; what is queued is lost. Nothing arrives after it. */
void peers_stop(struct peers *peers);
void peers_destroy(struct peers *peers); /* after peers_stop, or if it was never started; accepts NULL */

/* From one thread: who belongs. These are connected to; those that no longer belong are let go. */
void peers_configure(struct peers *peers, const struct configuration *configuration);
/* Queues the message's bytes; drops it if there is no room or nobody of that id is known. */
void peers_send(struct peers *peers, uint64_t to, const struct message *message);
/* The file at `path` in pieces between other messages, with `install` before the first. Ignored while another is under way. */
void peers_send_snapshot(struct peers *peers, uint64_t to, const struct message *install, const char *path);

struct peer_state {
	bool connected;          /* in either direction */
	int64_t heard_ms_ago;    /* -1: never */
};
struct peer_state peers_state(struct peers *peers, uint64_t id);
uint64_t peers_refused(struct peers *peers);
/* Where it really listens: for tests that asked for port 0. */
uint16_t peers_port(const struct peers *peers);

/* What peers.c (who there is), peers_queue.c (what is to be sent), peers_connect.c and peers_out.c (sending) and peers_in.c (receiving) share. */
#pragma once
#include "raft/greeting.h"
#include "raft/peers.h"
#include "raft/snapshot_stream.h"
#include <pthread.h>
#include <stdatomic.h>

#define PEERS_MAX 128           /* nodes ever heard of while this process runs */
#define CONNECTIONS_MAX 128     /* accepted at a time */
#define GREETING_MS 5000
#define STILL_MS 500            /* something is said at least this often */
#define SILENCE_MS 5000         /* an accepted connection that says nothing so long is closed */
#define STALL_MS 5000           /* a connection that takes nothing so long is closed */
#define QUEUE_MAX (64u << 20)   /* bytes waiting for a node that is connected */
#define QUEUE_LOST_MAX (256u << 10) /* and for one that isn't */

/* Messages above this go in parts of it. */
#define PART_SIZE (128u << 10)

struct packet {
	struct packet *next;
	struct buf bytes;        /* an encoded message */
};

struct peer {
	struct peers *peers;
	uint64_t id;
	int wake;                /* an eventfd: there is something to do */
	_Atomic int64_t heard_ms; /* 0: never */
	atomic_int inbound;      /* accepted connections of it */
	atomic_bool is_refused;  /* and that has been said */
	_Atomic int64_t complained_ms; /* when; 0: never */

	/* under peers->lock */
	char name[IDENTITY_NAME_MAX + 1];
	struct address address;
	bool belongs;            /* to the configuration */

	pthread_mutex_t lock;    /* guards what follows; taken after peers->lock if both */
	struct packet *first, **last;
	struct packet *urgent, **last_urgent;
	size_t queued;           /* bytes, of both */
	bool sleeps;             /* the thread waits for `wake` */
	bool has_thread, is_connected;
	int fd;                  /* of the connection being made or used, -1 */
	struct snapshot_source *snapshot; /* to be sent, or being sent */
	pthread_t thread;
};

struct connection {
	struct connection *next;
	struct peers *peers;
	int fd;
	bool has_ended;
	pthread_t thread;
};

struct peers {
	struct peers_config config;
	struct greeter greeter;
	atomic_bool is_stopping;
	atomic_bool was_forgotten;
	atomic_uint_fast64_t refused;
	_Atomic int64_t complained_ms;
	int listening, stop;     /* a socket; an eventfd */
	pthread_t accepter;
	bool has_accepter;

	pthread_mutex_t lock;    /* guards what follows */
	struct peer *all[PEERS_MAX];
	size_t count;
	struct address advertised;
	struct connection *connections;
	size_t connection_count;
};

/* NULL if there is none. A peer lives as long as `peers`. */
struct peer *peers_find(struct peers *peers, uint64_t id);
/* Somebody not in the configuration, by certificate and secret a node of the cluster all the same. NULL if there are too many. */
struct peer *peers_guest(struct peers *peers, const struct greeted *greeted);
/* If that is how it ended: counts a refusal, and says so when it begins; and again when it is over. */
void peers_judge(struct peers *peers, const char *what, uint64_t id, const char *name, enum err err);

/* They know this node, but not with the folder it has now. */
void peers_forgotten(struct peers *peers, uint64_t id, const char *name);

/* peers_queue.c; _locked: with the peer's lock held */
void packet_drop(struct packet *packet);
void packets_drop(struct packet *packets);
struct packet *peer_take_urgent_locked(struct peer *peer);
struct packet *peer_take_all_locked(struct peer *peer); /* the urgent ones first */
void peer_drop_queue_locked(struct peer *peer);
void peer_wake_locked(struct peer *peer);
/* peers_out.c */
#define WRITE_SIZE (256u << 10)
#define OUT_MAX (WRITE_SIZE + LINK_FRAME_OVERHEAD + MESSAGE_SIZE_MAX)
/* Until the connection ends, or nobody wants it any more (ERR_OK). `out` has room for OUT_MAX. */
enum err peer_serve(struct peer *peer, struct greeted *with, struct buf *out);
bool peer_is_wanted(struct peer *peer);
void peer_forget_snapshot(struct peer *peer);
/* Waits until woken or for timeout_ms; `fd` (-1: none) may become readable meanwhile. */
void peer_sleep(struct peer *peer, int fd, int timeout_ms);
/* peers_connect.c */
enum err peer_create(struct peers *peers, uint64_t id, struct peer **out);
void peer_destroy(struct peer *peer);
void peer_interrupt(struct peer *peer); /* look again: it may be time to stop */
void peer_hurry(struct peer *peer);     /* it is there: don't wait any longer before trying */
void peer_want(struct peer *peer);      /* starts its thread if it has none */
/* peers_in.c */
void *peers_accept_forever(void *peers);
void peers_end_connections(struct peers *peers);

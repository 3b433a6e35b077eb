/* One client's connection and the thread that serves it. server.c keeps them on a list. */
#pragma once
#include "node/question.h"
#include "wire/channel.h"
#include <pthread.h>

struct server;

struct connection {
	struct server *server;
	struct node *node;
	struct tls *tls;          /* NULL on the Unix socket */
	int fd;                   /* accepted; channel_accept takes it */
	bool is_surplus;          /* beyond the limit: sent away unless somebody gives way, or it administers */
	_Atomic int64_t idle_since_ms; /* it has been answered and asks nothing; 0: it is being greeted, at work, or in the middle of an operation */
	/* under `lock` */
	pthread_mutex_t lock;
	struct channel *channel;  /* NULL while the handshake lasts */
	int handshake_fd;         /* a duplicate, to cut a handshake short; -1 otherwise */
	bool is_busy;             /* a call is in progress */
	_Atomic bool is_closing;  /* no further call; anybody may look */
	pthread_t thread;         /* whose call it is, */
	int64_t patience_ms;      /* how long its asker waits for a sign of life, */
	int64_t at_work_ms;       /* when it began, or was last seen in the token, */
	int64_t beat_ms;          /* and when the next heartbeat is due */
	/* under the server's lock */
	unsigned pins;            /* the watchdog is looking at it */
	struct connection *next, *previous;
};

struct connection *connection_create(struct server *server, struct node *node, struct tls *tls, int fd, bool is_surplus);
/* Serves until the client goes, misbehaves, or connection_end. The connection's own thread. */
void connection_run(struct connection *connection);
void connection_destroy(struct connection *connection);

/* From other threads, while the connection is on the list. */
/* No further call: at once if idle or `now`, else after the call in progress. */
void connection_end(struct connection *connection, bool now);
/* Tells a client whose call takes long that it is being worked on: soon, that the node lives, then now and then, while the token
 * is believed to be at work. Returns when the next is due; INT64_MAX where none is. */
int64_t connection_heartbeat(struct connection *connection, int64_t now_ms);

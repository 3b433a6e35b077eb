/* The connections to one node, between the files that use them. */
#pragma once
#include "ha/names.h"
#include "ha/remote.h"
#include "wire/call.h"
#include <pthread.h>

enum stage { STAGE_NAMING, STAGE_DIALING, STAGE_GREETING, STAGE_GREETED, STAGE_ASKED, STAGE_FREE };

/* A line is a borrowed connection. */
struct connection {
	struct channel *channel;   /* NULL while it is not known where the member is */
	enum stage stage;
	bool was_idle;             /* it comes from the pool, and nothing was heard on it since */
	deadline_ms deadline;      /* of dialing and greeting */
	struct buf request;        /* packed, for when it is greeted */
	struct connection *next, **place; /* in the list of idle, of owing or of busy ones */
};

struct remote {
	struct member member;
	struct address address;
	struct names *names;       /* NULL for a Unix socket */
	struct tls *tls;
	struct identity expected;
	int64_t connect_ms;
	pthread_mutex_t lock;
	struct connection *idle, *busy, *owing;
	size_t idle_count, owing_count;
	bool stopping;
	bool is_misnamed;          /* it answers under another name, and that was said */
};

/* One that is open and that nobody uses; NULL if there is none. The one that was put there last: it is the most likely to be alive, and
 * its node's caches are warm. */
struct connection *pool_borrow_idle(struct remote *remote);
/* One on which an answer was outstanding that nobody waited for, and has come. */
struct connection *pool_borrow_owing(struct remote *remote);
/* A new one: counted as busy from the start, so that an interrupt finds it. ERR_CLOSED if all is to end. */
enum err pool_add(struct remote *remote, struct connection *connection);
/* Its channel, taken over. ERR_CLOSED as above. */
enum err pool_dialled(struct remote *remote, struct connection *connection, struct channel *channel);
void pool_return(struct remote *remote, struct connection *connection, enum line_end end);
void pool_close_unused(struct remote *remote);
void pool_interrupt(struct remote *remote);
void pool_finish(struct remote *remote);

/* What the files of the channel share. */
#pragma once
#include "wire/channel.h"
#include "wire/socket.h"
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define HEADER_SIZE 5                 /* bytes: u32 size, u8 kind */
#define INBOX_SIZE (16u << 10)        /* bytes: a TLS record's worth */

struct channel {
	int fd;                       /* the same number from beginning to end */
	atomic_bool is_interrupted;
	SSL *ssl;                     /* NULL over a Unix socket */
	struct identity peer;
	pthread_mutex_t ssl_lock;     /* guards the SSL's state, never a wait */
	/* while it is made */
	struct resolved where;        /* to connect to */
	size_t tried;                 /* which of them is tried; `where.count` once connected */
	struct tls *tls;
	struct identity expected;
	bool expects_anybody;
	/* A frame goes out whole, so senders take turns. */
	pthread_mutex_t turn_lock;
	pthread_cond_t turn_ended;
	bool is_sending;              /* under turn_lock */
	unsigned waiting;             /* under turn_lock */
	/* of whoever's turn it is */
	struct buf outbox;
	size_t sent;                  /* bytes of it */
	uint64_t frames_sent;
	/* the receiver's */
	size_t in_start, in_end;      /* what of the inbox was not yet asked for */
	uint8_t inbox[INBOX_SIZE];
	size_t frame_size;            /* of the frame whose header has come; 0: none has */
	enum frame_kind frame_kind;
	struct buf scratch;
};

struct channel *channel_create(int fd);
/* Who is at the other end of a Unix socket at that path; ERR_REFUSED if it is not who may be. */
enum err channel_judge_unix(struct channel *channel, const char *path);

/* As much as can be now: tls_read and tls_write, whatever is below. */
enum err channel_read(struct channel *channel, void *data, size_t size, size_t *done, short *events);
enum err channel_write(struct channel *channel, const void *data, size_t size, size_t *done, short *events);
/* A buffer that one large frame has blown up does not stay so. */
void channel_settle(struct buf *buf);

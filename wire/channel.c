#include "wire/channel.h"
#include "base/secret.h"
#include "wire/socket.h"
#include <assert.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 5                 /* bytes: u32 size, u8 kind */
#define INBOX_SIZE (16u << 10)        /* bytes: a TLS record's worth */
#define KEPT_SIZE_MAX (256u << 10)    /* bytes of a buffer that outlive the frame they were needed for */
#ifndef FRAMES_PER_KEY                /* a test can't wait so long */
#define FRAMES_PER_KEY (1u << 22)     /* RFC 8446 5.5: AES-GCM keys are good for 2^24.5 records */
#endif

struct channel {
	int fd;
	SSL *ssl;                     /* NULL over a Unix socket */
	struct identity peer;
	pthread_mutex_t ssl_lock;     /* guards the SSL's state, never a wait */
	/* A frame goes out whole, so senders take turns. */
	pthread_mutex_t turn_lock;
	pthread_cond_t turn_ended;
	bool is_sending;              /* under turn_lock */
	unsigned waiting;             /* under turn_lock */
	/* of whoever's turn it is */
	struct buf outbox;
	uint64_t frames_sent;
	/* the receiver's */
	size_t in_start, in_end;      /* what of the inbox was not yet asked for */
	uint8_t inbox[INBOX_SIZE];
	struct buf scratch;
};

/* Making and closing */

static struct channel *channel_create(int fd)
{
	struct channel *channel = calloc(1, sizeof *channel);
	if (!channel)
		return NULL;
	channel->fd = fd;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&channel->turn_ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&channel->turn_lock, NULL);
	pthread_mutex_init(&channel->ssl_lock, NULL);
	buf_init(&channel->outbox, HEADER_SIZE + FRAME_SIZE_MAX);
	buf_init(&channel->scratch, FRAME_SIZE_MAX);
	return channel;
}

void channel_close(struct channel *channel)
{
	if (!channel)
		return;
	tls_close(channel->ssl);
	close(channel->fd);
	pthread_mutex_destroy(&channel->ssl_lock);
	pthread_mutex_destroy(&channel->turn_lock);
	pthread_cond_destroy(&channel->turn_ended);
	buf_finish(&channel->outbox);
	buf_finish(&channel->scratch);
	secret_wipe(channel->inbox, sizeof channel->inbox);
	free(channel);
}

void channel_interrupt(struct channel *channel)
{
	shutdown(channel->fd, SHUT_RDWR);
}

const struct identity *channel_peer(const struct channel *channel)
{
	return &channel->peer;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

struct buf *channel_scratch(struct channel *channel)
{
	return &channel->scratch;
}

static enum err peer_of_unix(int fd, struct identity *peer, uid_t *uid)
{
	struct ucred who;
	socklen_t size = sizeof who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return ERR_IO;
	*uid = who.uid;
	peer->kind = IDENTITY_LOCAL_USER;
	snprintf(peer->name, sizeof peer->name, "uid:%u", who.uid);
	return ERR_OK;
}

/* Who may stand behind a socket's name: whoever could have put it there rightfully. In a folder that all may
 * write to, that is not just anybody who was there first. */
static enum err judge_unix(struct channel *channel, const char *path)
{
	char folder[sizeof ((struct address *)0)->host];
	struct stat st;
	uid_t uid;
	enum err err = peer_of_unix(channel->fd, &channel->peer, &uid);
	if (err != ERR_OK || uid == 0 || uid == geteuid())
		return err;
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash)
		return ERR_REFUSED;
	slash[slash == folder] = '\0';
	return stat(folder, &st) == 0 && st.st_uid == uid ? ERR_OK : ERR_REFUSED;
}

enum err channel_connect(const struct address *address, struct tls *tls,
                         const struct identity *expected, deadline_ms deadline,
                         struct channel **out)
{
	int fd;
	assert(tls || address->is_unix);
	enum err err = address_connect(address, deadline, &fd);
	if (err != ERR_OK)
		return err;
	struct channel *channel = channel_create(fd);
	if (!channel) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	err = address->is_unix ? judge_unix(channel, address->host)
	                       : tls_handshake(tls, false, fd, expected, deadline, &channel->ssl, &channel->peer);
	if (err == ERR_OK)
		*out = channel;
	else
		channel_close(channel);
	return err;
}

enum err channel_accept(int fd, struct tls *tls, deadline_ms deadline, struct channel **out)
{
	uid_t uid;
	socket_tune(fd);
	struct channel *channel = channel_create(fd);
	if (!channel) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	enum err err = tls ? tls_handshake(tls, true, fd, NULL, deadline, &channel->ssl, &channel->peer)
	                   : peer_of_unix(fd, &channel->peer, &uid);
	if (err == ERR_OK)
		*out = channel;
	else
		channel_close(channel);
	return err;
}

/* Bytes */

static enum err try_read(struct channel *channel, void *data, size_t size, size_t *done, short *events)
{
	if (!channel->ssl)
		return socket_read(channel->fd, data, size, done, events);
	pthread_mutex_lock(&channel->ssl_lock);
	enum err err = tls_read(channel->ssl, data, size, done, events);
	pthread_mutex_unlock(&channel->ssl_lock);
	return err;
}

static enum err try_write(struct channel *channel, const void *data, size_t size, size_t *done, short *events)
{
	if (!channel->ssl)
		return socket_write(channel->fd, data, size, done, events);
	pthread_mutex_lock(&channel->ssl_lock);
	enum err err = tls_write(channel->ssl, data, size, done, events);
	pthread_mutex_unlock(&channel->ssl_lock);
	return err;
}

/* Some bytes, at least one. */
static enum err read_some(struct channel *channel, void *data, size_t size, deadline_ms deadline, size_t *done)
{
	short events = 0;
	enum err err;
	while ((err = try_read(channel, data, size, done, &events)) == ERR_OK && !*done)
		if ((err = socket_wait(channel->fd, events, deadline)) != ERR_OK)
			break;
	return err;
}

static enum err write_all(struct channel *channel, const uint8_t *data, size_t size, deadline_ms deadline)
{
	short events = 0;
	enum err err = ERR_OK;
	while (size && err == ERR_OK) {
		size_t done;
		err = try_write(channel, data, size, &done, &events);
		data += done;
		size -= done;
		if (err == ERR_OK && !done)
			err = socket_wait(channel->fd, events, deadline);
	}
	return err;
}

/* Sending */

static bool wait_turn_locked(struct channel *channel, deadline_ms deadline)
{
	struct timespec until = { .tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 };
	if (deadline == DEADLINE_NEVER)
		return pthread_cond_wait(&channel->turn_ended, &channel->turn_lock) == 0;
	return pthread_cond_timedwait(&channel->turn_ended, &channel->turn_lock, &until) == 0;
}

static enum err send_enter(struct channel *channel, deadline_ms deadline)
{
	bool in_time = true;
	pthread_mutex_lock(&channel->turn_lock);
	channel->waiting++;
	while (channel->is_sending && in_time)
		in_time = wait_turn_locked(channel, deadline);
	channel->waiting--;
	bool mine = !channel->is_sending;
	channel->is_sending = true;
	pthread_mutex_unlock(&channel->turn_lock);
	return mine ? ERR_OK : ERR_TIMEOUT;
}

/* A buffer that one large frame has blown up does not stay so. */
static void settle(struct buf *buf)
{
	if (buf->capacity > KEPT_SIZE_MAX)
		buf_finish(buf);
	else
		buf_reset(buf);
}

void channel_scratch_done(struct channel *channel)
{
	settle(&channel->scratch);
}

static void send_leave(struct channel *channel)
{
	settle(&channel->outbox);
	pthread_mutex_lock(&channel->turn_lock);
	channel->is_sending = false;
	if (channel->waiting)
		pthread_cond_signal(&channel->turn_ended);
	pthread_mutex_unlock(&channel->turn_lock);
}

/* Long before a key has protected too much the next one takes its place. */
static void count_frame(struct channel *channel)
{
	if (!channel->ssl || ++channel->frames_sent % FRAMES_PER_KEY)
		return;
	pthread_mutex_lock(&channel->ssl_lock);
	SSL_key_update(channel->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
	pthread_mutex_unlock(&channel->ssl_lock);
}

static void put_header(struct channel *channel, enum frame_kind kind, size_t size)
{
	buf_add_u32(&channel->outbox, (uint32_t)size + 1);
	buf_add_u8(&channel->outbox, (uint8_t)kind);
}

enum err channel_send(struct channel *channel, enum frame_kind kind, const void *data, size_t size,
                      deadline_ms deadline)
{
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	enum err err = send_enter(channel, deadline);
	if (err != ERR_OK)
		return err;
	/* A small frame is one write; of a large one, what goes with the header is copied and the rest is not. */
	size_t first = size < INBOX_SIZE - HEADER_SIZE ? size : INBOX_SIZE - HEADER_SIZE;
	put_header(channel, kind, size);
	buf_add(&channel->outbox, data, first);
	count_frame(channel);
	err = channel->outbox.failed ? ERR_NO_MEMORY
	                             : write_all(channel, channel->outbox.data, channel->outbox.size, deadline);
	if (err == ERR_OK && first < size)
		err = write_all(channel, (const uint8_t *)data + first, size - first, deadline);
	send_leave(channel);
	return err;
}

enum err channel_send_message(struct channel *channel, enum frame_kind kind, const ProtobufCMessage *message,
                              deadline_ms deadline)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	enum err err = send_enter(channel, deadline);
	if (err != ERR_OK)
		return err;
	put_header(channel, kind, size);
	uint8_t *at = buf_extend(&channel->outbox, size);
	if (at)
		protobuf_c_message_pack(message, at);
	count_frame(channel);
	err = at ? write_all(channel, channel->outbox.data, channel->outbox.size, deadline) : ERR_NO_MEMORY;
	send_leave(channel);
	return err;
}

/* Receiving */

/* Until the inbox holds `size` bytes (no more than a header): however few come at a time, and usually the whole frame. */
static enum err fill_inbox(struct channel *channel, size_t size, deadline_ms idle, int64_t rest_ms, deadline_ms *rest)
{
	enum err err = ERR_OK;
	if (channel->in_end > channel->in_start)
		*rest = deadline_in(rest_ms);
	else
		channel->in_start = channel->in_end = 0;
	if (channel->in_start > INBOX_SIZE - size) {
		memmove(channel->inbox, channel->inbox + channel->in_start, channel->in_end - channel->in_start);
		channel->in_end -= channel->in_start;
		channel->in_start = 0;
	}
	while (err == ERR_OK && channel->in_end - channel->in_start < size) {
		size_t done = 0;
		bool is_first = channel->in_end == channel->in_start;
		err = read_some(channel, channel->inbox + channel->in_end, INBOX_SIZE - channel->in_end,
		                is_first ? idle : *rest, &done);
		channel->in_end += done;
		if (is_first)
			*rest = deadline_in(rest_ms);
	}
	return err;
}

/* What lay in the inbox is gone from it. */
static void take(struct channel *channel, void *out, size_t size)
{
	uint8_t *from = channel->inbox + channel->in_start;
	memcpy(out, from, size);
	secret_wipe(from, size);
	channel->in_start += size;
}

static enum err receive_body(struct channel *channel, struct buf *out, size_t size, deadline_ms rest)
{
	size_t here = channel->in_end - channel->in_start;
	here = here < size ? here : size;
	uint8_t *at = buf_extend(out, here);
	if (!at)
		return ERR_NO_MEMORY;
	take(channel, at, here);
	enum err err = ERR_OK;
	while (err == ERR_OK && out->size < size) {
		size_t before = out->size, done = 0;
		size_t step = before < INBOX_SIZE ? INBOX_SIZE : before; /* as much again as has come */
		if (step > size - before)
			step = size - before;
		if (!(at = buf_extend(out, step)))
			return ERR_NO_MEMORY;
		err = read_some(channel, at, step, rest, &done);
		out->size = before + done;
	}
	return err;
}

enum err channel_receive(struct channel *channel, enum frame_kind *kind, struct buf *out,
                         size_t size_max, deadline_ms idle, int64_t rest_ms)
{
	uint8_t header[HEADER_SIZE];
	deadline_ms rest = 0;
	settle(out);
	enum err err = fill_inbox(channel, HEADER_SIZE, idle, rest_ms, &rest);
	if (err != ERR_OK)
		return err;
	take(channel, header, HEADER_SIZE);
	struct cursor cursor = cursor_over(header, HEADER_SIZE);
	size_t size = cursor_u32(&cursor);
	uint8_t said = cursor_u8(&cursor);
	if (!size || said < FRAME_REQUEST || said > FRAME_HEARTBEAT)
		return ERR_MALFORMED;
	if (size > size_max)
		return ERR_TOO_BIG;
	*kind = (enum frame_kind)said;
	return receive_body(channel, out, size - 1, rest);
}

bool channel_is_idle(struct channel *channel)
{
	if (channel->in_end > channel->in_start)
		return false;
	struct pollfd wanted = { .fd = channel->fd, .events = POLLIN | POLLRDHUP };
	if (poll(&wanted, 1, 0) != 0)
		return false;
	pthread_mutex_lock(&channel->ssl_lock);
	bool pending = channel->ssl && SSL_has_pending(channel->ssl);
	pthread_mutex_unlock(&channel->ssl_lock);
	return !pending;
}

#include "wire/channel_inside.h"
#include "base/secret.h"
#include "wire/socket.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_SIZE_MAX (256u << 10)    /* bytes of a buffer that outlive the frame they were needed for */

/* Making and closing */

struct channel *channel_create(int fd)
{
	struct channel *channel = calloc(1, sizeof *channel);
	if (!channel)
		return NULL;
	channel->fd = fd;
	pthread_cond_init(&channel->turn_ended, NULL);
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
	if (channel->fd >= 0)
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
	atomic_store(&channel->is_interrupted, true); /* before: the socket that is tried next is one that this may miss */
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
enum err channel_judge_unix(struct channel *channel, const char *path)
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

enum err channel_read(struct channel *channel, void *data, size_t size, size_t *done, short *events)
{
	if (!channel->ssl)
		return socket_read(channel->fd, data, size, done, events);
	pthread_mutex_lock(&channel->ssl_lock);
	enum err err = tls_read(channel->ssl, data, size, done, events);
	pthread_mutex_unlock(&channel->ssl_lock);
	return err;
}

enum err channel_write(struct channel *channel, const void *data, size_t size, size_t *done, short *events)
{
	if (!channel->ssl)
		return socket_write(channel->fd, data, size, done, events);
	pthread_mutex_lock(&channel->ssl_lock);
	enum err err = tls_write(channel->ssl, data, size, done, events);
	pthread_mutex_unlock(&channel->ssl_lock);
	return err;
}

void channel_settle(struct buf *buf)
{
	if (buf->capacity > KEPT_SIZE_MAX)
		buf_finish(buf);
	else
		buf_reset(buf);
}

void channel_scratch_done(struct channel *channel)
{
	channel_settle(&channel->scratch);
}

bool channel_is_idle(struct channel *channel)
{
	if (channel->in_end > channel->in_start || channel->frame_size)
		return false;
	struct pollfd wanted = { .fd = channel->fd, .events = POLLIN | POLLRDHUP };
	if (poll(&wanted, 1, 0) != 0)
		return false;
	pthread_mutex_lock(&channel->ssl_lock);
	bool pending = channel->ssl && SSL_has_pending(channel->ssl);
	pthread_mutex_unlock(&channel->ssl_lock);
	return !pending;
}

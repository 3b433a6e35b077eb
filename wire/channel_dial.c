/* Connecting: by steps, and as a whole. */
#include "wire/channel_inside.h"
#include "wire/socket.h"
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* One number for all attempts: whoever knows the channel's descriptor from elsewhere (channel_interrupt) stays right. */
static bool replace_socket(struct channel *channel, int fd)
{
	if (channel->fd < 0) {
		channel->fd = fd;
		return true;
	}
	bool is_done = dup3(fd, channel->fd, O_CLOEXEC) >= 0;
	close(fd);
	return is_done;
}

/* From one of the host's addresses to the next, until one does not refuse at once. */
static enum err dial_next(struct channel *channel, enum err err)
{
	for (; channel->tried < channel->where.count; channel->tried++) {
		int fd;
		err = socket_dial(&channel->where.places[channel->tried], &fd);
		if (err == ERR_OK)
			return replace_socket(channel, fd) ? ERR_OK : ERR_IO;
	}
	return err;
}

static enum err dial_unix(struct channel *channel, const struct address *address)
{
	enum err err = socket_dial_unix(address, &channel->fd);
	return err == ERR_OK ? channel_judge_unix(channel, address->host) : err;
}

static enum err dial_tcp(struct channel *channel, const struct address *address, const struct resolved *where)
{
	if (where)
		channel->where = *where;
	else if (socket_resolve(address, &channel->where) != ERR_OK)
		return ERR_CLOSED;
	return dial_next(channel, ERR_CLOSED);
}

enum err channel_dial(const struct address *address, const struct resolved *where, struct tls *tls, const struct identity *expected,
                      struct channel **out)
{
	assert(tls || address->is_unix);
	struct channel *channel = channel_create(-1);
	if (!channel)
		return ERR_NO_MEMORY;
	channel->tls = address->is_unix ? NULL : tls;
	channel->expects_anybody = !expected;
	if (expected)
		channel->expected = *expected;
	enum err err = address->is_unix ? dial_unix(channel, address) : dial_tcp(channel, address, where);
	if (err == ERR_OK)
		*out = channel;
	else
		channel_close(channel);
	return err;
}

/* Connected, refused (then the next address is tried), or neither yet. */
static enum err connect_on(struct channel *channel, short *events)
{
	while (channel->tried < channel->where.count) {
		bool is_done = false;
		enum err err = socket_dialled(channel->fd, &is_done);
		if (err == ERR_OK && !is_done) {
			*events = POLLOUT;
			return ERR_OK;
		}
		if (err == ERR_OK) {
			channel->tried = channel->where.count;
			return tls_start(channel->tls, false, channel->fd, &channel->ssl);
		}
		channel->tried++;
		if ((err = dial_next(channel, err)) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err channel_dial_on(struct channel *channel, short *events)
{
	*events = 0;
	enum err err = connect_on(channel, events);
	if (err == ERR_OK && atomic_load(&channel->is_interrupted))
		err = ERR_CLOSED;
	if (err != ERR_OK || *events || !channel->tls)
		return err;
	err = tls_shake(channel->ssl, channel->expects_anybody ? NULL : &channel->expected, &channel->peer, events);
	if (err == ERR_OK && !*events)
		channel->tls = NULL; /* all is made */
	return err;
}

static enum err dial_through(struct channel *channel, deadline_ms deadline)
{
	short events;
	enum err err;
	while ((err = channel_dial_on(channel, &events)) == ERR_OK && events)
		if ((err = socket_wait(channel->fd, events, deadline)) != ERR_OK)
			break;
	return err;
}

/* A Unix socket whose queue is full is waited for, which has no steps. */
static enum err connect_unix(const struct address *address, deadline_ms deadline, struct channel **out)
{
	int fd;
	enum err err = address_connect(address, deadline, &fd);
	if (err != ERR_OK)
		return err;
	if (!(*out = channel_create(fd))) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	return channel_judge_unix(*out, address->host);
}

enum err channel_connect(const struct address *address, struct tls *tls,
                         const struct identity *expected, deadline_ms deadline,
                         struct channel **out)
{
	struct channel *channel = NULL;
	assert(tls || address->is_unix);
	enum err err = address->is_unix ? connect_unix(address, deadline, &channel) : channel_dial(address, NULL, tls, expected, &channel);
	if (err == ERR_OK)
		err = dial_through(channel, deadline);
	if (err == ERR_OK)
		*out = channel;
	else
		channel_close(channel);
	return err;
}

#include "wire/channel_inside.h"
#include "base/wait.h"
#include "wire/socket.h"
#include <assert.h>

#ifndef FRAMES_PER_KEY                /* a test can't wait so long */
#define FRAMES_PER_KEY (1u << 22)     /* RFC 8446 5.5: AES-GCM keys are good for 2^24.5 records */
#endif

static enum err write_all(struct channel *channel, const uint8_t *data, size_t size, deadline_ms deadline)
{
	short events = 0;
	enum err err = ERR_OK;
	while (size && err == ERR_OK) {
		size_t done;
		err = channel_write(channel, data, size, &done, &events);
		data += done;
		size -= done;
		if (err == ERR_OK && !done)
			err = socket_wait(channel->fd, events, deadline);
	}
	return err;
}

static enum err send_enter(struct channel *channel, deadline_ms deadline)
{
	bool in_time = true;
	pthread_mutex_lock(&channel->turn_lock);
	channel->waiting++;
	while (channel->is_sending && in_time)
		in_time = wait_until(&channel->turn_ended, &channel->turn_lock, deadline);
	channel->waiting--;
	bool mine = !channel->is_sending;
	channel->is_sending = true;
	pthread_mutex_unlock(&channel->turn_lock);
	return mine ? ERR_OK : ERR_TIMEOUT;
}

static void send_leave(struct channel *channel)
{
	channel_settle(&channel->outbox);
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

/* Into the outbox, as a whole frame. */
static enum err pack(struct channel *channel, enum frame_kind kind, const ProtobufCMessage *message, size_t size)
{
	put_header(channel, kind, size);
	uint8_t *at = buf_extend(&channel->outbox, size);
	if (at)
		protobuf_c_message_pack(message, at);
	count_frame(channel);
	return at ? ERR_OK : ERR_NO_MEMORY;
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
	err = pack(channel, kind, message, size);
	if (err == ERR_OK)
		err = write_all(channel, channel->outbox.data, channel->outbox.size, deadline);
	send_leave(channel);
	return err;
}

/* Without waiting */

static void put_enter(struct channel *channel)
{
	enum err err = send_enter(channel, 0);
	assert(err == ERR_OK && "one thread alone has the channel");
	channel->sent = 0;
}

enum err channel_put_message(struct channel *channel, enum frame_kind kind, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	put_enter(channel);
	enum err err = pack(channel, kind, message, size);
	if (err != ERR_OK)
		send_leave(channel);
	return err;
}

enum err channel_put(struct channel *channel, enum frame_kind kind, const void *data, size_t size)
{
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	put_enter(channel);
	put_header(channel, kind, size);
	buf_add(&channel->outbox, data, size);
	count_frame(channel);
	if (!channel->outbox.failed)
		return ERR_OK;
	send_leave(channel);
	return ERR_NO_MEMORY;
}

bool channel_is_sending(const struct channel *channel)
{
	return channel->outbox.size > 0;
}

enum err channel_put_on(struct channel *channel, short *events)
{
	enum err err = ERR_OK;
	*events = 0;
	while (err == ERR_OK && !*events && channel->sent < channel->outbox.size) {
		size_t done;
		err = channel_write(channel, channel->outbox.data + channel->sent, channel->outbox.size - channel->sent, &done, events);
		channel->sent += done;
		if (done)
			*events = 0;
	}
	if (err == ERR_OK && !*events && channel->outbox.size)
		send_leave(channel);
	return err;
}

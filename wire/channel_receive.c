#include "wire/channel_inside.h"
#include "base/secret.h"
#include "wire/socket.h"
#include <string.h>

/* Until the inbox holds a header: however few bytes come at a time, and usually it is the whole frame. */
static enum err fill_inbox(struct channel *channel, short *events)
{
	enum err err = ERR_OK;
	if (channel->in_end == channel->in_start)
		channel->in_start = channel->in_end = 0;
	if (channel->in_start > INBOX_SIZE - HEADER_SIZE) {
		memmove(channel->inbox, channel->inbox + channel->in_start, channel->in_end - channel->in_start);
		channel->in_end -= channel->in_start;
		channel->in_start = 0;
	}
	while (err == ERR_OK && !*events && channel->in_end - channel->in_start < HEADER_SIZE) {
		size_t done;
		err = channel_read(channel, channel->inbox + channel->in_end, INBOX_SIZE - channel->in_end, &done, events);
		channel->in_end += done;
		if (done)
			*events = 0;
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

static enum err take_header(struct channel *channel, size_t size_max)
{
	uint8_t header[HEADER_SIZE];
	take(channel, header, HEADER_SIZE);
	struct cursor cursor = cursor_over(header, HEADER_SIZE);
	size_t size = cursor_u32(&cursor);
	uint8_t kind = cursor_u8(&cursor);
	if (!size || kind < FRAME_REQUEST || kind > FRAME_HEARTBEAT)
		return ERR_MALFORMED;
	if (size > size_max)
		return ERR_TOO_BIG;
	channel->frame_size = size;
	channel->frame_kind = (enum frame_kind)kind;
	return ERR_OK;
}

static enum err fill_body(struct channel *channel, struct buf *out, short *events)
{
	enum err err = ERR_OK;
	size_t size = channel->frame_size - 1, here = channel->in_end - channel->in_start;
	here = here < size - out->size ? here : size - out->size;
	uint8_t *at = buf_extend(out, here);
	if (!at)
		return ERR_NO_MEMORY;
	take(channel, at, here);
	while (err == ERR_OK && !*events && out->size < size) {
		size_t before = out->size, done = 0;
		size_t step = before < INBOX_SIZE ? INBOX_SIZE : before; /* as much again as has come */
		if (step > size - before)
			step = size - before;
		if (!(at = buf_extend(out, step)))
			return ERR_NO_MEMORY;
		err = channel_read(channel, at, step, &done, events);
		out->size = before + done;
		if (done)
			*events = 0;
	}
	return err;
}

enum err channel_receive_on(struct channel *channel, enum frame_kind *kind, struct buf *out, size_t size_max, short *events)
{
	enum err err = ERR_OK;
	*events = 0;
	if (!channel->frame_size) {
		channel_settle(out);
		err = fill_inbox(channel, events);
		if (err == ERR_OK && !*events)
			err = take_header(channel, size_max);
	}
	if (err == ERR_OK && !*events)
		err = fill_body(channel, out, events);
	if (err != ERR_OK || *events)
		return err;
	*kind = channel->frame_kind;
	channel->frame_size = 0;
	return ERR_OK;
}

static bool has_begun(const struct channel *channel)
{
	return channel->frame_size || channel->in_end > channel->in_start;
}

enum err channel_receive(struct channel *channel, enum frame_kind *kind, struct buf *out,
                         size_t size_max, deadline_ms idle, int64_t rest_ms)
{
	deadline_ms deadline = idle;
	bool begun = false;
	short events;
	enum err err;
	while ((err = channel_receive_on(channel, kind, out, size_max, &events)) == ERR_OK && events) {
		if (!begun && (begun = has_begun(channel)))
			deadline = deadline_in(rest_ms);
		if ((err = socket_wait(channel->fd, events, deadline)) != ERR_OK)
			break;
	}
	return err;
}

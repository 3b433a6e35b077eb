#include "raft/stream.h"
#include "wire/tls.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

static enum err wait_for(int fd, short events, deadline_ms deadline)
{
	struct pollfd wanted = { .fd = fd, .events = events };
	int ready;
	do
		ready = poll(&wanted, 1, deadline_left(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return ERR_IO;
	return ready == 0 && deadline_passed(deadline) ? ERR_TIMEOUT : ERR_OK;
}

enum err stream_peek(struct stream *stream, void *data, size_t size, size_t *done, short *events)
{
	return tls_read(stream->ssl, data, size, done, events);
}

enum err stream_read_some(struct stream *stream, void *data, size_t size, size_t *done, deadline_ms deadline)
{
	short events;
	for (;;) {
		enum err err = tls_read(stream->ssl, data, size, done, &events);
		if (err != ERR_OK || *done)
			return err;
		err = wait_for(stream->fd, events, deadline);
		if (err != ERR_OK)
			return err;
	}
}

enum err stream_read_all(struct stream *stream, void *data, size_t size, deadline_ms deadline)
{
	for (size_t have = 0, done; have < size; have += done) {
		enum err err = stream_read_some(stream, (uint8_t *)data + have, size - have, &done, deadline);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err stream_write_all(struct stream *stream, const void *data, size_t size, int64_t stall_ms)
{
	const uint8_t *at = data;
	while (size > 0) {
		size_t done;
		short events;
		enum err err = tls_write(stream->ssl, at, size, &done, &events);
		if (err == ERR_OK && !done)
			err = wait_for(stream->fd, events, deadline_in(stall_ms));
		if (err != ERR_OK)
			return err;
		at += done;
		size -= done;
	}
	return ERR_OK;
}

void stream_close(struct stream *stream)
{
	tls_close(stream->ssl);
	if (stream->fd >= 0)
		close(stream->fd);
	*stream = (struct stream){ NULL, -1 };
}

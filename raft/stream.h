/* Bytes over one TLS connection, with time limits. One thread uses it; another may interrupt it by
 * shutdown(2) on its socket. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <openssl/types.h>
#include <stddef.h>

struct stream {
	SSL *ssl;
	int fd; /* the stream's */
};

/* At least one byte, unless nothing comes by the deadline. ERR_TIMEOUT, ERR_CLOSED, ERR_REFUSED. */
enum err stream_read_some(struct stream *stream, void *data, size_t size, size_t *done, deadline_ms deadline);
/* What is there now; *done 0: poll the socket for *events first. */
enum err stream_peek(struct stream *stream, void *data, size_t size, size_t *done, short *events);
enum err stream_read_all(struct stream *stream, void *data, size_t size, deadline_ms deadline);
/* ERR_TIMEOUT when the other side takes nothing for stall_ms. */
enum err stream_write_all(struct stream *stream, const void *data, size_t size, int64_t stall_ms);
void stream_close(struct stream *stream); /* also one that was never opened (ssl NULL, fd -1) */

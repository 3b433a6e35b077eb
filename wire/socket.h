/* What the house's sockets have in common. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <stddef.h>

/* Until one of `events`, or an error, is there to be found; ERR_TIMEOUT. */
enum err socket_wait(int fd, short events, deadline_ms deadline);
/* As tls_read and tls_write. */
enum err socket_read(int fd, void *data, size_t size, size_t *done, short *events);
enum err socket_write(int fd, const void *data, size_t size, size_t *done, short *events);
/* Non-blocking, close-on-exec, no delay, keep-alive: for one that was accepted. */
void socket_tune(int fd);

/* What the house's sockets have in common. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "wire/address.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Until one of `events`, or an error, is there to be found; ERR_TIMEOUT. */
enum err socket_wait(int fd, short events, deadline_ms deadline);
/* As tls_read and tls_write. */
enum err socket_read(int fd, void *data, size_t size, size_t *done, short *events);
enum err socket_write(int fd, const void *data, size_t size, size_t *done, short *events);
/* Non-blocking, close-on-exec, no delay, keep-alive: for one that was accepted. */
void socket_tune(int fd);

/* Where a host is. */
#define PLACES_MAX 8 /* no more are tried */
struct place {
	struct sockaddr_storage name;
	socklen_t size;
};
struct resolved {
	size_t count;
	struct place places[PLACES_MAX];
};

/* Connecting by steps. ERR_NOT_FOUND. Takes as long as a name server does; of a number at once, and of anything else it is none. */
enum err socket_resolve(const struct address *address, struct resolved *out);
enum err socket_resolve_number(const struct address *address, struct resolved *out);
/* A socket that is about to be connected: poll it for POLLOUT until it is done, or ERR_CLOSED. */
enum err socket_dial(const struct place *place, int *fd);
enum err socket_dialled(int fd, bool *is_done);
/* Connected at once. ERR_TIMEOUT if the listener's queue is full, ERR_CLOSED if nobody listens. */
enum err socket_dial_unix(const struct address *address, int *fd);

/* What the house's sockets have in common. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "wire/address.h"
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

/* Until one of `events`, or an error, is there to be found; ERR_TIMEOUT. */
enum err socket_wait(int fd, short events, deadline_ms deadline);
/* As tls_read and tls_write. */
enum err socket_read(int fd, void *data, size_t size, size_t *done, short *events);
enum err socket_write(int fd, const void *data, size_t size, size_t *done, short *events);
/* Non-blocking, close-on-exec, no delay, keep-alive: for one that was accepted. */
void socket_tune(int fd);

/* Connecting by steps. freeaddrinfo() frees the names; ERR_NOT_FOUND. Takes as long as a name server does. */
enum err socket_resolve(const struct address *address, struct addrinfo **out);
/* A socket that is about to be connected: poll it for POLLOUT until it is done, or ERR_CLOSED. */
enum err socket_dial(const struct addrinfo *name, int *fd);
enum err socket_dialled(int fd, bool *is_done);
/* Connected at once. ERR_TIMEOUT if the listener's queue is full, ERR_CLOSED if nobody listens. */
enum err socket_dial_unix(const struct address *address, int *fd);

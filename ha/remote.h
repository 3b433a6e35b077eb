/* A member across a socket: a pool of connections to one node. A thread borrows a connection for one call,
 * or for as long as an operation in parts lasts.
 *
 * A pooled connection may have gone stale since it was used (the node was restarted): then the call is made
 * again on a fresh one, and only if that fails is the member lost. */
#pragma once
#include "ha/member.h"
#include "wire/client_config.h"

/* Copies what it needs; `tls` (may be NULL for a Unix socket) must outlive the member. Reaches for no network.
 * Threads: to look up the host's name. NULL without memory. */
struct member *remote_create(const struct client_member *config, struct tls *tls, int64_t connect_ms, bool may_start_threads);

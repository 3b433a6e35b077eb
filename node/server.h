/* The node's doors: listening sockets, and a thread for each connection that came through one. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <stdbool.h>

struct node;
struct node_config;
struct server;

/* Binds what [listen] names; whoever comes before server_start is turned away. ERR_CONFIG with a line (address in use …). */
enum err server_open(const struct node_config *config, struct server **out, struct complaint *complaint);
/* Lets clients in. */
enum err server_start(struct server *server, struct node *node, struct complaint *complaint);
/* Lets no more in, closes the idle, waits for calls in progress until the deadline and then cuts them off. false if
 * a call was still in the token's hands a little later: then nothing it may touch may be freed. */
bool server_stop(struct server *server, deadline_ms deadline);
/* For one who came beyond the limit and has said who it is: is there a place now, or has one who has asked nothing for longest given it
 * up? Nobody does for a stranger. From connections' threads. */
bool server_make_room(struct server *server);
void server_close(struct server *server); /* accepts NULL; only after server_stop, or before server_start */

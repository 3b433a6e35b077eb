/* A node that is not one: it speaks the wire protocol on a Unix socket, in threads of the test's own process, and
 * answers as the test says. */
#pragma once
#include "wire/call.h"
#include <stddef.h>

struct fake_node;

/* Memory for an answer, gone once it is sent. */
struct fake_call;
void *fake_alloc(struct fake_call *call, size_t size);
ProtobufCBinaryData fake_bytes(struct fake_call *call, const void *data, size_t size);

/* What the test keeps with the connection on which the call came; `destroy` is called for it at the connection's end, and before
 * another takes its place. */
void *fake_connection(struct fake_call *call);
void fake_connection_keep(struct fake_call *call, void *kept, void (*destroy)(void *kept));

/* The connection breaks, and the answer does not arrive. */
void fake_connection_cut(struct fake_call *call);

/* Fills in a reply that is initialized. May be called from many threads. */
typedef void fake_answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply);

/* Listens when it returns; aborts the test if it cannot. */
struct fake_node *fake_node_start(const char *name, const char *path, fake_answer *answer, void *context);
/* As if killed: every connection is cut. */
void fake_node_stop(struct fake_node *node);
unsigned fake_node_connections(struct fake_node *node); /* made so far */
unsigned fake_node_requests(struct fake_node *node);    /* answered so far, without Hello */

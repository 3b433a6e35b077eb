/* Where a member is: its host's addresses. A name is looked up by a thread that lives for as long as the name server takes, so that a slow
 * one keeps nobody waiting who could go elsewhere. What was found is kept, and used while it is looked up anew. Safe from many threads. */
#pragma once
#include "wire/socket.h"

struct names;

/* Looks nothing up yet. Where no threads may be started a lookup is done by who wants it. NULL without memory. */
struct names *names_create(const struct address *address, bool may_start_threads);
/* A lookup that is under way goes on, and its thread ends with it: the module stays loaded (`nodelete`). Accepts NULL. */
void names_destroy(struct names *names);
/* Whoever waits, or asks from now on, gets ERR_CLOSED. */
void names_interrupt(struct names *names);

/* For who is about to connect: what is known, and if that is old a lookup begins. ERR_OK with none in *out: it is being looked up, so
 * poll names_fd for POLLIN, then ask names_found. ERR_NOT_FOUND: the name server knows no such host; ERR_IO. */
enum err names_want(struct names *names, struct resolved *out);
enum err names_found(struct names *names, struct resolved *out);
int names_fd(const struct names *names);

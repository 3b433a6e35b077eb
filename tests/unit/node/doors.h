/* A node whose doors are opened anew for each sentence, and clients that come to them. The node itself, on a real token and with consensus of
 * one, is started for the first. */
#pragma once
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include "wire/call.h"

extern struct node_house house;
extern unsigned tls_port;

/* `hello` and `frame` in milliseconds, and how many connections; 0: as usual. */
void doors_open(int64_t patience_ms, int64_t connections);
void doors_close(void);
void the_end(void); /* of the node, too: the last sentence */

struct channel *connect_to(const struct address *address, struct tls *tls);
struct address unix_door(void);
enum err hello(struct channel *channel);
/* Who has been greeted on the Unix socket. */
struct channel *welcome(void);
bool is_served(struct channel *channel);

/* Since the doors were opened. */
uint64_t counted(enum counter counter);
/* The count follows the deed: it is waited for. */
void comes_to(enum counter counter, uint64_t value);
void comes_to_at_least(enum counter counter, uint64_t value);

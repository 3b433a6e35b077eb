/* The node looks after its own token. One thread watches: a call that is in the token for longer than the settings allow means that
 * the token hangs. Another cares: it opens the token, looks now and then, and when somebody had trouble, whether it is well, and starts
 * it afresh until it is. The watch never calls the token, so it is never lost in it.
 *
 * What they find is the node's state (node_set_token). While the token is not well nobody gets in, and leadership is handed to a node
 * whose token works. */
#pragma once
#include "node/node.h"

struct health;

/* Begins to open the token, and to watch. NULL without memory or threads. */
struct health *health_start(struct node *node);
/* How the first attempt ended, once it has: as token_reopen and domain_find. Unless `is_patient`, ERR_TIMEOUT when it takes so long that
 * the token hangs, or looks like it. ERR_CLOSED when the node is told to stop meanwhile: its life is NODE_STOPPING then. */
enum err health_opened(struct health *health, bool is_patient, struct complaint *complaint);
/* Which state this means. */
enum node_state health_state_of(enum err err);
/* Goes on: sees what an open token can do, or tries again. The directory is there by now. */
void health_go_on(struct health *health);
/* Waits until it is known how the token is, or the node is told to stop: node_state says. */
void health_await(struct health *health);
/* Somebody had trouble with the token. From any thread; waits for nothing. */
void health_tell(struct health *health);
/* Ends both threads. false if one of them is lost in the token: nothing it may touch may be freed. health_tell may still come. Accepts
 * NULL. */
bool health_stop(struct health *health, deadline_ms deadline);
void health_destroy(struct health *health); /* accepts NULL */

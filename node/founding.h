/* A cluster's first agreement: what it is called and which domain its keys live in. Every node proposes
 * both, under the same request ids, so that exactly one proposal counts. */
#pragma once
#include "base/id.h"
#include <stdbool.h>

struct node;
struct founding;

#define SETTING_CLUSTER "cluster" /* 16 random bytes */
#define SETTING_DOMAIN "domain"   /* domain_id() */

/* Starts a thread that ends once the cluster has agreed and our token was found to be of its domain, or not. NULL without
 * memory. */
struct founding *founding_start(struct node *node);
/* Ends the thread (within a second, where there is no majority). Accepts NULL. */
void founding_stop(struct founding *founding);
/* false while the cluster has not agreed yet. */
bool founding_cluster_id(struct node *node, struct id *out);

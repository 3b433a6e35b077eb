/* Nodes of a cluster in one process: real logs, real TLS on the loopback, a small state machine. */
#pragma once
#include "tests/support/certificates.h"
#include "tests/unit/raft/cluster_machine.h"
#include "tests/unit/raft/scratch.h"

#define CLUSTER_MAX 5
struct node {
	struct cluster *cluster;
	uint64_t id;
	char name[8];
	uint16_t port;
	struct scratch folder;
	struct tls *tls;
	struct secret *secret;
	struct machine machine;
	struct consensus *consensus; /* NULL: not running */
	_Atomic int fatals;
};

struct cluster {
	struct test_authority *authority;
	struct node nodes[CLUSTER_MAX];
	size_t founders, count;
	uint64_t snapshot_entries, trailing_entries;
	int64_t election_ms, heartbeat_ms;
};

/* `founders` nodes that know each other, and `joiners` that wait to be taken in; none runs yet. Ids from 1. Elections are short, since
 * most stories only wait for them. */
void cluster_init(struct cluster *cluster, size_t founders, size_t joiners);
/* Before any of them runs: they will have so much to do, or so much depends on who leads, that elections take what they take by default. */
void cluster_is_busy(struct cluster *cluster);
void cluster_finish(struct cluster *cluster);
enum err node_start(struct node *node, struct complaint *complaint);
void node_must_start(struct node *node); /* aborts if it can't */
void node_stop(struct node *node);
void cluster_start(struct cluster *cluster); /* the founders; aborts if one can't */
struct consensus_node node_describe(const struct node *node);
struct consensus_status node_status(struct node *node);

/* These abort with a line that says what did not come about within half a minute. */
struct node *cluster_leader(struct cluster *cluster); /* one that all who belong follow */
struct node *cluster_follower(struct cluster *cluster); /* a running voter that isn't the leader */
void node_propose(struct node *node, uint64_t value);
void node_catches_up(struct node *node, uint64_t index);
/* Waits until `is_so` of the node's status. */
void node_becomes(struct node *node, bool (*is_so)(const struct consensus_status *status), const char *what);
void node_refuses(struct node *node); /* somebody, or what somebody said */
/* All that run catch up with all there is; have they applied the same? */
bool cluster_is_equal(struct cluster *cluster);

enum err node_try(struct node *node, const struct id *request, uint64_t value, int64_t ms, uint64_t *index);

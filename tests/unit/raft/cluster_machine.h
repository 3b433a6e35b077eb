/* A small state machine for whole nodes: it keeps what it was given. */
#pragma once
#include "raft/consensus.h"
#include <pthread.h>

/* What has been applied, in order, each request once. It outlives its node's restarts, as a state machine on disk would. */
struct item {
	struct id request;
	uint64_t value;
};
struct machine {
	pthread_mutex_t lock;
	struct item *items;      /* visible, then those not yet flushed */
	size_t count, visible, capacity;
	uint64_t applied;        /* as of the last flush */
	uint64_t reached;        /* not yet flushed */
	size_t repeats;          /* requests that came again */
	size_t ballast;          /* bytes a snapshot has beside the items */
	bool dies_restoring;     /* the process, by SIGKILL */
};
extern const struct machine_ops cluster_machine_ops;

bool machine_has(struct machine *machine, uint64_t value);
size_t machine_count(struct machine *machine);
bool machine_equal(struct machine *one, struct machine *two);

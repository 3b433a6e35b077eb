/* Nodes that stop, and come back. */
#include "raft/consensus_internal.h"
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"

static struct cluster cluster;

static void a_restarted_node_catches_up(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	node_propose(away, 1);
	node_stop(away);
	for (uint64_t value = 2; value < 40; value++)
		node_propose(cluster_leader(&cluster), value);
	node_must_start(away);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&away->machine), 39);
	cluster_finish(&cluster);
}

static void a_whole_cluster_that_was_stopped_goes_on(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	for (uint64_t value = 0; value < 10; value++)
		node_propose(&cluster.nodes[0], value);
	CU_ASSERT(cluster_is_equal(&cluster));
	for (size_t i = 0; i < 3; i++)
		node_stop(&cluster.nodes[i]);
	cluster_start(&cluster);
	node_propose(&cluster.nodes[2], 10);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&cluster.nodes[0].machine), 11);
	cluster_finish(&cluster);
}

struct proposer {
	struct node *node;
	uint64_t first;
	size_t count, acknowledged;
};

static void *propose_many(void *context)
{
	struct proposer *proposer = context;
	for (size_t i = 0; i < proposer->count; i++) {
		struct id request = id_random();
		uint64_t index;
		if (node_try(proposer->node, &request, proposer->first + i, 30000, &index) == ERR_OK)
			proposer->acknowledged++;
	}
	return NULL;
}

static void proposals_survive_the_leaders_leaving(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_is_busy(&cluster);
	cluster_start(&cluster);
	struct node *leader = cluster_leader(&cluster), *stays = cluster_follower(&cluster);
	struct proposer proposers[4];
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++) {
		proposers[i] = (struct proposer){ stays, 1000 * (i + 1), 100, 0 };
		pthread_create(&threads[i], NULL, propose_many, &proposers[i]);
	}
	node_catches_up(stays, 20);
	node_stop(leader);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(proposers[i].acknowledged, 100);
	}
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&stays->machine), 400);
	cluster_finish(&cluster);
}

static void until_somebody_waits(struct consensus *consensus)
{
	for (size_t inside = 0; !inside; sched_yield()) {
		pthread_mutex_lock(&consensus->waiter_lock);
		inside = consensus->inside;
		pthread_mutex_unlock(&consensus->waiter_lock);
	}
}

static void stopping_releases_whoever_waits(void)
{
	cluster_init(&cluster, 3, 0);
	node_must_start(&cluster.nodes[0]);
	struct proposer proposer = { &cluster.nodes[0], 1, 1, 0 };
	pthread_t thread;
	pthread_create(&thread, NULL, propose_many, &proposer);
	until_somebody_waits(cluster.nodes[0].consensus);
	consensus_stop(cluster.nodes[0].consensus, deadline_in(100));
	pthread_join(thread, NULL); /* well before the half minute it was ready to wait */
	CU_ASSERT_EQUAL(proposer.acknowledged, 0);
	cluster.nodes[0].consensus = NULL;
	cluster_finish(&cluster);
}

TESTS("coming and going", SAY(a_restarted_node_catches_up), SAY(a_whole_cluster_that_was_stopped_goes_on),
      SAY(proposals_survive_the_leaders_leaving), SAY(stopping_releases_whoever_waits))

/* Snapshots of whole nodes: taken, sent to one that was away, started from. */
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"

static struct cluster cluster;

/* The others go on to `count` proposals, and forget what came before their snapshot. */
static uint64_t leave_behind(struct node *away, uint64_t count)
{
	uint64_t index = 0;
	node_propose(away, 0);
	node_stop(away);
	for (uint64_t value = 1; value < count; value++)
		node_propose(cluster_leader(&cluster), value);
	CU_ASSERT(cluster_is_equal(&cluster));
	for (size_t i = 0; i < 3; i++) {
		struct node *node = &cluster.nodes[i];
		if (node == away)
			continue;
		CU_ASSERT_EQUAL(consensus_snapshot(node->consensus, deadline_in(20000), &index), ERR_OK);
		CU_ASSERT_EQUAL(node_status(node).snapshot_index, index);
		node_stop(node); /* with it goes what it had queued for the one that is away */
	}
	return index;
}

static void a_node_that_was_away_too_long_gets_a_snapshot(void)
{
	cluster_init(&cluster, 3, 0);
	cluster.trailing_entries = 5;
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	uint64_t index = leave_behind(away, 200);
	cluster_start(&cluster);
	node_catches_up(away, index);
	CU_ASSERT(node_status(away).snapshots_installed > 0);
	node_propose(away, 200);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&away->machine), 201);
	node_stop(away);
	node_must_start(away);
	CU_ASSERT(cluster_is_equal(&cluster));
	cluster_finish(&cluster);
}

static void work_goes_on_while_a_large_snapshot_is_on_its_way(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_is_busy(&cluster);
	cluster.trailing_entries = 5;
	for (size_t i = 0; i < 3; i++)
		cluster.nodes[i].machine.ballast = 16u << 20;
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	uint64_t index = leave_behind(away, 20);
	for (size_t i = 0; i < 3; i++)
		if (&cluster.nodes[i] != away)
			node_must_start(&cluster.nodes[i]);
	struct node *leader = cluster_leader(&cluster);
	node_must_start(away);
	for (uint64_t value = 20; consensus_wait(away->consensus, index, deadline_in(1)) != ERR_OK; value++)
		node_propose(leader, value);
	CU_ASSERT(node_status(away).snapshots_installed > 0);
	CU_ASSERT(cluster_is_equal(&cluster));
	cluster_finish(&cluster);
}

static bool has_taken_a_snapshot(const struct consensus_status *status)
{
	return status->snapshots_taken > 1;
}

static void snapshots_are_taken_by_log_length(void)
{
	cluster_init(&cluster, 3, 0);
	cluster.snapshot_entries = 50;
	cluster.trailing_entries = 10;
	cluster_start(&cluster);
	struct node *leader = cluster_leader(&cluster);
	for (uint64_t value = 0; value < 200; value++)
		node_propose(leader, value);
	for (size_t i = 0; i < 3; i++)
		node_becomes(&cluster.nodes[i], has_taken_a_snapshot, "snapshots by length");
	for (size_t i = 0; i < 3; i++)
		node_stop(&cluster.nodes[i]);
	/* a state machine that lost what it had: it comes back from snapshot and log */
	cluster.nodes[0].machine.count = cluster.nodes[0].machine.visible = 0;
	cluster.nodes[0].machine.applied = cluster.nodes[0].machine.reached = 0;
	cluster_start(&cluster);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&cluster.nodes[0].machine), 200);
	cluster_finish(&cluster);
}

TESTS("snapshots", SAY(a_node_that_was_away_too_long_gets_a_snapshot),
      SAY(work_goes_on_while_a_large_snapshot_is_on_its_way), SAY(snapshots_are_taken_by_log_length))

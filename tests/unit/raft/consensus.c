#include "tests/check.h"
#include "tests/unit/raft/cluster.h"

static struct cluster cluster;

static void a_proposal_by_any_node_is_applied_by_all_once(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	cluster_leader(&cluster);
	for (uint64_t value = 0; value < 30; value++)
		node_propose(&cluster.nodes[value % 3], value);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&cluster.nodes[0].machine), 30);
	cluster_finish(&cluster);
}

static void a_proposer_reads_its_own_write(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *node = cluster_follower(&cluster);
	for (uint64_t value = 100; value < 110; value++) {
		struct id request = id_random();
		uint64_t index = 0;
		CU_ASSERT_EQUAL(node_try(node, &request, value, 10000, &index), ERR_OK);
		CU_ASSERT(machine_has(&node->machine, value));
		CU_ASSERT(consensus_applied(node->consensus) >= index);
	}
	cluster_finish(&cluster);
}

static void a_retry_under_the_same_id_happens_once(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *leader = cluster_leader(&cluster), *follower = cluster_follower(&cluster);
	struct id request = id_random();
	uint64_t index;
	CU_ASSERT_EQUAL(node_try(leader, &request, 7, 10000, &index), ERR_OK);
	CU_ASSERT_EQUAL(node_try(follower, &request, 7, 10000, &index), ERR_OK);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&leader->machine), 1);
	cluster_finish(&cluster);
}

static void a_single_node_agrees_with_itself_across_restarts(void)
{
	cluster_init(&cluster, 1, 0);
	cluster_start(&cluster);
	node_propose(&cluster.nodes[0], 1);
	node_stop(&cluster.nodes[0]);
	node_must_start(&cluster.nodes[0]);
	node_propose(&cluster.nodes[0], 2);
	CU_ASSERT_EQUAL(machine_count(&cluster.nodes[0].machine), 2);
	cluster_finish(&cluster);
}

static void a_barrier_is_behind_all_that_was_acknowledged(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *leader = cluster_leader(&cluster), *follower = cluster_follower(&cluster);
	for (uint64_t value = 0; value < 10; value++) {
		uint64_t index = 0;
		node_propose(leader, value);
		CU_ASSERT_EQUAL(consensus_barrier(follower->consensus, deadline_in(10000), &index), ERR_OK);
		CU_ASSERT(machine_has(&follower->machine, value));
		CU_ASSERT(consensus_applied(follower->consensus) >= index);
	}
	cluster_finish(&cluster);
}

static void what_is_too_big_or_too_late_is_said_so(void)
{
	static uint8_t huge[ENTRY_SIZE_MAX + 1];
	cluster_init(&cluster, 3, 0);
	node_must_start(&cluster.nodes[0]); /* alone: no majority */
	struct id request = id_random();
	uint64_t index;
	CU_ASSERT_EQUAL(consensus_propose(cluster.nodes[0].consensus, &request, huge, sizeof huge, deadline_in(1000), &index),
	                ERR_TOO_BIG);
	CU_ASSERT_EQUAL(node_try(&cluster.nodes[0], &request, 1, 50, &index), ERR_TIMEOUT);
	CU_ASSERT_EQUAL(consensus_wait(cluster.nodes[0].consensus, 5, deadline_in(50)), ERR_TIMEOUT);
	CU_ASSERT_EQUAL(consensus_barrier(cluster.nodes[0].consensus, deadline_in(50), &index), ERR_TIMEOUT);
	cluster_finish(&cluster);
}

static void a_large_entry_goes_through(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_is_busy(&cluster);
	cluster_start(&cluster);
	struct node *follower = cluster_follower(&cluster);
	uint8_t *large = calloc(1, 2u << 20);
	struct id request = id_random();
	uint64_t index;
	CU_ASSERT_EQUAL(consensus_propose(follower->consensus, &request, large, 2u << 20, deadline_in(20000), &index), ERR_OK);
	CU_ASSERT(cluster_is_equal(&cluster));
	free(large);
	cluster_finish(&cluster);
}

static void a_second_node_on_the_same_folder_is_refused(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 1, 0);
	cluster_start(&cluster);
	const struct node *first = &cluster.nodes[0];
	struct node twin = { .cluster = &cluster, .id = first->id, .port = first->port, .folder = first->folder,
		             .tls = first->tls, .secret = first->secret };
	CU_ASSERT_EQUAL(node_start(&twin, &complaint), ERR_BUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "pid"));
	cluster_finish(&cluster);
}

static void a_log_behind_the_machine_is_refused(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 1, 0);
	cluster_start(&cluster);
	node_propose(&cluster.nodes[0], 1);
	node_stop(&cluster.nodes[0]);
	scratch_remove(&cluster.nodes[0].folder);
	CU_ASSERT_EQUAL(node_start(&cluster.nodes[0], &complaint), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "new id"));
	cluster_finish(&cluster);
}

TESTS("consensus", SAY(a_proposal_by_any_node_is_applied_by_all_once), SAY(a_proposer_reads_its_own_write),
      SAY(a_retry_under_the_same_id_happens_once), SAY(a_single_node_agrees_with_itself_across_restarts),
      SAY(a_barrier_is_behind_all_that_was_acknowledged), SAY(what_is_too_big_or_too_late_is_said_so),
      SAY(a_large_entry_goes_through), SAY(a_second_node_on_the_same_folder_is_refused),
      SAY(a_log_behind_the_machine_is_refused))

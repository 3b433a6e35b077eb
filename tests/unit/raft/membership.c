/* Who belongs, and who leads. */
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"

static struct cluster cluster;

static bool leads_three(const struct consensus_status *status)
{
	return status->role == ROLE_LEADER && status->peer_count == 2;
}

static void a_node_joins_as_learner_votes_and_leaves(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 1);
	cluster_is_busy(&cluster);
	cluster_start(&cluster);
	struct node *joiner = &cluster.nodes[3];
	node_must_start(joiner);
	struct node *leader = cluster_leader(&cluster);
	for (uint64_t value = 0; value < 20; value++)
		node_propose(leader, value);
	struct consensus_node described = node_describe(joiner);
	enum err err = consensus_add(leader->consensus, &described, deadline_in(10000), &complaint);
	CU_ASSERT_EQUAL(err, ERR_OK);
	node_catches_up(joiner, consensus_applied(leader->consensus));
	CU_ASSERT_EQUAL(node_status(joiner).role, ROLE_LEARNER);
	node_propose(joiner, 20);
	CU_ASSERT_EQUAL(consensus_promote(leader->consensus, 4, deadline_in(20000), &complaint), ERR_OK);
	CU_ASSERT(cluster_is_equal(&cluster));
	CU_ASSERT_EQUAL(machine_count(&joiner->machine), 21);
	CU_ASSERT_EQUAL(consensus_transfer(leader->consensus, 4, deadline_in(10000), &complaint), ERR_OK);
	CU_ASSERT_PTR_EQUAL(cluster_leader(&cluster), joiner);
	CU_ASSERT_EQUAL(consensus_transfer(joiner->consensus, 0, deadline_in(10000), &complaint), ERR_OK);
	leader = cluster_leader(&cluster);
	CU_ASSERT_PTR_NOT_EQUAL(leader, joiner);
	CU_ASSERT_EQUAL(consensus_remove(leader->consensus, 4, deadline_in(10000), &complaint), ERR_OK);
	node_stop(joiner);
	node_becomes(leader, leads_three, "a configuration of three");
	node_propose(leader, 21);
	CU_ASSERT(cluster_is_equal(&cluster));
	cluster_finish(&cluster);
}

static void membership_is_the_leaders_business(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 1);
	cluster_is_busy(&cluster);
	cluster_start(&cluster);
	struct node *follower = cluster_follower(&cluster);
	struct consensus_node described = node_describe(&cluster.nodes[3]);
	CU_ASSERT_EQUAL(consensus_add(follower->consensus, &described, deadline_in(5000), &complaint), ERR_NOT_LEADER);
	CU_ASSERT(complaint.text[0] != '\0');
	CU_ASSERT_EQUAL(consensus_remove(follower->consensus, 1, deadline_in(5000), &complaint), ERR_NOT_LEADER);
	cluster_finish(&cluster);
}

TESTS("membership", SAY(a_node_joins_as_learner_votes_and_leaves), SAY(membership_is_the_leaders_business))

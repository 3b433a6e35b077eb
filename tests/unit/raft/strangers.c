/* Nodes that are not let in: refused, counted, and nobody else is the worse for it. */
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"

static struct cluster cluster;

static void a_node_with_another_secret_is_refused_and_counted(void)
{
	static const uint8_t other[32] = "some other secret";
	cluster_init(&cluster, 3, 0);
	struct node *stranger = &cluster.nodes[2];
	secret_destroy(stranger->secret);
	stranger->secret = secret_create(other, sizeof other);
	cluster_start(&cluster);
	node_refuses(&cluster.nodes[0]);
	node_refuses(&cluster.nodes[1]);
	node_propose(&cluster.nodes[0], 1);
	struct consensus_status status = node_status(stranger);
	CU_ASSERT_EQUAL(status.leader, 0);
	CU_ASSERT(!machine_has(&stranger->machine, 1));
	for (size_t i = 0; i < status.peer_count; i++)
		CU_ASSERT(!status.peers[i].connected);
	cluster_finish(&cluster);
}

static void a_node_of_another_authority_is_refused_and_counted(void)
{
	struct test_authority *other = test_authority_create();
	cluster_init(&cluster, 3, 0);
	struct node *stranger = &cluster.nodes[2];
	tls_destroy(stranger->tls);
	stranger->tls = test_authority_tls(other, IDENTITY_NODE, "c");
	cluster_start(&cluster);
	node_refuses(&cluster.nodes[0]);
	node_propose(&cluster.nodes[0], 1);
	CU_ASSERT_EQUAL(node_status(stranger).leader, 0);
	cluster_finish(&cluster);
	test_authority_destroy(other);
}

static void a_name_under_another_nodes_id_is_refused_and_counted(void)
{
	cluster_init(&cluster, 3, 0);
	struct node *impostor = &cluster.nodes[2];
	tls_destroy(impostor->tls);
	impostor->tls = test_authority_tls(cluster.authority, IDENTITY_NODE, "x");
	cluster_start(&cluster);
	node_refuses(&cluster.nodes[0]);
	node_propose(&cluster.nodes[0], 1);
	CU_ASSERT(!machine_has(&impostor->machine, 1));
	cluster_finish(&cluster);
}

static void a_node_that_lost_its_folder_is_refused_and_stops(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	node_propose(away, 1);
	node_stop(away);
	scratch_remove(&away->folder);
	away->machine.count = away->machine.visible = 0;
	away->machine.applied = away->machine.reached = 0;
	node_must_start(away);
	struct node *other = away == &cluster.nodes[0] ? &cluster.nodes[1] : &cluster.nodes[0];
	for (deadline_ms deadline = deadline_in(20000); !away->fatals && !deadline_passed(deadline);)
		node_propose(other, 2);
	CU_ASSERT_EQUAL(away->fatals, 1);
	CU_ASSERT_EQUAL(machine_count(&away->machine), 0);
	struct id request = id_random();
	uint64_t index;
	CU_ASSERT_EQUAL(node_try(away, &request, 1, 1000, &index), ERR_CLOSED);
	cluster_finish(&cluster);
}

TESTS("strangers", SAY(a_node_with_another_secret_is_refused_and_counted),
      SAY(a_node_of_another_authority_is_refused_and_counted),
      SAY(a_name_under_another_nodes_id_is_refused_and_counted),
      SAY(a_node_that_lost_its_folder_is_refused_and_stops))

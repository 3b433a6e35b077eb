/* All nodes die, in one child process, in the middle of a snapshot's life: while it is copied, while it is on its way, while it is
 * put in place. What that leaves they start from, and lack nothing that was acknowledged. */
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define VALUES 60
#define BALLAST (12u << 20)
#define FILE_LIMIT (4u << 20) /* whoever writes more into one file dies of it */

static struct cluster cluster;

static void limit_files(void)
{
	struct rlimit none = { 0, 0 }, limit = { FILE_LIMIT, FILE_LIMIT };
	if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(3);
}

static void start(struct node *node)
{
	struct complaint complaint;
	if (node_start(node, &complaint) != ERR_OK)
		_exit(4);
}

/* Two of three, so that the third will need a snapshot. */
static struct node *leader_of_two(size_t ballast)
{
	for (size_t i = 0; i < 2; i++) {
		cluster.nodes[i].machine.ballast = ballast;
		start(&cluster.nodes[i]);
	}
	return cluster_leader(&cluster);
}

static void propose_all(struct node *node)
{
	for (uint64_t value = 0; value < VALUES; value++)
		node_propose(node, value);
}

static void take_snapshots(void)
{
	uint64_t index;
	for (size_t i = 0; i < 2; i++)
		if (consensus_snapshot(cluster.nodes[i].consensus, deadline_in(30000), &index) != ERR_OK)
			_exit(5);
}

/* With the processes goes what they had queued for the third; it needs the snapshot now. */
static void restart_two(void)
{
	for (size_t i = 0; i < 2; i++)
		node_stop(&cluster.nodes[i]);
	for (size_t i = 0; i < 2; i++)
		start(&cluster.nodes[i]);
}

/* ------------------------------------------------------------------ the deaths */

static void die_taking(void)
{
	propose_all(leader_of_two(BALLAST));
	limit_files();
	take_snapshots();
}

static void die_receiving(void)
{
	propose_all(leader_of_two(BALLAST));
	take_snapshots();
	restart_two();
	limit_files();
	start(&cluster.nodes[2]);
	node_catches_up(&cluster.nodes[2], VALUES);
}

/* The log says that the snapshot is in place; the state machine has not heard of it. */
static void die_restoring(void)
{
	propose_all(leader_of_two(0));
	take_snapshots();
	restart_two();
	cluster.nodes[2].machine.dies_restoring = true;
	start(&cluster.nodes[2]);
	node_catches_up(&cluster.nodes[2], VALUES);
}

/* ------------------------------------------------------------------ and what comes after */

static void run_child(void (*die)(void))
{
	int status = 0;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		die();
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFSIGNALED(status)); /* it did not get through */
}

static void expect_all(void)
{
	uint64_t index;
	cluster_start(&cluster);
	CU_ASSERT_EQUAL(consensus_barrier(cluster_leader(&cluster)->consensus, deadline_in(30000), &index), ERR_OK);
	for (size_t i = 0; i < cluster.count; i++) {
		node_catches_up(&cluster.nodes[i], index);
		CU_ASSERT_EQUAL(machine_count(&cluster.nodes[i].machine), VALUES);
	}
	node_propose(&cluster.nodes[2], VALUES);
}

static void after(void (*die)(void))
{
	cluster_init(&cluster, 3, 0);
	cluster.snapshot_entries = 0; /* when asked */
	cluster.trailing_entries = 5;
	cluster.election_ms = 500;
	cluster.heartbeat_ms = 50;
	run_child(die);
	expect_all();
	cluster_finish(&cluster);
}

static void killed_while_a_snapshot_is_taken(void)
{
	after(die_taking);
}

static void killed_while_a_snapshot_is_on_its_way(void)
{
	after(die_receiving);
}

static void killed_while_a_snapshot_is_installed(void)
{
	after(die_restoring);
}

TESTS("snapshot_killed", SAY(killed_while_a_snapshot_is_taken), SAY(killed_while_a_snapshot_is_on_its_way),
      SAY(killed_while_a_snapshot_is_installed))

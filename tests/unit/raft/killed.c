#include "tests/check.h"
#include "tests/unit/raft/cluster.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* The nodes run in a child process that is killed again and again; what it had acknowledged by then has come through a
 * pipe. Its state machines live in its memory, so each start is from snapshot and log alone. */
#define ROUNDS 8

static struct cluster cluster;

static void say(int fd, uint64_t value)
{
	if (write(fd, &value, sizeof value) != sizeof value)
		_exit(3);
}

/* Values count up from 0; one that was under way when we were killed may be there or not, but none is twice. */
static bool has_all_below(struct machine *machine, uint64_t acknowledged)
{
	bool good = machine_count(machine) >= acknowledged;
	for (size_t i = 0; good && i < machine_count(machine); i++)
		good = machine->items[i].value == i;
	return good;
}

static void run_until_killed(int fd, uint64_t acknowledged)
{
	uint64_t index;
	cluster_start(&cluster);
	struct node *node = cluster_leader(&cluster);
	if (consensus_barrier(node->consensus, deadline_in(30000), &index) != ERR_OK)
		_exit(4);
	for (size_t i = 0; i < cluster.count; i++) {
		node_catches_up(&cluster.nodes[i], index);
		if (!has_all_below(&cluster.nodes[i].machine, acknowledged))
			_exit(5);
	}
	for (uint64_t value = machine_count(&node->machine);; value++) {
		say(fd, value); /* about to be proposed: all below are acknowledged */
		node_propose(&cluster.nodes[value % cluster.count], value);
	}
}

static uint64_t run_a_round(uint64_t acknowledged, uint64_t more)
{
	int ends[2], status = 0;
	if (pipe(ends) != 0)
		abort();
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		run_until_killed(ends[1], acknowledged);
	}
	close(ends[1]);
	uint64_t value = 0, first = UINT64_MAX;
	while (read(ends[0], &value, sizeof value) == sizeof value) {
		first = first == UINT64_MAX ? value : first;
		if (value >= first + more)
			break;
	}
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it did not end by itself */
	close(ends[0]);
	return value;
}

static void nodes_killed_at_any_moment_keep_what_they_acknowledged(size_t count)
{
	uint64_t acknowledged = 0;
	cluster_init(&cluster, count, 0);
	cluster.snapshot_entries = 40;
	cluster.election_ms = 500;
	cluster.heartbeat_ms = 50;
	cluster.trailing_entries = 5;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		uint64_t next = run_a_round(acknowledged, 5 + round * 17);
		CU_ASSERT(next > acknowledged);
		acknowledged = next;
	}
	cluster_finish(&cluster);
}

static void a_single_node_killed_at_any_moment_keeps_what_it_acknowledged(void)
{
	nodes_killed_at_any_moment_keep_what_they_acknowledged(1);
}

static void three_nodes_killed_at_once_keep_what_they_acknowledged(void)
{
	nodes_killed_at_any_moment_keep_what_they_acknowledged(3);
}

TESTS("killed", SAY(a_single_node_killed_at_any_moment_keeps_what_it_acknowledged),
      SAY(three_nodes_killed_at_once_keep_what_they_acknowledged))

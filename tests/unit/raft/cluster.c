#include "tests/unit/raft/cluster.h"
#include "raft/consensus_internal.h"
#include "base/buf.h"
#include "tests/support/free_port.h"
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 30000

/* ------------------------------------------------------------------ nodes */

static void node_init(struct node *node, struct cluster *cluster, uint64_t id)
{
	static const uint8_t key[32] = "the cluster's secret, 32 bytes.";
	*node = (struct node){ .cluster = cluster, .id = id, .port = free_port() };
	snprintf(node->name, sizeof node->name, "%c", (char)('a' + id - 1));
	scratch_make(&node->folder);
	node->tls = test_authority_tls(cluster->authority, IDENTITY_NODE, node->name);
	node->secret = secret_create(key, sizeof key);
	pthread_mutex_init(&node->machine.lock, NULL);
}

void cluster_init(struct cluster *cluster, size_t founders, size_t joiners)
{
	*cluster = (struct cluster){ .founders = founders, .count = founders + joiners, .snapshot_entries = 100000,
		                     .trailing_entries = 1000, .election_ms = 400, .heartbeat_ms = 40 };
	cluster->authority = test_authority_create();
	for (size_t i = 0; i < cluster->count; i++)
		node_init(&cluster->nodes[i], cluster, i + 1);
}

void cluster_is_busy(struct cluster *cluster)
{
	cluster->election_ms = 1000;
	cluster->heartbeat_ms = 100;
}

/* Nobody hands leadership over to those that are about to be stopped, too. */
void cluster_finish(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++) {
		struct node *node = &cluster->nodes[i];
		consensus_stop(node->consensus, deadline_in(0));
		tls_destroy(node->tls);
		secret_destroy(node->secret);
		free(node->machine.items);
		pthread_mutex_destroy(&node->machine.lock);
		scratch_remove(&node->folder);
	}
	test_authority_destroy(cluster->authority);
}

struct consensus_node node_describe(const struct node *node)
{
	struct consensus_node described = { .id = node->id, .address = { .host = "127.0.0.1", .port = node->port },
		                            .voter = true };
	snprintf(described.name, sizeof described.name, "%s", node->name);
	return described;
}

static void on_fatal(void *context)
{
	struct node *node = context;
	node->fatals++;
}

enum err node_start(struct node *node, struct complaint *complaint)
{
	struct cluster *cluster = node->cluster;
	struct consensus_node founders[CLUSTER_MAX];
	for (size_t i = 0; i < cluster->founders; i++)
		founders[i] = node_describe(&cluster->nodes[i]);
	struct consensus_config config = {
		.folder = node->folder.path,
		.self = node->id,
		.listen = { .host = "127.0.0.1", .port = node->port },
		.founders = founders,
		.founder_count = node->id <= cluster->founders ? cluster->founders : 0,
		.tls = node->tls,
		.secret = node->secret,
		.election_ms = cluster->election_ms,
		.heartbeat_ms = cluster->heartbeat_ms,
		.message_age_ms_max = 30000,
		.snapshot_entries = cluster->snapshot_entries,
		.trailing_entries = cluster->trailing_entries,
		.machine_ops = &cluster_machine_ops,
		.machine = &node->machine,
		.fatal = on_fatal,
		.context = node,
	};
	return consensus_start(&config, &node->consensus, complaint);
}

void node_stop(struct node *node)
{
	consensus_stop(node->consensus, deadline_in(3000));
	node->consensus = NULL;
}

void node_must_start(struct node *node)
{
	struct complaint complaint = { "" };
	if (node_start(node, &complaint) == ERR_OK)
		return;
	fprintf(stderr, "node %s does not start: %s\n", node->name, complaint.text);
	abort();
}

void cluster_start(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->founders; i++)
		node_must_start(&cluster->nodes[i]);
}

static bool has_answered(struct consensus *consensus)
{
	pthread_mutex_lock(&consensus->waiter_lock);
	bool has = consensus->status_given == consensus->status_wanted || consensus->is_closed;
	pthread_mutex_unlock(&consensus->waiter_lock);
	return has;
}

/* Of a raft thread that is busy others make do with what was last known; a story doesn't. */
struct consensus_status node_status(struct node *node)
{
	struct consensus_status status = { 0 };
	do
		consensus_status(node->consensus, &status);
	while (!has_answered(node->consensus));
	return status;
}

/* ------------------------------------------------------------------ waiting */

static void pause_briefly(void)
{
	struct timespec brief = { .tv_nsec = 5000000 };
	nanosleep(&brief, NULL);
}

static void give_up(const char *what)
{
	fprintf(stderr, "did not come about: %s\n", what);
	abort();
}

static struct node *newest_leader(struct cluster *cluster, struct consensus_status *status)
{
	struct node *leader = NULL;
	for (size_t i = 0; i < cluster->count; i++) {
		struct node *node = &cluster->nodes[i];
		struct consensus_status now = { 0 };
		if (node->consensus)
			now = node_status(node);
		if (now.role != ROLE_LEADER || (leader && now.term <= status->term))
			continue;
		leader = node;
		*status = now;
	}
	return leader;
}

/* A node that hasn't been taken in yet need not follow. */
static bool follows(struct node *node, const struct node *leader, const struct consensus_status *status)
{
	for (size_t i = 0; i < status->peer_count; i++)
		if (status->peers[i].node.id == node->id) {
			struct consensus_status own = node_status(node);
			return own.leader == leader->id && own.term == status->term;
		}
	return true;
}

struct node *cluster_leader(struct cluster *cluster)
{
	for (deadline_ms deadline = deadline_in(PATIENCE_MS); !deadline_passed(deadline); pause_briefly()) {
		struct consensus_status status = { 0 };
		struct node *leader = newest_leader(cluster, &status);
		bool all_follow = leader != NULL;
		for (size_t i = 0; all_follow && i < cluster->count; i++)
			if (cluster->nodes[i].consensus)
				all_follow = follows(&cluster->nodes[i], leader, &status);
		if (all_follow)
			return leader;
	}
	give_up("a leader that all follow");
	return NULL;
}

struct node *cluster_follower(struct cluster *cluster)
{
	struct node *leader = cluster_leader(cluster);
	for (size_t i = 0; i < cluster->count; i++) {
		struct node *node = &cluster->nodes[i];
		if (node->consensus && node != leader && node_status(node).role == ROLE_FOLLOWER)
			return node;
	}
	give_up("a follower");
	return NULL;
}

enum err node_try(struct node *node, const struct id *request, uint64_t value, int64_t ms, uint64_t *index)
{
	struct buf bytes;
	buf_init(&bytes, 64);
	buf_add_u64(&bytes, value);
	enum err err = consensus_propose(node->consensus, request, bytes.data, bytes.size, deadline_in(ms), index);
	buf_finish(&bytes);
	return err;
}

void node_propose(struct node *node, uint64_t value)
{
	struct id request = id_random();
	uint64_t index;
	if (node_try(node, &request, value, PATIENCE_MS, &index) != ERR_OK)
		give_up("a proposal");
}

void node_catches_up(struct node *node, uint64_t index)
{
	if (consensus_wait(node->consensus, index, deadline_in(PATIENCE_MS)) != ERR_OK)
		give_up("a node that catches up");
}

void node_becomes(struct node *node, bool (*is_so)(const struct consensus_status *status), const char *what)
{
	for (deadline_ms deadline = deadline_in(PATIENCE_MS); !deadline_passed(deadline); pause_briefly()) {
		struct consensus_status status = node_status(node);
		if (is_so(&status))
			return;
	}
	give_up(what);
}

static bool has_refused(const struct consensus_status *status)
{
	return status->frames_refused > 0;
}

void node_refuses(struct node *node)
{
	node_becomes(node, has_refused, "a refusal");
}

bool cluster_is_equal(struct cluster *cluster)
{
	uint64_t index = 0;
	struct node *first = NULL;
	bool equal = consensus_barrier(cluster_leader(cluster)->consensus, deadline_in(PATIENCE_MS), &index) == ERR_OK;
	for (size_t i = 0; i < cluster->count; i++) {
		struct node *node = &cluster->nodes[i];
		if (!node->consensus)
			continue;
		node_catches_up(node, index);
		first = first ? first : node;
		equal = equal && machine_equal(&first->machine, &node->machine);
	}
	return equal;
}

#include "tests/unit/raft/cluster.h"
#include "base/buf.h"
#include "base/file.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_MS 30000

/* ------------------------------------------------------------------ the state machine */

static uint64_t machine_applied(void *context)
{
	struct machine *machine = context;
	pthread_mutex_lock(&machine->lock);
	uint64_t applied = machine->applied;
	pthread_mutex_unlock(&machine->lock);
	return applied;
}

static void add_locked(struct machine *machine, const struct id *request, uint64_t value)
{
	if (machine->count == machine->capacity) {
		machine->capacity = machine->capacity ? machine->capacity * 2 : 256;
		machine->items = realloc(machine->items, machine->capacity * sizeof *machine->items);
		if (!machine->items)
			abort();
	}
	machine->items[machine->count++] = (struct item){ *request, value };
}

/* Only the newest are looked at: a retry follows soon, and a benchmark shouldn't measure this. */
static bool has_request_locked(const struct machine *machine, const struct id *request)
{
	for (size_t i = machine->count, looked = 0; i > 0 && looked < 512; i--, looked++)
		if (id_equal(&machine->items[i - 1].request, request))
			return true;
	return false;
}

static enum err machine_apply(void *context, const struct committed *entry)
{
	struct machine *machine = context;
	struct cursor cursor = cursor_over(entry->data, entry->size);
	uint64_t value = cursor_u64(&cursor);
	pthread_mutex_lock(&machine->lock);
	if (entry->index <= machine->reached)
		abort(); /* an index is applied once */
	machine->reached = entry->index;
	if (has_request_locked(machine, &entry->request))
		machine->repeats++;
	else
		add_locked(machine, &entry->request, value);
	pthread_mutex_unlock(&machine->lock);
	return ERR_OK;
}

static enum err machine_flush(void *context, uint64_t index)
{
	struct machine *machine = context;
	pthread_mutex_lock(&machine->lock);
	machine->visible = machine->count;
	machine->applied = machine->reached = index;
	pthread_mutex_unlock(&machine->lock);
	return ERR_OK;
}

static enum err machine_snapshot(void *context, const char *path, uint64_t *index)
{
	struct machine *machine = context;
	struct buf bytes;
	buf_init(&bytes, 256u << 20);
	pthread_mutex_lock(&machine->lock);
	*index = machine->applied;
	buf_add_u64(&bytes, machine->visible);
	for (size_t i = 0; i < machine->visible; i++) {
		buf_add(&bytes, machine->items[i].request.bytes, ID_SIZE);
		buf_add_u64(&bytes, machine->items[i].value);
	}
	pthread_mutex_unlock(&machine->lock);
	uint8_t *ballast = buf_extend(&bytes, machine->ballast);
	if (bytes.failed)
		abort();
	for (size_t at = 0; at < machine->ballast; at += 256) /* random, so that it stays large */
		random_bytes(ballast + at, machine->ballast - at < 256 ? machine->ballast - at : 256);
	scratch_write(path, bytes.data, bytes.size);
	buf_finish(&bytes);
	return ERR_OK;
}

static enum err machine_restore(void *context, const char *path, uint64_t index)
{
	struct machine *machine = context;
	if (machine->dies_restoring)
		kill(getpid(), SIGKILL);
	struct bytes_of bytes = scratch_read(path);
	struct cursor cursor = cursor_over(bytes.data, bytes.size);
	pthread_mutex_lock(&machine->lock);
	machine->count = 0;
	for (uint64_t left = cursor_u64(&cursor); left > 0; left--) {
		struct id request;
		memcpy(request.bytes, cursor_bytes(&cursor, ID_SIZE), ID_SIZE);
		add_locked(machine, &request, cursor_u64(&cursor));
	}
	machine->visible = machine->count;
	machine->applied = machine->reached = index;
	pthread_mutex_unlock(&machine->lock);
	free(bytes.data);
	return ERR_OK;
}

static const struct machine_ops machine_ops = {
	.applied = machine_applied,
	.apply = machine_apply,
	.flush = machine_flush,
	.snapshot = machine_snapshot,
	.restore = machine_restore,
};

bool machine_has(struct machine *machine, uint64_t value)
{
	bool has = false;
	pthread_mutex_lock(&machine->lock);
	for (size_t i = 0; i < machine->visible && !has; i++)
		has = machine->items[i].value == value;
	pthread_mutex_unlock(&machine->lock);
	return has;
}

size_t machine_count(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	size_t count = machine->visible;
	pthread_mutex_unlock(&machine->lock);
	return count;
}

bool machine_equal(struct machine *one, struct machine *two)
{
	if (one == two)
		return true;
	pthread_mutex_lock(&one->lock);
	pthread_mutex_lock(&two->lock);
	bool equal = one->visible == two->visible;
	for (size_t i = 0; equal && i < one->visible; i++)
		equal = one->items[i].value == two->items[i].value &&
		        id_equal(&one->items[i].request, &two->items[i].request);
	pthread_mutex_unlock(&two->lock);
	pthread_mutex_unlock(&one->lock);
	return equal;
}

/* ------------------------------------------------------------------ nodes */

static uint16_t free_port(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) != 0 || getsockname(fd, (struct sockaddr *)&name, &size) != 0)
		abort();
	close(fd);
	return ntohs(name.sin_port);
}

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
		                     .trailing_entries = 1000, .election_ms = 1000, .heartbeat_ms = 100 };
	cluster->authority = test_authority_create();
	for (size_t i = 0; i < cluster->count; i++)
		node_init(&cluster->nodes[i], cluster, i + 1);
}

void cluster_finish(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++) {
		struct node *node = &cluster->nodes[i];
		node_stop(node);
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
		.machine_ops = &machine_ops,
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

void cluster_start(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->founders; i++) {
		struct complaint complaint = { "" };
		if (node_start(&cluster->nodes[i], &complaint) == ERR_OK)
			continue;
		fprintf(stderr, "node %s does not start: %s\n", cluster->nodes[i].name, complaint.text);
		abort();
	}
}

struct consensus_status node_status(struct node *node)
{
	struct consensus_status status = { 0 };
	consensus_status(node->consensus, &status);
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

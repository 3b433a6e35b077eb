#include "raft/acquaintances.h"
#include "raft/consensus_internal.h"
#include "raft/greeting.h"
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"
#include "wire/channel.h"

static struct cluster cluster;

static uint64_t applied_by(struct node *node)
{
	return consensus_applied(node->consensus);
}

static bool all_equal(void)
{
	uint64_t index = 0;
	struct node *first = NULL;
	bool equal = consensus_barrier(cluster_leader(&cluster)->consensus, deadline_in(20000), &index) == ERR_OK;
	for (size_t i = 0; i < cluster.count; i++)
		if (cluster.nodes[i].consensus)
			node_catches_up(&cluster.nodes[i], index);
	for (size_t i = 0; i < cluster.count; i++) {
		struct node *node = &cluster.nodes[i];
		if (!node->consensus)
			continue;
		first = first ? first : node;
		equal = equal && machine_equal(&first->machine, &node->machine);
	}
	return equal;
}

/* ------------------------------------------------------------------ the main walk */

static void a_proposal_by_any_node_is_applied_by_all_once(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	cluster_leader(&cluster);
	for (uint64_t value = 0; value < 30; value++)
		node_propose(&cluster.nodes[value % 3], value);
	CU_ASSERT(all_equal());
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
		CU_ASSERT(applied_by(node) >= index);
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
	CU_ASSERT(all_equal());
	CU_ASSERT_EQUAL(machine_count(&leader->machine), 1);
	cluster_finish(&cluster);
}

static void a_single_node_agrees_with_itself_across_restarts(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 1, 0);
	cluster_start(&cluster);
	node_propose(&cluster.nodes[0], 1);
	node_stop(&cluster.nodes[0]);
	CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[0], &complaint), ERR_OK);
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
		CU_ASSERT(applied_by(follower) >= index);
	}
	cluster_finish(&cluster);
}

static void what_is_too_big_or_too_late_is_said_so(void)
{
	static uint8_t huge[ENTRY_SIZE_MAX + 1];
	cluster_init(&cluster, 3, 0);
	struct complaint complaint;
	CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[0], &complaint), ERR_OK); /* alone: no majority */
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
	cluster_start(&cluster);
	struct node *follower = cluster_follower(&cluster);
	uint8_t *large = calloc(1, 2u << 20);
	struct id request = id_random();
	uint64_t index;
	CU_ASSERT_EQUAL(consensus_propose(follower->consensus, &request, large, 2u << 20, deadline_in(20000), &index), ERR_OK);
	CU_ASSERT(all_equal());
	free(large);
	cluster_finish(&cluster);
}

/* ------------------------------------------------------------------ nodes that come and go */

static void a_restarted_node_catches_up(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	node_propose(away, 1);
	node_stop(away);
	for (uint64_t value = 2; value < 40; value++)
		node_propose(cluster_leader(&cluster), value);
	CU_ASSERT_EQUAL_FATAL(node_start(away, &complaint), ERR_OK);
	CU_ASSERT(all_equal());
	CU_ASSERT_EQUAL(machine_count(&away->machine), 39);
	cluster_finish(&cluster);
}

static void a_whole_cluster_that_was_stopped_goes_on(void)
{
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	for (uint64_t value = 0; value < 10; value++)
		node_propose(&cluster.nodes[0], value);
	CU_ASSERT(all_equal());
	for (size_t i = 0; i < 3; i++)
		node_stop(&cluster.nodes[i]);
	cluster_start(&cluster);
	node_propose(&cluster.nodes[2], 10);
	CU_ASSERT(all_equal());
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
	CU_ASSERT(all_equal());
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
	struct complaint complaint;
	cluster_init(&cluster, 3, 0);
	CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[0], &complaint), ERR_OK);
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

/* ------------------------------------------------------------------ snapshots */

static void start(struct node *node)
{
	struct complaint complaint = { "" };
	CU_ASSERT_EQUAL_FATAL(node_start(node, &complaint), ERR_OK);
}

/* The others go on to `count` proposals, and forget what came before their snapshot. */
static uint64_t leave_behind(struct node *away, uint64_t count)
{
	uint64_t index = 0;
	node_propose(away, 0);
	node_stop(away);
	for (uint64_t value = 1; value < count; value++)
		node_propose(cluster_leader(&cluster), value);
	CU_ASSERT(all_equal());
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
	for (size_t i = 0; i < 3; i++)
		start(&cluster.nodes[i]);
	node_catches_up(away, index);
	CU_ASSERT(node_status(away).snapshots_installed > 0);
	node_propose(away, 200);
	CU_ASSERT(all_equal());
	CU_ASSERT_EQUAL(machine_count(&away->machine), 201);
	node_stop(away);
	start(away);
	CU_ASSERT(all_equal());
	cluster_finish(&cluster);
}

static void work_goes_on_while_a_large_snapshot_is_on_its_way(void)
{
	cluster_init(&cluster, 3, 0);
	cluster.trailing_entries = 5;
	for (size_t i = 0; i < 3; i++)
		cluster.nodes[i].machine.ballast = 40u << 20;
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	uint64_t index = leave_behind(away, 20);
	for (size_t i = 0; i < 3; i++)
		if (&cluster.nodes[i] != away)
			start(&cluster.nodes[i]);
	struct node *leader = cluster_leader(&cluster);
	start(away);
	for (uint64_t value = 20; consensus_wait(away->consensus, index, deadline_in(1)) != ERR_OK; value++)
		node_propose(leader, value);
	CU_ASSERT(node_status(away).snapshots_installed > 0);
	CU_ASSERT(all_equal());
	cluster_finish(&cluster);
}

static bool has_taken_a_snapshot(const struct consensus_status *status)
{
	return status->snapshots_taken > 1;
}

static void snapshots_are_taken_by_log_length(void)
{
	struct complaint complaint;
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
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[i], &complaint), ERR_OK);
	CU_ASSERT(all_equal());
	CU_ASSERT_EQUAL(machine_count(&cluster.nodes[0].machine), 200);
	cluster_finish(&cluster);
}

/* ------------------------------------------------------------------ membership */

static bool has_no_peers(const struct consensus_status *status)
{
	return status->role == ROLE_LEADER && status->peer_count == 2;
}

static void a_node_joins_as_learner_votes_and_leaves(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 1);
	cluster_start(&cluster);
	struct node *joiner = &cluster.nodes[3];
	CU_ASSERT_EQUAL_FATAL(node_start(joiner, &complaint), ERR_OK);
	struct node *leader = cluster_leader(&cluster);
	for (uint64_t value = 0; value < 20; value++)
		node_propose(leader, value);
	struct consensus_node described = node_describe(joiner);
	enum err err = consensus_add(leader->consensus, &described, deadline_in(10000), &complaint);
	CU_ASSERT_EQUAL(err, ERR_OK);
	node_catches_up(joiner, applied_by(leader));
	CU_ASSERT_EQUAL(node_status(joiner).role, ROLE_LEARNER);
	node_propose(joiner, 20);
	CU_ASSERT_EQUAL(consensus_promote(leader->consensus, 4, deadline_in(20000), &complaint), ERR_OK);
	CU_ASSERT(all_equal());
	CU_ASSERT_EQUAL(machine_count(&joiner->machine), 21);
	CU_ASSERT_EQUAL(consensus_transfer(leader->consensus, 4, deadline_in(10000), &complaint), ERR_OK);
	CU_ASSERT_PTR_EQUAL(cluster_leader(&cluster), joiner);
	CU_ASSERT_EQUAL(consensus_transfer(joiner->consensus, 0, deadline_in(10000), &complaint), ERR_OK);
	leader = cluster_leader(&cluster);
	CU_ASSERT_PTR_NOT_EQUAL(leader, joiner);
	CU_ASSERT_EQUAL(consensus_remove(leader->consensus, 4, deadline_in(10000), &complaint), ERR_OK);
	node_stop(joiner);
	node_becomes(leader, has_no_peers, "a configuration of three");
	node_propose(leader, 21);
	CU_ASSERT(all_equal());
	cluster_finish(&cluster);
}

static void membership_is_the_leaders_business(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 1);
	cluster_start(&cluster);
	struct node *follower = cluster_follower(&cluster);
	struct consensus_node described = node_describe(&cluster.nodes[3]);
	CU_ASSERT_EQUAL(consensus_add(follower->consensus, &described, deadline_in(5000), &complaint), ERR_NOT_LEADER);
	CU_ASSERT(complaint.text[0] != '\0');
	CU_ASSERT_EQUAL(consensus_remove(follower->consensus, 1, deadline_in(5000), &complaint), ERR_NOT_LEADER);
	cluster_finish(&cluster);
}

/* ------------------------------------------------------------------ who is not let in */

static bool has_refused(const struct consensus_status *status)
{
	return status->frames_refused > 0;
}

static void a_node_with_another_secret_is_refused_and_counted(void)
{
	struct complaint complaint;
	static const uint8_t other[32] = "some other secret";
	cluster_init(&cluster, 3, 0);
	struct node *stranger = &cluster.nodes[2];
	secret_destroy(stranger->secret);
	stranger->secret = secret_create(other, sizeof other);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[i], &complaint), ERR_OK);
	node_becomes(&cluster.nodes[0], has_refused, "a refusal by the first node");
	node_becomes(&cluster.nodes[1], has_refused, "a refusal by the second node");
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
	struct complaint complaint;
	struct test_authority *other = test_authority_create();
	cluster_init(&cluster, 3, 0);
	struct node *stranger = &cluster.nodes[2];
	tls_destroy(stranger->tls);
	stranger->tls = test_authority_tls(other, IDENTITY_NODE, "c");
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[i], &complaint), ERR_OK);
	node_becomes(&cluster.nodes[0], has_refused, "a refusal");
	node_propose(&cluster.nodes[0], 1);
	CU_ASSERT_EQUAL(node_status(stranger).leader, 0);
	cluster_finish(&cluster);
	test_authority_destroy(other);
}

static void a_name_under_another_nodes_id_is_refused_and_counted(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 0);
	struct node *impostor = &cluster.nodes[2];
	tls_destroy(impostor->tls);
	impostor->tls = test_authority_tls(cluster.authority, IDENTITY_NODE, "x");
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[i], &complaint), ERR_OK);
	node_becomes(&cluster.nodes[0], has_refused, "a refusal");
	node_propose(&cluster.nodes[0], 1);
	CU_ASSERT(!machine_has(&impostor->machine, 1));
	cluster_finish(&cluster);
}

static void a_node_that_lost_its_folder_is_refused_and_stops(void)
{
	struct complaint complaint;
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster);
	node_propose(away, 1);
	node_stop(away);
	scratch_remove(&away->folder);
	away->machine.count = away->machine.visible = 0;
	away->machine.applied = away->machine.reached = 0;
	CU_ASSERT_EQUAL_FATAL(node_start(away, &complaint), ERR_OK);
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

/* One who has the certificate, the secret and the incarnation of a node, and says what it likes. */
struct hostile {
	struct node *as;
	struct acquaintances *acquaintances;
	struct greeter greeter;
	struct greeted with;
};

static struct address no_address(void *context)
{
	(void)context;
	return (struct address){ 0 };
}

static bool anybody(void *context, uint64_t id, const char *name)
{
	(void)context;
	(void)id;
	(void)name;
	return true;
}

static bool any_incarnation(void *context, uint64_t id, const struct id *incarnation)
{
	(void)context;
	(void)id;
	(void)incarnation;
	return true;
}

static enum err hostile_connect(struct hostile *hostile, struct node *as, struct node *to, int64_t age_ms_max)
{
	hostile->greeter = (struct greeter){
		.self = as->id, .tls = as->tls, .secret = as->secret, .age_ms_max = age_ms_max, .payload_max = 1 << 20,
		.address = no_address, .is_bound = anybody, .is_remembered = any_incarnation,
	};
	struct address address = { .host = "127.0.0.1", .port = to->port };
	int fd;
	if (address_connect(&address, deadline_in(5000), &fd) != ERR_OK)
		return ERR_CLOSED;
	return greeting_open(&hostile->greeter, fd, to->id, to->name, deadline_in(5000), &hostile->with);
}

static bool is_closed_by_peer(struct hostile *hostile)
{
	uint8_t byte;
	return stream_read_all(&hostile->with.stream, &byte, 1, deadline_in(10000)) != ERR_TIMEOUT;
}

static enum err say(struct hostile *hostile, const struct buf *bytes)
{
	return stream_write_all(&hostile->with.stream, bytes->data, bytes->size, 5000);
}

static uint64_t refused_by(struct node *node)
{
	return node_status(node).frames_refused;
}

static void a_replayed_frame_is_refused_and_counted(void)
{
	struct complaint complaint;
	struct hostile hostile;
	struct buf frame;
	buf_init(&frame, 4096);
	cluster_init(&cluster, 3, 0);
	CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[0], &complaint), ERR_OK);
	uint64_t before = refused_by(&cluster.nodes[0]);
	CU_ASSERT_EQUAL_FATAL(hostile_connect(&hostile, &cluster.nodes[2], &cluster.nodes[0], 30000), ERR_OK);
	CU_ASSERT_EQUAL(link_seal(&hostile.with.out, LINK_STILL, NULL, 0, clock_wall_ms(), &frame), ERR_OK);
	CU_ASSERT_EQUAL(say(&hostile, &frame), ERR_OK);
	CU_ASSERT_EQUAL(refused_by(&cluster.nodes[0]), before);
	CU_ASSERT_EQUAL(say(&hostile, &frame), ERR_OK);
	CU_ASSERT(is_closed_by_peer(&hostile));
	node_becomes(&cluster.nodes[0], has_refused, "a refusal");
	greeted_finish(&hostile.with);
	buf_finish(&frame);
	cluster_finish(&cluster);
}

static void a_frame_from_another_time_is_refused_and_counted(void)
{
	struct complaint complaint;
	struct hostile hostile;
	struct buf frame;
	buf_init(&frame, 4096);
	cluster_init(&cluster, 3, 0);
	CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[0], &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(hostile_connect(&hostile, &cluster.nodes[2], &cluster.nodes[0], 30000), ERR_OK);
	CU_ASSERT_EQUAL(link_seal(&hostile.with.out, LINK_STILL, NULL, 0, clock_wall_ms() - 31000, &frame), ERR_OK);
	CU_ASSERT_EQUAL(say(&hostile, &frame), ERR_OK);
	CU_ASSERT(is_closed_by_peer(&hostile));
	node_becomes(&cluster.nodes[0], has_refused, "a refusal");
	greeted_finish(&hostile.with);
	buf_finish(&frame);
	cluster_finish(&cluster);
}

static void garbage_in_an_authentic_frame_is_refused_and_hurts_nobody(void)
{
	struct complaint complaint;
	struct hostile hostile;
	cluster_init(&cluster, 3, 0);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(node_start(&cluster.nodes[i], &complaint), ERR_OK);
	for (enum link_kind kind = LINK_CONFIRM; kind <= LINK_STILL + 1; kind++) {
		struct buf frame;
		uint8_t noise[300];
		struct bytes part = { noise, sizeof noise };
		buf_init(&frame, 4096);
		random_bytes(noise, sizeof noise);
		CU_ASSERT_EQUAL_FATAL(hostile_connect(&hostile, &cluster.nodes[2], &cluster.nodes[0], 30000), ERR_OK);
		CU_ASSERT_EQUAL(link_seal(&hostile.with.out, kind, &part, 1, clock_wall_ms(), &frame), ERR_OK);
		CU_ASSERT_EQUAL(say(&hostile, &frame), ERR_OK);
		greeted_finish(&hostile.with);
		buf_finish(&frame);
	}
	node_becomes(&cluster.nodes[0], has_refused, "a refusal");
	node_propose(&cluster.nodes[0], 1);
	cluster_finish(&cluster);
}

static void a_node_of_another_incarnation_hears_that_it_is_not_welcome(void)
{
	struct hostile hostile;
	cluster_init(&cluster, 3, 0);
	cluster_start(&cluster);
	struct node *away = cluster_follower(&cluster), *leader = cluster_leader(&cluster);
	node_stop(away);
	CU_ASSERT_EQUAL(hostile_connect(&hostile, away, leader, 30000), ERR_REFUSED);
	CU_ASSERT(hostile.with.is_forgetful);
	cluster_finish(&cluster);
}

/* ------------------------------------------------------------------ the folder */

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
      SAY(a_large_entry_goes_through), SAY(a_restarted_node_catches_up),
      SAY(a_whole_cluster_that_was_stopped_goes_on), SAY(proposals_survive_the_leaders_leaving),
      SAY(stopping_releases_whoever_waits), SAY(a_node_that_was_away_too_long_gets_a_snapshot),
      SAY(work_goes_on_while_a_large_snapshot_is_on_its_way), SAY(snapshots_are_taken_by_log_length), SAY(a_node_joins_as_learner_votes_and_leaves),
      SAY(membership_is_the_leaders_business), SAY(a_node_with_another_secret_is_refused_and_counted),
      SAY(a_node_of_another_authority_is_refused_and_counted),
      SAY(a_name_under_another_nodes_id_is_refused_and_counted),
      SAY(a_node_that_lost_its_folder_is_refused_and_stops), SAY(a_replayed_frame_is_refused_and_counted),
      SAY(a_frame_from_another_time_is_refused_and_counted),
      SAY(garbage_in_an_authentic_frame_is_refused_and_hurts_nobody),
      SAY(a_node_of_another_incarnation_hears_that_it_is_not_welcome),
      SAY(a_second_node_on_the_same_folder_is_refused), SAY(a_log_behind_the_machine_is_refused))

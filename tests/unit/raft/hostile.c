/* One who has the certificate, the secret and the incarnation of a node, and says what it likes. */
#include "raft/greeting.h"
#include "raft/message.h"
#include "raft/snapshot_stream.h"
#include "tests/check.h"
#include "tests/unit/raft/cluster.h"
#include "wire/channel.h"

static struct cluster cluster;

struct hostile {
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

/* To node a, which is alone, as node c. */
static void begin(struct hostile *hostile, struct buf *frames)
{
	buf_init(frames, 4096);
	cluster_init(&cluster, 3, 0);
	node_must_start(&cluster.nodes[0]);
	CU_ASSERT_EQUAL_FATAL(hostile_connect(hostile, &cluster.nodes[2], &cluster.nodes[0], 30000), ERR_OK);
}

static void end(struct hostile *hostile, struct buf *frames)
{
	greeted_finish(&hostile->with);
	buf_finish(frames);
	cluster_finish(&cluster);
}

static enum err say(struct hostile *hostile, const struct buf *bytes)
{
	return stream_write_all(&hostile->with.stream, bytes->data, bytes->size, 5000);
}

static bool is_closed_by_peer(struct hostile *hostile)
{
	uint8_t byte;
	return stream_read_all(&hostile->with.stream, &byte, 1, deadline_in(10000)) != ERR_TIMEOUT;
}

static void must_be_refused(struct hostile *hostile, const struct buf *frame)
{
	CU_ASSERT_EQUAL(node_status(&cluster.nodes[0]).frames_refused, 0);
	CU_ASSERT_EQUAL(say(hostile, frame), ERR_OK);
	CU_ASSERT(is_closed_by_peer(hostile));
	node_refuses(&cluster.nodes[0]);
}

#define FAR_TERM 50

static bool is_in_far_term(const struct consensus_status *status)
{
	return status->term >= FAR_TERM;
}

/* A word that leaves a trace: whoever takes it is in another term from then on. */
static void seal_a_vote(struct hostile *hostile, uint64_t candidate, struct buf *frame)
{
	struct message vote = { .kind = MESSAGE_VOTE, .term = FAR_TERM };
	struct buf bytes;
	vote.vote.candidate = candidate;
	buf_init(&bytes, 4096);
	CU_ASSERT_EQUAL(message_encode(&vote, &bytes), ERR_OK);
	struct bytes part = { bytes.data, bytes.size };
	CU_ASSERT_EQUAL(link_seal(&hostile->with.out, LINK_MESSAGE, &part, 1, clock_wall_ms(), frame), ERR_OK);
	buf_finish(&bytes);
}

static void a_replayed_frame_is_refused_and_counted(void)
{
	struct hostile hostile;
	struct buf frame;
	begin(&hostile, &frame);
	seal_a_vote(&hostile, cluster.nodes[2].id, &frame);
	CU_ASSERT_EQUAL(say(&hostile, &frame), ERR_OK);
	node_becomes(&cluster.nodes[0], is_in_far_term, "a frame that is taken");
	must_be_refused(&hostile, &frame);
	end(&hostile, &frame);
}

/* While nodes are upgraded one after another some say what others don't know; that must not part them. */
static void what_newer_software_says_is_left_alone(void)
{
	static const uint8_t message[] = { 1, UINT8_MAX, 0, 0, 0, 0, 0, 0, 0, 3, 42 }; /* of the last kind there can be */
	struct bytes part = { message, sizeof message };
	struct hostile hostile;
	struct buf frames;
	begin(&hostile, &frames);
	CU_ASSERT_EQUAL(link_seal(&hostile.with.out, LINK_MESSAGE, &part, 1, clock_wall_ms(), &frames), ERR_OK);
	CU_ASSERT_EQUAL(link_seal(&hostile.with.out, (enum link_kind)UINT8_MAX, &part, 1, clock_wall_ms(), &frames), ERR_OK);
	seal_a_vote(&hostile, cluster.nodes[2].id, &frames);
	CU_ASSERT_EQUAL(say(&hostile, &frames), ERR_OK);
	node_becomes(&cluster.nodes[0], is_in_far_term, "a frame behind what is not known");
	CU_ASSERT_EQUAL(node_status(&cluster.nodes[0]).frames_refused, 0);
	end(&hostile, &frames);
}

static void a_frame_from_another_time_is_refused_and_counted(void)
{
	struct hostile hostile;
	struct buf frame;
	begin(&hostile, &frame);
	CU_ASSERT_EQUAL(link_seal(&hostile.with.out, LINK_STILL, NULL, 0, clock_wall_ms() - 31000, &frame), ERR_OK);
	must_be_refused(&hostile, &frame);
	end(&hostile, &frame);
}

static void seal_a_snapshot(struct hostile *hostile, const char *file, struct buf *frame)
{
	struct snapshot_meta meta = { .index = 40, .term = FAR_TERM, .configuration_index = 1, .configuration.count = 1 };
	struct message install = { .kind = MESSAGE_INSTALL, .term = FAR_TERM, .install = { .meta = &meta } };
	struct snapshot_source *source;
	struct buf piece;
	bool is_last;
	meta.configuration.nodes[0] = node_describe(&cluster.nodes[2]);
	buf_init(&piece, MESSAGE_SIZE_MAX);
	scratch_write(file, "a snapshot", 10);
	CU_ASSERT_EQUAL_FATAL(snapshot_source_open(file, &install, &source), ERR_OK);
	CU_ASSERT_EQUAL(snapshot_source_next(source, &piece, &is_last), ERR_OK);
	struct bytes part = { piece.data, piece.size };
	CU_ASSERT_EQUAL(link_seal(&hostile->with.out, LINK_CHUNK, &part, 1, clock_wall_ms(), frame), ERR_OK);
	snapshot_source_close(source);
	buf_finish(&piece);
}

/* A node whose disk is full must still hear its leader. */
static void a_snapshot_there_is_no_room_for_parts_nobody(void)
{
	struct hostile hostile;
	struct buf frames;
	char folder[300], file[300];
	begin(&hostile, &frames);
	snprintf(folder, sizeof folder, "%s/snapshots", cluster.nodes[0].folder.path);
	snprintf(file, sizeof file, "%s/file", cluster.nodes[0].folder.path);
	CU_ASSERT_EQUAL_FATAL(rmdir(folder), 0);
	seal_a_snapshot(&hostile, file, &frames);
	seal_a_vote(&hostile, cluster.nodes[2].id, &frames);
	CU_ASSERT_EQUAL(say(&hostile, &frames), ERR_OK);
	node_becomes(&cluster.nodes[0], is_in_far_term, "a frame behind a snapshot");
	end(&hostile, &frames);
}

static void garbage_in_an_authentic_frame_is_refused_and_hurts_nobody(void)
{
	struct hostile hostile;
	cluster_init(&cluster, 3, 0);
	for (size_t i = 0; i < 2; i++)
		node_must_start(&cluster.nodes[i]);
	for (enum link_kind kind = LINK_CONFIRM; kind <= LINK_LAST; kind++) {
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
	node_refuses(&cluster.nodes[0]);
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

TESTS("hostile", SAY(a_replayed_frame_is_refused_and_counted),
      SAY(what_newer_software_says_is_left_alone),
      SAY(a_frame_from_another_time_is_refused_and_counted),
      SAY(a_snapshot_there_is_no_room_for_parts_nobody),
      SAY(garbage_in_an_authentic_frame_is_refused_and_hurts_nobody),
      SAY(a_node_of_another_incarnation_hears_that_it_is_not_welcome))

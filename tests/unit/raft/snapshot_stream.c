#include "raft/snapshot_stream.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"

#define INDEX 40
#define TERM 3

static struct scratch scratch;
static struct snapshots *snapshots;
static struct snapshot_sink sink;
static struct snapshot_meta meta;
static char file[300];

static void begin(void)
{
	static const uint8_t key[32] = { 3 };
	struct secret *secret = secret_create(key, 32);
	scratch_make(&scratch);
	CU_ASSERT_EQUAL_FATAL(snapshots_open(scratch.path, secret, &snapshots, NULL), ERR_OK);
	secret_destroy(secret);
	snapshot_sink_init(&sink, snapshots);
	snprintf(file, sizeof file, "%s/file", scratch.path);
	meta = (struct snapshot_meta){ .index = INDEX, .term = TERM, .configuration_index = 1 };
	meta.configuration.count = 1;
	meta.configuration.nodes[0] = (struct consensus_node){ .id = 1, .name = "a", .voter = true };
	snprintf(meta.configuration.nodes[0].address.host, 32, "127.0.0.1");
	meta.configuration.nodes[0].address.port = 7000;
}

static void end(void)
{
	snapshot_sink_finish(&sink);
	snapshots_close(snapshots);
	scratch_remove(&scratch);
}

static void make_file(size_t size)
{
	uint8_t *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	scratch_write(file, data, size);
	free(data);
}

static struct snapshot_source *open_source(void)
{
	struct message install = { .kind = MESSAGE_INSTALL, .term = 7, .install = { .meta = &meta } };
	struct snapshot_source *source = NULL;
	CU_ASSERT_EQUAL_FATAL(snapshot_source_open(file, &install, &source), ERR_OK);
	return source;
}

static bool same_as_file(const char *path)
{
	struct bytes_of one = scratch_read(file), two = scratch_read(path);
	bool same = one.size == two.size && memcmp(one.data, two.data, one.size) == 0;
	free(one.data);
	free(two.data);
	return same;
}

static void what_is_streamed_arrives_whole(void)
{
	static const size_t sizes[] = { 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 5 * CHUNK_SIZE + 77 };
	begin();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		make_file(sizes[i]);
		struct snapshot_source *source = open_source();
		unlink(file);
		make_file(sizes[i]); /* replaced while it is read */
		struct message install;
		char *path = NULL;
		struct buf piece;
		bool is_last = false;
		buf_init(&piece, 1 << 20);
		while (!is_last) {
			CU_ASSERT_PTR_NULL(path);
			CU_ASSERT_EQUAL(snapshot_source_next(source, &piece, &is_last), ERR_OK);
			CU_ASSERT_EQUAL(snapshot_sink_add(&sink, piece.data, piece.size, &install, &path), ERR_OK);
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(path);
		CU_ASSERT(same_as_file(path));
		CU_ASSERT_EQUAL(install.kind, MESSAGE_INSTALL);
		CU_ASSERT_EQUAL(install.term, 7);
		CU_ASSERT_EQUAL(install.install.meta->index, INDEX);
		message_release(&install);
		unlink(path);
		free(path);
		buf_finish(&piece);
		snapshot_source_close(source);
	}
	end();
}

static void pieces_that_do_not_fit_together_are_refused(void)
{
	begin();
	make_file(3 * CHUNK_SIZE);
	for (int skip = 0; skip < 3; skip++) {
		struct snapshot_source *source = open_source();
		struct message install;
		char *path = NULL;
		struct buf piece;
		bool is_last = false;
		enum err err = ERR_OK;
		buf_init(&piece, 1 << 20);
		for (int i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(snapshot_source_next(source, &piece, &is_last), ERR_OK);
			if (i != skip && err == ERR_OK)
				err = snapshot_sink_add(&sink, piece.data, piece.size, &install, &path);
		}
		CU_ASSERT(skip == 2 ? err == ERR_OK : err == ERR_MALFORMED);
		CU_ASSERT_PTR_NULL(path);
		buf_finish(&piece);
		snapshot_source_close(source);
		snapshot_sink_finish(&sink);
	}
	end();
}

static void a_new_one_takes_the_place_of_one_that_was_not_finished(void)
{
	begin();
	make_file(2 * CHUNK_SIZE);
	struct snapshot_source *first = open_source(), *second = open_source();
	struct message install;
	char *path = NULL;
	struct buf piece;
	bool is_last;
	buf_init(&piece, 1 << 20);
	CU_ASSERT_EQUAL(snapshot_source_next(first, &piece, &is_last), ERR_OK);
	CU_ASSERT_EQUAL(snapshot_sink_add(&sink, piece.data, piece.size, &install, &path), ERR_OK);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(snapshot_source_next(second, &piece, &is_last), ERR_OK);
		CU_ASSERT_EQUAL(snapshot_sink_add(&sink, piece.data, piece.size, &install, &path), ERR_OK);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(path);
	CU_ASSERT(same_as_file(path));
	message_release(&install);
	unlink(path);
	free(path);
	buf_finish(&piece);
	snapshot_source_close(first);
	snapshot_source_close(second);
	end();
}

static void a_size_beyond_the_limit_is_refused_at_the_first_piece(void)
{
	begin();
	struct buf piece;
	struct message install;
	char *path;
	buf_init(&piece, 1 << 20);
	buf_add_u64(&piece, INDEX);
	buf_add_u64(&piece, TERM);
	buf_add_u64(&piece, SNAPSHOT_FILE_MAX + 1);
	buf_add_u64(&piece, 0);
	buf_add_block(&piece, "", 0);
	buf_add_block(&piece, "x", 1);
	CU_ASSERT_EQUAL(snapshot_sink_add(&sink, piece.data, piece.size, &install, &path), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(snapshot_sink_add(&sink, piece.data, piece.size - 1, &install, &path), ERR_MALFORMED);
	buf_finish(&piece);
	end();
}

TESTS("snapshot_stream", SAY(what_is_streamed_arrives_whole), SAY(pieces_that_do_not_fit_together_are_refused),
      SAY(a_new_one_takes_the_place_of_one_that_was_not_finished),
      SAY(a_size_beyond_the_limit_is_refused_at_the_first_piece))

#include "raft/snapshot_file.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"

static const uint8_t key[32] = { 3 }, other_key[32] = { 4 };
static struct scratch scratch;
static struct snapshots *snapshots;
static char plain[300], back[300];

static struct snapshots *open_with(const uint8_t bytes[32])
{
	struct snapshots *opened = NULL;
	struct secret *secret = secret_create(bytes, 32);
	CU_ASSERT_EQUAL_FATAL(snapshots_open(scratch.path, secret, &opened, NULL), ERR_OK);
	secret_destroy(secret);
	return opened;
}

static void begin(void)
{
	scratch_make_in_memory(&scratch);
	snprintf(plain, sizeof plain, "%s/plain", scratch.path);
	snprintf(back, sizeof back, "%s/back", scratch.path);
	snapshots = open_with(key);
}

static void end(void)
{
	snapshots_close(snapshots);
	scratch_remove(&scratch);
}

static struct snapshot_meta meta_of(uint64_t index)
{
	struct snapshot_meta meta = { .index = index, .term = 3, .configuration_index = 1 };
	meta.configuration.count = 1;
	meta.configuration.nodes[0] = (struct consensus_node){ .id = 1, .name = "a", .voter = true };
	snprintf(meta.configuration.nodes[0].address.host, sizeof meta.configuration.nodes[0].address.host, "127.0.0.1");
	meta.configuration.nodes[0].address.port = 7000;
	return meta;
}

static void make(uint64_t index, size_t size)
{
	uint8_t *data = malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * i >> 7);
	scratch_write(plain, data, size);
	free(data);
	struct snapshot_meta meta = meta_of(index);
	char *path = snapshots_scratch(snapshots);
	CU_ASSERT_EQUAL(snapshots_wrap(snapshots, &meta, plain, path, NULL), ERR_OK);
	CU_ASSERT_EQUAL(snapshots_place(snapshots, path, index, 3, NULL), ERR_OK);
	free(path);
}

static bool same_files(const char *one, const char *two)
{
	struct bytes_of a = scratch_read(one), b = scratch_read(two);
	bool same = a.exists && b.exists && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
	free(a.data);
	free(b.data);
	return same;
}

static void what_is_unwrapped_is_what_was_wrapped(void)
{
	static const size_t sizes[] = { 0, 1, 1000, 256 << 10, (256 << 10) + 1, 3 << 20 };
	begin();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		make(10 + i, sizes[i]);
		CU_ASSERT_EQUAL(snapshots_unwrap(snapshots, 10 + i, 3, back, NULL), ERR_OK);
		CU_ASSERT(same_files(plain, back));
	}
	struct snapshot_meta meta;
	char *path = snapshots_path(snapshots, 12, 3);
	CU_ASSERT_EQUAL(snapshots_check(snapshots, path, &meta, NULL), ERR_OK);
	CU_ASSERT_EQUAL(meta.index, 12);
	CU_ASSERT_EQUAL(meta.term, 3);
	CU_ASSERT_EQUAL(meta.configuration.count, 1);
	CU_ASSERT_STRING_EQUAL(meta.configuration.nodes[0].name, "a");
	free(path);
	end();
}

static void any_flipped_byte_is_refused_before_anything_is_unwrapped(void)
{
	begin();
	make(10, 500);
	char *path = snapshots_path(snapshots, 10, 3);
	struct bytes_of bytes = scratch_read(path);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 4;
		scratch_write(path, bytes.data, bytes.size);
		CU_ASSERT_EQUAL(snapshots_unwrap(snapshots, 10, 3, back, NULL), ERR_DAMAGED);
		CU_ASSERT_NOT_EQUAL(access(back, F_OK), 0);
		bytes.data[i] ^= 4;
	}
	for (size_t size = 0; size < bytes.size; size += 7) {
		scratch_write(path, bytes.data, size);
		CU_ASSERT_EQUAL(snapshots_unwrap(snapshots, 10, 3, back, NULL), ERR_DAMAGED);
	}
	free(bytes.data);
	free(path);
	end();
}

static void another_clusters_snapshot_is_refused(void)
{
	begin();
	make(10, 500);
	struct snapshots *others = open_with(other_key);
	CU_ASSERT_EQUAL(snapshots_unwrap(others, 10, 3, back, NULL), ERR_DAMAGED);
	snapshots_close(others);
	end();
}

static void a_received_file_must_be_the_one_that_was_announced(void)
{
	begin();
	make(10, 500);
	char *path = snapshots_path(snapshots, 10, 3);
	CU_ASSERT_EQUAL(snapshots_check_received(snapshots, path, 10, 3, NULL), ERR_OK);
	CU_ASSERT_EQUAL(snapshots_check_received(snapshots, path, 11, 3, NULL), ERR_DAMAGED);
	CU_ASSERT_EQUAL(snapshots_check_received(snapshots, path, 10, 2, NULL), ERR_DAMAGED);
	free(path);
	end();
}

static void unfinished_files_go_at_start_and_old_ones_when_told(void)
{
	begin();
	make(10, 5);
	make(20, 5);
	char *unfinished = snapshots_scratch(snapshots);
	scratch_write(unfinished, "x", 1);
	snapshots_close(snapshots);
	snapshots = open_with(key);
	CU_ASSERT_NOT_EQUAL(access(unfinished, F_OK), 0);
	snapshots_keep_only(snapshots, 20, 3);
	CU_ASSERT_EQUAL(snapshots_unwrap(snapshots, 10, 3, back, NULL), ERR_DAMAGED);
	CU_ASSERT_EQUAL(snapshots_unwrap(snapshots, 20, 3, back, NULL), ERR_OK);
	free(unfinished);
	end();
}

TESTS("snapshot_file", SAY(what_is_unwrapped_is_what_was_wrapped),
      SAY(any_flipped_byte_is_refused_before_anything_is_unwrapped), SAY(another_clusters_snapshot_is_refused),
      SAY(a_received_file_must_be_the_one_that_was_announced),
      SAY(unfinished_files_go_at_start_and_old_ones_when_told))

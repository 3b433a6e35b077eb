/* A log of which some byte has changed, or the end is missing: refused, or as it was. */
#include "tests/check.h"
#include "tests/unit/raft/log_fixture.h"

#define BLANK 64 /* bytes of a file that nothing is written in */

struct expected {
	uint64_t term, vote, first_index;
	size_t count;
	uint8_t sum[32];
};

static void sum_entries(uint8_t sum[CHAIN_SIZE])
{
	chain_anchor(chain, saved.first_index, 0, sum);
	for (size_t i = 0; i < saved.count; i++) {
		struct log_row row = { .index = i, .term = saved.entries[i]->term, .type = (uint8_t)saved.entries[i]->type,
			               .data = saved.entries[i]->data, .size = saved.entries[i]->size };
		chain_append(chain, sum, &row);
	}
}

static struct expected what_is_loaded(void)
{
	struct expected expected = { .term = saved.term, .vote = saved.vote, .first_index = saved.first_index,
		                     .count = saved.count };
	sum_entries(expected.sum);
	return expected;
}

static bool is_as_expected(const struct expected *expected)
{
	uint8_t sum[CHAIN_SIZE];
	sum_entries(sum);
	return saved.term == expected->term && saved.vote == expected->vote &&
	       saved.first_index == expected->first_index && saved.count == expected->count &&
	       memcmp(sum, expected->sum, CHAIN_SIZE) == 0;
}

/* In the midst of nothing one byte is as good as another. */
static size_t next_byte(const struct bytes_of *file, size_t at, size_t stride)
{
	size_t blank = 0;
	while (blank < BLANK && at + blank < file->size && !file->data[at + blank])
		blank++;
	return at + (blank == BLANK ? BLANK : at < 128 ? 1 : stride);
}

/* Flips each `stride`th byte of one of the copied files in turn; SQLite may change the others when it opens them, so
 * all are put back each time. */
static void flip_every_byte(const char *name, size_t stride, const struct expected *expected, size_t *refused)
{
	static const char *const names[] = { "log.db", "log.db-wal", "watermark" };
	struct bytes_of files[3];
	char paths[3][600];
	size_t target = 0;
	for (size_t i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof paths[i], "%s/%s", copy.path, names[i]);
		files[i] = scratch_read(paths[i]);
		if (strcmp(names[i], name) == 0)
			target = i;
	}
	CU_ASSERT(files[target].exists);
	for (size_t at = 0; at < files[target].size; at = next_byte(&files[target], at, stride)) {
		files[target].data[at] ^= 0x41;
		for (size_t i = 0; i < 3; i++) {
			unlink(paths[i]);
			if (files[i].exists)
				scratch_write(paths[i], files[i].data, files[i].size);
		}
		files[target].data[at] ^= 0x41;
		enum err err = open_at(&copy);
		if (err == ERR_OK) {
			bool same = is_as_expected(expected);
			CU_ASSERT(same);
			if (!same)
				printf("%s, byte %zu: opened, with other contents\n", name, at);
			shut();
		} else {
			CU_ASSERT(err == ERR_DAMAGED || err == ERR_IO);
			(*refused)++;
		}
	}
	for (size_t i = 0; i < 3; i++)
		free(files[i].data);
}

static void fill_and_copy(bool closed, struct expected *expected)
{
	begin();
	write_entries(1, 1, 12);
	wait_written(1);
	write_entries(10, 2, 6);
	CU_ASSERT_EQUAL(log_store_vote(store, 3, 2), ERR_OK);
	if (!closed)
		copy_log();
	copy_file("watermark");
	shut();
	if (closed)
		copy_log();
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
	*expected = what_is_loaded();
	CU_ASSERT_EQUAL(expected->count, 15);
	shut();
}

static void a_flipped_byte_of_the_database_is_refused_or_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(true, &expected);
	flip_every_byte("log.db", 5, &expected, &refused);
	CU_ASSERT(refused > 200);
	finish();
}

static void a_flipped_byte_of_the_wal_is_refused_or_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(false, &expected);
	flip_every_byte("log.db-wal", 11, &expected, &refused);
	CU_ASSERT(refused > 400);
	finish();
}

static void a_flipped_byte_of_the_watermark_is_harmless(void)
{
	struct expected expected;
	size_t refused = 0;
	fill_and_copy(true, &expected);
	flip_every_byte("watermark", 1, &expected, &refused);
	CU_ASSERT_EQUAL(refused, 0);
	finish();
}

static void a_wal_cut_short_anywhere_is_refused(void)
{
	struct expected expected;
	fill_and_copy(false, &expected);
	char path[600], database[600];
	snprintf(path, sizeof path, "%s/log.db-wal", copy.path);
	snprintf(database, sizeof database, "%s/log.db", copy.path);
	struct bytes_of wal = scratch_read(path), db = scratch_read(database);
	for (size_t size = 0; size < wal.size; size += 97) {
		scratch_write(database, db.data, db.size);
		scratch_write(path, wal.data, size);
		CU_ASSERT_EQUAL(open_at(&copy), ERR_DAMAGED);
	}
	free(wal.data);
	free(db.data);
	finish();
}

TESTS("log damage", SAY(a_flipped_byte_of_the_database_is_refused_or_harmless),
      SAY(a_flipped_byte_of_the_wal_is_refused_or_harmless), SAY(a_flipped_byte_of_the_watermark_is_harmless),
      SAY(a_wal_cut_short_anywhere_is_refused))

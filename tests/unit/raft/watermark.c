#include "raft/watermark.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"

static const uint8_t key[32] = { 3 };
static struct scratch scratch;
static char path[300];
static struct chain *chain;

static void begin(void)
{
	struct secret *secret = secret_create(key, sizeof key);
	scratch_make_in_memory(&scratch);
	snprintf(path, sizeof path, "%s/watermark", scratch.path);
	chain = chain_create(secret, 1);
	secret_destroy(secret);
	struct watermark_mark mark = { .generation = 1 };
	CU_ASSERT_EQUAL(watermark_create(path, chain, &mark, NULL), ERR_OK);
}

static void end(void)
{
	chain_destroy(chain);
	scratch_remove(&scratch);
}

static void put_up_to(uint64_t generation)
{
	struct watermark *watermark = NULL;
	struct watermark_mark mark;
	CU_ASSERT_EQUAL_FATAL(watermark_open(path, chain, &watermark, &mark, NULL), ERR_OK);
	while (mark.generation < generation) {
		mark.generation++;
		mark.term = mark.generation * 2;
		mark.vote = 3;
		mark.last_index = mark.generation * 10;
		memset(mark.head, (int)mark.generation, CHAIN_SIZE);
		CU_ASSERT_EQUAL(watermark_put(watermark, &mark), ERR_OK);
	}
	watermark_close(watermark);
}

static enum err read_mark(struct watermark_mark *mark)
{
	struct watermark *watermark = NULL;
	enum err err = watermark_open(path, chain, &watermark, mark, NULL);
	watermark_close(watermark);
	return err;
}

static void the_newest_mark_is_what_is_read(void)
{
	begin();
	struct watermark_mark mark = { 0 };
	for (uint64_t generation = 2; generation < 6; generation++) {
		put_up_to(generation);
		CU_ASSERT_EQUAL(read_mark(&mark), ERR_OK);
		CU_ASSERT_EQUAL(mark.generation, generation);
		CU_ASSERT_EQUAL(mark.term, generation * 2);
		CU_ASSERT_EQUAL(mark.last_index, generation * 10);
		CU_ASSERT_EQUAL(mark.head[31], generation);
	}
	end();
}

static void any_flipped_byte_costs_one_commit_at_most(void)
{
	begin();
	put_up_to(9);
	struct bytes_of bytes = scratch_read(path);
	for (size_t i = 0; i < bytes.size; i++) {
		struct watermark_mark mark = { 0 };
		bytes.data[i] ^= 0x20;
		scratch_write(path, bytes.data, bytes.size);
		CU_ASSERT_EQUAL(read_mark(&mark), ERR_OK);
		CU_ASSERT(mark.generation == 9 || mark.generation == 8);
		CU_ASSERT_EQUAL(mark.last_index, mark.generation * 10);
		bytes.data[i] ^= 0x20;
	}
	free(bytes.data);
	end();
}

static void a_file_without_a_valid_mark_is_damaged_and_none_is_not_found(void)
{
	begin();
	struct watermark_mark mark;
	scratch_write(path, "", 0);
	CU_ASSERT_EQUAL(read_mark(&mark), ERR_DAMAGED);
	unlink(path);
	CU_ASSERT_EQUAL(read_mark(&mark), ERR_NOT_FOUND);
	end();
}

TESTS("watermark", SAY(the_newest_mark_is_what_is_read), SAY(any_flipped_byte_costs_one_commit_at_most),
      SAY(a_file_without_a_valid_mark_is_damaged_and_none_is_not_found))

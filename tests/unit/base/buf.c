#include "base/buf.h"
#include "tests/check.h"
#include <string.h>

static void what_is_written_is_read_back(void)
{
	struct buf buf;
	size_t size;
	buf_init(&buf, 100);
	buf_add_u8(&buf, 0xfe);
	buf_add_u32(&buf, 0x01020304);
	buf_add_u64(&buf, 0x0102030405060708);
	buf_add_block(&buf, "four", 4);
	CU_ASSERT_EQUAL(buf.size, 1 + 4 + 8 + 8);
	CU_ASSERT(!memcmp(buf.data + 1, "\1\2\3\4", 4)); /* big endian */
	struct cursor cursor = cursor_over(buf.data, buf.size);
	CU_ASSERT_EQUAL(cursor_u8(&cursor), 0xfe);
	CU_ASSERT_EQUAL(cursor_u32(&cursor), 0x01020304);
	CU_ASSERT_EQUAL(cursor_u64(&cursor), 0x0102030405060708);
	const uint8_t *block = cursor_block(&cursor, &size);
	CU_ASSERT(size == 4 && !memcmp(block, "four", 4));
	CU_ASSERT(cursor.size == 0 && !cursor.failed);
	buf_finish(&buf);
}

static void a_buffer_never_grows_past_its_limit(void)
{
	struct buf buf;
	buf_init(&buf, 10);
	for (int i = 0; i < 10; i++)
		buf_add_u8(&buf, 7);
	CU_ASSERT(!buf.failed);
	buf_add_u8(&buf, 7);
	CU_ASSERT(buf.failed);
	CU_ASSERT(buf.size == 10 && buf.capacity <= 10);
	buf_finish(&buf);
}

static void after_a_failure_nothing_more_is_written(void)
{
	struct buf buf;
	buf_init(&buf, 4);
	buf_add(&buf, "12345", 5);
	buf_add_u8(&buf, 1); /* would fit */
	CU_ASSERT(buf.failed && buf.size == 0);
	buf_reset(&buf);
	buf_add_u8(&buf, 1);
	CU_ASSERT(!buf.failed && buf.size == 1);
	buf_finish(&buf);
}

static void a_length_is_not_written_without_its_bytes(void)
{
	struct buf buf;
	buf_init(&buf, 6);
	buf_add_block(&buf, "123", 3);
	CU_ASSERT(buf.failed && buf.size == 0);
	buf_finish(&buf);
}

static void absurd_sizes_are_refused_without_arithmetic_going_wrong(void)
{
	struct buf buf;
	buf_init(&buf, SIZE_MAX);
	buf_add_u8(&buf, 1);
	CU_ASSERT_PTR_NULL(buf_extend(&buf, SIZE_MAX));
	CU_ASSERT(buf.failed && buf.size == 1);
	buf_finish(&buf);
	buf_init(&buf, 3);
	buf_add_block(&buf, "", SIZE_MAX);
	CU_ASSERT(buf.failed);
	buf_finish(&buf);
}

static void consuming_drops_the_front_and_keeps_the_rest(void)
{
	struct buf buf;
	buf_init(&buf, 100);
	buf_consume(&buf, 0);
	buf_add(&buf, "abcdef", 6);
	buf_consume(&buf, 2);
	CU_ASSERT(buf.size == 4 && !memcmp(buf.data, "cdef", 4));
	CU_ASSERT(!memcmp(buf.data + 4, "\0\0", 2)); /* wiped */
	buf_consume(&buf, 4);
	CU_ASSERT(buf.size == 0);
	buf_finish(&buf);
}

static void a_buffer_forgets_what_it_held(void)
{
	struct buf buf;
	buf_init(&buf, 100);
	buf_add(&buf, "secret", 6);
	uint8_t *data = buf.data;
	buf_reset(&buf);
	CU_ASSERT(buf.data == data && !memcmp(data, "\0\0\0\0\0\0", 6));
	buf_finish(&buf);
	buf_finish(&buf);
}

static void a_buffer_grows_to_hold_much(void)
{
	struct buf buf;
	buf_init(&buf, 1 << 20);
	for (uint32_t i = 0; i < (1 << 18); i++)
		buf_add_u32(&buf, i);
	CU_ASSERT(!buf.failed && buf.size == 1 << 20);
	struct cursor cursor = cursor_over(buf.data, buf.size);
	uint32_t wrong = 0;
	for (uint32_t i = 0; i < (1 << 18); i++)
		wrong += cursor_u32(&cursor) != i;
	CU_ASSERT_EQUAL(wrong, 0);
	buf_finish(&buf);
}

static void reading_past_the_end_gives_zeros_and_fails(void)
{
	struct cursor cursor = cursor_over("\1\2\3", 3);
	size_t size = 99;
	CU_ASSERT_EQUAL(cursor_u32(&cursor), 0);
	CU_ASSERT(cursor.failed);
	CU_ASSERT_EQUAL(cursor_u8(&cursor), 0); /* would be there, but who failed stays failed */
	CU_ASSERT_PTR_NULL(cursor_block(&cursor, &size));
	CU_ASSERT_EQUAL(size, 0);
}

static void a_block_that_lies_about_its_length_is_refused(void)
{
	struct cursor cursor = cursor_over("\xff\xff\xff\xff" "ab", 6);
	size_t size;
	CU_ASSERT_PTR_NULL(cursor_block(&cursor, &size));
	CU_ASSERT(size == 0 && cursor.failed);
}

static void nothing_can_be_read_and_written(void)
{
	struct buf buf;
	struct cursor cursor = cursor_over(NULL, 0);
	buf_init(&buf, 10);
	buf_add(&buf, NULL, 0);
	CU_ASSERT(!buf.failed && buf.size == 0);
	CU_ASSERT_PTR_NOT_NULL(cursor_bytes(&cursor, 0));
	CU_ASSERT(!cursor.failed);
	buf_finish(&buf);
}

TESTS("base/buf", SAY(what_is_written_is_read_back), SAY(a_buffer_never_grows_past_its_limit),
      SAY(after_a_failure_nothing_more_is_written), SAY(a_length_is_not_written_without_its_bytes),
      SAY(absurd_sizes_are_refused_without_arithmetic_going_wrong), SAY(consuming_drops_the_front_and_keeps_the_rest),
      SAY(a_buffer_forgets_what_it_held), SAY(a_buffer_grows_to_hold_much),
      SAY(reading_past_the_end_gives_zeros_and_fails), SAY(a_block_that_lies_about_its_length_is_refused),
      SAY(nothing_can_be_read_and_written))

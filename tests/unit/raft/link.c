#include "raft/link.h"
#include "tests/check.h"
#include <string.h>

#define NOW 1700000000000
#define AGE 30000

static const uint8_t key[32] = { 9 }, other_key[32] = { 8 };
static struct link_hello opener, accepter;
static struct link sending, receiving;
static struct buf out;

static void make(struct link *link, const uint8_t bytes[32], bool forward)
{
	struct secret *secret = secret_create(bytes, 32);
	CU_ASSERT_EQUAL(link_init(link, secret, &opener, &accepter, forward, AGE, 4096), ERR_OK);
	secret_destroy(secret);
}

static void begin(void)
{
	opener = link_hello_make(1, 2);
	accepter = link_hello_make(2, 1);
	make(&sending, key, true);
	make(&receiving, key, true);
	buf_init(&out, 1 << 20);
}

static void end(void)
{
	link_finish(&sending);
	link_finish(&receiving);
	buf_finish(&out);
}

static void put(const char *text)
{
	struct bytes parts[] = { { text, strlen(text) / 2 }, { text + strlen(text) / 2, strlen(text) - strlen(text) / 2 } };
	CU_ASSERT_EQUAL(link_seal(&sending, LINK_MESSAGE, parts, 2, NOW, &out), ERR_OK);
}

static enum err take(const uint8_t *data, size_t size, int64_t wall_ms, size_t *used)
{
	struct link_frame frame;
	return link_open(&receiving, data, size, wall_ms, &frame, used);
}

static void what_is_sealed_opens_in_order(void)
{
	static const char *const words[] = { "one", "", "three, rather longer than the others" };
	begin();
	for (size_t i = 0; i < 3; i++)
		put(words[i]);
	size_t at = 0;
	for (size_t i = 0; i < 3; i++) {
		struct link_frame frame;
		size_t used;
		CU_ASSERT_EQUAL(link_open(&receiving, out.data + at, out.size - at, NOW + 5, &frame, &used), ERR_OK);
		CU_ASSERT_EQUAL(used, strlen(words[i]) + LINK_FRAME_OVERHEAD);
		CU_ASSERT_EQUAL(frame.kind, LINK_MESSAGE);
		CU_ASSERT_EQUAL(frame.size, strlen(words[i]));
		CU_ASSERT_EQUAL(memcmp(frame.payload, words[i], frame.size), 0);
		at += used;
	}
	CU_ASSERT_EQUAL(at, out.size);
	end();
}

static void a_frame_that_is_not_all_there_is_waited_for(void)
{
	begin();
	put("something");
	for (size_t size = 0; size < out.size; size++) {
		size_t used = 1;
		CU_ASSERT_EQUAL(take(out.data, size, NOW, &used), ERR_OK);
		CU_ASSERT_EQUAL(used, 0);
	}
	end();
}

static void any_flipped_bit_is_refused(void)
{
	begin();
	put("something");
	for (size_t bit = 0; bit < out.size * 8; bit++) {
		size_t used;
		out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum err err = take(out.data, out.size, NOW, &used);
		/* a size that grew a little only means that more has to come */
		CU_ASSERT(bit < 32 ? used == 0 : err == ERR_REFUSED);
		out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	size_t used;
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW, &used), ERR_OK);
	CU_ASSERT_EQUAL(used, out.size);
	end();
}

static void a_replayed_or_reordered_frame_is_refused(void)
{
	begin();
	put("first");
	size_t first = out.size, used;
	put("other");
	CU_ASSERT_EQUAL(take(out.data, first, NOW, &used), ERR_OK);
	CU_ASSERT_EQUAL(take(out.data, first, NOW, &used), ERR_REFUSED);
	CU_ASSERT_EQUAL(take(out.data + first, out.size - first, NOW, &used), ERR_OK);
	CU_ASSERT_EQUAL(take(out.data, first, NOW, &used), ERR_REFUSED);
	end();
}

static void a_frame_from_too_long_ago_or_ahead_is_refused(void)
{
	begin();
	put("late");
	size_t used;
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW + AGE + 1, &used), ERR_BEHIND);
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW - AGE - 1, &used), ERR_BEHIND);
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW + AGE, &used), ERR_OK);
	end();
}

static void another_secret_direction_or_nonce_is_refused(void)
{
	begin();
	put("hello");
	size_t used;
	link_finish(&receiving);
	make(&receiving, other_key, true);
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW, &used), ERR_REFUSED);
	link_finish(&receiving);
	make(&receiving, key, false);
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW, &used), ERR_REFUSED);
	link_finish(&receiving);
	accepter.nonce[31] ^= 1;
	make(&receiving, key, true);
	CU_ASSERT_EQUAL(take(out.data, out.size, NOW, &used), ERR_REFUSED);
	end();
}

static void a_size_beyond_the_limit_is_refused_before_its_bytes_come(void)
{
	begin();
	static uint8_t big[5000];
	struct bytes part = { big, sizeof big };
	CU_ASSERT_EQUAL(link_seal(&sending, LINK_MESSAGE, &part, 1, NOW, &out), ERR_TOO_BIG);
	size_t used;
	uint8_t huge[4] = { 0xff, 0xff, 0xff, 0xff }, tiny[4] = { 0, 0, 0, 5 };
	CU_ASSERT_EQUAL(take(huge, 4, NOW, &used), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(take(tiny, 4, NOW, &used), ERR_MALFORMED);
	end();
}

static void a_hello_reads_back_and_nonsense_does_not(void)
{
	uint8_t bytes[LINK_HELLO_SIZE];
	struct link_hello hello = link_hello_make(5, 6), read;
	link_hello_write(&hello, bytes);
	CU_ASSERT_EQUAL(link_hello_read(bytes, &read), ERR_OK);
	CU_ASSERT_EQUAL(memcmp(&hello, &read, sizeof hello), 0);
	for (size_t i = 0; i < 8; i++) {
		bytes[i] ^= 1;
		CU_ASSERT_EQUAL(link_hello_read(bytes, &read), ERR_MALFORMED);
		bytes[i] ^= 1;
	}
	hello.to = 5; /* to oneself */
	link_hello_write(&hello, bytes);
	CU_ASSERT_EQUAL(link_hello_read(bytes, &read), ERR_MALFORMED);
	hello.to = 0;
	link_hello_write(&hello, bytes);
	CU_ASSERT_EQUAL(link_hello_read(bytes, &read), ERR_MALFORMED);
}

TESTS("link", SAY(what_is_sealed_opens_in_order), SAY(a_frame_that_is_not_all_there_is_waited_for),
      SAY(any_flipped_bit_is_refused), SAY(a_replayed_or_reordered_frame_is_refused),
      SAY(a_frame_from_too_long_ago_or_ahead_is_refused), SAY(another_secret_direction_or_nonce_is_refused),
      SAY(a_size_beyond_the_limit_is_refused_before_its_bytes_come), SAY(a_hello_reads_back_and_nonsense_does_not))

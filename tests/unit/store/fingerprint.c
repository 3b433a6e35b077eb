/* Two collections of rows are told apart by one number each, whatever their order. */
#include "store/fingerprint.h"
#include "tests/check.h"
#include <string.h>

#define ROWS 1000

struct row {
	uint32_t words[FINGERPRINT_WORDS_MAX];
};

static void fill(struct row rows[ROWS])
{
	memset(rows, 0, ROWS * sizeof *rows);
	for (uint32_t i = 0; i < ROWS; i++) {
		rows[i].words[0] = i / 100;
		rows[i].words[8] = i;
	}
}

/* From the last to the first if `backwards`; `left_out` ROWS: none. */
static uint64_t fingerprint_of(const struct row rows[ROWS], const struct fingerprint_salt *salt, int backwards, uint32_t left_out)
{
	uint64_t fingerprint = FINGERPRINT_NONE;
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t at = backwards ? ROWS - 1 - i : i;
		if (at != left_out)
			fingerprint_add(&fingerprint, salt, rows[at].words, FINGERPRINT_WORDS_MAX);
	}
	return fingerprint;
}

static void the_order_is_of_no_account(void)
{
	struct row rows[ROWS];
	struct fingerprint_salt salt;
	fill(rows);
	fingerprint_draw(&salt);
	CU_ASSERT_EQUAL(fingerprint_of(rows, &salt, 0, ROWS), fingerprint_of(rows, &salt, 1, ROWS));
}

static void any_bit_of_any_word_is(void)
{
	struct row rows[ROWS];
	struct fingerprint_salt salt;
	fill(rows);
	fingerprint_draw(&salt);
	uint64_t whole = fingerprint_of(rows, &salt, 0, ROWS);
	for (unsigned word = 0; word < FINGERPRINT_WORDS_MAX; word++)
		for (unsigned bit = 0; bit < 32; bit++) {
			rows[500].words[word] ^= UINT32_C(1) << bit;
			CU_ASSERT_NOT_EQUAL(fingerprint_of(rows, &salt, 0, ROWS), whole);
			rows[500].words[word] ^= UINT32_C(1) << bit;
		}
	CU_ASSERT_EQUAL(fingerprint_of(rows, &salt, 0, ROWS), whole);
}

static void so_is_a_row_that_lacks_or_comes_twice(void)
{
	struct row rows[ROWS];
	struct fingerprint_salt salt;
	fill(rows);
	fingerprint_draw(&salt);
	uint64_t whole = fingerprint_of(rows, &salt, 0, ROWS), without = fingerprint_of(rows, &salt, 0, 7);
	CU_ASSERT_NOT_EQUAL(without, whole);
	fingerprint_add(&without, &salt, rows[7].words, FINGERPRINT_WORDS_MAX);
	CU_ASSERT_EQUAL(without, whole);
	fingerprint_add(&without, &salt, rows[7].words, FINGERPRINT_WORDS_MAX);
	CU_ASSERT_NOT_EQUAL(without, whole);
}

/* Two rows that swap a value are two other rows. */
static void words_belong_to_their_rows(void)
{
	struct row rows[ROWS];
	struct fingerprint_salt salt;
	fill(rows);
	fingerprint_draw(&salt);
	uint64_t whole = fingerprint_of(rows, &salt, 0, ROWS);
	rows[1].words[0] = 9;
	rows[901].words[0] = 0;
	CU_ASSERT_NOT_EQUAL(fingerprint_of(rows, &salt, 0, ROWS), whole);
}

static void it_is_drawn_anew_each_time(void)
{
	struct row rows[ROWS];
	struct fingerprint_salt one, other;
	fill(rows);
	fingerprint_draw(&one);
	fingerprint_draw(&other);
	CU_ASSERT_NOT_EQUAL(fingerprint_of(rows, &one, 0, ROWS), fingerprint_of(rows, &other, 0, ROWS));
}

TESTS("store: fingerprint",
	SAY(the_order_is_of_no_account),
	SAY(any_bit_of_any_word_is),
	SAY(so_is_a_row_that_lacks_or_comes_twice),
	SAY(words_belong_to_their_rows),
	SAY(it_is_drawn_anew_each_time))

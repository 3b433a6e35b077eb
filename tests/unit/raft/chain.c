#include "raft/chain.h"
#include "tests/check.h"
#include <string.h>

#define ROWS 5
static const uint8_t key[32] = { 7 };

static struct chain *chain_of(uint64_t node)
{
	struct secret *secret = secret_create(key, sizeof key);
	struct chain *chain = chain_create(secret, node);
	secret_destroy(secret);
	return chain;
}

static void fill(const struct chain *chain, struct log_row rows[ROWS])
{
	static const char *const words[ROWS] = { "", "one", "two", "three", "four" };
	uint8_t head[CHAIN_SIZE];
	chain_anchor(chain, 10, 2, head);
	for (size_t i = 0; i < ROWS; i++) {
		rows[i] = (struct log_row){ .index = 11 + i, .term = 2 + i / 2, .type = (uint8_t)(1 + i % 3),
		                            .data = words[i], .size = strlen(words[i]) };
		chain_append(chain, head, &rows[i]);
	}
}

static enum err verify(const struct chain *chain, const struct log_row *rows, size_t count, uint64_t *bad)
{
	uint8_t head[CHAIN_SIZE];
	chain_anchor(chain, 10, 2, head);
	return chain_verify(chain, head, 11, rows, count, bad);
}

static void an_untouched_log_verifies(void)
{
	struct chain *chain = chain_of(1);
	struct log_row rows[ROWS];
	uint64_t bad = 0;
	fill(chain, rows);
	CU_ASSERT_EQUAL(verify(chain, rows, ROWS, &bad), ERR_OK);
	CU_ASSERT_EQUAL(verify(chain, rows, 0, &bad), ERR_OK);
	chain_destroy(chain);
}

static void any_field_changed_breaks_the_chain_there(void)
{
	struct chain *chain = chain_of(1);
	struct log_row rows[ROWS];
	for (int field = 0; field < 6; field++) {
		uint64_t bad = 0;
		fill(chain, rows);
		struct log_row *row = &rows[3];
		if (field == 0)
			row->index++;
		else if (field == 1)
			row->term++;
		else if (field == 2)
			row->type++;
		else if (field == 3)
			row->data = "thrEe";
		else if (field == 4)
			row->size--;
		else
			row->hash[31] ^= 1;
		CU_ASSERT_EQUAL(verify(chain, rows, ROWS, &bad), ERR_DAMAGED);
		CU_ASSERT_EQUAL(bad, 14);
	}
	chain_destroy(chain);
}

static void a_row_dropped_moved_or_doubled_breaks_the_chain(void)
{
	struct chain *chain = chain_of(1);
	struct log_row rows[ROWS], other[ROWS];
	uint64_t bad = 0;
	fill(chain, rows);
	memcpy(other, rows, sizeof rows);
	memmove(other + 1, other + 2, 3 * sizeof *other);
	CU_ASSERT_EQUAL(verify(chain, other, ROWS - 1, &bad), ERR_DAMAGED);
	CU_ASSERT_EQUAL(bad, 12);
	memcpy(other, rows, sizeof rows);
	other[1] = rows[2];
	other[2] = rows[1];
	CU_ASSERT_EQUAL(verify(chain, other, ROWS, &bad), ERR_DAMAGED);
	memcpy(other, rows, sizeof rows);
	other[2] = rows[1];
	CU_ASSERT_EQUAL(verify(chain, other, ROWS, &bad), ERR_DAMAGED);
	chain_destroy(chain);
}

static void another_nodes_log_is_not_ours(void)
{
	struct chain *one = chain_of(1), *two = chain_of(2);
	struct log_row rows[ROWS];
	uint64_t bad = 0;
	fill(one, rows);
	CU_ASSERT_EQUAL(verify(two, rows, ROWS, &bad), ERR_DAMAGED);
	CU_ASSERT_EQUAL(bad, 11);
	chain_destroy(one);
	chain_destroy(two);
}

static void a_seal_holds_for_its_own_kind_and_bytes_only(void)
{
	struct chain *chain = chain_of(1);
	uint8_t seal[CHAIN_SIZE];
	chain_seal(chain, "vote", "abc", 3, seal);
	CU_ASSERT(chain_seal_holds(chain, "vote", "abc", 3, seal));
	CU_ASSERT(!chain_seal_holds(chain, "vote", "abd", 3, seal));
	CU_ASSERT(!chain_seal_holds(chain, "vot", "eabc", 4, seal));
	CU_ASSERT(!chain_seal_holds(chain, "snapshot", "abc", 3, seal));
	chain_destroy(chain);
}

TESTS("chain", SAY(an_untouched_log_verifies), SAY(any_field_changed_breaks_the_chain_there),
      SAY(a_row_dropped_moved_or_doubled_breaks_the_chain), SAY(another_nodes_log_is_not_ours),
      SAY(a_seal_holds_for_its_own_kind_and_bytes_only))

#include "raft/envelope.h"
#include "raft/consensus.h"
#include "tests/check.h"
#include <string.h>

static const struct id request = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };

static void what_is_sealed_is_opened_as_it_was(void)
{
	struct envelope envelope;
	struct entry *entry = envelope_seal(9, &request, -5, "data", 4);
	CU_ASSERT_EQUAL(entry->term, 9);
	CU_ASSERT_EQUAL(entry->type, ENTRY_COMMAND);
	CU_ASSERT_EQUAL(entry->size, ENVELOPE_SIZE + 4);
	CU_ASSERT_EQUAL(envelope_open(entry, &envelope), ERR_OK);
	CU_ASSERT_TRUE(id_equal(&envelope.request, &request));
	CU_ASSERT_EQUAL(envelope.time_ms, -5);
	CU_ASSERT_EQUAL(envelope.size, 4);
	CU_ASSERT_EQUAL(memcmp(envelope.data, "data", 4), 0);
	entry_drop(entry);
}

static void nothing_can_be_sealed_too(void)
{
	struct envelope envelope;
	struct entry *entry = envelope_seal(1, &request, 0, NULL, 0);
	CU_ASSERT_EQUAL(envelope_open(entry, &envelope), ERR_OK);
	CU_ASSERT_EQUAL(envelope.size, 0);
	entry_drop(entry);
}

static void every_byte_counts(void)
{
	struct envelope envelope;
	struct entry *entry = envelope_seal(1, &request, 1700000000000, "some bytes", 10);
	for (uint32_t i = 0; i < entry->size; i++) {
		entry->data[i] ^= 0x40;
		CU_ASSERT_NOT_EQUAL(envelope_open(entry, &envelope), ERR_OK);
		entry->data[i] ^= 0x40;
	}
	CU_ASSERT_EQUAL(envelope_open(entry, &envelope), ERR_OK);
	entry_drop(entry);
}

static void what_is_cut_short_is_malformed(void)
{
	struct envelope envelope;
	struct entry *entry = envelope_seal(1, &request, 0, "data", 4);
	for (uint32_t size = 0; size < ENVELOPE_SIZE; size++) {
		struct entry *half = entry_create(1, ENTRY_COMMAND, entry->data, size);
		CU_ASSERT_EQUAL(envelope_open(half, &envelope), ERR_MALFORMED);
		entry_drop(half);
	}
	entry_drop(entry);
}

static void the_largest_entry_fits_and_no_larger(void)
{
	static uint8_t large[ENTRY_SIZE_MAX + 1];
	struct envelope envelope;
	struct entry *entry = envelope_seal(1, &request, 0, large, ENTRY_SIZE_MAX);
	CU_ASSERT_EQUAL(envelope_open(entry, &envelope), ERR_OK);
	CU_ASSERT_EQUAL(envelope.size, ENTRY_SIZE_MAX);
	entry_drop(entry);
	CU_ASSERT_PTR_NULL(envelope_seal(1, &request, 0, large, ENTRY_SIZE_MAX + 1));
}

TESTS("raft envelope", SAY(what_is_sealed_is_opened_as_it_was), SAY(nothing_can_be_sealed_too), SAY(every_byte_counts),
      SAY(what_is_cut_short_is_malformed), SAY(the_largest_entry_fits_and_no_larger))

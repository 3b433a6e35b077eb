#include "raft/memory_log.h"
#include "tests/check.h"

static void put(struct memory_log *log, uint64_t term)
{
	struct entry *entry = entry_create(term, ENTRY_COMMAND, "x", 1);
	CU_ASSERT_EQUAL(memory_log_append(log, entry), ERR_OK);
	entry_drop(entry);
}

static void filled(struct memory_log *log, uint64_t count)
{
	memory_log_init(log);
	for (uint64_t i = 1; i <= count; i++)
		put(log, i);
}

static void entries_are_found_by_their_index(void)
{
	struct memory_log log;
	filled(&log, 200);
	CU_ASSERT_EQUAL(memory_log_last(&log), 200);
	CU_ASSERT_EQUAL(memory_log_get(&log, 1)->term, 1);
	CU_ASSERT_EQUAL(memory_log_get(&log, 200)->term, 200);
	CU_ASSERT_PTR_NULL(memory_log_get(&log, 0));
	CU_ASSERT_PTR_NULL(memory_log_get(&log, 201));
	memory_log_finish(&log);
}

static void a_cut_takes_the_end_and_a_trim_the_beginning(void)
{
	struct memory_log log;
	filled(&log, 100);
	memory_log_cut(&log, 91);
	memory_log_trim(&log, 40);
	CU_ASSERT_EQUAL(memory_log_last(&log), 90);
	CU_ASSERT_EQUAL(log.base, 40);
	CU_ASSERT_PTR_NULL(memory_log_get(&log, 40));
	CU_ASSERT_EQUAL(memory_log_get(&log, 41)->term, 41);
	memory_log_trim(&log, 10); /* long gone */
	CU_ASSERT_EQUAL(log.base, 40);
	memory_log_finish(&log);
}

static void a_log_that_is_trimmed_as_it_grows_goes_round(void)
{
	struct memory_log log;
	filled(&log, 60);
	for (uint64_t i = 61; i <= 5000; i++) {
		put(&log, i);
		memory_log_trim(&log, i - 50);
	}
	CU_ASSERT_EQUAL(log.capacity, 64);
	CU_ASSERT_EQUAL(memory_log_get(&log, 4951)->term, 4951);
	CU_ASSERT_EQUAL(memory_log_get(&log, 5000)->term, 5000);
	memory_log_finish(&log);
}

static void after_a_reset_it_goes_on_from_there(void)
{
	struct memory_log log;
	filled(&log, 10);
	memory_log_reset(&log, 70);
	CU_ASSERT_EQUAL(memory_log_last(&log), 70);
	put(&log, 9);
	CU_ASSERT_EQUAL(memory_log_get(&log, 71)->term, 9);
	memory_log_finish(&log);
}

static void an_entry_lives_as_long_as_somebody_holds_it(void)
{
	struct memory_log log;
	filled(&log, 3);
	struct entry *entry = entry_keep(memory_log_get(&log, 2));
	memory_log_finish(&log);
	CU_ASSERT_EQUAL(entry->term, 2);
	CU_ASSERT_EQUAL(entry->references, 1);
	entry_drop(entry);
	entry_drop(NULL);
}

TESTS("raft memory log", SAY(entries_are_found_by_their_index), SAY(a_cut_takes_the_end_and_a_trim_the_beginning),
      SAY(a_log_that_is_trimmed_as_it_grows_goes_round), SAY(after_a_reset_it_goes_on_from_there),
      SAY(an_entry_lives_as_long_as_somebody_holds_it))

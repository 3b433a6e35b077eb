#include "ha/table.h"
#include "tests/check.h"
#include <stdlib.h>

static int values[5000];

static void what_is_put_is_found_until_it_is_taken(void)
{
	struct table table = { 0 };
	for (uint64_t key = 1; key < 5000; key++)
		CU_ASSERT(table_put(&table, key, &values[key]));
	CU_ASSERT_EQUAL(table.count, 4999);
	for (uint64_t key = 1; key < 5000; key += 2)
		CU_ASSERT_PTR_EQUAL(table_take(&table, key), &values[key]);
	for (uint64_t key = 1; key < 5000; key++)
		CU_ASSERT_PTR_EQUAL(table_get(&table, key), key % 2 ? NULL : &values[key]);
	CU_ASSERT_PTR_NULL(table_take(&table, 1));
	CU_ASSERT_PTR_NULL(table_get(&table, 0));
	table_finish(&table);
}

static void one_key_holds_one_value(void)
{
	struct table table = { 0 };
	CU_ASSERT(table_put(&table, UINT64_MAX, &values[1]));
	CU_ASSERT(table_put(&table, UINT64_MAX, &values[2]));
	CU_ASSERT_EQUAL(table.count, 1);
	CU_ASSERT_PTR_EQUAL(table_get(&table, UINT64_MAX), &values[2]);
	table_finish(&table);
}

/* Against a plain array, in an order that a seed fixes. */
static void it_agrees_with_an_array_whatever_the_order(void)
{
	static void *model[300];
	struct table table = { 0 };
	size_t count = 0;
	unsigned seed = 7;
	for (int i = 0; i < 100000; i++) {
		size_t n = (size_t)rand_r(&seed) % 300;
		uint64_t key = (uint64_t)n * 0x100000001u + 1;
		void *value = rand_r(&seed) % 2 ? &values[n] : NULL;
		count += (size_t)(value != NULL) - (size_t)(model[n] != NULL);
		if (value)
			table_put(&table, key, value);
		else if (table_take(&table, key) != model[n])
			CU_FAIL("took another");
		model[n] = value;
		if (table.count != count || table_get(&table, key) != value)
			CU_FAIL("lost one");
	}
	table_finish(&table);
}

static void taking_while_walking_misses_none(void)
{
	struct table table = { 0 };
	size_t place = 0, seen = 0;
	for (uint64_t key = 1; key < 1000; key++)
		table_put(&table, key * 64, &values[key]);
	int *value;
	while ((value = table_next(&table, &place))) {
		seen++;
		table_take(&table, (uint64_t)(value - values) * 64);
		place--;
	}
	CU_ASSERT_EQUAL(seen, 999);
	CU_ASSERT_EQUAL(table.count, 0);
	table_finish(&table);
}

TESTS("ha table", SAY(what_is_put_is_found_until_it_is_taken), SAY(one_key_holds_one_value),
	SAY(it_agrees_with_an_array_whatever_the_order), SAY(taking_while_walking_misses_none))

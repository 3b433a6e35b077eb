/* JSON that any parser takes, and tables whose columns stand below one another. */
#include "cli/print.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_size;

static void text_with_quotes_and_lines_stays_one_json_string(void)
{
	FILE *out = open_memstream(&text, &text_size);
	json_text(out, "say \"ja\"\\\nnext");
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "\"say \\\"ja\\\"\\\\\\u000anext\"");
	free(text);
}

static void members_are_separated_as_asked(void)
{
	FILE *out = open_memstream(&text, &text_size);
	json_member(out, "{", "a", "b");
	json_number(out, ",", "c", 18446744073709551615u);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "{\"a\":\"b\",\"c\":18446744073709551615");
	free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void)
{
	static struct table table;
	FILE *out = open_memstream(&text, &text_size);
	table_init(&table, "A B");
	table_add(&table, "%s", "long");
	table_add(&table, "%d", 1);
	table_add(&table, "%s", "s");
	table_add(&table, "%d", 2);
	table_print(&table, out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "A     B\nlong  1\ns     2\n");
	free(text);
}

static void what_does_not_fit_is_cut(void)
{
	static struct table table;
	char cell[2 * TABLE_CELL_SIZE];
	memset(cell, 'x', sizeof cell - 1);
	cell[sizeof cell - 1] = '\0';
	table_init(&table, "A");
	for (int i = 0; i < 2 * TABLE_ROWS_MAX; i++)
		table_add(&table, "%s", cell);
	CU_ASSERT_EQUAL(table.rows, TABLE_ROWS_MAX);
	CU_ASSERT_EQUAL(strlen(table.cells[1][0]), TABLE_CELL_SIZE - 1);
}

TESTS("cli print",
      SAY(text_with_quotes_and_lines_stays_one_json_string),
      SAY(members_are_separated_as_asked),
      SAY(columns_are_as_wide_as_their_widest_cell),
      SAY(what_does_not_fit_is_cut))

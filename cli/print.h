/* Answers for people (a table) and for programs (JSON). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12
#define TABLE_ROWS_MAX 64
#define TABLE_CELL_SIZE 80

/* Cells are gathered, then printed in columns as wide as they need. */
struct table {
	size_t columns, rows, filled;
	char cells[TABLE_ROWS_MAX][TABLE_COLUMNS_MAX][TABLE_CELL_SIZE];
};
/* The column titles, separated by blanks. */
void table_init(struct table *table, const char *titles);
/* The next cell, from left to right, then the next row. What does not fit is cut. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *table, FILE *out);

/* `text` as a JSON string, with its quotes. */
void json_text(FILE *out, const char *text);
/* `"name":"value"`; `separator` comes first: "" or ",". */
void json_member(FILE *out, const char *separator, const char *name, const char *value);
void json_number(FILE *out, const char *separator, const char *name, uint64_t value);

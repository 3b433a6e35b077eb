#include "cli/print.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void table_init(struct table *table, const char *titles)
{
	*table = (struct table){ 0 };
	for (const char *at = titles; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		assert(table->columns < TABLE_COLUMNS_MAX);
		snprintf(table->cells[0][table->columns++], TABLE_CELL_SIZE, "%.*s", (int)strcspn(at, " "), at);
	}
	table->rows = 1;
	table->filled = table->columns;
}

void table_add(struct table *table, const char *format, ...)
{
	va_list arguments;
	if (table->filled == table->columns) {
		if (table->rows == TABLE_ROWS_MAX)
			return;
		table->rows++;
		table->filled = 0;
	}
	va_start(arguments, format);
	vsnprintf(table->cells[table->rows - 1][table->filled++], TABLE_CELL_SIZE, format, arguments);
	va_end(arguments);
}

static int column_width(const struct table *table, size_t column)
{
	size_t width = 0;
	for (size_t row = 0; row < table->rows; row++)
		if (strlen(table->cells[row][column]) > width)
			width = strlen(table->cells[row][column]);
	return (int)width;
}

void table_print(const struct table *table, FILE *out)
{
	for (size_t row = 0; row < table->rows; row++) {
		for (size_t column = 0; column + 1 < table->columns; column++)
			fprintf(out, "%-*s  ", column_width(table, column), table->cells[row][column]);
		fprintf(out, "%s\n", table->cells[row][table->columns - 1]);
	}
}

void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < 0x20)
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
	}
	fputc('"', out);
}

void json_member(FILE *out, const char *separator, const char *name, const char *value)
{
	fprintf(out, "%s\"%s\":", separator, name);
	json_text(out, value);
}

void json_number(FILE *out, const char *separator, const char *name, uint64_t value)
{
	fprintf(out, "%s\"%s\":%" PRIu64, separator, name, value);
}

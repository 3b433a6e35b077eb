#include "wire/by_type.h"
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	uint64_t left = ((const struct by_type *)a)->type, right = ((const struct by_type *)b)->type;
	return (left > right) - (left < right);
}

void by_type_sort(struct by_type *rows, size_t count)
{
	qsort(rows, count, sizeof *rows, compare);
}

const void *by_type_find(const struct by_type *rows, size_t count, uint64_t type)
{
	struct by_type wanted = { type, NULL };
	const struct by_type *found = bsearch(&wanted, rows, count, sizeof *rows, compare);
	return found ? found->row : NULL;
}

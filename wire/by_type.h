/* A table's rows by mechanism type: sorted once, found by halving. What is asked for with every signature is not looked for one by one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct by_type {
	uint64_t type;
	const void *row;
};
void by_type_sort(struct by_type *rows, size_t count);
const void *by_type_find(const struct by_type *rows, size_t count, uint64_t type); /* NULL if there is none */

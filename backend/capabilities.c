#include "backend/capabilities.h"
#include <assert.h>
#include <stdlib.h>

enum err capabilities_init(struct capabilities *out, size_t count_max, size_t shortfall_max)
{
	*out = (struct capabilities){
		.list = calloc(count_max + 1, sizeof *out->list), .count_max = count_max,
		.shortfalls = calloc(shortfall_max + 1, sizeof *out->shortfalls),
	};
	if (out->list && out->shortfalls)
		return ERR_OK;
	capabilities_finish(out);
	return ERR_NO_MEMORY;
}

Craton__MechanismInfo *capabilities_place(struct capabilities *out, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->list[i].type == type)
			return &out->list[i];
	assert(out->count < out->count_max);
	Craton__MechanismInfo *info = &out->list[out->count++];
	craton__mechanism_info__init(info);
	info->type = type;
	return info;
}

static int by_type(const void *a, const void *b)
{
	uint64_t left = ((const Craton__MechanismInfo *)a)->type, right = ((const Craton__MechanismInfo *)b)->type;
	return left < right ? -1 : left > right;
}

/* A place that was never filled is none. */
void capabilities_sort(struct capabilities *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++)
		if (out->list[i].flags)
			out->list[kept++] = out->list[i];
	out->count = kept;
	qsort(out->list, out->count, sizeof *out->list, by_type);
}

const Craton__MechanismInfo *capabilities_find(const struct capabilities *capabilities, CK_MECHANISM_TYPE type)
{
	Craton__MechanismInfo wanted = { .type = type };
	return capabilities->count ? bsearch(&wanted, capabilities->list, capabilities->count, sizeof *capabilities->list, by_type) : NULL;
}

bool capabilities_take_bytes(const struct capabilities *capabilities, CK_MECHANISM_TYPE type)
{
	const Craton__MechanismInfo *info = capabilities_find(capabilities, type);
	return info && info->takes_bytes;
}

void capabilities_finish(struct capabilities *capabilities)
{
	free(capabilities->list);
	free(capabilities->shortfalls);
	*capabilities = (struct capabilities){ 0 };
}

/* What objects are found by: for each searchable attribute a row (slot, type, hash of the value, id). */
#pragma once
#include "wire/attributes.h"

struct search_key {
	CK_ATTRIBUTE_TYPE type;
	uint64_t value;          /* the first bytes of the value's SHA-256; equal values, equal hashes */
};
#define SEARCH_KEYS_MAX 16

/* The keys of the searchable, non-empty attributes in a list, those first that tend to single out one object. */
size_t search_keys(const struct attribute_list *attributes, struct search_key keys[SEARCH_KEYS_MAX]);
/* Does the object have every attribute of `wanted`, with the same value? */
bool search_matches(const Craton__Object *object, const struct attribute_list *wanted);

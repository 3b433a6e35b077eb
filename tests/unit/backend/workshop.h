/* For the tests of keys that come from keys: a token with its working set, and secrets of known value. */
#pragma once
#include "backend/wrap.h"
#include "tests/unit/backend/house.h"

#define RESULT_MAX (1u << 16)

struct workshop {
	struct house house;
	struct domain *domain;
	struct keyring *keyring;
};
void workshop_open(struct workshop *shop);
void workshop_close(struct workshop *shop);

/* Loaded; keyring_return gives it back. Ends the test if it can't be. */
struct loaded_key *take(struct workshop *shop, const Craton__Object *object);
/* A secret of this value whose owner may have it wrapped. */
Craton__Object *secret_of(struct workshop *shop, CK_KEY_TYPE type, const void *value, size_t size);
/* The value of an open key. */
void read_value(struct workshop *shop, const Craton__Object *object, struct buf *out);
uint64_t number_of(const Craton__Object *object, CK_ATTRIBUTE_TYPE type);

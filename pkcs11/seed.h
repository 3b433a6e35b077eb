/* What an application adds to the slot's randomness (C_SeedRandom). Behind the slot are many generators, and a seed given to one would
 * be missing whenever another serves; so it is mixed here into what any of them gives, which can lose nothing by it. */
#pragma once
#include "base/digest.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seed {
	pthread_mutex_t lock;
	bool is_given;
	uint8_t pool[SHA256_SIZE];
};
void seed_init(struct seed *seed);
void seed_finish(struct seed *seed);
void seed_add(struct seed *seed, struct bytes more);
/* Over random bytes, in place. */
void seed_mix(struct seed *seed, uint8_t *random, size_t size);

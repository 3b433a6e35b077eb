#include "pkcs11/seed.h"
#include "base/secret.h"

void seed_init(struct seed *seed)
{
	*seed = (struct seed){ .is_given = false };
	pthread_mutex_init(&seed->lock, NULL);
}

void seed_finish(struct seed *seed)
{
	secret_wipe(seed->pool, sizeof seed->pool);
	pthread_mutex_destroy(&seed->lock);
}

/* "C_SeedRandom mixes additional seed material into the token's random number generator": each with all before. */
void seed_add(struct seed *seed, struct bytes more)
{
	pthread_mutex_lock(&seed->lock);
	struct bytes parts[] = { { seed->pool, sizeof seed->pool }, more };
	sha256(parts, 2, seed->pool);
	seed->is_given = true;
	pthread_mutex_unlock(&seed->lock);
}

/* A stream made of the pool goes over the bytes, and the pool moves on: what was given cannot be told from it any more. */
static void mix_locked(struct seed *seed, uint8_t *random, size_t size)
{
	uint8_t block[SHA256_SIZE];
	uint64_t count = 0;
	struct bytes parts[] = { { &count, sizeof count }, { seed->pool, sizeof seed->pool } };
	for (size_t i = 0; i < size; i++) {
		if (i % sizeof block == 0) {
			count++;
			sha256(parts, 2, block);
		}
		random[i] ^= block[i % sizeof block];
	}
	count = 0;
	sha256(parts, 2, seed->pool);
	secret_wipe(block, sizeof block);
}

void seed_mix(struct seed *seed, uint8_t *random, size_t size)
{
	pthread_mutex_lock(&seed->lock);
	if (seed->is_given)
		mix_locked(seed, random, size);
	pthread_mutex_unlock(&seed->lock);
}

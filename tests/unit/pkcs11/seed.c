/* What an application adds to randomness. */
#include "tests/check.h"
#include "pkcs11/seed.h"
#include <string.h>

static void stream(struct seed *seed, uint8_t out[100])
{
	memset(out, 0, 100);
	seed_mix(seed, out, 100);
}

static void without_a_seed_nothing_is_changed(void)
{
	struct seed seed;
	uint8_t out[100], zeros[100] = { 0 };
	seed_init(&seed);
	stream(&seed, out);
	CU_ASSERT(memcmp(out, zeros, 100) == 0);
	seed_finish(&seed);
}

static void every_seed_counts_and_no_stream_comes_twice(void)
{
	struct seed one, other;
	uint8_t a[100], b[100];
	seed_init(&one);
	seed_init(&other);
	seed_add(&one, (struct bytes){ "first", 5 });
	seed_add(&other, (struct bytes){ "first", 5 });
	stream(&one, a);
	stream(&other, b);
	CU_ASSERT(memcmp(a, b, 100) == 0 && memcmp(a, a + 32, 32) != 0);
	stream(&one, a);
	CU_ASSERT(memcmp(a, b, 100) != 0);
	stream(&other, b);
	CU_ASSERT(memcmp(a, b, 100) == 0);
	seed_add(&one, (struct bytes){ "second", 6 });
	stream(&one, a);
	stream(&other, b);
	CU_ASSERT(memcmp(a, b, 100) != 0);
	seed_finish(&one);
	seed_finish(&other);
}

static void what_is_random_is_still_there_underneath(void)
{
	struct seed one, other;
	uint8_t random[100], mixed[100], a[100];
	seed_init(&one);
	seed_init(&other);
	seed_add(&one, (struct bytes){ "seed", 4 });
	seed_add(&other, (struct bytes){ "seed", 4 });
	for (size_t i = 0; i < 100; i++)
		mixed[i] = random[i] = (uint8_t)(i * 91 + 3);
	seed_mix(&one, mixed, 100);
	stream(&other, a);
	for (size_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(mixed[i] ^ a[i], random[i]);
	seed_finish(&one);
	seed_finish(&other);
}

TESTS("pkcs11 seed", SAY(without_a_seed_nothing_is_changed), SAY(every_seed_counts_and_no_stream_comes_twice),
	SAY(what_is_random_is_still_there_underneath))

#include "store/fingerprint.h"
#include "base/id.h"
#include <assert.h>

#define PRIME ((UINT64_C(1) << 61) - 1)

/* 2^61 is 1 modulo the prime, so the upper bits are added to the lower. */
static uint64_t reduce(uint64_t value)
{
	value = (value & PRIME) + (value >> 61);
	return value >= PRIME ? value - PRIME : value;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return reduce(((uint64_t)product & PRIME) + (uint64_t)(product >> 61));
}

void fingerprint_draw(struct fingerprint_salt *salt)
{
	random_bytes(salt, sizeof *salt);
	salt->x = reduce(salt->x);
	for (size_t i = 0; i < FINGERPRINT_WORDS_MAX; i++)
		salt->factors[i] = reduce(salt->factors[i]);
}

void fingerprint_add(uint64_t *fingerprint, const struct fingerprint_salt *salt, const uint32_t *words, size_t count)
{
	uint64_t row = 0;
	assert(count <= FINGERPRINT_WORDS_MAX);
	for (size_t i = 0; i < count; i++)
		row = reduce(row + multiply(salt->factors[i], words[i]));
	*fingerprint = multiply(*fingerprint, reduce(salt->x + PRIME - row));
}

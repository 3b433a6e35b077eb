#include "tests/sim/random.h"
#include <string.h>

static uint64_t state;

void dice_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
}

uint64_t dice(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t mix(uint64_t hash, uint64_t value)
{
	hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
	hash *= 0xff51afd7ed558ccdu;
	return hash ^ (hash >> 33);
}

uint64_t mix_bytes(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t i = 0;
	for (uint64_t word; i + sizeof word <= size; i += sizeof word) {
		memcpy(&word, bytes + i, sizeof word);
		hash = mix(hash, word);
	}
	for (; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return mix(hash, size);
}

/* Integers as bytes, big endian, where a struct buf would be too much. */
#pragma once
#include <stdint.h>

static inline void put_u32(uint8_t *out, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		out[i] = (uint8_t)value;
}

static inline void put_u64(uint8_t *out, uint64_t value)
{
	put_u32(out, (uint32_t)(value >> 32));
	put_u32(out + 4, (uint32_t)value);
}

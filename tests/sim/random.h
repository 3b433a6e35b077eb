/* The dice: one sequence for the whole run (splitmix64). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void dice_seed(uint64_t seed);
uint64_t dice(void);
static inline unsigned roll(unsigned sides) { return (unsigned)((dice() >> 32) % sides); } /* 0 .. sides - 1 */
static inline bool chance(unsigned per_thousand) { return roll(1000) < per_thousand; }
uint64_t mix(uint64_t hash, uint64_t value);
uint64_t mix_bytes(uint64_t hash, const void *data, size_t size);

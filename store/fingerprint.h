/* Are two collections of rows the same, in whatever order they come? Each is reduced to one number, for the price of some
 * multiplications a row (Lipton, "Fingerprinting sets", 1989; Blum et al., "Checking the correctness of memories", 1991).
 *
 * With what is drawn at random for this comparison a row is a number e modulo the prime 2^61-1, a linear function of its words: two
 * rows give the same with probability 1/p. A collection is the product of (x - e): a polynomial whose roots are its rows, evaluated at a random x, so
 * two that differ give the same with probability at most rows/p: below 10^-12 for a million. Nobody could have prepared rows for what is drawn only now. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_WORDS_MAX 9

struct fingerprint_salt {
	uint64_t x, factors[FINGERPRINT_WORDS_MAX];
};
void fingerprint_draw(struct fingerprint_salt *salt);

/* Of no rows: 1. */
#define FINGERPRINT_NONE 1u
void fingerprint_add(uint64_t *fingerprint, const struct fingerprint_salt *salt, const uint32_t *words, size_t count);

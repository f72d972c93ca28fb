/*
 * random.h - a small seeded generator (SplitMix64): equal seeds give equal numbers.
 *
 * For jitter, sampling and simulation; never for secrets.
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline struct random random_make(uint64_t seed)
{
    struct random random = {.state = seed};
    return random;
}

uint64_t random_u64(struct random *random);
/* 0 .. bound-1; `bound` is at least 1. */
uint64_t random_below(struct random *random, uint64_t bound);
/* true with probability `numerator` / `denominator`. */
bool random_chance(struct random *random, uint64_t numerator, uint64_t denominator);
/* 0.0 <= x < 1.0 */
double random_unit(struct random *random);

#endif

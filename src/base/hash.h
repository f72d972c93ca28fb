/*
 * hash.h - XXH3 with a seed, the one hash of the house.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

uint64_t hash64(struct slice bytes, uint64_t seed);
/* Hash of two slices as if they stood one after the other with their lengths between. */
uint64_t hash64_pair(struct slice first, struct slice second, uint64_t seed);

#endif

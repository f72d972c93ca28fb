#include "base/hash.h"

#include <xxhash.h>

uint64_t hash64(struct slice bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.length == 0 ? (const uint8_t *)"" : bytes.data, bytes.length,
                                seed);
}

uint64_t hash64_pair(struct slice first, struct slice second, uint64_t seed)
{
    return hash64(second, hash64(first, seed) + first.length);
}

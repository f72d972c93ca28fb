#include "sim/spread.h"

#include <assert.h>

uint64_t spread_even(struct random *random, uint64_t low, uint64_t high)
{
    assert(low <= high);
    return low + random_below(random, high - low + 1);
}

uint64_t spread_log(struct random *random, uint64_t low, uint64_t high)
{
    unsigned doublings = 0;
    assert(low >= 1 && low <= high);
    while (low << doublings < high / 2)
        doublings++;
    uint64_t from = low << random_below(random, doublings + 1);
    return spread_even(random, from, from * 2 < high ? from * 2 : high);
}

uint64_t spread_tail(struct random *random, uint64_t mean)
{
    uint64_t draw = random_below(random, 2 * mean + 1);
    if (!random_chance(random, 1, 100))
        return draw * 2 / 3;
    return draw * spread_even(random, 1, 8);
}

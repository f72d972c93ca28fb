#include "causal/hybrid_time.h"

#include <assert.h>

enum { COUNTER_BITS = 16 };

hybrid_time hybrid_clock_next(struct hybrid_clock *clock, uint64_t wall_ms, hybrid_time above)
{
    assert(wall_ms >> (64 - COUNTER_BITS) == 0);
    hybrid_time floor = clock->last > above ? clock->last : above;
    assert(floor < UINT64_MAX);
    hybrid_time wall = wall_ms << COUNTER_BITS;
    /* A full counter carries into the milliseconds, so 65,536 events in one do not run back. */
    clock->last = wall > floor ? wall : floor + 1;
    return clock->last;
}

void hybrid_clock_observe(struct hybrid_clock *clock, hybrid_time time)
{
    if (time > clock->last)
        clock->last = time;
}

bool hybrid_time_too_far_ahead(hybrid_time time, uint64_t wall_ms, uint32_t max_skew_ms)
{
    uint64_t time_ms = hybrid_time_ms(time);
    return time_ms > wall_ms && time_ms - wall_ms > max_skew_ms;
}

/*
 * hybrid_time.h - hybrid logical time: 48 bits of milliseconds, 16 bits of counter.
 *
 * It follows the wall clock, never runs back, and is always above every time it
 * has seen. A time too far ahead of the local wall clock is refused and never
 * merged: once stored, a future time cannot be undone.
 * Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014.
 */
#ifndef CAUSAL_HYBRID_TIME_H
#define CAUSAL_HYBRID_TIME_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t hybrid_time;

struct hybrid_clock {
    hybrid_time last; /* highest issued or observed */
};

static inline uint64_t hybrid_time_ms(hybrid_time time)
{
    return time >> 16;
}

/* A time above all issued before, above `above`, and not below the wall clock (ms since 1970). */
hybrid_time hybrid_clock_next(struct hybrid_clock *clock, uint64_t wall_ms, hybrid_time above);
/* Raise the clock to a time that was checked. */
void hybrid_clock_observe(struct hybrid_clock *clock, hybrid_time time);
/* Whether `time` lies more than `max_skew_ms` ahead of the wall clock. */
bool hybrid_time_too_far_ahead(hybrid_time time, uint64_t wall_ms, uint32_t max_skew_ms);

#endif

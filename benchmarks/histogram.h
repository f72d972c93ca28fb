/*
 * histogram.h - counts of times, exact to 1/128, from a nanosecond to hours.
 *
 * A time falls into a bucket by its highest bit and the seven bits below it, so every
 * bucket is at most 1/128 of its times wide, and what is below 256 is exact. A percentile is the
 * highest time of its bucket: never told too low, and at most 0.8 % too high.
 * Source: Gil Tene's HdrHistogram, whose idea this is.
 */
#ifndef BENCHMARKS_HISTOGRAM_H
#define BENCHMARKS_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_TOP_BITS = 44, /* times from 2^44 ns (4.9 hours) on count as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS
};

/* All zero is empty; 38 KiB. */
struct histogram {
    uint64_t count, maximum;
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The least time that at least `percent` % (0 .. 100) of the times do not exceed; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
double histogram_mean(const struct histogram *histogram); /* exact; 0 when empty */

#endif

/*
 * log_histogram.h - counts of values by size, in buckets whose width grows with the values.
 *
 * Each power of two is cut into eight, so a bucket is at most 1/8 of its values wide; values
 * below eight have one each. Adding costs a few instructions, so what is worth
 * knowing is measured always. Values are mostly microseconds; frames and bytes go as well.
 * Source: Gil Tene's HdrHistogram, whose idea this is.
 */
#ifndef BASE_LOG_HISTOGRAM_H
#define BASE_LOG_HISTOGRAM_H

#include <stdint.h>

enum {
    LOG_HISTOGRAM_PART_BITS = 3,
    LOG_HISTOGRAM_TOP_BITS = 27, /* from 2^27 on (134 s) all count as the largest */
    LOG_HISTOGRAM_BUCKETS = (LOG_HISTOGRAM_TOP_BITS - LOG_HISTOGRAM_PART_BITS + 1)
                            << LOG_HISTOGRAM_PART_BITS
};

/* All zero is empty; a plain value. */
struct log_histogram {
    uint64_t count, sum, maximum;
    uint64_t buckets[LOG_HISTOGRAM_BUCKETS];
};

static inline unsigned log_histogram_bucket(uint64_t value)
{
    const unsigned parts = 1u << LOG_HISTOGRAM_PART_BITS;
    if (value < parts)
        return (unsigned)value;
    if (value >> LOG_HISTOGRAM_TOP_BITS != 0)
        return LOG_HISTOGRAM_BUCKETS - 1;
    unsigned octave = 63 - (unsigned)__builtin_clzll(value) - LOG_HISTOGRAM_PART_BITS;
    return (octave + 1) * parts + ((unsigned)(value >> octave) & (parts - 1));
}

static inline void log_histogram_add(struct log_histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->maximum)
        histogram->maximum = value;
    histogram->buckets[log_histogram_bucket(value)]++;
}

/* The largest value of the bucket. */
uint64_t log_histogram_bucket_end(unsigned bucket);

/* How many values are below 2^`bits`, exactly; `bits` is at most LOG_HISTOGRAM_TOP_BITS. */
uint64_t log_histogram_below(const struct log_histogram *histogram, unsigned bits);

/*
 * The least value that at least `percent` % (0 .. 100) of the values do not exceed, told as the
 * largest of its bucket and never above the maximum; 0 when empty.
 */
uint64_t log_histogram_percentile(const struct log_histogram *histogram, double percent);

void log_histogram_merge(struct log_histogram *into, const struct log_histogram *from);

#endif

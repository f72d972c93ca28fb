#include "base/log_histogram.h"

#include <assert.h>
#include <stdbool.h>

uint64_t log_histogram_bucket_end(unsigned bucket)
{
    const unsigned parts = 1u << LOG_HISTOGRAM_PART_BITS;
    assert(bucket < LOG_HISTOGRAM_BUCKETS);
    if (bucket < parts)
        return bucket;
    unsigned octave = bucket / parts - 1;
    return ((uint64_t)(parts + bucket % parts + 1) << octave) - 1;
}

uint64_t log_histogram_below(const struct log_histogram *histogram, unsigned bits)
{
    uint64_t count = 0;
    assert(bits <= LOG_HISTOGRAM_TOP_BITS);
    unsigned end = bits == LOG_HISTOGRAM_TOP_BITS ? LOG_HISTOGRAM_BUCKETS
                                                  : log_histogram_bucket((uint64_t)1 << bits);
    for (unsigned i = 0; i < end; i++)
        count += histogram->buckets[i];
    if (bits == LOG_HISTOGRAM_TOP_BITS && histogram->maximum >> LOG_HISTOGRAM_TOP_BITS != 0)
        count -= histogram->buckets[LOG_HISTOGRAM_BUCKETS - 1]; /* never told as too small */
    return count;
}

uint64_t log_histogram_percentile(const struct log_histogram *histogram, double percent)
{
    uint64_t seen = 0;
    double wanted = (double)histogram->count * percent / 100;
    for (unsigned i = 0; i < LOG_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen == 0 || (double)seen < wanted)
            continue;
        uint64_t end = log_histogram_bucket_end(i);
        bool is_last = i == LOG_HISTOGRAM_BUCKETS - 1;
        return is_last || end > histogram->maximum ? histogram->maximum : end;
    }
    return 0;
}

void log_histogram_merge(struct log_histogram *into, const struct log_histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->maximum > into->maximum)
        into->maximum = from->maximum;
    for (unsigned i = 0; i < LOG_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

#include "histogram.h"

#include <assert.h>
#include <math.h>

/* Values below 2^8 are their own bucket; above, 128 buckets for each highest bit. */
static unsigned bucket_of(uint64_t value)
{
    if (value >= (uint64_t)1 << HISTOGRAM_TOP_BITS)
        value = ((uint64_t)1 << HISTOGRAM_TOP_BITS) - 1;
    if (value < (uint64_t)2 << HISTOGRAM_SUB_BITS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

static uint64_t highest_of(unsigned bucket)
{
    if (bucket < 2u << HISTOGRAM_SUB_BITS)
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t top = bucket - ((uint64_t)shift << HISTOGRAM_SUB_BITS);
    return ((top + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    unsigned bucket = bucket_of(value);
    assert(bucket < HISTOGRAM_BUCKETS);
    h->buckets[bucket]++;
    h->count++;
    h->sum += (double)value;
    if (value > h->maximum)
        h->maximum = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->maximum > into->maximum)
        into->maximum = from->maximum;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
    uint64_t wanted = (uint64_t)ceil(percent / 100 * (double)h->count);
    uint64_t seen = 0;
    if (h->count == 0)
        return 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted)
            return highest_of(i) < h->maximum ? highest_of(i) : h->maximum;
    }
    return h->maximum;
}

double histogram_mean(const struct histogram *h)
{
    return h->count == 0 ? 0 : h->sum / (double)h->count;
}

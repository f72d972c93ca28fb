/*
 * store_metrics.h - what the store's threads count, readable at any time by any thread.
 *
 * Each number is right by itself; two of them may be of different moments.
 */
#ifndef STORE_STORE_METRICS_H
#define STORE_STORE_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log_histogram.h"
#include "base/status.h"
#include "store/leveldb_store.h"

enum store_state {
    STORE_SERVING,
    STORE_REOPENING,  /* a write failed; reads go on, writes are refused, healing alone */
    STORE_QUARANTINED /* damage was found: nothing is read or written any more */
};

/* A log_histogram for any number of writers. */
struct store_histogram {
    _Atomic uint64_t sum, maximum;
    _Atomic uint64_t buckets[LOG_HISTOGRAM_BUCKETS];
};

struct store_metrics {
    _Atomic uint64_t groups;        /* committed */
    _Atomic uint64_t frames;        /* handled by store_side_write() */
    _Atomic uint64_t batch_bytes;   /* committed */
    _Atomic uint64_t group_last;    /* frames of the last group */
    _Atomic uint64_t group_largest; /* frames */
    _Atomic uint64_t sync_us;       /* sum of the times below */
    _Atomic uint64_t sync_us_max;
    struct store_histogram commit_us;      /* write and sync of each group */
    struct store_histogram queue_us;       /* how long the first frame of each take has waited */
    struct store_histogram merge_us;       /* each group, from its first frame to its batch */
    struct store_histogram get_us;         /* each get of LevelDB */
    struct store_histogram group_frames;   /* of each group that was committed */
    _Atomic uint64_t read_frames;          /* handled by store_side_read() */
    _Atomic uint64_t overloaded;           /* frames that a full queue refused */
    _Atomic uint64_t reopens;              /* that succeeded */
    _Atomic uint64_t errors[STATUS_COUNT]; /* failed commits and reopens */
    _Atomic uint64_t level0_files;
    _Atomic uint64_t level_files[LEVELDB_LEVELS]; /* seen less often than level 0 alone */
    _Atomic uint64_t table_bytes;
    _Atomic uint64_t free_bytes;
    _Atomic uint64_t floor_bytes;
    _Atomic unsigned state; /* enum store_state */
    _Atomic unsigned boot_epoch;
    _Atomic bool stalled;
    _Atomic bool free_space_low;
};

static inline void metric_add(_Atomic uint64_t *metric, uint64_t amount)
{
    atomic_fetch_add_explicit(metric, amount, memory_order_relaxed);
}

static inline void metric_set(_Atomic uint64_t *metric, uint64_t value)
{
    atomic_store_explicit(metric, value, memory_order_relaxed);
}

static inline uint64_t metric_get(const _Atomic uint64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}

static inline void metric_raise_to(_Atomic uint64_t *metric, uint64_t value)
{
    uint64_t seen = metric_get(metric);
    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               metric, &seen, value, memory_order_relaxed, memory_order_relaxed))
        continue;
}

static inline void store_histogram_add(struct store_histogram *histogram, uint64_t value)
{
    metric_add(&histogram->sum, value);
    metric_raise_to(&histogram->maximum, value);
    metric_add(&histogram->buckets[log_histogram_bucket(value)], 1);
}

/* The count is that of the buckets as they are read; the sum may be of a moment later. */
static inline void store_histogram_read(const struct store_histogram *histogram,
                                        struct log_histogram *out)
{
    out->count = 0;
    for (unsigned i = 0; i < LOG_HISTOGRAM_BUCKETS; i++) {
        out->buckets[i] = metric_get(&histogram->buckets[i]);
        out->count += out->buckets[i];
    }
    out->maximum = metric_get(&histogram->maximum);
    out->sum = metric_get(&histogram->sum);
}

#endif

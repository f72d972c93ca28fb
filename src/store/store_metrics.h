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

#include "base/status.h"

enum { STORE_SYNC_BUCKETS = 28 };

enum store_state {
    STORE_SERVING,
    STORE_REOPENING,  /* a write failed; reads go on, writes are refused, healing alone */
    STORE_QUARANTINED /* damage was found: nothing is read or written any more */
};

struct store_metrics {
    _Atomic uint64_t groups;        /* committed */
    _Atomic uint64_t frames;        /* handled by store_side_write() */
    _Atomic uint64_t batch_bytes;   /* committed */
    _Atomic uint64_t group_last;    /* frames of the last group */
    _Atomic uint64_t group_largest; /* frames */
    _Atomic uint64_t sync_us;       /* sum of the times below */
    _Atomic uint64_t sync_us_max;
    /* Commits by time: bucket i counts those of less than 2^i us, and not less than 2^(i-1). */
    _Atomic uint64_t sync_times[STORE_SYNC_BUCKETS];
    _Atomic uint64_t read_frames;          /* handled by store_side_read() */
    _Atomic uint64_t overloaded;           /* frames that a full queue refused */
    _Atomic uint64_t reopens;              /* that succeeded */
    _Atomic uint64_t errors[STATUS_COUNT]; /* failed commits and reopens */
    _Atomic uint64_t level0_files;
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

/* For a metric with one writer. */
static inline void metric_raise_to(_Atomic uint64_t *metric, uint64_t value)
{
    if (value > metric_get(metric))
        metric_set(metric, value);
}

#endif

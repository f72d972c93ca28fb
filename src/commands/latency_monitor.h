/*
 * latency_monitor.h - single events that took longer than latency-monitor-threshold: LATENCY
 * LATEST, HISTORY, RESET and DOCTOR.
 *
 * Histograms say how times are spread since the start; this says when something was slow, and of
 * what kind, for the last LATENCY_SAMPLES_MAX seconds in which it was. Of one second the worst
 * is kept. All is of this node alone and gone with a restart.
 *
 *   command, fast-command   a call from its start to its reply, waiting for other nodes included
 *   gather, mint, quorum, forward   the stages of key requests (node/request_times.h)
 *
 * Source: the latency monitor of Redis, whose replies these are.
 */
#ifndef COMMANDS_LATENCY_MONITOR_H
#define COMMANDS_LATENCY_MONITOR_H

#include <stdint.h>

#include "base/bytes.h"
#include "node/request_times.h"

enum { LATENCY_SAMPLES_MAX = 160, LATENCY_THRESHOLD_MS_MAX = 3600 * 1000 };

enum latency_kind {
    LATENCY_COMMAND,
    LATENCY_FAST_COMMAND,
    LATENCY_STAGE, /* the first; one for each enum request_stage */
    LATENCY_KIND_COUNT = LATENCY_STAGE + REQUEST_STAGE_COUNT
};

struct latency_sample {
    uint64_t wall_s;
    uint64_t took_ms;
};

struct latency_event {
    struct latency_sample samples[LATENCY_SAMPLES_MAX]; /* a ring */
    uint32_t next, count;
    uint64_t worst_ms; /* since the last reset */
};

/* All zero: nothing is watched. */
struct latency_monitor {
    uint64_t threshold_ms; /* 0: nothing is recorded */
    struct latency_event events[LATENCY_KIND_COUNT];
};

/* It took so long and ended at `wall_ms`. */
void latency_monitor_add(struct latency_monitor *monitor, unsigned kind, uint64_t took_us,
                         uint64_t wall_ms);
static inline void latency_monitor_note(struct latency_monitor *monitor, unsigned kind,
                                        uint64_t took_us, uint64_t wall_ms)
{
    if (monitor->threshold_ms != 0 && took_us >= monitor->threshold_ms * 1000)
        latency_monitor_add(monitor, kind, took_us, wall_ms);
}

const char *latency_kind_name(unsigned kind);
/* LATENCY_KIND_COUNT: there is none of that name. */
unsigned latency_kind_find(struct slice name);

/* Number `index` from the oldest on; `index` is below the count. */
const struct latency_sample *latency_event_sample(const struct latency_event *event,
                                                  uint32_t index);
void latency_event_reset(struct latency_event *event);

/* What an operator reads: what was slow, how often, and what to look at. */
void latency_monitor_report(const struct latency_monitor *monitor, struct buffer *out);

#endif

/*
 * latency.h - how long one node takes to answer one kind of question, as its askers measured it.
 *
 * A few questions at a time are measured, from being sent to being answered, whether
 * or not anybody still waits for the answer: else only the fast answers of a slow node
 * would count. The age of the oldest open one is a lower bound of what the next will
 * take, so a node that stops is seen to have stopped before it answers again.
 *
 * The mean is weighted by time, half a life being about a second, so it follows a change
 * within seconds at any rate of questions. What was measured long ago counts less and less,
 * and nothing after LATENCY_STALE_US. Percentiles are of the last 1000 answers or so.
 * Sources: Suresh et al., "C3: Cutting Tail Latency in Cloud Data Stores via Adaptive
 * Replica Selection", NSDI 2015, 3.1 (what clients measure); reference "algorithms" 4.2, 4.4.
 */
#ifndef COORDINATOR_LATENCY_H
#define COORDINATOR_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"

enum {
    LATENCY_OPEN_MAX = 8, /* questions measured at a time; others are not */
    LATENCY_BUCKETS = 84,
    LATENCY_STALE_US = 10 * 1000 * 1000,
    LATENCY_LOST_US = 5 * 1000 * 1000 /* without an answer for so long: there will be none */
};

/* A plain value; all zero knows nothing. */
struct latency {
    uint64_t mean_us;
    uint64_t measured_us; /* when the last answer came; 0: never */
    uint64_t p99_us;      /* 0: too few answers are known */
    uint32_t answers;     /* in `counts` */
    uint32_t since_p99;   /* answers since p99_us was taken from them */
    uint16_t counts[LATENCY_BUCKETS];
    uint8_t open_count;
    struct {
        request_id request;
        uint64_t asked_us;
    } open[LATENCY_OPEN_MAX];
};

/* Times are of the monotonic clock, not 0. */
void latency_asked(struct latency *latency, request_id request, uint64_t now_us);
/* Whether it was measured; `took_us` gets the time. */
bool latency_answered(struct latency *latency, request_id request, uint64_t now_us,
                      uint64_t *took_us);
/*
 * An answer that says nothing about the time: refused, or the link is lost with all that is open.
 */
void latency_refused(struct latency *latency, request_id request);
void latency_lost(struct latency *latency);

/* What the next answer is expected to take; 0: nothing is known. */
uint64_t latency_expected_us(const struct latency *latency, uint64_t now_us);
/* Whether the last answer is older than `age_us`, and none is awaited. */
bool latency_is_older(const struct latency *latency, uint64_t age_us, uint64_t now_us);

#endif

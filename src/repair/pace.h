/*
 * pace.h - how fast repair may go: a rate of bytes, and no faster than requests bear.
 *
 * Latencies of requests that this node coordinates are averaged twice: over about the last
 * 32, and over about the last 4,096 that came while no repair was at work - the norm. While
 * the first is above twice the norm (and a floor), steps wait; but one step each second (or
 * yield_us) goes on, so that repair under lasting load is slow and never at an end. Without
 * requests nobody is disturbed.
 * Source: reference "algorithms" 6.3 (yield), 7.4; "operators", complaint 4.
 */
#ifndef REPAIR_PACE_H
#define REPAIR_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct repair_pace {
    uint64_t bytes_per_second;   /* 0: no limit */
    uint64_t yield_us;           /* between two steps that give way; 0: a second */
    uint64_t free_at_us;         /* when what was done so far has been paid for */
    uint64_t worked_at_us;       /* of the last step */
    uint64_t recent_ns, norm_ns; /* means of latencies; 0: none yet */
    uint64_t sampled_at_us;
};

/* A request took that long. */
void repair_pace_note_request(struct repair_pace *pace, uint64_t latency_us, uint64_t now_us);
/* A step moved or read that many bytes. */
void repair_pace_note_work(struct repair_pace *pace, uint64_t bytes, uint64_t now_us);
/* When the next step may begin: now_us, or later. */
uint64_t repair_pace_next_us(const struct repair_pace *pace, uint64_t now_us);
/* Whether what the next step waits for is requests, and not the rate. */
bool repair_pace_yields(const struct repair_pace *pace, uint64_t now_us);

#endif

/*
 * settled_time.h - up to when all that happened in a partition is on all owners' disks.
 *
 * Safe time says that a replica knows all events up to then; others may still lack some, and
 * what they make meanwhile has not seen them. Settled time is a safe time of which all that has
 * come to an end:
 *
 *   L1  when it was safe, the replica held certain dots. Every owner has reported since that it
 *       has them durably, and this replica holds all that they had when they said so
 *   L2  so whatever an owner makes later has seen all events up to the settled time; and what
 *       it made before, without having seen them, is known here
 *   L3  it counts only after the longest request, and once every member has said after that
 *       wait that it keeps no hints (G3 and G6 of stability.h): no copy of another event is left
 *   L4  it never goes back in one life of a replica, and begins with nothing in the next one
 *
 * It follows safe time by a wait and some reports, so who needs it folds what is old by then.
 * Sources: reference "algorithms" A.6 and 11.1; tests/models/fold.py.
 */
#ifndef REPLICA_SETTLED_TIME_H
#define REPLICA_SETTLED_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/clock.h"
#include "causal/hybrid_time.h"
#include "replica/safe_time.h"
#include "replica/stability.h"

/* All zero: nothing is known. */
struct settled_time {
    struct safe_time safe;
    hybrid_time settled;
    hybrid_time coming; /* safe once, and not yet settled; 0: none */
    struct clock dots;  /* held when it was; empty once they are everywhere */
    bool everywhere;
    uint64_t since_us; /* since when they are */
    uint64_t resets;   /* of the stability by which it is judged */
};

void settled_time_deinit(struct settled_time *time);

struct settled_look {
    node_id self;
    const struct clock *clock; /* of the replica, durable once the group is */
    hybrid_time closed;        /* the own promise, made before */
    uint64_t now_us, wait_us;
    uint64_t hint_free_us; /* as in stability_advance() */
};

/* Look again; costs some comparisons of clocks for each owner. */
void settled_time_advance(struct settled_time *time, const struct stability *stability,
                          const struct settled_look *look);

#endif

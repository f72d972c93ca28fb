/*
 * safe_time.h - up to when a replica knows all that will ever have happened in its partition.
 *
 * Every owner promises a closed time: what it makes later is later (T4 of node/store_clock.h).
 * It comes with the reports of what is durable there (replica/stability.h), so that closed time
 * and clock belong together: who holds all of that clock holds all that this owner made up to
 * then. The safe time of a replica is the least of these over all owners, itself included.
 *
 *   S1  no event at or below the safe time comes to the replica any more, but for one that its
 *       maker lost with its memory: nothing was built upon it, and it counts for itself
 *   S2  an owner that cannot be heard holds the safe time where it is. So does one that has
 *       something which this replica lacks
 *   S3  it never goes back, except in a new process, or when what the replica held was lost
 *
 * So what had expired by then can be extended by nobody: whoever did so had a wall clock before
 * that time, and its event is here. While the partition moves all its replicas count, and what they
 * said counts under one tag. So an owner that joins needs no pause before it makes something,
 * unlike in the model: it has absorbed one that went by JOINT before, and under the earlier tag
 * that one had closed nothing later than two skews before its own clock. Source: reference
 * "algorithms" 11.1; tests/models/safe_time.py.
 */
#ifndef REPLICA_SAFE_TIME_H
#define REPLICA_SAFE_TIME_H

#include <stdbool.h>

#include "base/ids.h"
#include "causal/clock.h"
#include "causal/hybrid_time.h"
#include "replica/stability.h"

/* All zero: nothing is known. */
struct safe_time {
    hybrid_time safe;
    node_id holder; /* on the last look: who kept it from rising further, `self` included */
    bool silent;    /* because it cannot be heard */
};

/*
 * What the owner has said with its last report, which this replica has taken; ignored from others.
 */
void safe_time_close(struct stability *stability, node_id from, hybrid_time closed);

/*
 * Look again. `clock` is what this replica holds, durably once the group is; `closed` is the own
 * promise, made before. Costs one comparison of clocks for each owner.
 */
void safe_time_advance(struct safe_time *time, const struct stability *stability, node_id self,
                       const struct clock *clock, hybrid_time closed);

#endif

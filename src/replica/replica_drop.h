/*
 * replica_drop.h - removes all that a store has of a partition that its node holds no more.
 *
 * A mark goes first, in the batch of the value by which the copy is given up; the checkpoint and
 * the mark go last. So a copy of which some is gone never looks like a whole one, whatever
 * crashes between, and none is made anew where an old one still stands (T5 of
 * tests/models/ring_change.py). Remembered requests go with it, except for their names by
 * expiry, which find nothing when their time has come (replica_requests.h).
 */
#ifndef REPLICA_REPLICA_DROP_H
#define REPLICA_REPLICA_DROP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "replica/replica.h"

/* What stands in a store of one partition. */
struct replica_copy {
    partition_id partition;
    bool dropping; /* marked */
    uint32_t adopt_epoch;
};

/* Put the mark into the batch. */
void replica_drop_mark(partition_id partition, struct replica_context *context);

/*
 * The copy of the lowest partition at or above `from`, as committed. STATUS_NOT_FOUND: there is
 * none. STATUS_CORRUPT, STATUS_IO: the store cannot be trusted.
 */
MUST_USE enum status replica_copy_next(uint32_t from, struct replica_context *context,
                                       struct replica_copy *out);

enum { REPLICA_DROP_RECORDS = 512, REPLICA_DROP_BYTES = 1 << 20 };

/* Where a walk stands, in memory alone. All zero is its beginning. */
struct replica_drop {
    uint8_t range; /* of the kinds of records */
    struct buffer place;
};

void replica_drop_deinit(struct replica_drop *drop);

/*
 * Remove the next records; `removed` counts. `done`: with this batch nothing of it is left.
 * STATUS_CORRUPT, STATUS_IO: some could not be read; the place stays.
 */
MUST_USE enum status replica_drop_step(struct replica_drop *drop, partition_id partition,
                                       struct replica_context *context, uint32_t *removed,
                                       bool *done);

#endif

/*
 * expiry.h - values that have expired leave the disk, when nobody can see or extend them any more.
 *
 * A reader tells by its own clock whether a value has expired, so nothing depends on this here.
 * But a value is dropped only once the safe time of its partition (safe_time.h) is past its
 * expiry. Then the clocks of all owners are past it, whatever they showed before, and whoever
 * extended it did so earlier: that version is here, in the place of this one.
 *
 *   X1  a value goes in two steps. It becomes its own tombstone (causal/expired.h), which is an
 *       event of this replica's log that adds no dot; later the tombstone is collected as every
 *       other (C6, C7 of causal/README.md, G1-G6 of stability.h). Were it dropped at once, an
 *       older rival that comes late would be alive here, and beaten where the value still stands
 *   X2  what one owner did and another did not yet is no difference: versions are equal by their
 *       dots, and leaf_compare.h looks at cells as if all that has expired were gone
 *   X3  a cell has an index record for each time at which a value in it expires,
 *       made and removed in the batch of the cell; so nothing is found by walking over cells
 *       (a cell with a deadline has one for its end, and one for what is yet to be swept)
 *   X4  a record whose cell has nothing to do at that time is left over from damage, and goes;
 *       a scrub makes one that is missing
 *
 * Source: reference "algorithms" 8.6 and 11.1; tests/models/safe_time.py, tests/models/expiry.py.
 */
#ifndef REPLICA_EXPIRY_H
#define REPLICA_EXPIRY_H

#include "replica/replica.h"

enum {
    EXPIRY_WAITING_MAX = 256,        /* counted in one look at a replica */
    EXPIRY_MISSING_BYTES = 256 << 10 /* of names that one scrub makes */
};

/* What one look at a replica has found; all zero before. */
struct expiry_outcome {
    uint32_t dropped;      /* values, and counts and elements that went with them */
    uint32_t waiting;      /* expired by the wall clock, and not past by the safe time; at most
                              EXPIRY_WAITING_MAX */
    uint64_t waits_for_ms; /* the oldest expiry that waits; 0: none does */
    bool more;             /* the budget ended the walk */
};

/* The index records of a cell that changes. For replica_put_cell() alone. */
void expiry_index_cell(struct replica *replica, keyspace_id keyspace, struct slice key,
                       const struct cell *before, const struct cell *after,
                       struct replica_context *context);
/*
 * X4: append to `names`, each as bytes, the records of a stored cell that are not there, until
 * EXPIRY_MISSING_BYTES; the next scrub finds more. STATUS_CORRUPT, STATUS_IO.
 */
MUST_USE enum status expiry_index_missing(const struct replica *replica, keyspace_id keyspace,
                                          struct slice key, const struct cell *cell,
                                          const struct replica_context *context,
                                          struct buffer *names);
/* Within a group: put them. The cells may have changed since; then X4 holds. */
void expiry_index_put(struct replica *replica, struct slice names, struct replica_context *context);
/*
 * Whether something may have expired at `now_ms` by the wall clock; cheap, and may say true too
 * often.
 */
bool expiry_is_due(const struct replica *replica, uint64_t now_ms);
/*
 * Drop what expired before `safe`, oldest first, at most `budget` records of it. Elements whose end
 * has come are swept (D4 of collection.h), some at a time.
 * STATUS_CORRUPT, STATUS_IO: the store cannot be trusted.
 */
MUST_USE enum status expiry_drop(struct replica *replica, hybrid_time safe,
                                 const struct stability *stability, uint32_t budget,
                                 struct replica_context *context, struct expiry_outcome *out);

#endif

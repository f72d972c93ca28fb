/*
 * keyspace_drop.h - what is left of a dropped keyspace at a replica: taken from nobody, removed.
 *
 * The id of a dropped keyspace is never given again (ring.h), so nothing below is in a hurry and
 * nothing has to be agreed on: a cell of it is seen by no command, whatever brings it and whenever.
 *
 *   K3  what comes for a dropped keyspace enters the clock, with its log record and the records of
 *       requests, as ever; its cell is discarded. So log sync ends, and what all owners have is
 *       known for the other keyspaces
 *   K4  its cells are removed a bounded step at a time. That is no event: clock and log stay, the
 *       sums follow (R5), and go with a checkpoint in the batch of the step
 *   K5  who compares cells leaves out those of keyspaces that it knows to be dropped
 *
 * Live cells of all dropped keyspaces are counted under one id that is never given, from the moment
 * that the drop is known. So a count of zero says that all are gone; it is in the checkpoint, exact
 * after any crash, and a scrub makes it right. Tombstones are in no count: those that a step meets
 * go with the rest, the others are collected as all are. Index records of expiry go with their
 * cells; garbage records, whose cells are gone, when their turn comes. Source:
 * tests/models/keyspace_drop.py.
 */
#ifndef REPLICA_KEYSPACE_DROP_H
#define REPLICA_KEYSPACE_DROP_H

#include "replica/replica.h"
#include "ring/element_key.h"

/* All dropped ones together, keys and elements, in counts alone. */
enum { KEYSPACE_DROPPED = KEYSPACE_ELEMENTS - 1 };
_Static_assert(RING_KEYSPACES_MAX *RING_KEYSPACE_DROPS_MAX <= KEYSPACE_DROPPED,
               "it is no id of a keyspace");

static inline bool keyspace_is_dropped(const struct replica_context *context, keyspace_id keyspace)
{
    return context->ring != NULL && ring_keyspace_is_dropped(context->ring, keyspace);
}
/* Under which id its cells are counted. */
static inline keyspace_id keyspace_counted_as(const struct replica_context *context,
                                              keyspace_id keyspace)
{
    return keyspace_is_dropped(context, keyspace) ? (keyspace_id)KEYSPACE_DROPPED : keyspace;
}

/* Drops became known: count what is left of them apart. A scrub that is under way ends. */
void replica_count_dropped_apart(struct replica *replica, const struct replica_context *context);
/* Live cells of dropped keyspaces. */
uint64_t replica_dropped_left(const struct replica *replica);

/*
 * K3: instead of replica_apply() for a delivery of a dropped keyspace. Statuses as there but for
 * STATUS_TOO_LARGE.
 */
MUST_USE enum status replica_discard(struct replica *replica, const struct cell_delivery *delivery,
                                     struct replica_context *context, bool *changed);

enum { DROP_CELLS_PER_STEP = 512, DROP_LOOKS_PER_STEP = 4096, DROP_BYTES_PER_STEP = 1 << 20 };

/* What a step has found; all zero before. */
struct drop_outcome {
    uint32_t removed; /* cells */
    bool done; /* all of the partition was looked at since `place` was empty, or none is left */
};

/*
 * K4: look on from `place`, the name where the last step ended, or empty for the beginning; `place`
 * gets where to go on. STATUS_CORRUPT, STATUS_IO: cells could not be read.
 */
MUST_USE enum status replica_remove_dropped(struct replica *replica, struct buffer *place,
                                            struct replica_context *context,
                                            struct drop_outcome *out);

#endif

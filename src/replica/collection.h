/*
 * collection.h - deletes of whole collections, at one replica.
 *
 * An element is a cell like any other, and so is what a delete leaves in the cell of the key: a
 * cut (causal/cut.h). What it killed stays on the disk, hidden, until a sweep turns it into
 * tombstones, which replicate and are purged as all others are. Then the cut goes.
 *
 *   D1  a sweep begins when the cut is ripe and every owner durably has all that it covers: what
 *       comes later is stopped by the seen-filter. Events that were lost with their maker before
 *       any owner had them are not waited for (G1 of stability.h)
 *   D2  only an owner that made a live cut makes tombstones; the others wait for them, so that
 *       a delete is not swept once for each owner. For a maker that owns the partition no more the
 *       owner with the least id does it
 *   D3  a replica drops a cut when none of its elements has a live version in it
 *   D4  what an end has reached is swept past the safe time, when all that was written before is
 *       here; by the owner that made the deadline, or stands in for it. In the end it says so by a
 *       new version (L5 of causal/deadline.h). That one is collected as a cut is
 */
#ifndef REPLICA_COLLECTION_H
#define REPLICA_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/deadline.h"
#include "causal/past.h"
#include "replica/replica.h"

struct replica_cut {
    keyspace_id keyspace;
    struct slice key;
    struct slice read_cell;   /* encoded: the key's cell, as the read quorum holds it */
    const struct clock *seen; /* by the read quorum: all events in it are removed */
};

/*
 * Remove all that `seen` and this replica's clock hold of the key's elements. O(1) in their
 * number. A delivery for the other owners is appended to `deliveries`.
 * STATUS_TOO_LARGE, STATUS_CLOCK_SKEW, STATUS_CORRUPT, STATUS_IO: nothing was changed.
 */
MUST_USE enum status replica_cut(struct replica *replica, const struct replica_cut *cut,
                                 struct replica_context *context, struct replica_minted *out,
                                 struct buffer *deliveries);

/*
 * What of the key's elements is dead for a writer, as this replica and the read quorum know it.
 * `read_heads` are cells of the key and its elements as they were read, as bytes one behind the
 * other, the key's first. `judged_ms`: the time of what is written now (L2 of causal/deadline.h).
 */
struct replica_past {
    struct past past;
    struct deadline deadline;
    uint64_t judged_ms;
};
MUST_USE enum status replica_join_past(const struct replica *replica, keyspace_id keyspace,
                                       struct slice key, struct slice read_cells,
                                       struct replica_context *context, struct replica_past *out);

struct replica_deadline {
    keyspace_id keyspace;
    struct slice key;
    struct slice read_cell;          /* encoded: the key's cell, as the read quorum holds it */
    const struct mutation *mutation; /* REGISTER_EXPIRE, REGISTER_PERSIST */
};

/*
 * Give the elements of a key an end, or lift it; `number` is as of a string, or
 * DEADLINE_HAS_PASSED, and then nothing is written. A delivery for the other owners is appended to
 * `deliveries`. Statuses as those of replica_cut(); nothing was changed.
 */
MUST_USE enum status replica_set_deadline(struct replica *replica,
                                          const struct replica_deadline *wish,
                                          struct replica_context *context,
                                          struct replica_minted *out, struct buffer *deliveries);

/* Elements that one step of collecting looks at. */
enum { SWEEP_ELEMENTS_MAX = 256 };

struct sweep_budget {
    uint32_t elements; /* left to look at */
    uint32_t made;     /* tombstones */
};

/*
 * D4: part of expiry_drop(). `head` is the cell of a key that wants it. `finished`: nothing of it
 * is left to do here.
 */
MUST_USE enum status replica_sweep_ended(struct replica *replica, keyspace_id keyspace,
                                         struct slice key, const struct cell *head,
                                         uint64_t safe_ms, const struct stability *stability,
                                         struct replica_context *context,
                                         struct sweep_budget *budget, bool *finished);

/*
 * Part of replica_purge(): go on sweeping what `head`, the cell of a key with a ripe context, has
 * cut. `done`: D3 holds.
 */
MUST_USE enum status replica_sweep(struct replica *replica, keyspace_id keyspace, struct slice key,
                                   const struct cell *head, const struct stability *stability,
                                   struct replica_context *context, struct sweep_budget *budget,
                                   bool *done);

#endif

/*
 * hint_store.h - the copies that this node keeps for owners that could not be reached.
 *
 * One record for each cell, into which later hints of the cell are merged: a key that is
 * written a million times while its owner is away costs one record. They lie in the
 * node's one database and go into the batches of its groups, so a hint is as durable as a
 * write of an owner when it is acknowledged, for the same sync.
 *
 * A hint counts as the copy of the owner it is intended for. So it is owed to that owner and
 * to no other: one that acknowledged the write itself has its own copy already, and a hint
 * given to that one would take a copy away. When an intended owner owns the partition no
 * longer, the hint is owed to all who do. While the partition moves, a hint for an owner that comes
 * or leaves is kept.
 *
 * Invariants
 *   H1  a hint is removed only when each owner that it is owed to has acknowledged what is in
 *       it, or when its keyspace was dropped; that one goes to nobody any more
 *   H2  what does not fit within the limits is refused; nothing is dropped to make room
 *   H3  counts and bytes are those of the records, and an open reads them from these
 *   H4  a record that cannot be understood is set aside, once: kept, and never looked at again
 * Source: reference "algorithms" 5.2. Unlike there, not any owner will do: see above.
 */
#ifndef REPLICA_HINT_STORE_H
#define REPLICA_HINT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/status.h"
#include "replica/replica.h"
#include "ring/ring.h"
#include "wire/message_hint.h"

struct hint_store;

struct hint_store_params {
    const struct ring *ring; /* outlives it */
    uint64_t bytes_max;      /* of names and values, all partitions together */
    uint64_t partition_bytes_max;
    struct log_sink log;
};

struct hint_store *hint_store_new(const struct hint_store_params *params);
void hint_store_free(struct hint_store *store);

/*
 * Count what is there; costs one pass over all hints, which `bytes_max` bounds. Records that
 * cannot be understood are set aside in `context->batch`.
 * STATUS_CORRUPT, STATUS_IO: the store could not be read.
 */
MUST_USE enum status hint_store_open(struct hint_store *store, struct replica_context *context);
/* The ring has other owners, or tags: everything is forgotten, and is to be opened again. */
void hint_store_follow_ring(struct hint_store *store);
/* Forget everything, as before open. */
void hint_store_close(struct hint_store *store);
/* Whether there is a hint of any partition, also of the present group. */
bool hint_store_keeps_any(const struct hint_store *store);
/* Whether any of the partition is owed to the node. */
bool hint_store_owes(const struct hint_store *store, partition_id partition, node_id node);

/*
 * Keep a delivery for `intended`, another node that holds `partition`. Its key must lie there.
 * STATUS_NO_SPACE: a limit was met, or it is for more replicas than a hint can name.
 * STATUS_CLOCK_SKEW, STATUS_TOO_LARGE, STATUS_CORRUPT: as replica_apply(). Nothing was changed
 * then.
 */
MUST_USE enum status hint_store_add(struct hint_store *store, partition_id partition,
                                    node_id intended, const struct cell_delivery *delivery,
                                    enum merge_policy policy, struct replica_context *context);

/* A page and its memory, to release with hint_page_deinit(). All zero is empty. */
struct hint_page {
    struct message_hints_page message; /* its slices borrow from those below */
    struct buffer last;
    struct buffer marks;
    struct buffer deliveries;
};
void hint_page_deinit(struct hint_page *page);

enum { HINTS_LOOKED_AT_MAX = 4096 };

/*
 * What scan->target, an owner, lacks of a partition, as it was committed, in the order of ring
 * positions. Looks at HINTS_LOOKED_AT_MAX records at most.
 */
void hint_store_page(struct hint_store *store, const struct message_hints_scan *scan,
                     struct replica_context *context, struct hint_page *page);

/*
 * drop->target, an owner, has acknowledged the marked hints; `dropped` counts those that were as
 * marked. What has changed since is still owed to it, and begins to wait now.
 */
MUST_USE enum status hint_store_drop(struct hint_store *store,
                                     const struct message_hints_drop *drop,
                                     struct replica_context *context, uint32_t *dropped);

/*
 * Remove hints of dropped keyspaces: look on from `place`, empty for the first of all, and leave
 * there where to go on. HINTS_LOOKED_AT_MAX records are looked at; `removed` counts, `done` tells
 * that all were. STATUS_CORRUPT, STATUS_IO: the store could not be read.
 */
MUST_USE enum status hint_store_remove_dropped(struct hint_store *store, struct buffer *place,
                                               struct replica_context *context, uint32_t *removed,
                                               bool *done);

/* A line for the log when anything is kept: `what` says what becomes of it now. */
void hint_store_log(const struct hint_store *store, const char *what);

/* The group is durable. */
void hint_store_committed(struct hint_store *store);
/* The next partition whose counts have changed since they were told; false: none has. */
bool hint_store_next_counts(struct hint_store *store, struct message_hint_counts *out);

#endif

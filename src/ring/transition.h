/*
 * transition.h - partitions on their way to other owners, and the tag of each partition.
 *
 * A partition has its owners, C, in the table of the ring. While it moves it has the coming ones
 * too, N, as many of each region. Its tag (epoch, phase) moves with it and with nothing else, so
 * requests for other partitions see nothing of a change:
 *
 *     RING_STABLE     reads and writes go to C
 *     RING_JOINT      writes to C and N, with their level in each; reads, and new events, to C
 *     RING_SWITCHED   writes as before; reads, and new events, to N
 *     RING_STABLE     N is C now, one epoch later; or C is still, when the change was given up
 *
 *     joining owner   in N and not in C: begins empty, and answers no read until it is complete
 *     leaving owner   in C and not in N: drops its copy when the change is over
 *     replica         whatever holds the partition: these, and those that are in C and N
 *
 * The rules by which it moves, T1-T8, are those of tests/models/ring_change.py.
 * Source: reference "algorithms" 1.8.
 */
#ifndef RING_TRANSITION_H
#define RING_TRANSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"

enum {
    RING_JOINING_MAX = 8, /* joining owners of one partition at a time */
    RING_REPLICAS_MAX = RING_OWNERS_MAX + RING_JOINING_MAX
};

struct ring_transition {
    partition_id partition;
    uint8_t phase; /* RING_JOINT or RING_SWITCHED */
    /* Replicas whose stores were declared lost since it began: by id, ascending (T8). */
    uint8_t lost_count;
    node_id lost[RING_REPLICAS_MAX];
    node_id owners[RING_OWNERS_MAX]; /* N: a row like those of ring_owners() */
};

/* NULL while the partition is stable. Valid until the ring changes. */
const struct ring_transition *ring_transition(const struct ring *ring, partition_id partition);
struct ring_tag ring_tag_of(const struct ring *ring, partition_id partition);
/* Two rows of ring->owner_count ids: N, which is C while stable, and those who answer reads. */
const node_id *ring_coming_owners(const struct ring *ring, partition_id partition);
const node_id *ring_read_owners(const struct ring *ring, partition_id partition);

/* All that hold the partition, C first; how many. */
uint8_t ring_replicas(const struct ring *ring, partition_id partition,
                      node_id out[RING_REPLICAS_MAX]);
bool ring_replicates(const struct ring *ring, node_id node, partition_id partition);
/* Whether it is one of those who answer reads. */
bool ring_is_read(const struct ring *ring, node_id node, partition_id partition);
bool ring_joins(const struct ring *ring, node_id node, partition_id partition);
bool ring_leaves(const struct ring *ring, node_id node, partition_id partition);
bool ring_is_lost(const struct ring *ring, node_id node, partition_id partition);

/* Whether a partition moves, or has another epoch than that of `tag`. */
bool ring_has_moved(const struct ring *ring);
/*
 * Whether no partition goes back to an earlier tag, and none has other owners under the one that it
 * has: of two values that were chosen, the later one follows the earlier. Both have one shape.
 */
bool ring_placement_follows(const struct ring *later, const struct ring *ring);
/*
 * `ring` gets the table, the epochs and the transitions of `agreed`, which has as many partitions
 * and owners. False: it had the same, and nothing was done.
 */
bool ring_take_placement(struct ring *ring, const struct ring *agreed);

/* For ring_change.h: `epoch` is that of the partition from now on. */
void ring_set_epoch(struct ring *ring, partition_id partition, uint32_t epoch);
/* Room for a transition of a partition that has none: JOINT, and N as C is. */
struct ring_transition *ring_add_transition(struct ring *ring, partition_id partition);
void ring_remove_transition(struct ring *ring, partition_id partition);

/* What ring_validate() asks of them. STATUS_INVALID: one sentence is in `reason`. */
MUST_USE enum status ring_validate_transitions(const struct ring *ring,
                                               char reason[RING_REASON_MAX]);

/*
 * All epochs and transitions in their one canonical form; nothing when every partition is stable
 * and has the epoch of the ring. They are no part of ring_encode(): a ring is what a cluster begins
 * with, and this is what became of it (membership/register_value.h).
 *
 *     varint  epochs:       { varint partition, varint epoch - that of the ring }, ascending
 *     varint  transitions:  { varint partition, u8 phase, owner_count x varint index of a member,
 *                             u8 lost: { varint index of a member } }, ascending
 *
 * STATUS_CORRUPT: not canonical, or against a rule; the ring is as it was.
 */
void ring_transitions_encode(const struct ring *ring, struct buffer *out);
MUST_USE enum status ring_transitions_decode(struct slice bytes, struct ring *ring);

#endif

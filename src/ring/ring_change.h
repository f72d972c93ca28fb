/*
 * ring_change.h - how a partition gets other owners: each step, and when it may be taken.
 *
 *     begin    STABLE(C)       -> JOINT(C, N)
 *     switch   JOINT(C, N)     -> SWITCHED(C, N)     a majority of N is complete
 *     finish   SWITCHED(C, N)  -> STABLE(N), epoch + 1
 *     abort    JOINT(C, N)     -> STABLE(C), epoch + 1
 *
 * Whoever drives a change names the tag that the partition had when he looked: a step is taken
 * from there or not at all, so two who drive it, or one that does so twice, do no harm.
 *
 *   complete   may be counted on for all that was acknowledged before it counted: a joining owner
 *              that absorbed every leaving one, and of C so many that each majority is met; or an
 *              owner that lost its store and absorbed as much (T3). What a source has counts from
 *              when it goes by JOINT on, because then nothing is acknowledged behind the back of N
 *   goes by    has the tag on its disk, and no request of its own under way from before
 *
 * What a node said of itself holds for the store it had then: forget it when that was lost. Unlike
 * the reference 1.8, owners that stay need not absorb anything, for what they have they keep; and
 * each leaving owner counts, not a majority of them, or what it alone acknowledged would go with
 * it.
 *
 * Source: tests/models/ring_change.py, T3, T4, T8; reference "algorithms" 1.8.
 */
#ifndef RING_RING_CHANGE_H
#define RING_RING_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"
#include "ring/transition.h"

struct node_set {
    uint8_t count;
    node_id nodes[RING_REPLICAS_MAX]; /* each once, in any order */
};

/* Nothing is done when it is in already. */
void node_set_add(struct node_set *set, node_id node);
bool node_set_has(const struct node_set *set, node_id node);

/* What is known of the replicas of one partition, under one tag. */
struct ring_evidence {
    struct node_set complete; /* owners that are complete */
    struct node_set goes_by;  /* replicas that go by the tag */
};

/* Whether `node` is complete, once it absorbed `sources` with its present store. */
bool ring_is_complete(const struct ring *ring, partition_id partition, node_id node,
                      const struct node_set *sources);
/* Whether the next step may be taken. False in any other phase. */
bool ring_may_switch(const struct ring *ring, partition_id partition,
                     const struct ring_evidence *evidence);
bool ring_may_finish(const struct ring *ring, partition_id partition,
                     const struct ring_evidence *evidence);

/*
 * The steps; the ring is changed in place. STATUS_STALE_TAG: the partition does not have the tag
 * `from` any more. STATUS_INVALID: it may not be done; `reason` has one sentence for the operator.
 * In both cases nothing was changed.
 */
MUST_USE enum status ring_begin(struct ring *ring, partition_id partition, struct ring_tag from,
                                const node_id *owners, char reason[RING_REASON_MAX]);
MUST_USE enum status ring_switch(struct ring *ring, partition_id partition, struct ring_tag from,
                                 const struct ring_evidence *evidence,
                                 char reason[RING_REASON_MAX]);
MUST_USE enum status ring_finish(struct ring *ring, partition_id partition, struct ring_tag from,
                                 const struct ring_evidence *evidence,
                                 char reason[RING_REASON_MAX]);
MUST_USE enum status ring_abort(struct ring *ring, partition_id partition, struct ring_tag from,
                                char reason[RING_REASON_MAX]);
/* The store that this replica had is not waited for any more. The tag stays. */
MUST_USE enum status ring_declare_lost(struct ring *ring, partition_id partition,
                                       struct ring_tag from, node_id node,
                                       char reason[RING_REASON_MAX]);

#endif

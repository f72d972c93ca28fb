/*
 * ring_work.h - what is left of a plan that was committed: where partitions are still to go.
 *
 * Committing makes members what was wished of them, for members own nothing by themselves, and
 * notes the new owners of each partition that changes. A partition that begins takes its row away:
 * from then on its transition says where it goes (transition.h). When nothing is left and nothing
 * moves, those that were to leave own nothing and are members no more, and the work is over.
 *
 *     u64     id of the plan
 *     u8      1: paused
 *     varint  leavers:  { varint node }, ascending
 *     varint  lost:     { varint node }, ascending: leavers whose stores are waited for no longer
 *     varint  rows:     { varint partition, owner_count x varint node }, by partition, ascending
 */
#ifndef RING_RING_WORK_H
#define RING_RING_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/change_plan.h"
#include "ring/ring.h"
#include "ring/ring_wish.h"

struct ring_target {
    partition_id partition;
    node_id owners[RING_OWNERS_MAX];
};

/* All zero is none. Release with ring_work_deinit(). */
struct ring_work {
    uint64_t plan_id; /* 0: there is none */
    bool paused;      /* nothing more begins; what has begun goes on */
    uint16_t leaver_count;
    uint16_t lost_count; /* of them */
    uint32_t target_count;
    node_id *leavers;            /* owned, as the next */
    node_id *lost;               /* NULL, or with room for all leavers */
    struct ring_target *targets; /* that have not begun, by partition; owned */
};

void ring_work_deinit(struct ring_work *work);
void ring_work_copy(const struct ring_work *from, struct ring_work *to);

/* Commit: `plan` was made of `ring` and `wishes`. `work` is none before; no owner changes. */
void ring_work_begin(struct ring *ring, const struct ring_wishes *wishes,
                     const struct change_plan *plan, struct ring_work *work);
/* Rows of partitions that have begun, or have these owners, go. After each change of the ring. */
void ring_work_settle(struct ring_work *work, const struct ring *ring);
/* Give up what has not begun. Nobody leaves any more; what has begun is left to its transitions. */
void ring_work_abandon(struct ring_work *work);
bool ring_work_leaves(const struct ring_work *work, node_id node);
/* Whether what that leaver alone has was given up (T8). */
bool ring_work_has_lost(const struct ring_work *work, node_id node);
/* It is a leaver. */
void ring_work_lose(struct ring_work *work, node_id node);
/* Where the partition is to go, while it has not begun; else NULL. */
const struct ring_target *ring_work_target(const struct ring_work *work, partition_id partition);
/* Whether nothing is left, and nothing moves. True of none. */
bool ring_work_is_over(const struct ring_work *work, const struct ring *ring);

/* Nothing is appended for none. `ring` is that of the work, for both. */
void ring_work_encode(const struct ring_work *work, const struct ring *ring, struct buffer *out);
/*
 * STATUS_CORRUPT: not canonical, or owners that the partition could not have; `*out` is none. The
 * caller owns what is in `*out`.
 */
MUST_USE enum status ring_work_decode(struct slice bytes, const struct ring *ring,
                                      struct ring_work *out);

#endif

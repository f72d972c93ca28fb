/*
 * plan_change.h - the life of a plan in the register: committed, paused, given up, ended.
 *
 * Each is a pure change of the ring, of what is staged and of what is left of a plan
 * (ring/ring_work.h); nobody begins a second one beside it. Committing makes the plan again of what
 * the register has now, so an id that is no longer true is refused whoever knows it.
 *
 * Steps (ring/ring_steps.h) are proposed by whoever drives. A partition begins only as the work
 * says, so what was proposed before a plan was paused, given up or over begins nothing.
 *
 * Who leaves is retired first: it is nobody's fallback any more, and takes no hint. So what it
 * tells of its hints after that is the last word on them, and the plan ends when there are none.
 *
 * STATUS_INVALID, STATUS_STALE_TAG: nothing was changed, and `reason` has one sentence for the
 * operator.
 * Source: reference "algorithms" 1.5.
 */
#ifndef MEMBERSHIP_PLAN_CHANGE_H
#define MEMBERSHIP_PLAN_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/ring.h"
#include "ring/ring_wish.h"
#include "ring/ring_work.h"

/* STATUS_STALE_TAG: what is staged makes another plan by now, or none. Costs as planner_place(). */
MUST_USE enum status plan_commit(struct ring *ring, struct ring_wishes *staged,
                                 struct ring_work *work, uint64_t plan_id,
                                 char reason[RING_REASON_MAX]);
MUST_USE enum status plan_pause(struct ring_work *work, bool pause, char reason[RING_REASON_MAX]);
/*
 * Steps that the work does not name are left out; `taken` is how many were not. STATUS_CORRUPT,
 * STATUS_INVALID as ring_steps_apply().
 */
MUST_USE enum status plan_steps(struct ring *ring, struct ring_work *work, struct slice steps,
                                uint32_t *taken, char reason[RING_REASON_MAX]);
/*
 * The store of that node is waited for no longer: of replicas of all partitions that move now, and
 * of those that are still to begin when it is a leaver. What it alone acknowledged is lost (T8).
 */
MUST_USE enum status plan_lose(struct ring *ring, struct ring_work *work, node_id node,
                               char reason[RING_REASON_MAX]);
/*
 * What reads have not left goes back (JOINT), what they have goes on (SWITCHED); nothing more
 * begins, and nobody leaves. Who has joined stays a member that stores data.
 */
MUST_USE enum status plan_abort(struct ring *ring, struct ring_work *work,
                                char reason[RING_REASON_MAX]);
/* Nothing is left and nothing moves: those that are to leave are MEMBER_LEAVING from now on. */
MUST_USE enum status plan_retire(struct ring *ring, struct ring_work *work,
                                 char reason[RING_REASON_MAX]);
/* All that were to leave are retired: they are members no more. */
MUST_USE enum status plan_end(struct ring *ring, struct ring_work *work,
                              char reason[RING_REASON_MAX]);

#endif

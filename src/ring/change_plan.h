/*
 * change_plan.h - what a change of the ring would do: from today's owners and wishes to new owners.
 *
 * The owners are those of the planner (planner.h): each node within one partition of its exact
 * share, and among all such tables one that moves the fewest copies. A node that replaces another
 * is planned in its name, so nothing else moves for it. A partition that keeps its owners keeps
 * their order too, for an order alone cannot change (ring_change.h).
 *
 * The id follows from all that the plan follows from, and from its owners: the same plan has the
 * same id everywhere, and one that is no longer true has another.
 * Source: reference "algorithms" 1.4, 1.5.
 */
#ifndef RING_CHANGE_PLAN_H
#define RING_CHANGE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "ring/planner.h"
#include "ring/ring.h"
#include "ring/ring_wish.h"

struct change_plan_node {
    node_id id;
    uint32_t before, after; /* partitions that it owns */
    uint32_t in, out;       /* that it comes to own, and does no more */
    bool joins;             /* it owns nothing today */
    bool leaves;            /* it is to own nothing */
};

/*
 * Partitions that would be left without a majority, of all their owners or of those of the region,
 * if every node of one rack were lost. While a partition moves it needs both sets of owners.
 */
struct change_plan_rack {
    uint8_t region;
    char name[RING_NAME_MAX + 1];
    uint32_t before, during, after; /* during: if it came while all of them move */
};

struct change_plan {
    uint64_t id;           /* never 0 */
    node_id *owners;       /* the new table: as many rows as the ring has */
    partition_id *changed; /* partitions whose owners change, ascending */
    uint32_t changed_count;
    struct change_plan_node *nodes; /* all that own something before or after, by id */
    uint16_t node_count;
    uint32_t moves;
    uint32_t moves_lower_bound; /* what counting demands of any table with the same balance */
    struct change_plan_rack
        worst;                    /* the rack whose loss during the change costs most; "" if none */
    struct planner_report report; /* of the new owners; its `moves` are not the plan's */
};

/*
 * STATUS_OK: `out` is the caller's, for change_plan_deinit(); `reason` has what was relaxed, or is
 * empty. STATUS_INVALID: a wish cannot be had, partitions are moving, or nothing would change.
 * STATUS_INFEASIBLE: no owners can be found, or copies would stand together in a rack more than
 * they do today. In both, `reason` has one sentence for the operator. Costs as planner_place().
 */
MUST_USE enum status change_plan_make(const struct ring *ring, const struct ring_wishes *wishes,
                                      struct change_plan *out, char reason[RING_REASON_MAX]);
void change_plan_deinit(struct change_plan *plan);
/* The new owners of a partition: ring->owner_count ids. */
const node_id *change_plan_owners(const struct ring *ring, const struct change_plan *plan,
                                  partition_id partition);

#endif

/*
 * planner.h - who should own what: exact weighted shares by min-cost max-flow.
 *
 * Regions are solved one by one. Inside a region each node gets its weighted
 * share of the partition copies to within one, no rack holds two copies of a
 * partition while racks suffice, and among all such placements the one that
 * moves the fewest copies from the ring before is taken. The same input gives
 * the same table, byte for byte, on every machine.
 * Source: reference "algorithms" 1.3-1.4.
 */
#ifndef RING_PLANNER_H
#define RING_PLANNER_H

#include <stdint.h>

#include "base/status.h"
#include "ring/ring.h"

struct planner_report {
    uint32_t moves;                                /* copies that change their node */
    uint32_t moves_lower_bound;                    /* no placement with this balance moves fewer */
    uint32_t share_min_permille[RING_REGIONS_MAX]; /* smallest and largest node share over its */
    uint32_t share_max_permille[RING_REGIONS_MAX]; /*   exact weighted share, in thousandths */
    uint32_t scatter_width_min;   /* fewest other nodes that share a partition with one node */
    uint32_t rack_repeats;        /* partitions with two copies in one rack (racks < replicas) */
    char reason[RING_REASON_MAX]; /* one sentence: what is infeasible, or what was relaxed */
};

/*
 * Fill `ring->owners` (allocated here) from members, regions and partition_count.
 * `before` is the ring to move away from, or NULL for a first ring; members are
 * matched by id. Costs under a second for 4096 partitions and 60 nodes.
 *
 * STATUS_INFEASIBLE: no placement exists (fewer nodes than replicas in a region);
 * `report->reason` names what binds, `ring` is unchanged.
 */
MUST_USE enum status planner_place(struct ring *ring, const struct ring *before,
                                   struct planner_report *report);

#endif

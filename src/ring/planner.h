/*
 * planner.h - who should own what: exact weighted shares by min-cost max-flow.
 *
 * Regions are solved one by one. Inside a region each node gets its weighted
 * share of the partition copies to within one; a rack holds one copy of a
 * partition while racks suffice, and else as few as possible; and among all such
 * placements one that moves the fewest copies from the ring before is taken.
 * Copies that move anyway are arranged so that pairs of nodes share about
 * equally many partitions. Then each node is put first in the preference order
 * of its part of the partitions, second of its part, and so on. The same input
 * gives the same table, byte for byte, on every machine.
 *
 * A node that replaces another of its rack and weight takes its place and nothing
 * else moves when the ring before is given with the old id renamed to the new one.
 * Source: reference "algorithms" 1.3-1.4.
 */
#ifndef RING_PLANNER_H
#define RING_PLANNER_H

#include <stdint.h>

#include "base/status.h"
#include "ring/ring.h"

struct planner_report {
    uint32_t moves; /* copies on nodes that did not own them before; 0 for a first ring */
    uint32_t moves_lower_bound; /* what counting demands; racks can make it unreachable */
    /*
     * Smallest and largest number of copies of a node over its exact share, in
     * thousandths; 0 in a region without replicas.
     */
    uint32_t share_min_permille[RING_REGIONS_MAX];
    uint32_t share_max_permille[RING_REGIONS_MAX];
    /* Of any node that owns something: the fewest others, in all regions, that it shares with. */
    uint32_t scatter_width_min;
    uint32_t rack_repeats; /* partitions with two copies in one rack (racks < replicas) */
    /*
     * One sentence: what is infeasible and what to do, or, with STATUS_OK, the first
     * thing that was relaxed or lost to a limit; empty when there is nothing.
     */
    char reason[RING_REASON_MAX];
};

/*
 * Fill `ring->owners` (allocated here; an old table is freed) from members,
 * regions, owner_count and partition_count, which keep the rules of ring.h.
 * `before` is the ring to move away from, or NULL for a first ring; it has the
 * same partition_count and may be `ring` itself. Members are matched by id,
 * whatever their storage incarnation. Takes about 0.1 s for 4096 partitions
 * and 60 nodes; 3 s and 320 MB for 16384 and 512.
 *
 * STATUS_INFEASIBLE: a region has fewer nodes than replicas; no other case
 * exists. `report->reason` names it, `ring` is unchanged.
 */
MUST_USE enum status planner_place(struct ring *ring, const struct ring *before,
                                   struct planner_report *report);

/*
 * The fewest copies that must move from `before` so that each node of `ring` has its share, by
 * counting alone: no table has fewer, and where racks leave no room one may need more. Every region
 * has as many nodes as replicas.
 */
uint32_t planner_moves_lower_bound(const struct ring *ring, const struct ring *before);
/* Copies of a partition that one rack of the region must hold at most; 0: it has no replicas. */
uint32_t planner_rack_limit(const struct ring *ring, uint8_t region);

#endif

/*
 * placement.h - the placement of one region, and the steps that lead to it.
 *
 * Nodes are numbered 0.. in order of id, racks 0.. in order of their first node.
 * The planner runs the steps in this order: init, assign (which nodes own a
 * partition), scatter_mix (which of them stand together), order_balance (who
 * stands first), and reads `owners`.
 */
#ifndef RING_PLACEMENT_H
#define RING_PLACEMENT_H

#include <stdint.h>

#include "ring/ring.h"
#include "ring/shares.h"

struct placement {
    uint32_t partition_count;
    uint32_t replicas;   /* 1.. */
    uint32_t node_count; /* at least `replicas` */
    uint32_t rack_count;
    uint32_t rack_limit; /* copies of one partition in one rack */
    node_id *ids;
    uint32_t *weights;
    uint16_t *racks; /* of each node */
    const char **rack_names;
    uint32_t *rack_sizes; /* nodes of each rack */
    struct share *shares; /* of each node, exact */
    uint8_t *held;        /* partition_count rows of node_count: 0, or the node's position in
                             the ring before, from 1; NULL for a first ring */
    uint16_t *owners;     /* partition_count rows of `replicas` nodes */
    uint32_t *copies;     /* of each node, as assigned */
};

/* `region` has at least as many members as replicas, and one replica; `before` may be NULL. */
void placement_init(struct placement *placement, const struct ring *ring, uint8_t region,
                    const struct ring *before);
void placement_deinit(struct placement *placement);

/*
 * Choose the owners: each node gets its share rounded down or up, no rack more
 * than `rack_limit` copies of a partition, and as many copies as possible stay.
 */
void placement_assign(struct placement *placement);

static inline uint16_t *placement_row(const struct placement *placement, uint32_t partition)
{
    return placement->owners + (size_t)partition * placement->replicas;
}

/* The node's position in the ring before, from 1; 0 when it did not own the partition. */
static inline uint8_t placement_held(const struct placement *placement, uint32_t partition,
                                     uint32_t node)
{
    if (placement->held == NULL)
        return 0;
    return placement->held[(size_t)partition * placement->node_count + node];
}

#endif

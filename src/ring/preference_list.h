/*
 * preference_list.h - which nodes should hold a partition, best first for one reader of the list.
 *
 * The first `primary_count` nodes are the owners, who answer reads: those of `home` region first,
 * then the other regions in the ring's order, each in preference order. While the partition moves
 * (ring/transition.h) `extra_count` replicas follow that are written to and not read: owners that
 * join, or that leave. The rest are fallbacks: other members that store data, the home region's
 * first, racks that hold no copy before racks that do, equals in an order of the partition's own,
 * so that the work of a lost node spreads. A node appears once, so n entries are n machines.
 * Source: DeCandia et al., "Dynamo", SOSP 2007, section 4.3.
 */
#ifndef RING_PREFERENCE_LIST_H
#define RING_PREFERENCE_LIST_H

#include <stdint.h>

#include "base/ids.h"
#include "ring/transition.h"

enum { PREFERENCE_LIST_MAX = RING_REPLICAS_MAX };

/* A plain value: copy it freely, nothing to release. */
struct preference_list {
    uint8_t primary_count;
    uint8_t extra_count;
    uint8_t count; /* all together */
    node_id nodes[PREFERENCE_LIST_MAX];
    uint8_t regions[PREFERENCE_LIST_MAX]; /* of each node: index into ring->regions */
    uint32_t other_set; /* bit i: node i is in the set of owners that is not read; 0 while stable */
};

/* Primaries and extra replicas: the place of the first fallback. */
static inline uint8_t preference_list_replicas(const struct preference_list *list)
{
    return (uint8_t)(list->primary_count + list->extra_count);
}

/*
 * The replicas alone, for a request that takes no stand-in for one: costs O(replicas), however
 * many members there are.
 */
void preference_list_replicas_build(const struct ring *ring, partition_id partition, uint8_t home,
                                    struct preference_list *out);

/*
 * With fallbacks. `home` is an index into ring->regions. Allocates nothing; equal rings give equal
 * lists; a ring without other members gives no fallbacks. Costs O(members).
 */
void preference_list_build(const struct ring *ring, partition_id partition, uint8_t home,
                           struct preference_list *out);

#endif

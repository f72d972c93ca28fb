/*
 * preference_list.h - which nodes should hold a partition, best first for one reader of the list.
 *
 * The first `primary_count` nodes are the owners: those of `home` region first,
 * then the other regions in the ring's order, each in preference order. The rest
 * are fallbacks: other members that store data, the home region's first, racks that hold no copy
 * before racks that do, equals in an order of the partition's own, so that the
 * work of a lost node spreads. A node appears once, so n entries are n machines.
 * Source: DeCandia et al., "Dynamo", SOSP 2007, section 4.3.
 */
#ifndef RING_PREFERENCE_LIST_H
#define RING_PREFERENCE_LIST_H

#include <stdint.h>

#include "base/ids.h"
#include "ring/ring.h"

enum { PREFERENCE_LIST_MAX = RING_OWNERS_MAX + 8 };

/* A plain value: copy it freely, nothing to release. */
struct preference_list {
    uint8_t primary_count;
    uint8_t count; /* primaries and fallbacks together */
    node_id nodes[PREFERENCE_LIST_MAX];
    uint8_t regions[PREFERENCE_LIST_MAX]; /* of each node: index into ring->regions */
};

/*
 * `home` is an index into ring->regions. Allocates nothing; equal rings give equal
 * lists; a ring without other members gives no fallbacks. Costs O(members).
 */
void preference_list_build(const struct ring *ring, partition_id partition, uint8_t home,
                           struct preference_list *out);

#endif

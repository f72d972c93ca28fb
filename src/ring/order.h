/*
 * order.h - the preference order of each partition's owners inside a region.
 *
 * The first owner coordinates most requests, the second when the first is away,
 * and so on; so every position is dealt evenly, not only the copies.
 */
#ifndef RING_ORDER_H
#define RING_ORDER_H

struct placement; /* ring/placement.h */

/*
 * Put each row of owners in order: a node is first for its copies divided by the
 * replicas, rounded down or up; likewise second for what is left, and so on.
 * Owners keep their position in the ring before where that allows it.
 */
void order_balance(struct placement *placement);

#endif

/*
 * scatter.h - which nodes own partitions together.
 *
 * When a node is lost, each node that shares partitions with it copies its part.
 * The more there are (scatter width) and the more evenly they share, the sooner
 * the copies are complete again.
 * Source: Cidon et al., "Copysets", USENIX ATC 2013.
 */
#ifndef RING_SCATTER_H
#define RING_SCATTER_H

struct placement; /* ring/placement.h */

/*
 * Exchange copies between partitions until pairs of nodes share about equally
 * many. Touches only copies that move anyway; shares, rack limits and the number
 * of moves stay as they are. Equal placements are mixed equally.
 */
void scatter_mix(struct placement *placement);

#endif

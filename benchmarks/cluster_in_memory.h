/*
 * cluster_in_memory.h - three whole nodes in one process, without clock, socket, disk or thread.
 *
 * For counting instructions: the same core as ringd's, driven by the plainest adapter there
 * can be. Everything that one node does happens within two functions that callgrind can tell
 * apart: coordinator_work() for node 1, which the client speaks to, and replica_work() for the
 * others. The store is a sorted array, and applying batches to it is counted for neither.
 * The linker sends what the nodes allocate through here (--wrap), where it is counted apart.
 */
#ifndef BENCHMARKS_CLUSTER_IN_MEMORY_H
#define BENCHMARKS_CLUSTER_IN_MEMORY_H

#include "base/bytes.h"

struct cluster;

/* Started, linked, all replicas ready. */
struct cluster *cluster_new(void);
void cluster_free(struct cluster *cluster);

/* What the nodes of a kind have allocated since this was last asked: blocks, new or resized. */
struct cluster_allocations {
    uint64_t coordinator, replica;
};
struct cluster_allocations cluster_allocations_take(void);

/*
 * Give the client's bytes to node 1, and let all nodes work until nothing is left to do. What
 * the client was sent in the meantime lies in the slice until the next call.
 */
struct slice cluster_ask(struct cluster *cluster, struct slice bytes);

#endif

/*
 * replica_tree.h - how a replica keeps its sum-tree: changed at every write, stored with
 * checkpoints.
 *
 * The tree of a replica is exact at every moment (R5 of replica.h). On disk it is as of
 * the checkpoint; the log records after that hold key and change of hash, so replaying
 * them makes it exact again after any crash. A store that has no tree yet begins with
 * one leaf, the content digest; a scrub then makes it as deep as its cells deserve.
 */
#ifndef REPLICA_REPLICA_TREE_H
#define REPLICA_REPLICA_TREE_H

#include <stdint.h>

#include "base/status.h"
#include "replica/replica.h"

/*
 * Take the tree of the checkpoint that was just adopted, before the log is replayed.
 * STATUS_CORRUPT, STATUS_IO: the store cannot be trusted.
 */
MUST_USE enum status replica_tree_load(struct replica *replica, struct replica_context *context);
/* Put what changed since the last checkpoint into the batch. Part of replica_checkpoint(). */
void replica_tree_store(struct replica *replica, struct replica_context *context);
/* Take `tree` (owned from now on) instead of the present one; all of it is stored next time. */
void replica_tree_replace(struct replica *replica, struct sum_tree *tree,
                          struct replica_context *context);

/* Where a position lies in its partition, as sum_tree.h wants it. */
uint64_t replica_tree_offset(const struct replica_context *context, uint64_t position);
/* The first and last position of the replica's partition. */
uint64_t replica_position_first(const struct replica *replica,
                                const struct replica_context *context);
uint64_t replica_position_last(const struct replica *replica,
                               const struct replica_context *context);

#endif

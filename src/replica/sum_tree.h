/*
 * sum_tree.h - the Merkle tree of one replica: sums of cell hashes over ranges of ring positions.
 *
 * The positions of a partition fall into 2^bits equal ranges, the leaves. A leaf holds
 * the sum (modulo 2^64) of cell_hash() of its cells and how many there are; a node
 * above it is the sum of what lies below. So a change costs one addition, equal
 * contents give equal trees in whatever order they came, and trees of different
 * depth can be compared at the shallower one's level.
 *
 * A sum instead of exclusive or: a change that was counted twice does not cancel.
 * The seed of cell_hash() is secret, or clients could make cells whose sums collide.
 *
 * Invariant: root = sum of the leaves.
 * Source: reference "algorithms" 6.2; the additive tree of kv_index_tictactree.
 */
#ifndef REPLICA_SUM_TREE_H
#define REPLICA_SUM_TREE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUM_TREE_BITS_MAX = 20, /* 12 bytes a leaf: at most 12 MiB */
    SUM_TREE_LEAF_CELLS = 64,
    SUM_TREE_PAGE_LEAVES = 64 /* leaves that are stored in one record */
};

struct tree_node {
    uint64_t hash;
    uint64_t count; /* of cells with a live value */
};

/* Set up with sum_tree_init(); release with sum_tree_deinit(), also when all zero. */
struct sum_tree {
    uint8_t bits;
    struct tree_node root;
    uint64_t *hashes; /* 2^bits */
    uint32_t *counts;
    bool *dirty; /* by page: changed since it was stored */
};

void sum_tree_init(struct sum_tree *tree, uint8_t bits);
void sum_tree_deinit(struct sum_tree *tree);

/*
 * A cell at `offset` changed. `offset` is the position's place in its partition as a
 * fraction of 2^64, so leaves are its top bits.
 */
void sum_tree_add(struct sum_tree *tree, uint64_t offset, uint64_t hash_delta, int count_delta);
uint32_t sum_tree_leaf(const struct sum_tree *tree, uint64_t offset);
/* Give leaf `index` these sums instead of its own. */
void sum_tree_set(struct sum_tree *tree, uint32_t index, struct tree_node leaf);

/* The node that covers range `index` of 2^bits ranges; `bits` is at most the tree's. */
struct tree_node sum_tree_node(const struct sum_tree *tree, uint8_t bits, uint32_t index);
bool tree_node_equal(struct tree_node a, struct tree_node b);

/* How deep a tree of so many cells should be: about SUM_TREE_LEAF_CELLS in a leaf. */
uint8_t sum_tree_bits_for(uint64_t cells);
/* Whether the leaves have become so full, or so empty, that another depth is worth a scan. */
bool sum_tree_fits(const struct sum_tree *tree);

/* Pages of SUM_TREE_PAGE_LEAVES leaves; the last one may be shorter. */
uint32_t sum_tree_page_count(const struct sum_tree *tree);
uint32_t sum_tree_page_leaves(const struct sum_tree *tree);

#endif

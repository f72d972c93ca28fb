#include "replica/sum_tree.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

/* Twice as many cells, or an eighth, make another depth worth reading all of them. */
enum { LEAF_CELLS_MAX = 2 * SUM_TREE_LEAF_CELLS, LEAF_CELLS_MIN = SUM_TREE_LEAF_CELLS / 8 };

static uint32_t leaf_count(const struct sum_tree *tree)
{
    return UINT32_C(1) << tree->bits;
}

void sum_tree_init(struct sum_tree *tree, uint8_t bits)
{
    assert(bits <= SUM_TREE_BITS_MAX);
    *tree = (struct sum_tree){.bits = bits};
    tree->hashes = memory_new(leaf_count(tree), sizeof *tree->hashes);
    tree->counts = memory_new(leaf_count(tree), sizeof *tree->counts);
    tree->dirty = memory_new(sum_tree_page_count(tree), sizeof *tree->dirty);
}

void sum_tree_deinit(struct sum_tree *tree)
{
    free(tree->hashes);
    free(tree->counts);
    free(tree->dirty);
    *tree = (struct sum_tree){0};
}

uint32_t sum_tree_leaf(const struct sum_tree *tree, uint64_t offset)
{
    return tree->bits == 0 ? 0 : (uint32_t)(offset >> (64 - tree->bits));
}

/* A damaged store may show fewer cells than were counted; a scrub finds that, not an overflow. */
static uint64_t changed_count(uint64_t count, int delta)
{
    return delta < 0 && count < (uint64_t)-delta ? 0 : count + (uint64_t)(int64_t)delta;
}

void sum_tree_add(struct sum_tree *tree, uint64_t offset, uint64_t hash_delta, int count_delta)
{
    uint32_t leaf = sum_tree_leaf(tree, offset);
    if (hash_delta == 0 && count_delta == 0)
        return;
    tree->hashes[leaf] += hash_delta;
    tree->root.hash += hash_delta;
    tree->root.count -= tree->counts[leaf];
    tree->counts[leaf] = (uint32_t)changed_count(tree->counts[leaf], count_delta);
    tree->root.count += tree->counts[leaf];
    tree->dirty[leaf / SUM_TREE_PAGE_LEAVES] = true;
}

void sum_tree_set(struct sum_tree *tree, uint32_t index, struct tree_node leaf)
{
    assert(index < leaf_count(tree));
    assert(leaf.count <= UINT32_MAX);
    tree->root.hash += leaf.hash - tree->hashes[index];
    tree->root.count += leaf.count - tree->counts[index];
    tree->hashes[index] = leaf.hash;
    tree->counts[index] = (uint32_t)leaf.count;
    tree->dirty[index / SUM_TREE_PAGE_LEAVES] = true;
}

struct tree_node sum_tree_node(const struct sum_tree *tree, uint8_t bits, uint32_t index)
{
    assert(bits <= tree->bits);
    assert(index < UINT32_C(1) << bits);
    struct tree_node node = {0};
    uint32_t width = UINT32_C(1) << (tree->bits - bits);
    for (uint32_t i = index * width; i < (index + 1) * width; i++) {
        node.hash += tree->hashes[i];
        node.count += tree->counts[i];
    }
    return node;
}

bool tree_node_equal(struct tree_node a, struct tree_node b)
{
    return a.hash == b.hash && a.count == b.count;
}

uint8_t sum_tree_bits_for(uint64_t cells)
{
    uint8_t bits = 0;
    while (bits < SUM_TREE_BITS_MAX && cells >> bits > SUM_TREE_LEAF_CELLS)
        bits++;
    return bits;
}

bool sum_tree_fits(const struct sum_tree *tree)
{
    bool full = tree->root.count >> tree->bits > LEAF_CELLS_MAX && tree->bits < SUM_TREE_BITS_MAX;
    bool empty = tree->bits > 0 && tree->root.count >> tree->bits < LEAF_CELLS_MIN;
    return !full && !empty;
}

uint32_t sum_tree_page_count(const struct sum_tree *tree)
{
    return (leaf_count(tree) + SUM_TREE_PAGE_LEAVES - 1) / SUM_TREE_PAGE_LEAVES;
}

uint32_t sum_tree_page_leaves(const struct sum_tree *tree)
{
    return leaf_count(tree) < SUM_TREE_PAGE_LEAVES ? leaf_count(tree) : SUM_TREE_PAGE_LEAVES;
}

/*
 * order.c - one small flow per position.
 *
 *     source -> partition   capacity 1             cost 0
 *     partition -> owner    capacity 1             cost 0 if it stood here before, else 1
 *     owner -> sink         capacity floor(quota)  cost 0
 *     owner -> sink         capacity 1             cost ROUND_UP, if the quota is not whole
 *
 * With k positions left, a node that still has c copies has the quota c / k.
 * Giving each of a partition's k owners 1/k of it is a fractional flow of all
 * partitions, so an integral one exists with each node at its quota rounded
 * down or up.
 */
#include "ring/order.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ring/flow.h"
#include "ring/placement.h"

enum { SOURCE = 0, SINK = 1, FIRST_NODE = 2 };

/* Arcs of partition p: one from the source, then one to each of `left` owners. */
static uint32_t arc_to_owner(uint32_t partition, uint32_t left, uint32_t index)
{
    return partition * (1 + left) + 1 + index;
}

static struct flow *build_network(const struct placement *placement, uint32_t position,
                                  const uint32_t *copies_left)
{
    uint32_t left = placement->replicas - position;
    uint32_t first_partition = FIRST_NODE + placement->node_count;
    uint32_t round_up_cost = placement->partition_count + 1;
    struct flow *flow =
        flow_new(first_partition + placement->partition_count,
                 placement->partition_count * (1 + left) + 2 * placement->node_count);
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        const uint16_t *row = placement_row(placement, p) + position;
        flow_add_arc(flow, SOURCE, first_partition + p, 1, 0);
        for (uint32_t i = 0; i < left; i++) {
            bool shifts =
                placement->held != NULL && placement_held(placement, p, row[i]) != position + 1;
            uint32_t arc = flow_add_arc(flow, first_partition + p, FIRST_NODE + row[i], 1, shifts);
            assert(arc == arc_to_owner(p, left, i));
        }
    }
    for (uint32_t i = 0; i < placement->node_count; i++) {
        flow_add_arc(flow, FIRST_NODE + i, SINK, copies_left[i] / left, 0);
        flow_add_arc(flow, FIRST_NODE + i, SINK, copies_left[i] % left != 0, round_up_cost);
    }
    return flow;
}

/* Deal `position` to one owner of each partition that has no position yet. */
static void deal_position(struct placement *placement, uint32_t position, uint32_t *copies_left)
{
    uint32_t left = placement->replicas - position;
    struct flow *flow = build_network(placement, position, copies_left);
    struct flow_result result = flow_solve(flow, SOURCE, SINK);
    assert(result.units == placement->partition_count);
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        uint16_t *row = placement_row(placement, p) + position;
        uint32_t chosen = 0;
        while (flow_on_arc(flow, arc_to_owner(p, left, chosen)) == 0)
            chosen++;
        uint16_t node = row[chosen];
        row[chosen] = row[0];
        row[0] = node;
        copies_left[node]--;
    }
    flow_free(flow);
}

/* A pseudo-random order to begin with, so that no node follows another by habit. */
static void shuffle_row(struct placement *placement, uint32_t partition)
{
    uint16_t *row = placement_row(placement, partition);
    for (uint32_t i = 1; i < placement->replicas; i++) {
        uint16_t node = row[i];
        uint64_t rank = ring_rank((partition_id)partition, placement->ids[node]);
        uint32_t at = i;
        for (; at > 0; at--) {
            if (ring_rank((partition_id)partition, placement->ids[row[at - 1]]) <= rank)
                break;
            row[at] = row[at - 1];
        }
        row[at] = node;
    }
}

void order_balance(struct placement *placement)
{
    size_t bytes = placement->node_count * sizeof *placement->copies;
    uint32_t *copies_left = memory_copy(placement->copies, bytes);
    for (uint32_t p = 0; p < placement->partition_count; p++)
        shuffle_row(placement, p);
    for (uint32_t position = 0; position + 1 < placement->replicas; position++)
        deal_position(placement, position, copies_left);
    free(copies_left);
}

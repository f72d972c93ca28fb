/*
 * placement.c - who owns what in one region, by minimum-cost maximum flow.
 *
 *     source -> partition         capacity replicas     cost 0
 *     partition -> its rack       capacity rack_limit   cost 0
 *     rack of partition -> node   capacity 1            cost 0 if held before, else 1
 *     node -> sink                capacity floor(share) cost 0
 *     node -> sink                capacity 1            cost ROUND_UP, if the share is not whole
 *
 * A rack that has no more nodes than rack_limit cannot hold too much: its nodes
 * hang from the partition directly, which keeps the network small when racks
 * are many. ROUND_UP is above the cost of moving every copy, so each node is
 * full to its floor before any is rounded up. The exact shares, divided evenly
 * over the partitions, are a fractional flow of all copies; capacities are
 * integers, so an integral one exists, and the cheapest moves the fewest copies
 * of all placements with this balance.
 *
 * Nodes hang from each partition in an order of its own (ring_rank), so a first
 * ring does not group the same nodes again and again.
 *
 * Source: reference "algorithms" 1.4, after the layout computation of Garage.
 */
#include "ring/placement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/flow.h"

enum { SOURCE = 0, SINK = 1, FIRST_NODE = 2 };

#define NO_VERTEX UINT32_MAX

/* A node with its rank for one partition; sorted, they are the partition's order. */
struct candidate {
    uint64_t rank;
    uint16_t node;
};

struct network {
    struct flow *flow;
    uint32_t first_partition;  /* vertex of partition 0 */
    uint32_t next_vertex;      /* first one that no rack of a partition has yet */
    uint32_t *rack_vertices;   /* of each rack, for the partition in hand */
    uint32_t *arcs;            /* partition_count rows of node_count: the arc to that node */
    struct candidate *ordered; /* the nodes, in the order of the partition in hand */
};

static uint16_t rack_of(struct placement *placement, const char *name)
{
    for (uint32_t k = 0; k < placement->rack_count; k++) {
        if (strcmp(placement->rack_names[k], name) == 0)
            return (uint16_t)k;
    }
    placement->rack_names[placement->rack_count] = name;
    return (uint16_t)placement->rack_count++;
}

static void add_nodes(struct placement *placement, const struct ring *ring, uint8_t region)
{
    placement->ids = memory_new(ring->member_count, sizeof *placement->ids);
    placement->weights = memory_new(ring->member_count, sizeof *placement->weights);
    placement->racks = memory_new(ring->member_count, sizeof *placement->racks);
    placement->rack_names = memory_new(ring->member_count, sizeof *placement->rack_names);
    placement->rack_sizes = memory_new(ring->member_count, sizeof *placement->rack_sizes);
    for (uint32_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (member->role != MEMBER_DATA || member->region != region)
            continue;
        uint32_t node = placement->node_count++;
        placement->ids[node] = member->id;
        placement->weights[node] = member->weight;
        placement->racks[node] = rack_of(placement, member->rack);
        placement->rack_sizes[placement->racks[node]]++;
    }
    assert(placement->node_count >= placement->replicas);
}

static int compare_ids(const void *a, const void *b)
{
    node_id left = *(const node_id *)a;
    node_id right = *(const node_id *)b;
    return (left > right) - (left < right);
}

/* Note the position of each of our nodes in the rows of the ring before. */
static void note_held(struct placement *placement, const struct ring *before)
{
    placement->held = memory_new((size_t)placement->partition_count * placement->node_count, 1);
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        const node_id *owner = ring_owners(before, (partition_id)p);
        for (uint32_t region = 0; region < before->region_count; region++) {
            for (uint8_t position = 1; position <= before->regions[region].replicas; position++) {
                const node_id *id = bsearch(owner++, placement->ids, placement->node_count,
                                            sizeof *placement->ids, compare_ids);
                if (id != NULL)
                    placement
                        ->held[(size_t)p * placement->node_count + (size_t)(id - placement->ids)] =
                        position;
            }
        }
    }
}

void placement_init(struct placement *placement, const struct ring *ring, uint8_t region,
                    const struct ring *before)
{
    assert(ring->regions[region].replicas > 0);
    *placement = (struct placement){.partition_count = ring->partition_count,
                                    .replicas = ring->regions[region].replicas};
    add_nodes(placement, ring, region);
    placement->rack_limit =
        shares_rack_limit(placement->replicas, placement->rack_count, placement->rack_sizes);
    placement->shares = memory_new(placement->node_count, sizeof *placement->shares);
    shares_fill(&(struct shares_params){.partition_count = placement->partition_count,
                                        .replicas = placement->replicas,
                                        .rack_limit = placement->rack_limit,
                                        .node_count = placement->node_count,
                                        .rack_count = placement->rack_count,
                                        .weights = placement->weights,
                                        .racks = placement->racks},
                placement->shares);
    if (before != NULL)
        note_held(placement, before);
    placement->owners = memory_new((size_t)placement->partition_count * placement->replicas,
                                   sizeof *placement->owners);
    placement->copies = memory_new(placement->node_count, sizeof *placement->copies);
}

void placement_deinit(struct placement *placement)
{
    free(placement->ids);
    free(placement->weights);
    free(placement->racks);
    free(placement->rack_names);
    free(placement->rack_sizes);
    free(placement->shares);
    free(placement->held);
    free(placement->owners);
    free(placement->copies);
    *placement = (struct placement){0};
}

static bool rack_is_wide(const struct placement *placement, uint32_t rack)
{
    return placement->rack_sizes[rack] > placement->rack_limit;
}

static void network_init(struct network *network, const struct placement *placement)
{
    uint32_t wide_racks = 0;
    for (uint32_t k = 0; k < placement->rack_count; k++)
        wide_racks += rack_is_wide(placement, k);
    uint32_t arcs_per_partition = 1 + wide_racks + placement->node_count;
    network->first_partition = FIRST_NODE + placement->node_count;
    network->next_vertex = network->first_partition + placement->partition_count;
    network->flow =
        flow_new(network->next_vertex + placement->partition_count * wide_racks,
                 placement->partition_count * arcs_per_partition + 2 * placement->node_count);
    network->rack_vertices = memory_new(placement->rack_count, sizeof *network->rack_vertices);
    network->arcs = memory_new((size_t)placement->partition_count * placement->node_count,
                               sizeof *network->arcs);
    network->ordered = memory_new(placement->node_count, sizeof *network->ordered);
}

static void network_deinit(struct network *network)
{
    flow_free(network->flow);
    free(network->rack_vertices);
    free(network->arcs);
    free(network->ordered);
}

/* By rank; two nodes of equal rank by number, so that no sort may choose. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return (left->node > right->node) - (left->node < right->node);
}

static void order_candidates(struct network *network, const struct placement *placement,
                             uint32_t partition)
{
    for (uint32_t i = 0; i < placement->node_count; i++)
        network->ordered[i] =
            (struct candidate){ring_rank((partition_id)partition, placement->ids[i]), (uint16_t)i};
    qsort(network->ordered, placement->node_count, sizeof *network->ordered, compare_candidates);
}

/* The vertex from which a node of `rack` hangs: the partition's, or its rack's, made on first
 * use.*/
static uint32_t vertex_above(struct network *network, const struct placement *placement,
                             uint32_t partition_vertex, uint32_t rack)
{
    if (!rack_is_wide(placement, rack))
        return partition_vertex;
    if (network->rack_vertices[rack] == NO_VERTEX) {
        network->rack_vertices[rack] = network->next_vertex++;
        flow_add_arc(network->flow, partition_vertex, network->rack_vertices[rack],
                     placement->rack_limit, 0);
    }
    return network->rack_vertices[rack];
}

static void add_partition(struct network *network, const struct placement *placement,
                          uint32_t partition)
{
    uint32_t vertex = network->first_partition + partition;
    flow_add_arc(network->flow, SOURCE, vertex, placement->replicas, 0);
    order_candidates(network, placement, partition);
    for (uint32_t k = 0; k < placement->rack_count; k++)
        network->rack_vertices[k] = NO_VERTEX;
    for (uint32_t i = 0; i < placement->node_count; i++) {
        uint32_t node = network->ordered[i].node;
        bool moves = placement->held != NULL && !placement_held(placement, partition, node);
        uint32_t above = vertex_above(network, placement, vertex, placement->racks[node]);
        network->arcs[(size_t)partition * placement->node_count + node] =
            flow_add_arc(network->flow, above, FIRST_NODE + node, 1, moves);
    }
}

static void add_shares(struct network *network, const struct placement *placement)
{
    uint32_t round_up_cost = placement->partition_count * placement->replicas + 1;
    for (uint32_t i = 0; i < placement->node_count; i++) {
        struct share share = placement->shares[i];
        flow_add_arc(network->flow, FIRST_NODE + i, SINK, share_floor(share), 0);
        if (!share_is_whole(share))
            flow_add_arc(network->flow, FIRST_NODE + i, SINK, 1, round_up_cost);
    }
}

static void read_owners(const struct network *network, struct placement *placement)
{
    uint16_t *owner = placement->owners;
    const uint32_t *arc = network->arcs;
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        for (uint32_t i = 0; i < placement->node_count; i++) {
            if (flow_on_arc(network->flow, *arc++) == 0)
                continue;
            *owner++ = (uint16_t)i;
            placement->copies[i]++;
        }
    }
}

void placement_assign(struct placement *placement)
{
    struct network network;
    network_init(&network, placement);
    for (uint32_t p = 0; p < placement->partition_count; p++)
        add_partition(&network, placement, p);
    add_shares(&network, placement);
    struct flow_result result = flow_solve(network.flow, SOURCE, SINK);
    assert(result.units == (uint64_t)placement->partition_count * placement->replicas);
    read_owners(&network, placement);
    network_deinit(&network);
}

#include "ring/shares.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

/*
 * The level of the water: copies per unit of weight. Numerators are at most
 * all copies (2^18), denominators at most the sum of weights (2^23), so their
 * cross products fit easily.
 */
struct level {
    uint64_t copies;
    uint64_t weight;
};

struct rack {
    uint64_t room;   /* copies that it may still take */
    uint64_t weight; /* of its nodes that still rise */
};

struct filling {
    const struct shares_params *params;
    struct share *shares; /* denominator 0: the node still rises */
    struct rack *racks;
    uint64_t copies; /* to be dealt among the nodes that still rise */
    uint64_t weight; /* of these */
};

/* Where the water meets the next limit: a node's when `is_node`, else a rack's. */
struct limit {
    struct level level;
    bool is_node;
    uint32_t index;
};

static bool is_lower(struct level a, struct level b)
{
    return a.copies * b.weight < b.copies * a.weight;
}

uint32_t shares_rack_limit(uint32_t replicas, uint32_t rack_count, const uint32_t *rack_sizes)
{
    assert(rack_count > 0);
    for (uint32_t limit = (replicas + rack_count - 1) / rack_count;; limit++) {
        uint32_t room = 0;
        for (uint32_t k = 0; k < rack_count; k++)
            room += rack_sizes[k] < limit ? rack_sizes[k] : limit;
        if (room >= replicas)
            return limit;
        assert(limit < replicas); /* at limit == replicas all nodes together have room */
    }
}

static bool rises(const struct filling *filling, uint32_t node)
{
    return filling->shares[node].denominator == 0;
}

static struct limit lowest_limit(const struct filling *filling)
{
    const struct shares_params *params = filling->params;
    struct limit lowest = {.level = {1, 0}}; /* infinitely high */
    for (uint32_t k = 0; k < params->rack_count; k++) {
        struct level level = {filling->racks[k].room, filling->racks[k].weight};
        if (level.weight > 0 && is_lower(level, lowest.level))
            lowest = (struct limit){.level = level, .is_node = false, .index = k};
    }
    for (uint32_t i = 0; i < params->node_count; i++) {
        struct level level = {params->partition_count, params->weights[i]};
        if (rises(filling, i) && is_lower(level, lowest.level))
            lowest = (struct limit){.level = level, .is_node = true, .index = i};
    }
    return lowest;
}

static void settle(struct filling *filling, uint32_t node, struct level level)
{
    uint64_t weight = filling->params->weights[node];
    filling->shares[node] = (struct share){level.copies * weight, level.weight};
    filling->racks[filling->params->racks[node]].weight -= weight;
    filling->weight -= weight;
}

static void settle_node(struct filling *filling, uint32_t node, struct level level)
{
    settle(filling, node, level);
    filling->racks[filling->params->racks[node]].room -= filling->params->partition_count;
    filling->copies -= filling->params->partition_count;
}

static void settle_rack(struct filling *filling, uint32_t rack, struct level level)
{
    for (uint32_t i = 0; i < filling->params->node_count; i++) {
        if (filling->params->racks[i] == rack && rises(filling, i))
            settle(filling, i, level);
    }
    filling->copies -= filling->racks[rack].room;
    filling->racks[rack].room = 0;
}

void shares_fill(const struct shares_params *params, struct share *shares)
{
    struct filling filling = {.params = params, .shares = shares};
    filling.racks = memory_new(params->rack_count, sizeof *filling.racks);
    filling.copies = (uint64_t)params->replicas * params->partition_count;
    for (uint32_t k = 0; k < params->rack_count; k++)
        filling.racks[k].room = (uint64_t)params->rack_limit * params->partition_count;
    for (uint32_t i = 0; i < params->node_count; i++) {
        shares[i] = (struct share){0, 0};
        filling.racks[params->racks[i]].weight += params->weights[i];
        filling.weight += params->weights[i];
    }

    while (filling.weight > 0) {
        struct level level = {filling.copies, filling.weight};
        struct limit limit = lowest_limit(&filling);
        if (!is_lower(limit.level, level)) {
            for (uint32_t i = 0; i < params->node_count; i++) {
                if (rises(&filling, i))
                    settle(&filling, i, level);
            }
            filling.copies = 0;
        } else if (limit.is_node) {
            settle_node(&filling, limit.index, limit.level);
        } else {
            settle_rack(&filling, limit.index, limit.level);
        }
    }
    assert(filling.copies == 0); /* else there is no room for all copies */
    free(filling.racks);
}

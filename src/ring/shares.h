/*
 * shares.h - how many partition copies each node of a region should hold, exactly.
 *
 * Copies are dealt in proportion to weight, like water that rises at a speed
 * given by the weight, until a vessel is full: a node holds each partition at
 * most once, a rack at most `rack_limit` times. What a full one cannot take
 * rises on in the others. This is the weighted max-min fair share; it does not
 * depend on the order of nodes. Fractions are kept as integers, so that every
 * machine finds the same.
 * Source: reference "algorithms" 1.3; Bertsekas, Gallager, "Data Networks", 1992, 6.5.2.
 */
#ifndef RING_SHARES_H
#define RING_SHARES_H

#include <stdbool.h>
#include <stdint.h>

struct shares_params {
    uint32_t partition_count;
    uint32_t replicas;
    uint32_t rack_limit; /* copies of one partition in one rack */
    uint32_t node_count;
    uint32_t rack_count;
    const uint32_t *weights; /* of each node, 1..RING_WEIGHT_MAX */
    const uint16_t *racks;   /* of each node, 0..rack_count-1 */
};

/* A number of copies: numerator / denominator, not reduced. */
struct share {
    uint64_t numerator;
    uint64_t denominator;
};

static inline uint32_t share_floor(struct share share)
{
    return (uint32_t)(share.numerator / share.denominator);
}

static inline bool share_is_whole(struct share share)
{
    return share.numerator % share.denominator == 0;
}

/*
 * The smallest number of copies per rack at which `replicas` copies find room,
 * at least replicas / racks: 1 as long as there are as many racks as replicas.
 * `rack_sizes` are nodes per rack, together at least `replicas`.
 */
uint32_t shares_rack_limit(uint32_t replicas, uint32_t rack_count, const uint32_t *rack_sizes);

/*
 * The share of each node, into `shares`; their sum is replicas x partition_count.
 * `rack_limit` is at least shares_rack_limit(). Costs O(nodes x (nodes + racks)).
 */
void shares_fill(const struct shares_params *params, struct share *shares);

#endif

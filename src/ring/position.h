/*
 * position.h - where a key lies on the ring.
 *
 * A ring position has 64 bits: the 14-bit Redis Cluster slot of the key, then
 * 50 bits of XXH3 over keyspace and key with the cluster's secret seed.
 *
 *      63          50 49                                  0
 *     +--------------+-------------------------------------+
 *     | slot         | hash(seed, keyspace, key)           |
 *     +--------------+-------------------------------------+
 *
 * A partition is the range of positions that share their top log2(Q) bits, so
 * it is also a range of slots, and every Redis Cluster client routes right.
 * Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
 */
#ifndef RING_POSITION_H
#define RING_POSITION_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/slot.h"

/* Of a cell: a key, or an element, which lies where its key does (element_key.h). */
uint64_t ring_position(struct slice name, keyspace_id keyspace, uint64_t seed);

/* `partition_count` is a power of two, PARTITION_COUNT_MIN .. PARTITION_COUNT_MAX. */
partition_id ring_partition_of_position(uint64_t position, uint32_t partition_count);
partition_id ring_partition_of_slot(uint16_t slot, uint32_t partition_count);

/* The first and the last position of a partition. */
uint64_t ring_position_first(partition_id partition, uint32_t partition_count);
uint64_t ring_position_last(partition_id partition, uint32_t partition_count);

static inline uint16_t ring_slot_of_position(uint64_t position)
{
    return (uint16_t)(position >> 50);
}

#endif

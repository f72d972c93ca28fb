#include "ring/position.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "ring/element_key.h"

enum { SLOT_BITS = 14, HASH_BITS = 64 - SLOT_BITS };

_Static_assert(SLOT_COUNT == 1 << SLOT_BITS, "a slot is the top bits of a position");
_Static_assert(PARTITION_COUNT_MAX <= SLOT_COUNT, "a partition is a range of whole slots");

uint64_t ring_position(struct slice name, keyspace_id keyspace, uint64_t seed)
{
    struct element_key parts;
    struct slice key = name;
    if (keyspace_has_elements(keyspace) && element_key_decode(name, &parts) == STATUS_OK) {
        key = parts.key;
        keyspace = keyspace_of_keys(keyspace);
    }
    const uint8_t number[2] = {(uint8_t)(keyspace >> 8), (uint8_t)keyspace};
    uint64_t hash = hash64_pair(slice_make(number, sizeof number), key, seed);
    return (uint64_t)ring_slot(key) << HASH_BITS | hash >> SLOT_BITS;
}

static bool is_partition_count(uint32_t count)
{
    return count >= PARTITION_COUNT_MIN && count <= PARTITION_COUNT_MAX &&
           (count & (count - 1)) == 0;
}

/* How many of a position's low bits do not choose the partition. */
static unsigned low_bits(uint32_t partition_count)
{
    assert(is_partition_count(partition_count));
    return 64 - (unsigned)__builtin_ctz(partition_count);
}

partition_id ring_partition_of_position(uint64_t position, uint32_t partition_count)
{
    return (partition_id)(position >> low_bits(partition_count));
}

partition_id ring_partition_of_slot(uint16_t slot, uint32_t partition_count)
{
    assert(slot < SLOT_COUNT);
    return ring_partition_of_position((uint64_t)slot << HASH_BITS, partition_count);
}

uint64_t ring_position_first(partition_id partition, uint32_t partition_count)
{
    assert(partition < partition_count);
    return (uint64_t)partition << low_bits(partition_count);
}

uint64_t ring_position_last(partition_id partition, uint32_t partition_count)
{
    uint64_t positions = (uint64_t)1 << low_bits(partition_count);
    return ring_position_first(partition, partition_count) + (positions - 1);
}

#include "coordinator/key_sketch.h"

#include <string.h>

#include "base/hash.h"

uint64_t key_sketch_hash(uint64_t seed, keyspace_id keyspace, struct slice key)
{
    return hash64(key, seed ^ keyspace);
}

static size_t set_of(uint64_t hash)
{
    return (size_t)(hash % KEY_SKETCH_SETS) * KEY_SKETCH_WAYS;
}

/* It takes the place of the lightest one. */
static void take_place(struct key_sketch_row *row, uint64_t hash, keyspace_id keyspace,
                       struct slice key)
{
    size_t kept = key.length < KEY_SKETCH_KEY_BYTES ? key.length : KEY_SKETCH_KEY_BYTES;
    row->hash = hash;
    row->error = row->weight;
    row->changes = 0;
    row->keyspace = keyspace;
    row->key_length = (uint32_t)key.length;
    if (kept > 0)
        memcpy(row->key, key.data, kept);
}

void key_sketch_add(struct key_sketch *sketch, uint64_t hash, keyspace_id keyspace,
                    struct slice key, uint64_t weight, uint64_t change)
{
    struct key_sketch_row *set = &sketch->rows[set_of(hash)];
    struct key_sketch_row *row = set;
    sketch->total += weight;
    for (size_t i = 0; i < KEY_SKETCH_WAYS; i++) {
        if (set[i].hash == hash && set[i].weight > 0) {
            set[i].weight += weight;
            set[i].changes += change;
            return;
        }
        if (set[i].weight < row->weight)
            row = &set[i];
    }
    if (weight == 0)
        return;
    take_place(row, hash, keyspace, key);
    row->weight += weight;
    row->changes = change;
}

const struct key_sketch_row *key_sketch_find(const struct key_sketch *sketch, uint64_t hash)
{
    const struct key_sketch_row *set = &sketch->rows[set_of(hash)];
    for (size_t i = 0; i < KEY_SKETCH_WAYS; i++)
        if (set[i].hash == hash && set[i].weight > 0)
            return &set[i];
    return NULL;
}

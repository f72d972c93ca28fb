/*
 * key_sketch.h - the keys with the most weight among all that pass by, in a table of fixed size.
 *
 * A key that is in the table gains weight; one that is not takes the place of the lightest in its
 * set, inherits its weight, and remembers that as its error. So a weight is never too small, and
 * too large by its error at most. A set has four places: a key that has more than a quarter of the
 * weight that comes to its set is surely there, and with 64 sets that is a key that has half a
 * percent of all. Adding looks at one set: its cost does not grow with keys or weights.
 *
 * Keys are told apart by 64 bits of hash; the first KEY_SKETCH_KEY_BYTES of each are kept to be
 * shown. Nothing depends on time or chance: equal calls give equal tables.
 * Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
 * Data Streams", ICDT 2005 (Space-Saving); sets instead of one list of all are our own, and give up
 * the exact minimum for a constant cost.
 */
#ifndef COORDINATOR_KEY_SKETCH_H
#define COORDINATOR_KEY_SKETCH_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"

enum {
    KEY_SKETCH_SETS = 64,
    KEY_SKETCH_WAYS = 4,
    KEY_SKETCH_ROWS = KEY_SKETCH_SETS * KEY_SKETCH_WAYS,
    KEY_SKETCH_KEY_BYTES = 64
};

struct key_sketch_row {
    uint64_t hash;
    uint64_t weight; /* 0: free */
    uint64_t error;
    uint64_t changes; /* of the weight since it is here: what came by writes */
    keyspace_id keyspace;
    uint32_t key_length; /* of all of it */
    uint8_t key[KEY_SKETCH_KEY_BYTES];
};

/* All zero is empty; nothing to release. */
struct key_sketch {
    struct key_sketch_row rows[KEY_SKETCH_ROWS];
    uint64_t total; /* the weight of all that came by */
};

/* `seed`: of the cluster, so that nobody outside can choose keys that meet. */
uint64_t key_sketch_hash(uint64_t seed, keyspace_id keyspace, struct slice key);

/* One more; `hash` is that of `keyspace` and `key`, `change` the part of `weight` by a write. */
void key_sketch_add(struct key_sketch *sketch, uint64_t hash, keyspace_id keyspace,
                    struct slice key, uint64_t weight, uint64_t change);

/* The row of the key with that hash; NULL: it is not among them. */
const struct key_sketch_row *key_sketch_find(const struct key_sketch *sketch, uint64_t hash);

/* The bytes of the key that are kept. */
static inline struct slice key_sketch_key(const struct key_sketch_row *row)
{
    return slice_make(row->key, row->key_length < KEY_SKETCH_KEY_BYTES ? row->key_length
                                                                       : KEY_SKETCH_KEY_BYTES);
}

#endif

/*
 * element_key.h - the name of a cell: a key, or one element of a collection.
 *
 * A cell is named by a keyspace and bytes. With KEYSPACE_ELEMENTS in the keyspace the bytes are
 * an element's name; without, a key. An element has the ring position of its key, so a collection
 * lies in one partition, behind the cells of all keys of that position:
 *
 *     key length(2) key type(1) place(8) element
 *
 * `place` is a hash of the element with the cluster's secret seed. Elements stand in its order,
 * so a walk over a collection goes on from a number, and a random place is a fair choice.
 */
#ifndef RING_ELEMENT_KEY_H
#define RING_ELEMENT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

enum {
    KEYSPACE_ELEMENTS = 1 << 15, /* above every number of a keyspace */
    ELEMENT_KEY_BYTES_MAX = UINT16_MAX,
    ELEMENT_KEY_OVERHEAD = 11
};

/* In the order in which one hides the others, when a key has elements of several. */
enum collection_type {
    COLLECTION_NONE = 0,
    COLLECTION_HASH = 1,
    COLLECTION_HASH_COUNTS = 2, /* the names of its fields that count; never shown */
    COLLECTION_SET = 3,         /* its members; without values */
    COLLECTION_ZSET = 4,        /* a sorted set: its members, with their scores */
    COLLECTION_ZSET_COUNTS = 5, /* the names of its members that count; never shown */
    COLLECTION_TYPE_END
};

/* Whether a key may be of that type, as users know types. */
static inline bool collection_type_is_shown(uint8_t type)
{
    return type == COLLECTION_HASH || type == COLLECTION_SET || type == COLLECTION_ZSET;
}
/* The type of the names of what counts in such a collection; COLLECTION_NONE: nothing does. */
static inline uint8_t collection_counts_of(uint8_t type)
{
    return type == COLLECTION_HASH   ? COLLECTION_HASH_COUNTS
           : type == COLLECTION_ZSET ? COLLECTION_ZSET_COUNTS
                                     : COLLECTION_NONE;
}
static inline bool collection_is_counts(uint8_t type)
{
    return type == COLLECTION_HASH_COUNTS || type == COLLECTION_ZSET_COUNTS;
}
/* The one that it hides next, or COLLECTION_NONE. */
static inline uint8_t collection_type_after(uint8_t type)
{
    return type == COLLECTION_HASH  ? COLLECTION_SET
           : type == COLLECTION_SET ? COLLECTION_ZSET
                                    : COLLECTION_NONE;
}

struct element_key {
    struct slice key;
    uint8_t type; /* enum collection_type, not NONE */
    uint64_t place;
    struct slice element;
};

static inline bool keyspace_has_elements(keyspace_id keyspace)
{
    return (keyspace & KEYSPACE_ELEMENTS) != 0;
}

/* The keyspace that users know. */
static inline keyspace_id keyspace_of_keys(keyspace_id keyspace)
{
    return (keyspace_id)(keyspace & ~KEYSPACE_ELEMENTS);
}

static inline keyspace_id keyspace_of_elements(keyspace_id keyspace)
{
    return (keyspace_id)(keyspace | KEYSPACE_ELEMENTS);
}

uint64_t element_place(struct slice element, uint64_t seed);
bool element_key_fits(struct slice key, struct slice element);
/* Append the name. It must fit. */
void element_key_encode(struct slice key, uint8_t type, struct slice element, uint64_t seed,
                        struct buffer *out);
/* Append what the names of all elements of the key begin with; `_of_type`: of that type alone. */
void element_key_prefix(struct slice key, struct buffer *out);
void element_key_prefix_of_type(struct slice key, uint8_t type, struct buffer *out);
/* Append what all names of the key's elements of that type, at `place` or later, are not below. */
void element_key_bound(struct slice key, uint8_t type, uint64_t place, struct buffer *out);
MUST_USE enum status element_key_decode(struct slice name, struct element_key *out);
/* Whether a cell of that name can exist: an element's is well formed and has the right place. */
bool cell_name_is_sound(keyspace_id keyspace, struct slice name, uint64_t seed);

#endif

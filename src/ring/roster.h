/*
 * roster.h - an array with one item for each other member, which follows the ring.
 *
 * What a module keeps of each peer stays with that peer when members come and go. An item is a
 * struct that begins with the member's node_id; items stand in the order of the ring's members,
 * and may move in memory whenever the roster follows.
 */
#ifndef RING_ROSTER_H
#define RING_ROSTER_H

#include <stdint.h>

#include "ring/ring.h"

struct roster_kind {
    size_t size; /* of an item */
    /* Fill in a new item, which is zero but for its id; NULL: zero is right. */
    void (*begin)(void *item, const struct ring_member *member, void *context);
    /* Release what the item of a past member holds; NULL: nothing. */
    void (*end)(void *item, void *context);
};

/*
 * Make the items those of the members of `ring` but `except` (0: all), and return the array. A
 * roster begins as NULL with a count of 0. `items` is heap memory that the caller frees.
 */
void *roster_follow(void *items, uint32_t *count, const struct ring *ring, node_id except,
                    const struct roster_kind *kind, void *context);

#endif

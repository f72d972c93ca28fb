/*
 * ordered_map.h - an ordered map of bytes whose copies cost nothing.
 *
 * A treap with shared nodes: a change copies the path to the root when somebody
 * else still uses it. So a view that must not change, such as what an iterator
 * walks or what was last synced, is just another map. Priorities are hashes of
 * the keys, so equal contents have equal shapes whatever their history.
 * Source: Seidel and Aragon, "Randomized Search Trees", Algorithmica 1996.
 */
#ifndef SIM_ORDERED_MAP_H
#define SIM_ORDERED_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct ordered_map_node;

/* All zero is the empty map. Release with ordered_map_deinit(). */
struct ordered_map {
    struct ordered_map_node *root;
};

void ordered_map_deinit(struct ordered_map *map);
/* `to` gets what `from` holds now; what `to` held is released. O(1). */
void ordered_map_assign(struct ordered_map *to, const struct ordered_map *from);
void ordered_map_put(struct ordered_map *map, struct slice key, struct slice value);
void ordered_map_remove(struct ordered_map *map, struct slice key);
/* false: absent. `value` is borrowed until the map changes. */
bool ordered_map_get(const struct ordered_map *map, struct slice key, struct slice *value);
bool ordered_map_empty(const struct ordered_map *map);

enum { ORDERED_MAP_DEPTH_MAX = 128 };

/* A place in a map that must neither change nor go while the cursor is used. */
struct ordered_map_cursor {
    const struct ordered_map_node *path[ORDERED_MAP_DEPTH_MAX];
    int depth; /* 0: at no record */
};

/* To the first key >= `key`, or the last key < `key`. */
void ordered_map_seek(const struct ordered_map *map, struct slice key,
                      struct ordered_map_cursor *cursor);
void ordered_map_seek_before(const struct ordered_map *map, struct slice key,
                             struct ordered_map_cursor *cursor);
void ordered_map_next(struct ordered_map_cursor *cursor);
void ordered_map_previous(struct ordered_map_cursor *cursor);

static inline bool ordered_map_valid(const struct ordered_map_cursor *cursor)
{
    return cursor->depth > 0;
}

struct slice ordered_map_key(const struct ordered_map_cursor *cursor);
struct slice ordered_map_value(const struct ordered_map_cursor *cursor);

#endif

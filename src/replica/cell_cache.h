/*
 * cell_cache.h - records of cells in memory: what the present group has changed, and what was used
 * lately.
 *
 * A group of writes must see its own changes before they are committed, and most
 * writes should not have to read the store first.
 *
 * Invariants:
 *   V1  what is found is the newest record: of the present group where that has changed it, else
 *       what the store holds. So whoever changes a record puts it here in the same step, and when
 *       the group's commit fails everything is dropped
 *   V2  all that the present group has changed is found, however much it is
 *   V3  absence is kept only where a group has deleted: not found here says nothing of the store
 *   V4  after a commit, names and records are within `bytes_max`
 */
#ifndef REPLICA_CELL_CACHE_H
#define REPLICA_CELL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct cell_cache;

/* `bytes_max` bounds names and values together; the group may exceed it until it is committed. */
struct cell_cache *cell_cache_new(size_t bytes_max);
void cell_cache_free(struct cell_cache *cache);

/*
 * The record of `name`; false when it is not cached. Borrowed until the next change of the cache.
 */
bool cell_cache_get(struct cell_cache *cache, struct slice name, struct slice *record);
/*
 * Remember a record: read from the store, or (`changed`) written by the present group. An empty
 * record says that the group has deleted it.
 */
void cell_cache_put(struct cell_cache *cache, struct slice name, struct slice record, bool changed);
/* The group is durable: its entries may be evicted from now on. */
void cell_cache_committed(struct cell_cache *cache);
/* Drop what the store holds as well: all but the entries of the present group. */
void cell_cache_forget_stored(struct cell_cache *cache);
/* The same for one entry. */
void cell_cache_forget(struct cell_cache *cache, struct slice name);
void cell_cache_drop_all(struct cell_cache *cache);

struct cell_cache_statistics {
    uint64_t hits;
    uint64_t misses;
    size_t bytes;
    size_t entries;
};

struct cell_cache_statistics cell_cache_statistics(const struct cell_cache *cache);

#endif

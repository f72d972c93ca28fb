/*
 * cell_cache.c - a hash table in least-recently-used order.
 *
 * The table keeps the entries in a list by last use; entries of the present
 * group stay out of eviction by a flag, and are listed to clear it at commit.
 */
#include "replica/cell_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

struct entry {
    UT_hash_handle hh;
    struct entry *newer, *older; /* by last use */
    struct entry *next_changed;  /* list of the group; only when `changed` */
    bool changed;
    uint32_t name_bytes;
    uint32_t record_bytes;
    uint32_t record_capacity;
    uint8_t *record;
    uint8_t name[];
};

struct cell_cache {
    struct entry *table;
    struct entry *newest, *oldest;
    struct entry *changed;
    struct entry *found; /* last; a write looks twice for its cell: to load, and to put it */
    size_t bytes, bytes_max;
    uint64_t hits, misses;
};

enum { ENTRY_OVERHEAD = sizeof(struct entry) + 32 };

struct cell_cache *cell_cache_new(size_t bytes_max)
{
    struct cell_cache *cache = memory_new(1, sizeof *cache);
    cache->bytes_max = bytes_max;
    return cache;
}

static size_t entry_bytes(const struct entry *entry)
{
    return ENTRY_OVERHEAD + entry->name_bytes + entry->record_capacity;
}

static void unlink_entry(struct cell_cache *cache, struct entry *entry)
{
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void link_newest(struct cell_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest != NULL)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void remove_entry(struct cell_cache *cache, struct entry *entry)
{
    cache->bytes -= entry_bytes(entry);
    if (cache->found == entry)
        cache->found = NULL;
    unlink_entry(cache, entry);
    HASH_DEL(cache->table, entry);
    free(entry->record);
    free(entry);
}

static void evict(struct cell_cache *cache)
{
    struct entry *entry = cache->oldest;
    while (cache->bytes > cache->bytes_max && entry != NULL) {
        struct entry *newer = entry->newer;
        if (!entry->changed)
            remove_entry(cache, entry);
        entry = newer;
    }
}

void cell_cache_free(struct cell_cache *cache)
{
    if (cache == NULL)
        return;
    cell_cache_drop_all(cache);
    free(cache);
}

static struct entry *find(struct cell_cache *cache, struct slice name)
{
    struct entry *entry = cache->found;
    if (entry != NULL && slice_equal(name, slice_make(entry->name, entry->name_bytes)))
        return entry;
    HASH_FIND(hh, cache->table, name.data, name.length, entry);
    cache->found = entry;
    return entry;
}

bool cell_cache_get(struct cell_cache *cache, struct slice name, struct slice *record)
{
    struct entry *entry = find(cache, name);
    if (entry == NULL) {
        cache->misses++;
        return false;
    }
    cache->hits++;
    unlink_entry(cache, entry);
    link_newest(cache, entry);
    *record = slice_make(entry->record, entry->record_bytes);
    return true;
}

void cell_cache_put(struct cell_cache *cache, struct slice name, struct slice record, bool changed)
{
    struct entry *entry = find(cache, name);
    if (entry == NULL) {
        entry = memory_new(1, sizeof *entry + name.length);
        memcpy(entry->name, name.data, name.length);
        entry->name_bytes = (uint32_t)name.length;
        HASH_ADD_KEYPTR(hh, cache->table, entry->name, entry->name_bytes, entry);
        cache->bytes += entry_bytes(entry);
    } else {
        unlink_entry(cache, entry);
    }
    link_newest(cache, entry);
    if (entry->record_capacity < record.length ||
        (record.length > 0 && entry->record_capacity / 4 > record.length)) {
        cache->bytes += record.length - entry->record_capacity;
        entry->record = memory_resize(entry->record, record.length, 1);
        entry->record_capacity = (uint32_t)record.length;
    }
    if (record.length > 0)
        memcpy(entry->record, record.data, record.length);
    entry->record_bytes = (uint32_t)record.length;
    if (changed && !entry->changed) {
        entry->changed = true;
        entry->next_changed = cache->changed;
        cache->changed = entry;
    }
    if (!changed)
        evict(cache);
}

void cell_cache_committed(struct cell_cache *cache)
{
    while (cache->changed != NULL) {
        struct entry *entry = cache->changed;
        cache->changed = entry->next_changed;
        entry->changed = false;
        entry->next_changed = NULL;
    }
    evict(cache);
}

void cell_cache_forget_stored(struct cell_cache *cache)
{
    for (struct entry *entry = cache->oldest, *newer; entry != NULL; entry = newer) {
        newer = entry->newer;
        if (!entry->changed)
            remove_entry(cache, entry);
    }
}

void cell_cache_forget(struct cell_cache *cache, struct slice name)
{
    struct entry *entry = find(cache, name);
    if (entry != NULL && !entry->changed)
        remove_entry(cache, entry);
}

void cell_cache_drop_all(struct cell_cache *cache)
{
    cache->changed = NULL;
    while (cache->newest != NULL)
        remove_entry(cache, cache->newest);
}

struct cell_cache_statistics cell_cache_statistics(const struct cell_cache *cache)
{
    return (struct cell_cache_statistics){.hits = cache->hits,
                                          .misses = cache->misses,
                                          .bytes = cache->bytes,
                                          .entries = HASH_COUNT(cache->table)};
}

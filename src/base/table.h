/*
 * table.h - uthash with the memory of this house.
 *
 * Include this instead of <uthash.h>: a table that cannot grow then ends the
 * process in the one decided way (memory.h), and iteration is in the order of insertion.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

#define uthash_malloc(bytes)       memory_new(1, bytes)
#define uthash_free(memory, bytes) free(memory)
#define uthash_fatal(message)      assert(!message) /* not reached: memory_new() never fails */
/*
 * The hash of the house: less than half the work of uthash's own for the name of a cell. Ids of
 * eight bytes count up, and are spread by a multiplication (Knuth, "Sorting and Searching", 6.4).
 */
static inline unsigned table_hash(const void *key, size_t key_bytes)
{
    uint64_t id;
    if (key_bytes != sizeof id)
        return (unsigned)hash64(slice_make(key, key_bytes), 0);
    memcpy(&id, key, sizeof id);
    return (unsigned)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}
#define HASH_FUNCTION(key, key_bytes, hash) ((hash) = table_hash(key, key_bytes))

#include <uthash.h>

#endif

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

#include "base/hash.h"
#include "base/memory.h"

#define uthash_malloc(bytes)       memory_new(1, bytes)
#define uthash_free(memory, bytes) free(memory)
#define uthash_fatal(message)      assert(!message) /* not reached: memory_new() never fails */
/* The hash of the house: a fifth of the work of uthash's own for the name of a cell. */
#define HASH_FUNCTION(key, key_bytes, hash)                                                        \
    ((hash) = (unsigned)hash64(slice_make(key, key_bytes), 0))

#include <uthash.h>

#endif

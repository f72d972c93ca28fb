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

#include "base/memory.h"

#define uthash_malloc(bytes)       memory_new(1, bytes)
#define uthash_free(memory, bytes) free(memory)
#define uthash_fatal(message)      assert(!message) /* not reached: memory_new() never fails */

#include <uthash.h>

#endif

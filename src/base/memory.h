/*
 * memory.h - allocation that cannot fail to its caller.
 *
 * Every queue, buffer and request in RingDB is bounded by a setting, so a
 * failed allocation means that the machine is out of memory. The decided
 * outcome is the one that the store is built to survive: the process prints
 * one line and ends, exactly as after kill -9; acknowledged data is on disk.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/status.h"

/* Zeroed memory for `count` things of `size` bytes. Never NULL. Release with free(). */
MUST_USE void *memory_new(size_t count, size_t size);

/* As realloc(); never NULL when `count` and `size` are not 0. New bytes are not zeroed. */
MUST_USE void *memory_resize(void *old, size_t count, size_t size);

/* A copy of `length` bytes with a NUL byte after them. Never NULL. */
MUST_USE void *memory_copy(const void *bytes, size_t length);

#endif

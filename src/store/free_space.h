/*
 * free_space.h - how much room the file system of a directory still has.
 */
#ifndef STORE_FREE_SPACE_H
#define STORE_FREE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Both must be kept free; the larger one counts. */
struct free_space_floor {
    uint64_t bytes;
    unsigned percent; /* of the file system's size */
};

struct free_space {
    uint64_t free_bytes; /* for users other than root */
    uint64_t floor_bytes;
    bool low; /* free_bytes < floor_bytes */
};

/* One statvfs(). STATUS_IO with errno; `out` is untouched. */
MUST_USE enum status free_space_read(const char *path, const struct free_space_floor *floor,
                                     struct free_space *out);

#endif

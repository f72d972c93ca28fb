/*
 * inventory.h - the names and sizes of a closed database's files, as three numbers.
 *
 * LevelDB opens without a word when its newest log is gone or the tail of its
 * MANIFEST is cut. Between a clean end and the next start no file changes, so a
 * difference there is a loss. Contents are not read: checksums guard those.
 */
#ifndef STORE_INVENTORY_H
#define STORE_INVENTORY_H

#include <stdint.h>

#include "base/status.h"

struct inventory {
    uint64_t files;
    uint64_t bytes;
    uint64_t digest; /* of all names and sizes; in no order */
};

/*
 * Take the inventory of the directory `path`; LevelDB's LOCK and LOG files do not count. STATUS_IO
 * with errno.
 */
MUST_USE enum status inventory_take(const char *path, struct inventory *out);

#endif

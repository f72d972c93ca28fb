/*
 * rebuild.h - when a store is damaged: set it aside, or leave it and say what to do.
 *
 * The whole server is taken down to the process and put up again with the new store: its
 * storage incarnation is part of every actor, link and greeting, so nothing that knows the
 * old one may live on. The process itself stays, with its settings, its log and its pid.
 */
#ifndef RINGD_REBUILD_H
#define RINGD_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "ringd/config.h"
#include "ring/ring.h"
#include "store/leveldb_store.h"

/* What was found. All zero: nothing. */
struct rebuild_cause {
    bool found;
    char why[STORE_REASON_MAX];
    uint16_t above;        /* a storage incarnation that was given already, or 0 */
    bool majority_is_lost; /* other owners of a partition rebuild too */
};

/*
 * STATUS_OK: an empty store stands in its place, which rebuilds from the other owners.
 * Otherwise it was left as it is, and one sentence was appended to `reason`.
 */
MUST_USE enum status rebuild_store(const struct config_values *values, const struct ring *ring,
                                   const struct rebuild_cause *cause, const struct log_sink *log,
                                   struct buffer *reason);

#endif

/*
 * quarantine.h - a damaged store is set aside, and an empty one takes its place.
 *
 *     DATA/damage                       what happened, a line for each time; the newest last
 *     DATA/damaged/INCARNATION-TIME/    what was set aside: the database, and the identity
 *
 * The new store has a storage incarnation that no store of this node ever had, so peers take
 * nothing of the old one any more, and its replicas rebuild from them. The numbers that were given
 * stand in DATA/damage before they are used: a crash at any moment loses none.
 *
 * A disk that goes on to break must not be rebuilt again and again: after `times_max` times within
 * QUARANTINE_WINDOW_MS it is refused, until the operator removes DATA/damage.
 */
#ifndef STORE_QUARANTINE_H
#define STORE_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "store/identity.h"
#include "store/leveldb_store.h"

enum { QUARANTINE_WINDOW_MS = 60 * 60 * 1000, QUARANTINE_LINES_MAX = 64 };

struct quarantine_params {
    const char *data_path;
    const struct leveldb_store_params *store; /* of the new one; its path is not used */
    const char *why;
    uint16_t above;  /* the new incarnation is above this and above the old one */
    uint64_t now_ms; /* since 1970 */
    unsigned times_max;
    unsigned keep_max;       /* stores that stay set aside, 1.. ; older ones are removed */
    uint64_t keep_bytes_max; /* the newest stays in any case; 0: no limit */
};

struct quarantine_report {
    char aside[STORE_REASON_MAX]; /* the directory of the old store; empty when there was none */
    uint16_t storage_incarnation; /* of the new one */
};

/*
 * Nobody may have the store open. STATUS_OVERLOADED: too often, nothing was changed.
 * STATUS_CORRUPT: the identity is not readable, so nobody knows which incarnations were given.
 * STATUS_IO, STATUS_NO_SPACE: doing it again is safe. `reason` says what and what to do.
 */
MUST_USE enum status quarantine_store(const struct quarantine_params *params,
                                      struct quarantine_report *out, char reason[STORE_REASON_MAX]);

/* Write down that a store is damaged, and let nobody set it aside before DATA/damage is removed. */
MUST_USE enum status quarantine_hold(const struct quarantine_params *params,
                                     char reason[STORE_REASON_MAX]);

/* For status and metrics. All zero: never. */
struct quarantine_history {
    unsigned times; /* that DATA/damage tells of */
    uint64_t last_ms;
    char why[STORE_REASON_MAX];
};
void quarantine_read_history(const char *data_path, struct quarantine_history *out);

#endif

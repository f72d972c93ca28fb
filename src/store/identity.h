/*
 * identity.h - who a data directory belongs to, kept in two halves that must agree.
 *
 *     DATA/identity        text, outside the database; replaced whole (durable_file.h)
 *     DATA/store/          the LevelDB database; its record "I" holds the other half
 *     DATA/identity.lock   held while a process opens or closes; empty
 *
 * A database that was lost, swapped or put back from a copy does not fit its
 * file, and is refused with a sentence: a node that has forgotten events would
 * give their dots to new ones (rules A1 and A2 of src/causal/README.md).
 * `session` is raised at every opening and every clean end, so a copy of the
 * database from any earlier session is noticed. Within one session LevelDB can
 * lose its newest records unnoticed, which only peers can tell (README.md).
 *
 * A change writes the file with both the old and the coming values, then the
 * database, then the file with the new values alone. Whatever moment a crash
 * takes, the database agrees with one of the two.
 *
 * At a clean end the file also gets an inventory of the database's files (names and
 * sizes), so that a lost, cut or added file is noticed at the next start.
 *
 * The boot epoch is part of every actor. It is raised durably, before anything
 * is served, after an end that was not clean and after a store was reopened
 * because of a failed write: then events may be on the disk, or at peers, that
 * memory does not know of.
 */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/status.h"
#include "store/leveldb_store.h"

enum { IDENTITY_FORMAT = 1, IDENTITY_CLUSTER_BYTES = 16, IDENTITY_KEY_PREFIX = 'I' };

struct identity {
    uint8_t cluster_id[IDENTITY_CLUSTER_BYTES];
    node_id node;
    uint16_t storage_incarnation; /* 1.. */
    uint32_t boot_epoch;          /* 1.. */
    uint64_t session;             /* 1.. */
    bool clean;                   /* the last end was clean and nothing has been opened since */
};

/*
 * Make a data directory for `identity` (cluster, node and incarnation; the rest
 * is set to its first values). `data_path` must be missing, its parent existing, or
 * empty; lost+found does not count. `store->path` is ignored here and below.
 * STATUS_INVALID (not empty), STATUS_IO, STATUS_NO_SPACE: `reason` says what and what to do.
 */
MUST_USE enum status identity_initialise(const char *data_path,
                                         const struct leveldb_store_params *store,
                                         const struct identity *identity,
                                         char reason[STORE_REASON_MAX]);

/*
 * Put a new, empty database where none is, in a directory that has an identity file, for
 * `identity` with a storage incarnation above the file's. Doing it again after a failure needs
 * what was left of the database to be gone first. As identity_initialise().
 */
MUST_USE enum status identity_replace(const char *data_path,
                                      const struct leveldb_store_params *store,
                                      const struct identity *identity,
                                      char reason[STORE_REASON_MAX]);

/*
 * Only look at the file half; takes no lock and changes nothing.
 * STATUS_NOT_FOUND (never initialised, or lost), STATUS_CORRUPT, STATUS_IO: with `reason`.
 */
MUST_USE enum status identity_read(const char *data_path, struct identity *out,
                                   char reason[STORE_REASON_MAX]);

/*
 * Open the database, check both halves, and record durably that it is in use, with the boot
 * epoch raised when the last end was not clean. `out->clean` tells how that end was.
 * STATUS_NOT_FOUND (not initialised), STATUS_OVERLOADED (in use by another process),
 * STATUS_CORRUPT (lost, damaged, swapped or rolled back), STATUS_IO, STATUS_NO_SPACE:
 * nothing may be served; `reason` says what was found and what to do.
 */
MUST_USE enum status identity_open(const char *data_path, const struct leveldb_store_params *store,
                                   struct leveldb_store **out_store, struct identity *out,
                                   char reason[STORE_REASON_MAX]);

/*
 * Check that the reopened database is still the one of `identity`, and raise the boot epoch in both
 * halves. STATUS_NO_SPACE, STATUS_CORRUPT, STATUS_IO: not all of it was written; the database must
 * be reopened before the next attempt, which is safe. `identity` is unchanged.
 */
MUST_USE enum status identity_raise_boot_epoch(const char *data_path, struct leveldb_store *store,
                                               struct identity *identity);

/*
 * Record a clean end in both halves and close the database; takes `store`, also when it
 * fails. The last batch must have been synced. A failure only means that the next start
 * treats this end as unclean.
 */
MUST_USE enum status identity_close(const char *data_path, struct leveldb_store *store,
                                    struct identity *identity);

#endif

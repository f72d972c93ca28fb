/*
 * data_directory.h - a directory that belongs to one node: identity, ring and store.
 *
 *     DATA/identity, DATA/store/   store/identity.h
 *     DATA/ring                    ring_file.h
 *
 * Initialising makes the store first and the ring last. When a crash comes
 * between, doing it again with the same ring completes it; that is also how a lost
 * ring file is put back. Nothing is ever made in a directory that holds something else.
 */
#ifndef RINGD_DATA_DIRECTORY_H
#define RINGD_DATA_DIRECTORY_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "membership/register_value.h"
#include "store/identity.h"

/* Whether something has that name, be it a directory or not. */
bool data_directory_exists(const char *path);

/*
 * Make `path`, which is missing or empty, the directory of `node` of the value's ring, with a
 * storage incarnation that is not below the ring's; 0 is the ring's. A node whose store was lost
 * must have one that it never had before, or it would give old dots to new events. STATUS_INVALID
 * (in use, no member, or too low an incarnation), STATUS_CORRUPT, STATUS_IO, STATUS_NO_SPACE: one
 * sentence was appended to `reason`.
 */
MUST_USE enum status data_directory_initialise(const char *path, const struct register_value *value,
                                               node_id node, uint16_t storage_incarnation,
                                               const struct leveldb_store_params *store,
                                               struct buffer *reason);

/*
 * Read the ring and check that it is of the cluster and the node that the identity names, and
 * that it knows of no later incarnation of the store. `node` is 0 or the node that is expected. The
 * caller owns `*value`. STATUS_NOT_FOUND (never initialised), STATUS_INVALID (another node's),
 * STATUS_CORRUPT, STATUS_TOO_LARGE, STATUS_IO: likewise.
 */
MUST_USE enum status data_directory_read(const char *path, node_id node,
                                         struct register_value **value, struct identity *identity,
                                         struct buffer *reason);

#endif

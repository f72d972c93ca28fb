/*
 * scrub.h - reads all cells of a replica and holds them against what is believed of them.
 *
 * A walk in the order of positions makes a second sum-tree from the cells alone. Writes
 * go on meanwhile: a change behind the walk is added to the second tree too, one ahead of it
 * will be met. At the end both trees must be equal; where they are not, cells were lost or
 * changed behind the store's back (or counted wrong), and what was read replaces what was
 * believed. So the comparison with other owners finds what is missing, and nothing is
 * concluded here from absence.
 *
 * The same walk gives a tree another depth, and a first tree to a store that has none.
 *
 * For each cell: its record is readable (the store checks its checksum) and decodes, it lies
 * where its key belongs, and the clock has its live dots (R2 of replica.h). What breaks one of
 * these is STATUS_CORRUPT, damage of the store, and is not repaired here.
 * Source: reference "algorithms" 6.1 (L3).
 */
#ifndef REPLICA_SCRUB_H
#define REPLICA_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "replica/replica.h"

/* Begin at the first position; one that was under way is forgotten. */
void replica_scrub_begin(struct replica *replica, struct replica_context *context);
void replica_scrub_abandon(struct replica *replica);
bool replica_scrub_runs(const struct replica *replica);
/* One that runs has met all cells, and is to be finished. */
bool replica_scrub_has_met_all(const struct replica *replica);

struct scrub_step {
    uint32_t cells;
    uint64_t bytes;
    bool done; /* all cells were met: replica_scrub_finish() is next */
};

/*
 * Read on until `cells_max` cells or `bytes_max` bytes were met; at least one cell. Only
 * between groups, when what is committed is all there is.
 * STATUS_CORRUPT, STATUS_IO: as above; the scrub is abandoned.
 */
MUST_USE enum status replica_scrub_step(struct replica *replica, uint32_t cells_max,
                                        uint64_t bytes_max, struct replica_context *context,
                                        struct scrub_step *out);

struct scrub_result {
    uint64_t cells;        /* that were read, without a live value too */
    uint64_t live;         /* with one */
    uint32_t leaves_wrong; /* ranges where what was believed was not what is there */
};

/*
 * Take the second tree, and put a checkpoint into the batch. Entries of the cell cache
 * are dropped when something was wrong: they may show what the store has lost.
 */
void replica_scrub_finish(struct replica *replica, struct replica_context *context,
                          struct scrub_result *out);

/* replica.c: a cell changed; `name` is its record's. */
void replica_scrub_note(struct replica *replica, struct slice name, uint64_t position,
                        keyspace_id keyspace, uint64_t hash_delta, int count_delta,
                        const struct replica_context *context);

#endif

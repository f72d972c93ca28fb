/*
 * sketchers.h - clients of HyperLogLogs in a keyspace of their own, and what must hold of them.
 *
 * Each conversation adds elements to a key, joins one key into another, or reads a key's registers
 * with GET, at the level QUORUM. What was acknowledged, and what was ever asked for, are kept here
 * as registers of their own: of the product they use the hash, and the reading of bytes.
 *
 *   S1  a read shows every register at least as high as what was acknowledged before it was asked,
 *       and no higher than what was asked for until it was answered
 *   S2  no batch lowers a register of a key on a disk
 *   S3  when all agree, every owner has what was acknowledged
 *
 * They are there in runs that lose no disks, so nothing that was acknowledged may be missing.
 */
#ifndef SIM_SKETCHERS_H
#define SIM_SKETCHERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring.h"
#include "wire/record.h"

struct machine;
struct occurrence;
struct ordered_map;
struct sketchers;
struct world;

struct sketchers *sketchers_new(struct world *world);
void sketchers_free(struct sketchers *sketchers);
void sketchers_stop(struct world *world);
/* The keyspace, for the first ring. */
void sketchers_keyspace(struct ring_keyspace *out);

/* AT_SKETCHER_STEP */
void sketchers_handle(struct world *world, const struct occurrence *what);

/* ---- batches; `before` is the disk without them */
bool sketchers_own(keyspace_id keyspace);
void sketchers_cell_stored(struct world *world, const struct machine *machine,
                           const struct cell_name *name, struct slice record,
                           const struct ordered_map *before);

/* S3; `reason` has room for `size` bytes. */
bool sketchers_are_quiet(struct world *world, char *reason, size_t size);

#endif

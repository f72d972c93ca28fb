/*
 * dropper.h - clients that make a keyspace, use it, drop it and make it again, through any node,
 * and what must hold of it.
 *
 * Each conversation asks its node which value of the register it goes by, SELECTs, asks again,
 * waits a while, asks a third time together with one command on a key, and hangs up. From the
 * register's values, by their seqs, follows in which life of the keyspace the session is: that in
 * which its node was before and after SELECT. Then
 *
 *   D1  a read shows what was written in its own life of the keyspace, never another's
 *   D2  a node that goes by a value in which that life is over answers no command in it
 *   D3  no disk whose register says that a life is over takes a new version of it, or a hint
 *   D4  a value lies under one id, on all disks and at all times
 *   D5  when all agree, no disk has a cell or a hint of a life that is over
 */
#ifndef SIM_DROPPER_H
#define SIM_DROPPER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "wire/record.h"

struct dropper;
struct machine;
struct occurrence;
struct ordered_map;
struct world;

struct dropper *dropper_new(struct world *world);
void dropper_free(struct dropper *dropper);
void dropper_stop(struct world *world);
bool dropper_idle(const struct world *world);

/* AT_DROPPER_STEP */
void dropper_handle(struct world *world, const struct occurrence *what);

/* ---- batches; `before` is the disk without them */
bool dropper_owns(keyspace_id keyspace);
void dropper_cell_stored(struct world *world, const struct machine *machine,
                         const struct cell_name *name, struct slice record,
                         const struct ordered_map *before);
void dropper_cell_removed(struct world *world, const struct machine *machine,
                          const struct cell_name *name, const struct ordered_map *before);
void dropper_hint_changed(struct world *world, const struct machine *machine, struct slice name,
                          bool removed);

/* D5; `reason` has room for `size` bytes. */
bool dropper_is_quiet(struct world *world, char *reason, size_t size);

#endif

/*
 * silent_loss.h - disks that lose or age a cell behind an intact clock, and whether trees tell.
 *
 * Damage is done once all owners agree, to one owner of a key: its cell vanishes, or becomes
 * what it was half a run before. No record fails its checksum, so only a scrub and the comparison
 * of trees can find it, and the other owners must bring it back.
 *
 * Beside that: what a disk says its tree is (its pages, and the log after them) equals the tree
 * made from its cells, at every opening of a store and at the end (R5 of replica.h).
 */
#ifndef SIM_SILENT_LOSS_H
#define SIM_SILENT_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"

struct machine;
struct silent_loss;
struct world;

struct silent_loss *silent_loss_new(struct world *world);
void silent_loss_free(struct silent_loss *loss, uint32_t node_count);

/* Remember what disks show now, for cells to age to. */
void silent_loss_remember(struct world *world);
/* Hit some cells; how many. All owners agree. */
uint32_t silent_loss_strike(struct world *world);

/* Whether a cell of that replica was hit. */
bool silent_loss_has_hit(const struct world *world, const struct machine *machine,
                         partition_id partition);
/* The machine, an owner, has no cell of that key of the oracle any more; false: it had none. */
bool silent_loss_take(struct world *world, uint32_t machine, uint32_t key);

/* R5 on a disk. Replicas that were hit are left out. */
void silent_loss_check_trees(struct world *world, const struct machine *machine);
/* Whether R5 holds at the replicas that were hit, too. */
bool silent_loss_is_mended(struct world *world);
/* Frames from a store side to its loop side, for the marks. */
void silent_loss_note_frames(struct machine *machine, struct slice frames);

#endif

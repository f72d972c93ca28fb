/*
 * script_trap.h - crash points: power is lost at the batch that does a certain thing.
 *
 * Traps are set one after the other, each until a batch of any machine falls into it. Then that
 * machine loses power: before the batch is in the database, when it is there but nobody was told,
 * or right after its sync, before what waited for it leaves.
 */
#ifndef SIM_SCRIPT_TRAP_H
#define SIM_SCRIPT_TRAP_H

#include <stdint.h>

#include "base/bytes.h"

struct machine;
struct script_step;
struct traps;
struct world;

enum trap_kind {
    TRAP_REGISTER,   /* a steward's promise, or a value of the register */
    TRAP_PURGE,      /* a collected cell leaves the disk */
    TRAP_CELL,       /* a cell is written */
    TRAP_HINT,       /* a hint is kept */
    TRAP_HANDOFF,    /* a hint that was delivered is dropped */
    TRAP_CHECKPOINT, /* clock and tree of a partition */
    TRAP_KINDS
};

enum trap_fate { TRAP_LOST, TRAP_KEPT, TRAP_SYNCED, TRAP_FATES };

struct traps *traps_new(void);
void traps_free(struct traps *traps);

/* A step of a script: set the first trap. */
void trap_begin(struct world *world, const struct script_step *step);
/* An end of a script: whether each trap was sprung. */
void trap_check_all(struct world *world);

/* ---- of the store thread: a batch is being written; it is synced */
void trap_written(struct machine *machine, struct slice batch);
void trap_synced(struct machine *machine);
/* AT_FAULT with an id from SCRIPT_STEPS_MAX on. */
void trap_handle(struct world *world, uint64_t number);

#endif

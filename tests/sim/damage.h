/*
 * damage.h - disks that no longer hold what they held: bit rot, and older copies put back.
 *
 * Rot is noticed when a rotten record is read, and then by everything: as the store adapter does,
 * the image answers nothing more. A disk that is rolled back reads well; only peers can tell, so
 * it is done only when each of them durably remembers more than the copy holds. Both destroy
 * the machine's copies, within the budget of nemesis.h.
 */
#ifndef SIM_DAMAGE_H
#define SIM_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/ordered_map.h"

struct machine;
struct random;

/* A copy of a disk, with the identity beside it. */
struct disk_copy {
    bool taken;
    struct ordered_map synced;
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    bool clean;
};

void disk_copy_deinit(struct disk_copy *copy);
void damage_copy(struct machine *machine);
/* Whether all others would notice that the copy was put back. */
bool damage_may_roll_back(const struct machine *machine);
/* Put the copy back into a machine that is down; without its identity when that still fits. */
void damage_roll_back(struct machine *machine, struct random *random);
void damage_rot(struct machine *machine, struct random *random);

#endif

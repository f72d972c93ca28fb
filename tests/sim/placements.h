/*
 * placements.h - who owned what, under which tags, and by which of them a machine goes.
 *
 * Known from disks alone: a value of the register counts from the first batch that stores it as
 * chosen, because nobody goes by it before. world->ring follows the newest; what each partition had
 * under each tag is kept for the whole run.
 */
#ifndef SIM_PLACEMENTS_H
#define SIM_PLACEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "ring/ring.h"
#include "sim/plan.h"

struct machine;
struct ordered_map;
struct placements;
struct register_value;
struct world;

/* A partition under one tag: two rows of ring->owner_count ids, equal while it is stable. */
struct placement {
    struct ring_tag tag;
    node_id owners[PLAN_OWNERS_MAX];
    node_id coming[PLAN_OWNERS_MAX];
};

struct placements *placements_new(const struct ring *first);
void placements_free(struct placements *placements);

/* A batch stores it as chosen. */
void placements_chosen(struct world *world, const struct register_value *value);
/* The number of the newest value that was seen. */
uint64_t placements_seq(const struct world *world);
/* Every tag that the partition has had, the oldest first. */
const struct placement *placements_of(const struct world *world, partition_id partition,
                                      uint32_t *count);

/* The ring by which the machine goes, as its disk says; valid until that changes. */
const struct ring *placements_on_disk(struct world *world, const struct machine *machine);
/* Whether there is a copy of the partition on that disk, or in what is put there, not given up. */
bool placements_has_copy(const struct ordered_map *disk, partition_id partition);
/* And marked, to be removed step by step. */
bool placements_is_dropping(const struct ordered_map *disk, partition_id partition);
/* Whether the machine's disk has a copy that counts by the ring on the same disk. */
bool placements_holds(struct world *world, const struct machine *machine, partition_id partition);

#endif

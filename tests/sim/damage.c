#include "sim/damage.h"

#include <assert.h>

#include "base/random.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/spread.h"
#include "sim/world.h"
#include "wire/message_lineage.h"

void disk_copy_deinit(struct disk_copy *copy)
{
    ordered_map_deinit(&copy->synced);
    *copy = (struct disk_copy){0};
}

void damage_copy(struct machine *machine)
{
    struct disk_copy *copy = &machine->copy;
    disk_copy_deinit(copy);
    ordered_map_assign(&copy->synced, &machine->image.synced);
    copy->taken = true;
    copy->storage_incarnation = machine->storage_incarnation;
    copy->boot_epoch = machine->boot_epoch;
    copy->clean = machine->clean;
    world_note(machine->world, "n%u: a copy of its disk is taken", machine->id);
}

static uint64_t commits_of(const struct ordered_map *map)
{
    struct buffer name = {0};
    struct slice value;
    uint64_t commits = 0;
    record_commits_name(&name);
    if (ordered_map_get(map, buffer_slice(&name), &value) &&
        commits_record_decode(value, &commits) != STATUS_OK)
        commits = 0;
    buffer_deinit(&name);
    return commits;
}

static bool remembers_more(const struct machine *other, const struct machine *machine)
{
    const struct disk_copy *copy = &machine->copy;
    struct buffer name = {0};
    struct slice value;
    struct lineage_witness witness = {0};
    record_witness_name(machine->id, &name);
    bool found = ordered_map_get(&other->image.synced, buffer_slice(&name), &value) &&
                 witness_record_decode(value, &witness) == STATUS_OK;
    buffer_deinit(&name);
    if (!found || witness.storage_incarnation < copy->storage_incarnation)
        return false;
    return witness.storage_incarnation > copy->storage_incarnation ||
           witness.commits > commits_of(&copy->synced);
}

bool damage_may_roll_back(const struct machine *machine)
{
    const struct world *world = machine->world;
    if (!machine->copy.taken)
        return false;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        const struct machine *other = &world->machines[i];
        if (other != machine && !other->absent &&
            (other->state != MACHINE_UP || !remembers_more(other, machine)))
            return false;
    }
    return true;
}

void damage_roll_back(struct machine *machine, struct random *random)
{
    struct world *world = machine->world;
    struct disk_copy *copy = &machine->copy;
    bool whole =
        copy->storage_incarnation != machine->storage_incarnation || random_chance(random, 1, 2);
    assert(machine->state == MACHINE_DOWN);
    world_note(world, "n%u: an older copy of its disk is put back%s", machine->id,
               whole ? ", with its identity" : "");
    marks_hit(world->marks, MARK_ROLLBACK);
    oracle_disk_lost(world->oracle, machine);
    machine->loss_told = true;
    machine->wiped_at_us = world->now_us;
    ordered_map_assign(&machine->image.synced, &copy->synced);
    image_crash(&machine->image, 0);
    if (!whole)
        return;
    machine->storage_incarnation = copy->storage_incarnation;
    machine->boot_epoch = copy->boot_epoch;
    machine->clean = copy->clean;
}

void damage_rot(struct machine *machine, struct random *random)
{
    world_note(machine->world, "n%u: its disk begins to rot", machine->id);
    marks_hit(machine->world->marks, MARK_ROT);
    machine->image.rot_seed = random_u64(random);
    machine->image.rot_ppm = (uint32_t)spread_log(random, 100, 200000);
}

#include "sim/placements.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "membership/register_value.h"
#include "ring/transition.h"
#include "sim/machine.h"
#include "sim/movers.h"
#include "sim/world.h"
#include "wire/message_register.h"
#include "wire/record.h"

struct history {
    struct placement *items; /* by tag */
    uint32_t count, capacity;
};

/* The last value that was read from a disk. */
struct known_ring {
    uint64_t digest; /* of its record; 0: none was read yet */
    struct ring *ring;
};

struct placements {
    uint32_t partition_count;
    uint64_t seq;
    struct history *histories; /* by partition */
    struct known_ring known[PLAN_NODES_MAX];
};

static void note(struct history *history, const struct ring *ring, partition_id partition)
{
    size_t row = ring->owner_count * sizeof(node_id);
    struct placement placement = {.tag = ring_tag_of(ring, partition)};
    memcpy(placement.owners, ring_owners(ring, partition), row);
    memcpy(placement.coming, ring_coming_owners(ring, partition), row);
    uint32_t at = history->count;
    while (at > 0 && ring_tag_compare(history->items[at - 1].tag, placement.tag) > 0)
        at--;
    if (at > 0 && ring_tag_compare(history->items[at - 1].tag, placement.tag) == 0)
        return;
    if (history->count == history->capacity) {
        history->capacity = history->capacity * 2 + 4;
        history->items = memory_resize(history->items, history->capacity, sizeof *history->items);
    }
    memmove(history->items + at + 1, history->items + at,
            (history->count - at) * sizeof *history->items);
    history->items[at] = placement;
    history->count++;
}

static void note_all(struct placements *placements, const struct ring *ring)
{
    for (uint32_t p = 0; p < placements->partition_count; p++)
        note(&placements->histories[p], ring, (partition_id)p);
}

struct placements *placements_new(const struct ring *first)
{
    struct placements *placements = memory_new(1, sizeof *placements);
    placements->partition_count = first->partition_count;
    placements->histories = memory_new(first->partition_count, sizeof *placements->histories);
    note_all(placements, first);
    return placements;
}

void placements_free(struct placements *placements)
{
    if (placements == NULL)
        return;
    for (uint32_t p = 0; p < placements->partition_count; p++)
        free(placements->histories[p].items);
    for (uint32_t i = 0; i < PLAN_NODES_MAX; i++)
        ring_free(placements->known[i].ring);
    free(placements->histories);
    free(placements);
}

/* ---- chosen values ---- */

/* What became of a partition between two values, the newest before and this one. */
static void mark(struct world *world, const struct ring *ring, partition_id partition)
{
    struct ring_tag was = ring_tag_of(world->ring, partition), is = ring_tag_of(ring, partition);
    if (ring_tag_compare(was, is) == 0)
        return;
    if (is.phase == RING_JOINT)
        marks_hit(world->marks, MARK_MOVE_BEGUN);
    else if (is.phase == RING_SWITCHED)
        marks_hit(world->marks, MARK_MOVE_SWITCHED);
    else
        marks_hit(world->marks, was.phase == RING_JOINT ? MARK_MOVE_ABORTED : MARK_MOVE_FINISHED);
    world_note(world, "partition %u goes to tag %u.%u", partition, is.epoch, is.phase);
}

void placements_chosen(struct world *world, const struct register_value *value)
{
    struct placements *placements = world->placements;
    bool moved;
    note_all(placements, value->ring);
    if (value->seq <= placements->seq)
        return;
    placements->seq = value->seq;
    movers_value_chosen(world, value);
    for (uint32_t p = 0; p < placements->partition_count; p++)
        mark(world, value->ring, (partition_id)p);
    if (!register_value_apply(value, world->ring, &moved))
        world_fail(world, VERDICT_WRONG, "T", "the value of seq %llu goes back to an earlier tag",
                   (unsigned long long)value->seq);
}

uint64_t placements_seq(const struct world *world)
{
    return world->placements->seq;
}

const struct placement *placements_of(const struct world *world, partition_id partition,
                                      uint32_t *count)
{
    const struct history *history = &world->placements->histories[partition];
    *count = history->count;
    return history->items;
}

/* ---- disks ---- */

const struct ring *placements_on_disk(struct world *world, const struct machine *machine)
{
    struct known_ring *known = &world->placements->known[machine->index];
    struct buffer name = {0};
    struct slice record, bytes;
    struct register_value *value;
    record_register_value_name(&name);
    bool found = ordered_map_get(&machine->image.synced, buffer_slice(&name), &record);
    buffer_deinit(&name);
    if (!found)
        return machine_first_ring(machine);
    uint64_t digest = hash64(record, 0) | 1;
    if (known->digest == digest)
        return known->ring;
    if (register_value_record_decode(record, &bytes) != STATUS_OK ||
        register_value_decode(bytes, &value) != STATUS_OK)
        return machine_first_ring(machine); /* it rots, which others notice */
    ring_free(known->ring);
    known->ring = ring_copy(value->ring);
    known->digest = digest;
    register_value_free(value);
    return known->ring;
}

static bool has(const struct ordered_map *disk, void (*put_name)(partition_id, struct buffer *),
                partition_id partition)
{
    struct buffer name = {0};
    struct slice record;
    put_name(partition, &name);
    bool found = ordered_map_get(disk, buffer_slice(&name), &record);
    buffer_deinit(&name);
    return found;
}

bool placements_is_dropping(const struct ordered_map *disk, partition_id partition)
{
    return has(disk, record_dropping_name, partition);
}

bool placements_has_copy(const struct ordered_map *disk, partition_id partition)
{
    return has(disk, record_checkpoint_name, partition) && !placements_is_dropping(disk, partition);
}

bool placements_holds(struct world *world, const struct machine *machine, partition_id partition)
{
    return !machine->absent &&
           ring_replicates(placements_on_disk(world, machine), machine->id, partition) &&
           placements_has_copy(&machine->image.synced, partition);
}

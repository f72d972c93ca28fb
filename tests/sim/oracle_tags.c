/*
 * oracle_tags.c - under which tags replicas may count, judged from disks and from what is sent.
 *
 *   T3  a joining replica is complete with who leaves and enough of the owners, and those alone
 *       count as its sources that go by its change: nobody answers it under a tag of before
 *   T8  a store in the place of a lost one answers nothing under an earlier tag than the lost one
 *       had
 *
 * Both are of tests/models/ring_change.py. What breaks them is lost much later, if ever: an
 * acknowledgement that nobody counts upon any more is missed by a read only when all who know
 * better are away.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "replica/replica.h"
#include "ring/transition.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "wire/frame.h"
#include "wire/message_partition.h"
#include "wire/record.h"

struct oracle_tags {
    uint16_t incarnations[PLAN_NODES_MAX]; /* of the newest store that was lost; 0: none was */
    struct ring_tag *lost[PLAN_NODES_MAX]; /* by partition: the latest tag of any that was */
};

struct oracle_tags *oracle_tags_new(const struct world *world)
{
    struct oracle_tags *tags = memory_new(1, sizeof *tags);
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        tags->lost[i] = memory_new(world->plan.partition_count, sizeof *tags->lost[i]);
    return tags;
}

void oracle_tags_free(struct oracle_tags *tags)
{
    for (uint32_t i = 0; i < PLAN_NODES_MAX; i++)
        free(tags->lost[i]);
    free(tags);
}

/* ---- answers ---- */

void oracle_tags_lost(struct oracle *oracle, const struct machine *machine)
{
    struct oracle_tags *tags = oracle->tags;
    if (machine->index >= oracle->world->plan.node_count)
        return; /* a gateway holds nothing */
    const struct ring *ring = placements_on_disk(oracle->world, machine);
    tags->incarnations[machine->index] = machine->storage_incarnation;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        struct ring_tag *lost = &tags->lost[machine->index][p];
        struct ring_tag tag = ring_tag_of(ring, (partition_id)p);
        if (ring_tag_compare(*lost, tag) < 0)
            *lost = tag;
    }
}

static void check_tag(struct oracle *oracle, const struct machine *machine,
                      const struct replica_address *address)
{
    struct world *world = oracle->world;
    partition_id partition = address->partition;
    struct ring_tag tag = address->tag;
    if (partition >= world->plan.partition_count)
        return;
    struct ring_tag lost = oracle->tags->lost[machine->index][partition];
    struct ring_tag own = ring_tag_of(placements_on_disk(world, machine), partition);
    bool is_new = machine->storage_incarnation > oracle->tags->incarnations[machine->index];
    if (is_new && ring_tag_compare(tag, lost) < 0) /* one that was put back, its peers find out */
        world_fail(world, VERDICT_WRONG, "T8",
                   "n%u answers for partition %u under tag %u.%u, its lost store went by %u.%u",
                   machine->id, partition, tag.epoch, tag.phase, lost.epoch, lost.phase);
    if (ring_tag_compare(tag, own) > 0)
        world_fail(world, VERDICT_WRONG, "T3",
                   "n%u answers for partition %u under tag %u.%u, and goes by %u.%u", machine->id,
                   partition, tag.epoch, tag.phase, own.epoch, own.phase);
}

static void check_answers(struct oracle *oracle, const struct machine *machine, struct slice body)
{
    struct reader reader = reader_make(body);
    while (reader_left(&reader) > 0) {
        struct sync_answer answer;
        sync_answer_decode(&reader, &answer);
        if (reader.failed)
            return;
        if (answer.status == STATUS_OK)
            check_tag(oracle, machine, &answer.address);
    }
}

void oracle_tags_sent(struct oracle *oracle, const struct machine *machine, struct slice frames)
{
    struct frame frame;
    size_t used;
    if (machine->index >= oracle->world->plan.node_count)
        return;
    while (frames.length > 0 && frame_open(frames, &frame, &used) == STATUS_OK) {
        struct message_partition_page page;
        if (frame.type == MESSAGE_SYNC_PAGE)
            check_answers(oracle, machine, frame.body);
        else if (frame.type == MESSAGE_PARTITION_PAGE &&
                 message_partition_page_decode(frame.body, &page) == STATUS_OK &&
                 page.status == STATUS_OK)
            check_tag(oracle, machine, &page.address);
        frames = slice_make(frames.data + used, frames.length - used);
    }
}

/* ---- complete ---- */

static bool is_in(const struct world *world, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < world->ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

/* The change with which the machine took the partition in; NULL: it is of another owner. */
static const struct placement *change_of(const struct world *world, const struct machine *machine,
                                         partition_id partition, uint32_t epoch)
{
    uint32_t count;
    const struct placement *placements = placements_of(world, partition, &count);
    for (; count > 0; count--) {
        const struct placement *placement = &placements[count - 1];
        if (placement->tag.epoch == epoch && placement->tag.phase == RING_JOINT)
            return is_in(world, placement->owners, machine->id) ? NULL : placement;
    }
    return NULL;
}

/* By its disk. One whose disk was lost may have gone by it before. */
static bool is_sealed(struct world *world, node_id node, partition_id partition,
                      struct ring_tag joint)
{
    const struct machine *machine = &world->machines[node - 1];
    const struct ring *ring = placements_on_disk(world, machine);
    return machine->wiped_at_us != 0 || machine->absent ||
           ring_tag_compare(ring_tag_of(ring, partition), joint) >= 0;
}

static void check_sources(struct oracle *oracle, const struct machine *machine,
                          partition_id partition, const struct placement *change,
                          const struct checkpoint_record *record)
{
    for (uint8_t i = 0; i < record->rebuilt_from_count; i++)
        if (!is_sealed(oracle->world, record->rebuilt_from[i], partition, change->tag))
            world_fail(oracle->world, VERDICT_WRONG, "T3",
                       "n%u counts n%u as a source of partition %u, which does not go by %u.%u",
                       machine->id, record->rebuilt_from[i], partition, change->tag.epoch,
                       change->tag.phase);
}

static void check_complete(struct oracle *oracle, const struct machine *machine,
                           partition_id partition, const struct placement *change)
{
    struct world *world = oracle->world;
    uint8_t count = world->ring->owner_count, sealed = 0;
    const char *wrong = NULL;
    for (uint8_t i = 0; i < count; i++) {
        node_id owner = change->owners[i];
        bool goes_by = is_sealed(world, owner, partition, change->tag);
        sealed = (uint8_t)(sealed + goes_by);
        if (!goes_by && !is_in(world, change->coming, owner) &&
            !ring_is_lost(world->ring, owner, partition))
            wrong = "one that leaves does not go by it";
    }
    if (sealed < count - count / 2)
        wrong = "too few owners go by it";
    if (wrong != NULL)
        world_fail(world, VERDICT_WRONG, "T3", "n%u is complete with partition %u for %u.%u: %s",
                   machine->id, partition, change->tag.epoch, change->tag.phase, wrong);
}

void oracle_tags_stored(struct oracle *oracle, const struct machine *machine, struct slice name,
                        struct slice value, const struct ordered_map *before)
{
    struct checkpoint_record now = {0}, then = {0};
    partition_id partition;
    struct slice old;
    if (record_meta_decode(name, &partition) == STATUS_OK &&
        checkpoint_record_decode(value, &now) == STATUS_OK && ordered_map_get(before, name, &old) &&
        checkpoint_record_decode(old, &then) == STATUS_OK && then.state == REPLICA_REBUILDING) {
        const struct placement *change =
            change_of(oracle->world, machine, partition, now.adopt_epoch);
        if (change != NULL)
            check_sources(oracle, machine, partition, change, &now);
        if (change != NULL && now.state == REPLICA_ACTIVE)
            check_complete(oracle, machine, partition, change);
    }
    clock_deinit(&now.trimmed);
    clock_deinit(&now.clock);
    clock_deinit(&then.trimmed);
    clock_deinit(&then.clock);
}

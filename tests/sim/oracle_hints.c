/*
 * oracle_hints.c - hints on the disks of fallbacks: copies that count, and when they may go.
 *
 * A hint stands for the copy of the owner that it is owed to. So the copies of a version are
 * the owners that hold it, and those owners for which a hint of it is kept somewhere.
 */
#include <string.h>

#include "ring/transition.h"
#include "sim/dropper.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "wire/record.h"
#include "wire/record_hint.h"

/* One hint as it is on a disk; false: it does not decode to itself. */
struct hint {
    struct hint_record record;
    struct cell cell;
    struct clock dots;
};

static void hint_deinit(struct hint *hint)
{
    cell_deinit(&hint->cell);
    clock_deinit(&hint->dots);
}

static bool open_hint(struct slice value, struct hint *out)
{
    struct buffer cell = {0}, dots = {0}, again = {0};
    *out = (struct hint){0};
    if (hint_record_decode(value, &out->record) != STATUS_OK)
        return false;
    struct reader cells = reader_make(out->record.cell);
    struct reader clocks = reader_make(out->record.dots);
    cell_decode(&cells, &out->cell);
    clock_decode(&clocks, &out->dots);
    bool decoded = reader_end(&cells) == STATUS_OK && reader_end(&clocks) == STATUS_OK;
    cell_encode(&out->cell, true, &cell);
    clock_encode(&out->dots, &dots);
    hint_record_encode(&out->record, &again);
    decoded = decoded && slice_equal(buffer_slice(&cell), out->record.cell) &&
              slice_equal(buffer_slice(&dots), out->record.dots) &&
              slice_equal(buffer_slice(&again), value);
    buffer_deinit(&cell);
    buffer_deinit(&dots);
    buffer_deinit(&again);
    return decoded;
}

static bool is_owed_to(const struct hint_record *record, node_id node)
{
    for (uint8_t i = 0; i < record->intended_count; i++)
        if (record->intended[i] == node)
            return true;
    return false;
}

static bool load_hint(const struct ordered_map *map, const struct oracle_key *key, struct hint *out)
{
    struct buffer name = {0};
    struct slice value;
    struct hint_name hint_name = {.partition = key->partition,
                                  .position = key->position,
                                  .keyspace = key->keyspace,
                                  .key = oracle_key_name(key)};
    *out = (struct hint){0};
    record_hint_name(RECORD_HINT_CELL, &hint_name, &name);
    bool found = ordered_map_get(map, buffer_slice(&name), &value) && open_hint(value, out);
    buffer_deinit(&name);
    return found;
}

uint32_t oracle_hinted_owners(const struct oracle *oracle, const struct ordered_map *map,
                              const struct version *version, const node_id *row)
{
    const struct oracle_key *key = &oracle->keys[version->key];
    uint32_t mask = 0;
    struct hint hint;
    if (load_hint(map, key, &hint) && version_vector_covers(&hint.cell.context, &version->dot))
        for (uint8_t i = 0; i < oracle->world->ring->owner_count; i++)
            mask |= (uint32_t)is_owed_to(&hint.record, row[i]) << i;
    hint_deinit(&hint);
    return mask;
}

bool oracle_is_hinted(const struct oracle *oracle, const struct ordered_map *map,
                      const struct version *version)
{
    struct hint hint;
    bool hinted = load_hint(map, &oracle->keys[version->key], &hint) &&
                  version_vector_covers(&hint.cell.context, &version->dot);
    hint_deinit(&hint);
    return hinted;
}

static bool is_in(const struct world *world, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < world->ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

uint8_t oracle_hint_copies(struct oracle *oracle, const struct version *version, const node_id *row,
                           uint64_t since_us)
{
    const struct world *world = oracle->world;
    uint32_t held = 0, hinted = 0;
    uint8_t lost = 0;
    for (uint8_t i = 0; i < world->ring->owner_count; i++) {
        const struct machine *owner = &world->machines[row[i] - 1];
        held |= (uint32_t)(owner->wiped_at_us > since_us ||
                           oracle_holds(oracle, &owner->image.synced, version))
                << i;
    }
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        const struct machine *machine = &world->machines[i];
        if (is_in(world, row, machine->id))
            continue;
        hinted |= oracle_hinted_owners(oracle, &machine->image.synced, version, row);
        lost = (uint8_t)(lost + (machine->wiped_at_us > since_us));
    }
    return (uint8_t)(__builtin_popcount(hinted & ~held) + lost);
}

static const uint64_t old_us = UINT64_C(86400000000); /* a day */

/*
 * I6: whoever it is owed to no longer has all that is in it, unless its disk was lost since. It may
 * go by another ring, and own the partition no more there: what must be somewhere then is judged
 * where copies are given up.
 */
static void check_delivered(struct oracle *oracle, const struct machine *machine,
                            const struct oracle_key *key, const struct hint *old, node_id target)
{
    const struct machine *owner = &oracle->world->machines[target - 1];
    if (!placements_holds(oracle->world, owner, key->partition))
        return;
    marks_hit(oracle->world->marks, MARK_HINT_DELIVERED);
    for (uint32_t i = 0; i < old->cell.count; i++) {
        const struct version *version =
            oracle_find_version(oracle, key, &old->cell.siblings[i].dot);
        if (version != NULL && version->made_us + old_us < oracle->world->now_us)
            marks_hit(oracle->world->marks, MARK_HINT_OLD);
        if (version != NULL && owner->wiped_at_us == 0 &&
            !oracle_holds(oracle, &owner->image.synced, version))
            world_fail(oracle->world, VERDICT_WRONG, "I6",
                       "n%u drops a hint of %s for n%u, which does not have it", machine->id,
                       key->name, target);
    }
}

/*
 * To whom a hint is owed by the ring that its keeper goes by; how many. One for a node that left
 * the partition, or that was to come when the change was given up, is owed to all owners (T7).
 */
static uint8_t owed_by_ring(const struct ring *ring, partition_id partition,
                            const struct hint_record *record, node_id out[RING_REPLICAS_MAX])
{
    bool all_hold = true;
    for (uint8_t i = 0; i < record->intended_count; i++)
        all_hold = all_hold && ring_replicates(ring, record->intended[i], partition);
    if (all_hold)
        memcpy(out, record->intended, record->intended_count * sizeof out[0]);
    else
        memcpy(out, ring_owners(ring, partition), ring->owner_count * sizeof out[0]);
    return all_hold ? record->intended_count : ring->owner_count;
}

/* What has become of the record that was there. */
static void check_change(struct oracle *oracle, const struct machine *machine,
                         const struct oracle_key *key, const struct hint *old,
                         const struct hint *new)
{
    if (new != NULL && !version_vector_descends(&new->cell.context, &old->cell.context))
        world_fail(oracle->world, VERDICT_WRONG, "I3", "n%u: the context of a hint of %s shrank",
                   machine->id, key->name);
    if (new != NULL && !clock_descends(&new->dots, &old->dots))
        world_fail(oracle->world, VERDICT_WRONG, "I3", "n%u: a hint of %s lost a dot", machine->id,
                   key->name);
    node_id owed[RING_REPLICAS_MAX];
    uint8_t count = owed_by_ring(placements_on_disk(oracle->world, machine), key->partition,
                                 &old->record, owed);
    for (uint8_t i = 0; i < count; i++)
        if (new == NULL || !is_owed_to(&new->record, owed[i]))
            check_delivered(oracle, machine, key, old, owed[i]);
}

void oracle_hint_stored(struct oracle *oracle, const struct machine *machine, struct slice name,
                        struct slice value, const struct ordered_map *before)
{
    struct world *world = oracle->world;
    struct hint_name decoded;
    struct hint old = {0}, new = {0};
    if (name.length > 1 && name.data[1] == RECORD_HINT_ASIDE) {
        world_fail(world, VERDICT_WRONG, "I10", "n%u sets a hint aside", machine->id);
        return;
    }
    if (machine->index >= world->plan.node_count) {
        world_fail(world, VERDICT_WRONG, "M3", "n%u is a gateway and keeps a hint", machine->id);
        return;
    }
    bool sound = record_hint_name_decode(RECORD_HINT_CELL, name, &decoded) == STATUS_OK;
    if (sound && dropper_owns(decoded.keyspace)) {
        dropper_hint_changed(world, machine, name, false);
        return;
    }
    const struct oracle_key *key =
        sound ? oracle_find_key(oracle, decoded.keyspace, decoded.key) : NULL;
    if (key == NULL || key->position != decoded.position || key->partition != decoded.partition ||
        !open_hint(value, &new))
        world_fail(world, VERDICT_WRONG, "I10", "n%u writes a hint that is not canonical",
                   machine->id);
    else if (ring_tag_of(world->ring, key->partition).epoch == 1 &&
             ring_owns(world->ring, machine->id, key->partition))
        world_fail(world, VERDICT_WRONG, "I5", "n%u keeps a hint of %s, which it owns", machine->id,
                   key->name);
    else if (load_hint(before, key, &old))
        check_change(oracle, machine, key, &old, &new);
    for (uint32_t i = 0; key != NULL && i < new.cell.count; i++)
        if (oracle_find_version(oracle, key, &new.cell.siblings[i].dot) == NULL)
            world_fail(world, VERDICT_WRONG, "I3", "n%u keeps a hint of %s that nobody made",
                       machine->id, key->name);
    hint_deinit(&old);
    hint_deinit(&new);
}

void oracle_hint_removed(struct oracle *oracle, const struct machine *machine, struct slice name,
                         const struct ordered_map *before)
{
    struct hint_name decoded;
    struct hint old = {0};
    if (record_hint_name_decode(RECORD_HINT_CELL, name, &decoded) != STATUS_OK)
        return;
    if (dropper_owns(decoded.keyspace)) {
        dropper_hint_changed(oracle->world, machine, name, true);
        return;
    }
    const struct oracle_key *key = oracle_find_key(oracle, decoded.keyspace, decoded.key);
    if (key != NULL && load_hint(before, key, &old))
        check_change(oracle, machine, key, &old, NULL);
    hint_deinit(&old);
}

uint64_t oracle_hint_count(const struct machine *machine)
{
    struct buffer bound = {0};
    struct ordered_map_cursor cursor;
    uint64_t count = 0;
    buffer_put_u8(&bound, RECORD_HINT);
    ordered_map_seek(&machine->image.synced, buffer_slice(&bound), &cursor);
    for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
        if (ordered_map_key(&cursor).data[0] != RECORD_HINT)
            break;
        count++;
    }
    buffer_deinit(&bound);
    return count;
}

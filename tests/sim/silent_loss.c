#include "sim/silent_loss.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "causal/counter.h"
#include "causal/garbage.h"
#include "replica/sum_tree.h"
#include "ring/position.h"
#include "sim/machine.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "sim/world.h"
#include "wire/frame.h"
#include "wire/message_tree_local.h"
#include "wire/record.h"
#include "wire/record_tree.h"

enum { STRIKES_MAX = 12 };

struct silent_loss {
    struct random random;
    struct ordered_map *older; /* of each machine */
    uint64_t older_us;         /* when that was; a disk that came later never showed it */
    uint8_t **hit;             /* machine, partition: not scrubbed since */
};

struct silent_loss *silent_loss_new(struct world *world)
{
    struct silent_loss *loss = memory_new(1, sizeof *loss);
    loss->random = random_make(hash64(slice_text("silent-loss"), world->plan.seed));
    loss->older = memory_new(world->plan.node_count, sizeof *loss->older);
    loss->hit = memory_new(world->plan.node_count, sizeof *loss->hit);
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        loss->hit[i] = memory_new(world->ring->partition_count, 1);
    return loss;
}

void silent_loss_free(struct silent_loss *loss, uint32_t node_count)
{
    for (uint32_t i = 0; i < node_count; i++) {
        ordered_map_deinit(&loss->older[i]);
        free(loss->hit[i]);
    }
    free(loss->older);
    free(loss->hit);
    free(loss);
}

void silent_loss_remember(struct world *world)
{
    world->silent_loss->older_us = world->now_us;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        ordered_map_assign(&world->silent_loss->older[i], &world->machines[i].image.synced);
}

/* ---- striking ------------------------------------------------------------------------------- */

static bool open_cell(struct slice record, struct cell *out)
{
    struct slice encoded;
    *out = (struct cell){0};
    if (record_cell_open(record, &encoded) != STATUS_OK)
        return false;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, out);
    return reader_end(&reader) == STATUS_OK;
}

/* Both directories of the image: what reads see, and what a crash leaves. */
static void put(struct image *image, struct slice name, const struct slice *record)
{
    struct ordered_map *maps[] = {&image->visible, &image->synced};
    for (unsigned i = 0; i < 2; i++) {
        if (record != NULL)
            ordered_map_put(maps[i], name, *record);
        else
            ordered_map_remove(maps[i], name);
    }
}

/*
 * Owners collect each in its time what a cell remembers of others. Once that is gone at one of
 * them, or will be soon, an older cell holds what nothing there covers, and is kept beside what
 * is there (leaf_compare.h).
 */
static bool all_cover(struct world *world, struct slice name, const struct cell *older)
{
    bool covered = true;
    for (uint32_t i = 0; covered && i < world->plan.node_count; i++) {
        struct slice record;
        struct cell cell = {0};
        if (!ordered_map_get(&world->machines[i].image.synced, name, &record))
            continue;
        covered = open_cell(record, &cell) && !cell_has_garbage(&cell) &&
                  version_vector_descends(&cell.context, &older->context);
        cell_deinit(&cell);
    }
    return covered;
}

/* True when the older record is a version of the cell that shows other values than now. */
static bool is_aged(struct world *world, struct slice name, struct slice older,
                    const struct cell *now)
{
    struct cell cell;
    bool aged = open_cell(older, &cell) && cell_is_live(&cell) && all_cover(world, name, &cell) &&
                !version_vector_equal(&now->context, &cell.context) &&
                cell_hash(&cell, slice_text("k"), 0) != cell_hash(now, slice_text("k"), 0);
    cell_deinit(&cell);
    return aged;
}

/* The disk knows nothing of them any more: to show them again is no resurrection. */
static void forget_versions(struct world *world, uint32_t index, const struct cell_name *name,
                            const struct cell *cell)
{
    const struct oracle_key *key = oracle_find_key(world->oracle, name->keyspace, name->key);
    for (uint32_t i = 0; key != NULL && i < cell->count; i++) {
        struct version *version = oracle_find_version(world->oracle, key, &cell->siblings[i].dot);
        if (version != NULL)
            version->machines &= ~(UINT32_C(1) << index);
    }
}

static bool strike_cell(struct world *world, uint32_t index, struct slice name, struct slice record,
                        bool may_age)
{
    struct silent_loss *loss = world->silent_loss;
    struct machine *machine = &world->machines[index];
    struct cell_name parts;
    struct cell cell;
    struct slice older;
    bool usable = record_cell_name_decode(name, &parts) == STATUS_OK && open_cell(record, &cell);
    if (!usable)
        return false;
    bool value = cell_is_live(&cell);
    bool aged = may_age && value && world->machines[index].wiped_at_us <= loss->older_us &&
                ordered_map_get(&loss->older[index], name, &older) &&
                is_aged(world, name, older, &cell) && random_chance(&loss->random, 2, 3);
    if (value)
        forget_versions(world, index, &parts, &cell);
    cell_deinit(&cell);
    if (!value)
        return false;
    struct buffer name_copy = {0}, record_copy = {0};
    buffer_append_slice(&name_copy, name);
    if (aged)
        buffer_append_slice(&record_copy, older);
    struct slice copy = buffer_slice(&record_copy);
    put(&machine->image, buffer_slice(&name_copy), aged ? &copy : NULL);
    partition_id partition =
        ring_partition_of_position(parts.position, world->ring->partition_count);
    loss->hit[index][partition] = 1;
    marks_hit(world->marks, aged ? MARK_CELL_AGED : MARK_CELL_LOST);
    world_note(world, "n%u %s a cell of partition %u", machine->id, aged ? "ages" : "loses",
               partition);
    buffer_deinit(&name_copy);
    buffer_deinit(&record_copy);
    return true;
}

uint32_t silent_loss_strike(struct world *world)
{
    struct silent_loss *loss = world->silent_loss;
    uint32_t struck = 0;
    if (world->ring->owner_count < 2)
        return 0;
    for (unsigned i = 0; i < STRIKES_MAX; i++) {
        uint32_t index = (uint32_t)random_below(&loss->random, world->plan.node_count);
        struct buffer bound = {0};
        struct ordered_map view = {0};
        struct ordered_map_cursor cursor;
        ordered_map_assign(&view, &world->machines[index].image.synced);
        record_cell_bound(random_u64(&loss->random), &bound);
        ordered_map_seek(&view, buffer_slice(&bound), &cursor);
        /* One owner for a key: a partition that was hit belongs to whom it was hit at. */
        if (ordered_map_valid(&cursor)) {
            struct cell_name parts;
            bool taken = record_cell_name_decode(ordered_map_key(&cursor), &parts) != STATUS_OK;
            for (uint32_t m = 0; !taken && m < world->plan.node_count; m++)
                taken = m != index && loss->hit[m][ring_partition_of_position(
                                          parts.position, world->ring->partition_count)];
            if (!taken)
                struck += strike_cell(world, index, ordered_map_key(&cursor),
                                      ordered_map_value(&cursor), true);
        }
        ordered_map_deinit(&view);
        buffer_deinit(&bound);
    }
    return struck;
}

bool silent_loss_take(struct world *world, uint32_t machine, uint32_t key)
{
    const struct oracle_key *of = oracle_key(world->oracle, key);
    struct ordered_map view = {0};
    struct buffer name = {0};
    struct slice record;
    ordered_map_assign(&view, &world->machines[machine].image.synced);
    record_cell_name(of->position, of->keyspace, slice_text(of->name), &name);
    bool taken = ordered_map_get(&view, buffer_slice(&name), &record) &&
                 strike_cell(world, machine, buffer_slice(&name), record, false);
    buffer_deinit(&name);
    ordered_map_deinit(&view);
    return taken;
}

/* ---- R5 on a disk --------------------------------------------------------------------------- */

struct disk_tree {
    const struct machine *machine;
    partition_id partition;
    uint8_t partition_bits;
    struct sum_tree tree;
};

static bool get(const struct disk_tree *disk, const struct buffer *name, struct slice *value)
{
    return ordered_map_get(&disk->machine->image.synced, buffer_slice(name), value);
}

/* The tree as stored with the checkpoint; false when only its root is known. */
static bool read_pages(struct disk_tree *disk, uint64_t log_position)
{
    struct buffer name = {0};
    struct slice value;
    struct tree_header_record header;
    record_tree_header_name(disk->partition, &name);
    bool ok = get(disk, &name, &value) && tree_header_decode(value, &header) == STATUS_OK &&
              header.log_position == log_position && header.bits > 0;
    if (ok)
        sum_tree_init(&disk->tree, header.bits);
    uint32_t pages = ok ? sum_tree_page_count(&disk->tree) : 0;
    uint32_t leaves = ok ? sum_tree_page_leaves(&disk->tree) : 0;
    for (uint32_t page = 0; ok && page < pages; page++) {
        uint64_t hashes[SUM_TREE_PAGE_LEAVES];
        uint32_t counts[SUM_TREE_PAGE_LEAVES];
        buffer_clear(&name);
        record_tree_page_name(disk->partition, page, &name);
        ok = get(disk, &name, &value) &&
             tree_page_decode(value, leaves, hashes, counts) == STATUS_OK;
        for (uint32_t i = 0; ok && i < leaves; i++)
            sum_tree_set(&disk->tree, page * leaves + i,
                         (struct tree_node){.hash = hashes[i], .count = counts[i]});
    }
    buffer_deinit(&name);
    return ok;
}

static void add_log(struct disk_tree *disk, uint64_t log_position, uint64_t seed)
{
    struct buffer name = {0};
    struct ordered_map_cursor cursor;
    record_log_name(disk->partition, log_position + 1, &name);
    ordered_map_seek(&disk->machine->image.synced, buffer_slice(&name), &cursor);
    for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
        partition_id owner;
        struct log_record record = {0};
        if (record_log_name_decode(ordered_map_key(&cursor), &owner, &log_position) != STATUS_OK ||
            owner != disk->partition)
            break;
        if (log_record_decode(ordered_map_value(&cursor), &record) == STATUS_OK)
            sum_tree_add(&disk->tree,
                         ring_position(record.key, record.keyspace, seed) << disk->partition_bits,
                         record.digest_delta, record.count_delta);
        clock_deinit(&record.dots);
    }
    buffer_deinit(&name);
}

static void subtract_cells(struct disk_tree *disk, const struct world *world)
{
    uint64_t last = ring_position_last(disk->partition, world->ring->partition_count);
    struct buffer bound = {0};
    struct ordered_map_cursor cursor;
    record_cell_bound(ring_position_first(disk->partition, world->ring->partition_count), &bound);
    ordered_map_seek(&disk->machine->image.synced, buffer_slice(&bound), &cursor);
    for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
        struct cell_name name;
        struct cell cell;
        if (record_cell_name_decode(ordered_map_key(&cursor), &name) != STATUS_OK ||
            name.position > last)
            break;
        if (open_cell(ordered_map_value(&cursor), &cell))
            sum_tree_add(
                &disk->tree, name.position << disk->partition_bits,
                -cell_hash(&cell, name.key, (world->ring->seed ^ 0x64696765u) + name.keyspace),
                -(int)cell_is_live(&cell));
        cell_deinit(&cell);
    }
    buffer_deinit(&bound);
}

/* The first leaf that is wrong; UINT32_MAX when none is. */
static uint32_t wrong_leaf(const struct world *world, const struct machine *machine,
                           partition_id partition)
{
    struct disk_tree disk = {.machine = machine,
                             .partition = partition,
                             .partition_bits =
                                 (uint8_t)__builtin_ctz(world->ring->partition_count)};
    struct checkpoint_record checkpoint = {0};
    struct buffer name = {0};
    struct slice value;
    uint32_t wrong = UINT32_MAX;
    record_checkpoint_name(partition, &name);
    bool ok =
        get(&disk, &name, &value) && checkpoint_record_decode(value, &checkpoint) == STATUS_OK;
    if (ok && !read_pages(&disk, checkpoint.log_position)) {
        struct tree_node root = {.hash = checkpoint.digest};
        for (uint16_t i = 0; i < checkpoint.count_count; i++)
            root.count += checkpoint.counts[i].count;
        sum_tree_deinit(&disk.tree);
        sum_tree_init(&disk.tree, 0);
        sum_tree_set(&disk.tree, 0, root);
    }
    if (ok) {
        add_log(&disk, checkpoint.log_position, world->ring->seed);
        subtract_cells(&disk, world);
    }
    for (uint32_t i = 0; ok && wrong == UINT32_MAX && i < UINT32_C(1) << disk.tree.bits; i++)
        if (disk.tree.hashes[i] != 0 || disk.tree.counts[i] != 0)
            wrong = i;
    clock_deinit(&checkpoint.trimmed);
    clock_deinit(&checkpoint.clock);
    sum_tree_deinit(&disk.tree);
    buffer_deinit(&name);
    return wrong;
}

bool silent_loss_has_hit(const struct world *world, const struct machine *machine,
                         partition_id partition)
{
    return world->silent_loss->hit[machine->index][partition];
}

void silent_loss_check_trees(struct world *world, const struct machine *machine)
{
    for (uint32_t p = 0; p < world->ring->partition_count; p++) {
        uint32_t leaf = UINT32_MAX;
        if (placements_holds(world, machine, (partition_id)p) &&
            !world->silent_loss->hit[machine->index][p])
            leaf = wrong_leaf(world, machine, (partition_id)p);
        if (leaf != UINT32_MAX)
            world_fail(world, VERDICT_WRONG, "R5",
                       "n%u partition %u: the tree on disk is not that of the cells (leaf %u)",
                       machine->id, p, leaf);
    }
}

bool silent_loss_is_mended(struct world *world)
{
    for (uint32_t m = 0; m < world->plan.node_count; m++)
        for (uint32_t p = 0; p < world->ring->partition_count; p++)
            if (world->silent_loss->hit[m][p] &&
                wrong_leaf(world, &world->machines[m], (partition_id)p) != UINT32_MAX)
                return false;
    return true;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void note_applied(struct world *world, struct slice body)
{
    struct message_tree_applied applied;
    if (message_tree_applied_decode(body, &applied) != STATUS_OK)
        return;
    world->marks->counts[MARK_TREE_BEHIND] += applied.differences.behind;
    world->marks->counts[MARK_TREE_SUPERSEDED] += applied.differences.superseded;
    world->marks->counts[MARK_TREE_IN_FLIGHT] += applied.differences.in_flight;
    world->marks->counts[MARK_TREE_CORRUPT] += applied.differences.corrupt;
    world->marks->counts[MARK_TREE_FORCED] += applied.repaired;
    world->marks->counts[MARK_TREE_REFUSED] += applied.refused;
    world->compared_leaves++;
}

static void note_repaired(struct world *world, struct slice body)
{
    struct message_tree_repaired repaired;
    if (message_tree_repaired_decode(body, &repaired) != STATUS_OK)
        return;
    world->marks->counts[MARK_TREE_FORCED] += repaired.repaired;
    world->marks->counts[MARK_TREE_REFUSED] += repaired.refused;
}

static void note_scrubbed(struct world *world, struct slice body)
{
    struct message_scrubbed scrubbed;
    if (message_scrubbed_decode(body, &scrubbed) != STATUS_OK || !scrubbed.finished)
        return;
    marks_hit(world->marks, MARK_SCRUB);
    world->marks->counts[MARK_SCRUB_WRONG] += scrubbed.leaves_wrong;
}

static void note_synced(struct world *world, struct slice body)
{
    struct message_sync_applied applied;
    if (message_sync_applied_decode(body, &applied) == STATUS_OK)
        world->sync_cells += applied.cell_count;
}

static void note_root(struct world *world, struct slice body)
{
    struct message_tree_root_result result;
    if (message_tree_root_result_decode(body, &result) == STATUS_OK && result.status == STATUS_OK)
        marks_hit(world->marks, result.equal ? MARK_TREE_EQUAL : MARK_TREE_DIFFERS);
}

void silent_loss_note_frames(struct machine *machine, struct slice frames)
{
    struct world *world = machine->world;
    struct frame frame;
    size_t used;
    while (frames.length > 0 && frame_open(frames, &frame, &used) == STATUS_OK) {
        if (frame.type == MESSAGE_TREE_APPLIED)
            note_applied(world, frame.body);
        else if (frame.type == MESSAGE_TREE_REPAIRED)
            note_repaired(world, frame.body);
        else if (frame.type == MESSAGE_SCRUBBED)
            note_scrubbed(world, frame.body);
        else if (frame.type == MESSAGE_SYNC_APPLIED)
            note_synced(world, frame.body);
        else if (frame.type == MESSAGE_TREE_ROOT_RESULT)
            note_root(world, frame.body);
        frames = slice_make(frames.data + used, frames.length - used);
    }
}

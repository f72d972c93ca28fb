#include "sim/settle.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/position.h"
#include "sim/client.h"
#include "sim/disk.h"
#include "sim/machine.h"
#include "sim/nemesis.h"
#include "sim/network.h"
#include "sim/dropper.h"
#include "sim/sketchers.h"
#include "sim/gateways.h"
#include "sim/movers.h"
#include "sim/operators.h"
#include "sim/oracle.h"
#include "sim/register_oracle.h"
#include "sim/script.h"
#include "sim/script_client.h"
#include "sim/silent_loss.h"
#include "sim/world.h"
#include "wire/record.h"
#include "wire/record_expiry.h"

enum { LOOK_EVERY_US = 500000, REASON_MAX = 160, IDLE_SLACK_US = 5000000, IDLE_CYCLES = 2 };
/* The run waits for what expires sooner; it ends before the rest does (workload.c). */
enum { EXPIRY_FAR_MS = 60000 };

/*
 * The load; agreement; agreement once more after silent damage; nothing to do in an idle
 * cluster; the last reads.
 */
enum stage { STAGE_LOAD, STAGE_HEALING, STAGE_MENDING, STAGE_IDLE, STAGE_AUDIT };

struct repair_work {
    uint64_t leaves, cells, copies;
};

struct settle {
    enum stage stage;
    uint64_t healed_at_us;
    uint64_t idle_at_us;
    bool idle; /* the first idle cycle is over, and what had been done then: */
    struct repair_work idle_work;
    char reason[REASON_MAX]; /* why it is not over yet */
};

struct settle *settle_new(struct world *world)
{
    struct settle *settle = memory_new(1, sizeof *settle);
    world_after(world, world->plan.duration_us / 2, &(struct occurrence){.kind = AT_SETTLE});
    world_after(world, world->plan.duration_us, &(struct occurrence){.kind = AT_SETTLE});
    return settle;
}

void settle_free(struct settle *settle)
{
    free(settle);
}

/* ---- do all owners of a partition hold the same? ---- */

/*
 * The versions of a cell alone. A cell that was deleted and written anew keeps the old context
 * where the write came before the tombstone was collected, and not where it came after.
 */
static uint64_t versions_digest(struct slice record)
{
    struct cell cell = {0}, versions = {0};
    struct slice bytes = {0};
    struct buffer again = {0};
    if (record_cell_open(record, &bytes) == STATUS_OK) {
        struct reader reader = reader_make(bytes);
        cell_decode(&reader, &cell);
    }
    for (uint32_t i = 0; i < cell.count; i++)
        cell_insert(&versions, &cell.siblings[i]);
    cell_encode(&versions, true, &again);
    uint64_t digest = hash64(buffer_slice(&again), 0);
    cell_deinit(&versions);
    cell_deinit(&cell);
    buffer_deinit(&again);
    return digest;
}

/* A digest of the cells and of the clock, from the disk. */
static uint64_t partition_digest(const struct world *world, const struct machine *machine,
                                 partition_id partition)
{
    uint32_t count = world->ring->partition_count;
    uint64_t last = ring_position_last(partition, count);
    struct buffer bound = {0};
    struct ordered_map_cursor cursor;
    struct clock clock;
    uint64_t digest = 1;
    record_cell_bound(ring_position_first(partition, count), &bound);
    ordered_map_seek(&machine->image.synced, buffer_slice(&bound), &cursor);
    for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
        struct cell_name name;
        if (record_cell_name_decode(ordered_map_key(&cursor), &name) != STATUS_OK ||
            name.position > last)
            break;
        digest =
            hash64(ordered_map_key(&cursor), digest ^ versions_digest(ordered_map_value(&cursor)));
    }
    disk_clock(&machine->image.synced, partition, &clock);
    digest += clock_hash(&clock);
    clock_deinit(&clock);
    buffer_deinit(&bound);
    return digest;
}

static bool owners_agree(struct world *world, struct settle *settle)
{
    for (uint32_t p = 0; p < world->ring->partition_count; p++) {
        const node_id *owners = ring_owners(world->ring, (partition_id)p);
        uint64_t first = partition_digest(world, &world->machines[owners[0] - 1], (partition_id)p);
        for (uint8_t i = 1; i < world->ring->owner_count; i++) {
            if (partition_digest(world, &world->machines[owners[i] - 1], (partition_id)p) == first)
                continue;
            snprintf(settle->reason, REASON_MAX, "partition %u differs between n%u and n%u", p,
                     owners[0], owners[i]);
            return false;
        }
    }
    return true;
}

static bool has_records(const struct machine *machine, uint8_t type, unsigned *partition)
{
    struct ordered_map_cursor cursor;
    ordered_map_seek(&machine->image.synced, slice_make(&type, 1), &cursor);
    if (!ordered_map_valid(&cursor) || ordered_map_key(&cursor).data[0] != type)
        return false;
    *partition = (unsigned)ordered_map_key(&cursor).data[1] << 8 | ordered_map_key(&cursor).data[2];
    return true;
}

/* What is deleted must be off all disks once everybody has the delete, and so must the logs. */
static bool is_collected(struct world *world, struct settle *settle)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        unsigned partition = 0;
        bool garbage = has_records(&world->machines[i], RECORD_GARBAGE, &partition);
        if (world->machines[i].absent ||
            (!garbage && !has_records(&world->machines[i], RECORD_LOG, &partition)))
            continue;
        snprintf(settle->reason, REASON_MAX, "n%u has %s of partition %u", world->machines[i].id,
                 garbage ? "garbage" : "a log that nobody needs", partition);
        return false;
    }
    return true;
}

/* And what has expired, not long after. */
static bool is_expired_gone(struct world *world, struct settle *settle)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        struct ordered_map_cursor cursor;
        struct expiry_name name;
        const uint8_t prefix = RECORD_EXPIRY;
        ordered_map_seek(&world->machines[i].image.synced, slice_make(&prefix, 1), &cursor);
        for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
            if (record_expiry_name_decode(ordered_map_key(&cursor), &name) != STATUS_OK)
                break;
            if (name.expire_at_ms > world_latest_ms(world) + EXPIRY_FAR_MS ||
                world->machines[i].absent)
                continue;
            snprintf(settle->reason, REASON_MAX, "n%u has a value that expires or has expired",
                     world->machines[i].id);
            return false;
        }
    }
    return true;
}

/* ---- stages ---- */

static bool is_quiet(struct world *world, struct settle *settle)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->absent && machine_is_damaged(machine)) {
            snprintf(settle->reason, REASON_MAX, "n%u is not whole", machine->id);
            return false;
        }
    }
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        uint64_t hints = oracle_hint_count(&world->machines[i]);
        if (hints > 0 && !world->machines[i].absent) {
            snprintf(settle->reason, REASON_MAX, "n%u keeps %" PRIu64 " hints",
                     world->machines[i].id, hints);
            return false;
        }
    }
    if (!client_set_idle(world) || !script_client_idle(world)) {
        snprintf(settle->reason, REASON_MAX, "commands are under way");
        return false;
    }
    if (!operators_idle(world)) {
        snprintf(settle->reason, REASON_MAX, "an operator waits");
        return false;
    }
    return dropper_is_quiet(world, settle->reason, REASON_MAX) &&
           sketchers_are_quiet(world, settle->reason, REASON_MAX) &&
           gateways_are_quiet(world, settle->reason, REASON_MAX) &&
           movers_are_quiet(world, settle->reason, REASON_MAX) &&
           register_oracle_is_quiet(world->register_oracle, settle->reason, REASON_MAX);
}

static void heal(struct world *world, struct settle *settle)
{
    world_note(world, "load has ended, everything is healed");
    settle->stage = STAGE_HEALING;
    settle->healed_at_us = world->now_us;
    client_set_stop(world);
    operators_stop(world);
    dropper_stop(world);
    sketchers_stop(world);
    nemesis_heal(world);
    gateways_heal(world);
    movers_heal(world);
}

static void look_again(struct world *world)
{
    world_after(world, LOOK_EVERY_US, &(struct occurrence){.kind = AT_SETTLE});
}

static bool trees_agree(struct world *world, struct settle *settle)
{
    if (silent_loss_is_mended(world))
        return true;
    snprintf(settle->reason, REASON_MAX, "the tree of a damaged replica is not right again");
    return false;
}

/* All hold the same: then some disks lose cells; once that is mended, nothing may be left to do. */
static void agreed(struct world *world, struct settle *settle)
{
    world_note(world, "all owners agree");
    oracle_check_end(world->oracle);
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        silent_loss_check_trees(world, &world->machines[i]);
    if (settle->stage == STAGE_HEALING && silent_loss_strike(world) > 0) {
        settle->stage = STAGE_MENDING;
        settle->healed_at_us = world->now_us;
        return;
    }
    settle->stage = STAGE_IDLE;
    settle->idle_at_us = settle->healed_at_us = world->now_us;
    settle->idle = false;
}

/* What repair has done so far, by all its ways. */
static struct repair_work repair_work(const struct world *world)
{
    return (struct repair_work){
        .leaves = world->compared_leaves, .cells = world->sync_cells, .copies = world->copies_sent};
}

/*
 * Whoever was told of a difference may look once more. After that two cycles find no leaf that
 * differs, and not one cell travels.
 */
static void watch_idle(struct world *world, struct settle *settle)
{
    uint64_t cycle_us = (uint64_t)world->plan.settings.repair_interval_ms * 1000 + IDLE_SLACK_US;
    uint64_t passed_us = world->now_us - settle->idle_at_us;
    struct repair_work now = repair_work(world);
    if (!settle->idle && passed_us >= cycle_us) {
        settle->idle = true;
        settle->idle_work = now;
    }
    if (passed_us < (1 + IDLE_CYCLES) * cycle_us)
        return;
    now.leaves -= settle->idle_work.leaves;
    now.cells -= settle->idle_work.cells;
    now.copies -= settle->idle_work.copies;
    if (now.leaves + now.cells + now.copies > 0)
        world_fail(world, VERDICT_WRONG, "idle",
                   "in idle cycles %" PRIu64 " listings were compared, %" PRIu64
                   " cells and %" PRIu64 " copies sent",
                   now.leaves, now.cells, now.copies);
    settle->stage = STAGE_AUDIT;
    snprintf(settle->reason, REASON_MAX, "the last reads are not answered");
    settle->healed_at_us = world->now_us;
    client_set_audit(world);
}

void settle_handle(struct world *world, const struct occurrence *what)
{
    struct settle *settle = world->settle;
    (void)what;
    if (settle->stage == STAGE_LOAD && world->now_us < world->plan.duration_us) {
        silent_loss_remember(world);
        return;
    }
    if (settle->stage == STAGE_LOAD) {
        heal(world, settle);
        look_again(world);
        return;
    }
    if (world->now_us - settle->healed_at_us > world->plan.settle_us) {
        world_fail(world, VERDICT_NO_CONVERGENCE, "convergence", "%" PRIu64 " s after healing: %s",
                   (world->now_us - settle->healed_at_us) / 1000000, settle->reason);
        return;
    }
    if (settle->stage == STAGE_HEALING || settle->stage == STAGE_MENDING) {
        if (is_quiet(world, settle) && is_collected(world, settle) &&
            is_expired_gone(world, settle) && owners_agree(world, settle) &&
            trees_agree(world, settle))
            agreed(world, settle);
        look_again(world);
        return;
    }
    if (settle->stage == STAGE_IDLE) {
        watch_idle(world, settle);
        look_again(world);
        return;
    }
    /* A write that was slow on its way may have come meanwhile: then all must agree once more. */
    if (!client_set_audited(world) || !is_quiet(world, settle) || !owners_agree(world, settle)) {
        look_again(world);
        return;
    }
    oracle_check_end(world->oracle);
    script_check_end(world);
    world->finished = true;
}

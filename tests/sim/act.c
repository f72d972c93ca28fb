#include "sim/act.h"

#include <inttypes.h>

#include "coordinator/level.h"
#include "sim/client.h"
#include "sim/damage.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/oracle_state.h"
#include "sim/silent_loss.h"
#include "sim/world.h"
#include "wire/record.h"

enum {
    SLOW_BYTES_PER_SECOND = 1000,
    /* 8 kbit/s */ START_APART_US = 1000000,
    ANSWERED_PERCENT = 90
};

typedef void (*change_path)(struct world *world, uint32_t from, uint32_t to);

/* ---- fits ---- */

void fit_usual_timers(struct plan *plan)
{
    struct settings *settings = &plan->settings;
    settings->request_timeout_ms = 2000;
    settings->read_retry_ms = 200;
    settings->heartbeat_ms = 500;
    settings->peer_timeout_ms = 2000;
    settings->handshake_timeout_ms = 2000;
    settings->reconnect_max_ms = 1000;
    settings->sync_interval_ms = 1000;
    settings->sync_settle_ms = 500;
    settings->stability_interval_ms = 1000;
    settings->hint_delay_ms = 200;
    settings->repair_interval_ms = 3000;
    settings->scrub_interval_ms = 8000;
    plan->request_timeout_ms = 0;
}

static void fit_ring(struct plan *plan)
{
    plan->node_count = 5;
    plan->region_count = 1;
    plan->replicas[0] = 3;
    plan->partition_count = 16;
}

void fit_load(struct plan *plan)
{
    fit_ring(plan);
    plan->duration_us = 80000000;
    plan->client_count = plan->client_count < 6 ? plan->client_count + 5 : plan->client_count;
    plan->think_us = plan->think_us < 200000 ? 200000 : plan->think_us;
    plan->request_timeout_ms = 0;
    plan->numbers = false;
    plan->settings.request_timeout_ms = 2000;
    plan->settings.request_ids_max = 1000000; /* none is refused for want of room */
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        if (i != LEVEL_DEFAULT && i != LEVEL_ONE && i != LEVEL_QUORUM)
            plan->level_weight[i] = 0;
}

void fit_light(struct plan *plan)
{
    fit_load(plan);
    plan->duration_us = 30000000;
    plan->client_count = 4;
    plan->think_us = plan->think_us < 300000 ? 300000 : plan->think_us;
    plan->key_count = plan->key_count < 40 ? plan->key_count : 40;
    plan->value_bytes_max = plan->value_bytes_max < 1024 ? plan->value_bytes_max : 1024;
}

void fit_quiet(struct plan *plan)
{
    fit_ring(plan);
    fit_usual_timers(plan);
    plan->duration_us = 0; /* as long as there are steps */
    plan->client_count = 0;
    plan->operator_count = 0;
    plan->clock_offset_ms = 0; /* else who is up decides whose clock is right */
    plan->sibling_keyspace = true;
    plan->key_count = 2;
    plan->value_bytes_max = 200;
    plan->command_weight[COMMAND_EXPIRE_AT] = 0; /* no value expires unless asked to */
    plan->settings.siblings_max = 64;
    plan->settings.request_ids_max = 1000;
    plan->settings.hint_bytes_max = 1 << 20;
    plan->settings.hint_partition_bytes_max = 1 << 20;
    plan->settings.cell_cache_bytes = 1; /* what is lost on disk is not remembered */
}

/* ---- the network ---- */

static uint32_t index_at(const struct world *world, uint32_t place)
{
    return script_machine(world, place)->index;
}

void act_cut(struct world *world, const struct script_step *step)
{
    network_cut(world, index_at(world, step->a), index_at(world, step->b));
}

void act_mend(struct world *world, const struct script_step *step)
{
    network_mend(world, index_at(world, step->a), index_at(world, step->b));
}

static void change_pair(struct world *world, const struct script_step *step, change_path change)
{
    change(world, index_at(world, step->a), index_at(world, step->b));
    change(world, index_at(world, step->b), index_at(world, step->a));
}

void act_cut_pair(struct world *world, const struct script_step *step)
{
    change_pair(world, step, network_cut);
}

void act_mend_pair(struct world *world, const struct script_step *step)
{
    change_pair(world, step, network_mend);
}

/* All paths between the machines of `side` and the others. */
static void change_sides(struct world *world, uint32_t side, bool back, change_path change)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        for (uint32_t j = 0; j < world->plan.node_count; j++) {
            if ((side >> i & 1) == 0 || (side >> j & 1) != 0)
                continue;
            change(world, i, j);
            if (back)
                change(world, j, i);
        }
    }
}

void act_cut_off(struct world *world, const struct script_step *step)
{
    change_sides(world, 1u << index_at(world, step->a), true, network_cut);
}

void act_rejoin(struct world *world, const struct script_step *step)
{
    change_sides(world, 1u << index_at(world, step->a), true, network_mend);
}

void act_mute(struct world *world, const struct script_step *step)
{
    change_sides(world, 1u << index_at(world, step->a), false, network_cut);
}

void act_unmute(struct world *world, const struct script_step *step)
{
    change_sides(world, 1u << index_at(world, step->a), false, network_mend);
}

static uint32_t side_of(const struct world *world, const struct script_step *step)
{
    uint32_t side = 0;
    if (step->b != HOME)
        return step->a;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if ((step->a >> i & 1) != 0)
            side |= 1u << index_at(world, HOME + i);
    return side;
}

void act_split(struct world *world, const struct script_step *step)
{
    change_sides(world, side_of(world, step), true, network_cut);
}

void act_unsplit(struct world *world, const struct script_step *step)
{
    change_sides(world, side_of(world, step), true, network_mend);
}

static void limit(struct world *world, const struct script_step *step, uint64_t bytes_per_second)
{
    network_limit(world, index_at(world, step->a), index_at(world, step->b), bytes_per_second);
    network_limit(world, index_at(world, step->b), index_at(world, step->a), bytes_per_second);
}

void act_slow_link(struct world *world, const struct script_step *step)
{
    limit(world, step, SLOW_BYTES_PER_SECOND);
}

void act_fast_link(struct world *world, const struct script_step *step)
{
    limit(world, step, 0);
}

void act_meet_ghost(struct world *world, const struct script_step *step)
{
    network_ghost(script_machine(world, step->a), script_machine(world, step->b));
}

/* ---- processes and clocks ---- */

void act_power_off(struct world *world, const struct script_step *step)
{
    machine_crash(script_machine(world, step->a), true);
}

void act_kill_hard(struct world *world, const struct script_step *step)
{
    machine_crash(script_machine(world, step->a), false);
}

void act_stop(struct world *world, const struct script_step *step)
{
    machine_stop(script_machine(world, step->a));
}

static void start_later(struct world *world, uint32_t index, uint64_t delay_us)
{
    world_after(world, delay_us, &(struct occurrence){.kind = AT_MACHINE_START, .peer = index});
}

void act_start(struct world *world, const struct script_step *step)
{
    start_later(world, index_at(world, step->a), 0);
}

void act_power_off_all(struct world *world, const struct script_step *step)
{
    (void)step;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        machine_crash(&world->machines[i], true);
}

void act_start_all(struct world *world, const struct script_step *step)
{
    (void)step;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        start_later(world, i, START_APART_US * i);
}

void act_pause(struct world *world, const struct script_step *step)
{
    machine_pause(script_machine(world, step->a), false);
}

void act_resume(struct world *world, const struct script_step *step)
{
    machine_resume(script_machine(world, step->a));
}

void act_set_clock(struct world *world, const struct script_step *step)
{
    machine_set_clock(script_machine(world, step->a), (int64_t)(int32_t)step->b * 1000);
    marks_hit(world->marks, MARK_CLOCK_JUMP);
}

/* ---- disks ---- */

void act_stall_disk(struct world *world, const struct script_step *step)
{
    script_machine(world, step->a)->stall_us = (uint64_t)step->b * 1000;
}

void act_fill_disk(struct world *world, const struct script_step *step)
{
    machine_set_condition(script_machine(world, step->a), STATUS_NO_SPACE);
}

void act_free_disk(struct world *world, const struct script_step *step)
{
    machine_set_condition(script_machine(world, step->a), STATUS_OK);
}

void act_fail_writes(struct world *world, const struct script_step *step)
{
    script_machine(world, step->a)->write_errors_ppm = step->b;
}

void act_fail_reads(struct world *world, const struct script_step *step)
{
    script_machine(world, step->a)->image.read_errors_ppm = step->b;
}

void act_wipe(struct world *world, const struct script_step *step)
{
    struct machine *machine = script_machine(world, step->a);
    machine_crash(machine, true);
    machine_wipe(machine);
}

void act_lose_cell(struct world *world, const struct script_step *step)
{
    silent_loss_take(world, index_at(world, step->a), script_key_index(world));
}

void act_copy_disk(struct world *world, const struct script_step *step)
{
    damage_copy(script_machine(world, step->a));
}

void act_roll_back(struct world *world, const struct script_step *step)
{
    struct machine *machine = script_machine(world, step->a);
    if (!damage_may_roll_back(machine)) {
        script_fail(world, "others would not notice a rollback");
        return;
    }
    machine_crash(machine, true);
    damage_roll_back(machine, &machine->random);
}

/* ---- clients ---- */

void act_ask(struct world *world, const struct script_step *step)
{
    script_client_ask(world, step);
}

void act_watch(struct world *world, const struct script_step *step)
{
    (void)step;
    client_set_count_from(world, world->now_us);
}

void act_check_answered(struct world *world, const struct script_step *step)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        struct client_count count = client_set_count(world, i);
        if ((step->a >> i & 1) != 0 && count.acked * 100 < count.started * ANSWERED_PERCENT)
            world_fail(world, VERDICT_WRONG, "available",
                       "n%u, which the fault leaves alone, answered %" PRIu64 " of %" PRIu64
                       " commands",
                       i + 1, count.acked, count.started);
    }
}

/* ---- what is on disks ---- */

static const struct oracle_key *key_of(const struct world *world)
{
    return oracle_key(world->oracle, script_key_index(world));
}

static bool shows_value(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind != SIBLING_TOMBSTONE)
            return true;
    return false;
}

void act_check_live(struct world *world, const struct script_step *step)
{
    const struct oracle_key *key = key_of(world);
    const node_id *owners = ring_owners(world->ring, key->partition);
    uint32_t live = 0;
    for (uint8_t i = 0; i < world->ring->owner_count; i++) {
        struct cell cell;
        if (oracle_load(world->oracle, &world->machines[owners[i] - 1].image.synced, key, &cell))
            live += shows_value(&cell);
        cell_deinit(&cell);
    }
    if (live != step->b)
        script_fail(world, "%u owners have a value, not %u", live, step->b);
}

void act_check_hints(struct world *world, const struct script_step *step)
{
    uint64_t hints = 0;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        hints += oracle_hint_count(&world->machines[i]);
    if ((hints > 0) != (step->b > 0))
        script_fail(world, "%" PRIu64 " hints are kept", hints);
}

void act_check_collected(struct world *world, const struct script_step *step)
{
    const struct oracle_key *key = key_of(world);
    const node_id *owners = ring_owners(world->ring, key->partition);
    uint32_t records = 0;
    for (uint8_t i = 0; i < world->ring->owner_count; i++) {
        struct cell cell;
        records +=
            oracle_load(world->oracle, &world->machines[owners[i] - 1].image.synced, key, &cell);
        cell_deinit(&cell);
    }
    if ((records == 0) != (step->b > 0))
        script_fail(world, "%u owners have a record of the key", records);
}

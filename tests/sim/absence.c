#include "sim/absence.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sim/client.h"
#include "sim/damage.h"
#include "sim/machine.h"
#include "sim/nemesis.h"
#include "sim/network.h"
#include "sim/spread.h"
#include "sim/world.h"

static const uint64_t day_us = UINT64_C(86400000000);

enum {
    COPIES = PLAN_SLEEPS_MAX, /* AT_SLEEP: it is time to copy disks */
    CALM_US = 3000000
};

enum absence { ABSENCE_NONE, ABSENCE_SUSPENDED, ABSENCE_OFF, ABSENCE_CUT, ABSENCE_KINDS };
/* How it comes back. */
enum comeback { COMEBACK_AS_IT_WAS, COMEBACK_EMPTY, COMEBACK_OLD_DISK, COMEBACK_KINDS };

struct absences {
    struct random random;
    enum absence kinds[PLAN_NODES_MAX];
    uint32_t until[PLAN_NODES_MAX]; /* number of the sleep after which it is over */
};

/* ---- the plan ---- */

static void draw_commands(struct plan *plan)
{
    plan->command_weight[COMMAND_DEL] = 25;
    plan->command_weight[COMMAND_GETDEL] = 6;
    plan->command_weight[COMMAND_EXPIRE_AT] = 5;
    plan->command_weight[COMMAND_SCAN] = plan->command_weight[COMMAND_DBSIZE] = 0;
}

void absence_draw(struct random *random, struct plan *plan)
{
    struct settings *settings = &plan->settings;
    draw_commands(plan);
    plan->key_count = (uint32_t)spread_log(random, 3, 60);
    plan->think_us = spread_log(random, 50000, 300000);
    plan->value_bytes_max = 200;
    plan->request_ids = false; /* they are remembered for minutes */
    plan->clock_drift_ppm = 0; /* a host has its time from others, also after a month */
    settings->stability_interval_ms = (uint32_t)spread_log(random, 200, 1000);
    settings->repair_interval_ms = (uint32_t)spread_log(random, 500, 4000);
    settings->sync_interval_ms = (uint32_t)spread_log(random, 100, 1000);
    settings->reconnect_max_ms = (uint32_t)spread_log(random, 200, 1000);
    plan->sleep_count = (uint32_t)spread_even(random, 1, PLAN_SLEEPS_MAX);
    uint64_t at_us = 0;
    for (uint32_t i = 0; i < plan->sleep_count; i++) {
        plan->sleeps[i].at_us = at_us + spread_log(random, 2500000, 14000000);
        plan->sleeps[i].length_us = spread_even(random, day_us, 40 * day_us / plan->sleep_count);
        at_us = plan->sleeps[i].at_us + plan->sleeps[i].length_us;
    }
    plan->duration_us = at_us + spread_log(random, 2000000, 10000000);
}

struct absences *absences_new(struct world *world)
{
    struct absences *absences = memory_new(1, sizeof *absences);
    absences->random = random_make(hash64(slice_text("absences"), world->plan.seed));
    for (uint32_t i = 0; i < world->plan.sleep_count; i++)
        world_after(world, world->plan.sleeps[i].at_us,
                    &(struct occurrence){.kind = AT_SLEEP, .id = i});
    if (world->plan.sleep_count > 0)
        world_after(world, world->plan.sleeps[0].at_us / 2,
                    &(struct occurrence){.kind = AT_SLEEP, .id = COPIES});
    return absences;
}

void absences_free(struct absences *absences)
{
    free(absences);
}

/* ---- going and coming back ---- */

static void change_paths(struct world *world, uint32_t of,
                         void (*change)(struct world *, uint32_t, uint32_t))
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        if (i == of)
            continue;
        change(world, i, of);
        change(world, of, i);
    }
}

static void leave(struct world *world, struct machine *machine)
{
    struct absences *absences = world->absences;
    struct random *random = &absences->random;
    enum absence kind = (enum absence)spread_even(random, ABSENCE_SUSPENDED, ABSENCE_KINDS - 1);
    if (machine->state != MACHINE_UP || machine->paused)
        kind = ABSENCE_OFF;
    world_note(world, "n%u is away from now on", machine->id);
    absences->kinds[machine->index] = kind;
    absences->until[machine->index] = (uint32_t)random_below(random, world->plan.sleep_count);
    machine->away = true;
    switch (kind) {
    case ABSENCE_SUSPENDED:
        machine_pause(machine, random_chance(random, 1, 2));
        marks_hit(world->marks, MARK_AWAY_SUSPENDED);
        break;
    case ABSENCE_CUT:
        change_paths(world, machine->index, network_cut);
        marks_hit(world->marks, MARK_AWAY_CUT);
        break;
    default:
        machine_crash(machine, random_chance(random, 1, 2));
        marks_hit(world->marks, MARK_AWAY_OFF);
        break;
    }
}

/* One that meets nobody who knows it takes itself for alone (src/node/README.md). */
static bool meets_others(const struct world *world, const struct machine *machine)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if (world->machines[i].paused && &world->machines[i] != machine)
            return false;
    return network_is_whole(world, machine->index);
}

static void put_old_disk(struct world *world, struct machine *machine)
{
    if (!nemesis_may_wipe(world, machine) || !damage_may_roll_back(machine) ||
        !meets_others(world, machine))
        return;
    machine_crash(machine, true);
    damage_roll_back(machine, &world->absences->random);
    marks_hit(world->marks, MARK_BACK_WITH_OLD_DISK);
}

static void come_back(struct world *world, struct machine *machine)
{
    struct absences *absences = world->absences;
    struct random *random = &absences->random;
    enum comeback comeback = (enum comeback)random_below(random, COMEBACK_KINDS);
    world_note(world, "n%u comes back", machine->id);
    if (absences->kinds[machine->index] == ABSENCE_CUT)
        change_paths(world, machine->index, network_mend);
    absences->kinds[machine->index] = ABSENCE_NONE;
    machine->away = false;
    if (comeback == COMEBACK_EMPTY && nemesis_may_wipe(world, machine)) {
        machine_crash(machine, true);
        machine_wipe(machine);
        marks_hit(world->marks, MARK_BACK_EMPTY);
    } else if (comeback == COMEBACK_OLD_DISK) {
        put_old_disk(world, machine);
    }
    machine_resume(machine);
    if (machine->state == MACHINE_DOWN)
        machine_start(machine);
}

/* One or two of those that are there, but never so many that nobody has a majority. */
static void some_leave(struct world *world)
{
    struct absences *absences = world->absences;
    uint32_t count = 1 + (uint32_t)random_below(&absences->random, 2);
    if (world->plan.node_count < 5)
        count = 1;
    while (count-- > 0) {
        uint32_t index = (uint32_t)random_below(&absences->random, world->plan.node_count);
        if (absences->kinds[index] == ABSENCE_NONE)
            leave(world, &world->machines[index]);
    }
}

/* ---- sleeping ---- */

/*
 * A node whose monotonic clock stood still goes by what it knew of others' clocks until it hears
 * from them: what time it is meanwhile, nobody could tell it.
 */
static bool all_meet(const struct world *world)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if (!network_is_whole(world, i))
            return false;
    return true;
}

static void sleep_over(struct world *world, uint64_t length_us)
{
    struct absences *absences = world->absences;
    world_note(world, "everything stands still for %u hours",
               (unsigned)(length_us / (day_us / 24)));
    marks_hit(world->marks, MARK_SLEEP);
    bool stops = random_chance(&absences->random, 1, 2) && all_meet(world);
    for (uint32_t i = 0; i < world->plan.node_count && stops; i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->paused && random_chance(&absences->random, 1, 2))
            machine->mono_lag_us += length_us;
    }
    if (stops)
        world->calm_until_us = world->now_us + length_us + CALM_US;
    client_set_stood_still(world, length_us);
    world_skip(world, length_us);
    world->clock_changed_at_us = world->now_us;
}

void absence_handle(struct world *world, const struct occurrence *what)
{
    struct absences *absences = world->absences;
    uint32_t number = (uint32_t)what->id;
    if (number == COPIES) {
        for (uint32_t i = 0; i < world->plan.node_count; i++)
            damage_copy(&world->machines[i]);
        return;
    }
    assert(number < world->plan.sleep_count);
    if (number == 0)
        some_leave(world);
    sleep_over(world, world->plan.sleeps[number].length_us);
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if (absences->kinds[i] != ABSENCE_NONE &&
            (absences->until[i] <= number || number + 1 == world->plan.sleep_count))
            come_back(world, &world->machines[i]);
    if (!random_chance(&absences->random, 1, 3))
        return;
    uint32_t index = (uint32_t)random_below(&absences->random, world->plan.node_count);
    struct machine *machine = &world->machines[index];
    if (machine->away || machine->paused)
        return;
    put_old_disk(world, machine);
    if (machine->state == MACHINE_DOWN)
        machine_start(machine);
}

#include "sim/script.h"

#include <assert.h>
#include <inttypes.h>

#include "sim/client.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/spread.h"
#include "sim/world.h"

enum {
    FAULT_AT_US = 10000000,
    WATCH_AT_US = 20000000, /* by then everybody has noticed */
    MEND_AT_US = 70000000,
    FLAPS = 60,
    FLAP_US = 1000000,
    SLOW_BYTES_PER_SECOND = 1000, /* 8 kbit/s */
    STALL_US = 2000000,
    RESTART_US = 2000000,
    ANSWERED_PERCENT = 90
};

/* Behind STEP_FLAP + i: odd ones mend, even ones cut. */
enum script_steps { STEP_BREAK, STEP_WATCH, STEP_MEND, STEP_FLAP };

_Static_assert(FLAPS % 2 == 0, "the last flap mends");

static void step_at(struct world *world, uint64_t time_us, unsigned step)
{
    world_after(world, time_us - world->now_us, &(struct occurrence){.kind = AT_FAULT, .id = step});
}

void script_start(struct world *world)
{
    if (world->plan.script == SCRIPT_NONE)
        return;
    step_at(world, FAULT_AT_US, STEP_BREAK);
    step_at(world, WATCH_AT_US, STEP_WATCH);
    step_at(world, MEND_AT_US, STEP_MEND);
    for (unsigned i = 1; world->plan.script == SCRIPT_FLAPPING && i < FLAPS; i++)
        step_at(world, FAULT_AT_US + (uint64_t)i * FLAP_US, STEP_FLAP + i);
}

/* All paths between the first `count` machines and the others, both ways. */
static void change_paths(struct world *world, uint32_t count,
                         void (*change)(struct world *, uint32_t, uint32_t))
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = count; j < world->plan.node_count; j++) {
            change(world, i, j);
            change(world, j, i);
        }
    }
}

static void change_pair(struct world *world, void (*change)(struct world *, uint32_t, uint32_t))
{
    change(world, 0, 1);
    change(world, 1, 0);
}

static void kill_all(struct world *world)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        machine_crash(&world->machines[i], true);
        world_after(world, RESTART_US * (i + 1) / 2,
                    &(struct occurrence){.kind = AT_MACHINE_START, .peer = i});
    }
}

static void break_it(struct world *world)
{
    switch (world->plan.script) {
    case SCRIPT_ISOLATE_ONE:
        change_paths(world, 1, network_cut);
        break;
    case SCRIPT_HALVES:
        change_paths(world, 2, network_cut);
        break;
    case SCRIPT_ONE_WAY:
        network_cut(world, 0, 1);
        break;
    case SCRIPT_FLAPPING:
        change_pair(world, network_cut);
        break;
    case SCRIPT_KILL_ALL:
        kill_all(world);
        break;
    case SCRIPT_SLOW_LINK:
        network_limit(world, 0, 1, SLOW_BYTES_PER_SECOND);
        network_limit(world, 1, 0, SLOW_BYTES_PER_SECOND);
        break;
    case SCRIPT_PAUSE_60S:
        machine_pause(&world->machines[0], false);
        break;
    case SCRIPT_SLOW_DISK:
        world->machines[0].stall_us = STALL_US;
        break;
    case SCRIPT_NONE:
        assert(!"there is no script");
    }
}

static void mend_it(struct world *world)
{
    switch (world->plan.script) {
    case SCRIPT_ISOLATE_ONE:
        change_paths(world, 1, network_mend);
        break;
    case SCRIPT_HALVES:
        change_paths(world, 2, network_mend);
        break;
    case SCRIPT_ONE_WAY:
        network_mend(world, 0, 1);
        break;
    case SCRIPT_SLOW_LINK:
        network_limit(world, 0, 1, 0);
        network_limit(world, 1, 0, 0);
        break;
    case SCRIPT_PAUSE_60S:
        machine_resume(&world->machines[0]);
        break;
    default:
        break;
    }
}

/* The first machine that the fault leaves alone; the node count: none. */
static uint32_t first_untouched(const struct world *world)
{
    switch (world->plan.script) {
    case SCRIPT_ISOLATE_ONE:
    case SCRIPT_PAUSE_60S:
        return 1;
    case SCRIPT_ONE_WAY:
    case SCRIPT_FLAPPING:
    case SCRIPT_SLOW_LINK:
        return 2;
    default:
        return world->plan.node_count;
    }
}

static void check_answered(struct world *world)
{
    for (uint32_t i = first_untouched(world); i < world->plan.node_count; i++) {
        struct client_count count = client_set_count(world, i);
        if (count.acked * 100 < count.started * ANSWERED_PERCENT)
            world_fail(world, VERDICT_WRONG, "available",
                       "n%u, which the fault leaves alone, answered %" PRIu64 " of %" PRIu64
                       " commands",
                       i + 1, count.acked, count.started);
    }
}

void script_step(struct world *world, unsigned step)
{
    world_note(world, "step %u of the script", step);
    switch (step) {
    case STEP_BREAK:
        break_it(world);
        break;
    case STEP_WATCH:
        client_set_count_from(world, world->now_us);
        break;
    case STEP_MEND:
        check_answered(world);
        mend_it(world);
        break;
    default:
        change_pair(world, (step - STEP_FLAP) % 2 == 1 ? network_mend : network_cut);
        break;
    }
}

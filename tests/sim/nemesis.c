#include "sim/nemesis.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/transition.h"
#include "sim/client.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/register_oracle.h"
#include "sim/script.h"
#include "sim/spread.h"
#include "sim/world.h"

enum { FAR_MS_MAX = 60000, STALL_MAX_US = 4000000, HEALED_START_US = 500000, RETRY_US = 10000 };

/* Something that is broken now and how to mend it. */
struct wound {
    enum fault_class class;
    bool open;
    uint32_t a, b;    /* machines */
    uint32_t members; /* FAULT_PARTITION, FAULT_ISOLATE: one side, by bits */
    bool forth, back; /* cut directions, from a (or the members) to the others */
};

struct nemesis {
    struct random random;
    struct wound *wounds;
    size_t wound_count;
    size_t wound_capacity;
    bool healed;
};

static void plan_next(struct world *world, enum fault_class class)
{
    struct nemesis *nemesis = world->nemesis;
    world_after(world, 1 + spread_tail(&nemesis->random, world->plan.faults[class].interval_us),
                &(struct occurrence){.kind = AT_FAULT, .id = class});
}

struct nemesis *nemesis_new(struct world *world)
{
    struct nemesis *nemesis = memory_new(1, sizeof *nemesis);
    nemesis->random = random_make(hash64(slice_text("nemesis"), world->plan.seed));
    world->nemesis = nemesis;
    for (unsigned i = 0; i < FAULT_CLASS_COUNT; i++)
        if (world->plan.faults[i].on)
            plan_next(world, (enum fault_class)i);
    for (uint32_t i = 0; i < world->plan.first_count; i++)
        world_after(world, random_below(&nemesis->random, HEALED_START_US),
                    &(struct occurrence){.kind = AT_MACHINE_START, .peer = i});
    return nemesis;
}

void nemesis_free(struct nemesis *nemesis)
{
    if (nemesis == NULL)
        return;
    free(nemesis->wounds);
    free(nemesis);
}

/* ---- who is hit ---- */

static struct machine *draw_machine(struct world *world)
{
    return &world->machines[random_below(&world->nemesis->random, world->plan.node_count)];
}

static bool draw_pair(struct world *world, uint32_t *a, uint32_t *b)
{
    uint32_t count = plan_machines(&world->plan);
    if (count < 2)
        return false;
    *a = (uint32_t)random_below(&world->nemesis->random, count);
    *b = (uint32_t)random_below(&world->nemesis->random, count - 1);
    *b += *b >= *a;
    return true;
}

static bool share_a_partition(const struct world *world, const struct machine *a,
                              const struct machine *b)
{
    for (uint32_t p = 0; p < world->ring->partition_count; p++)
        if (ring_replicates(world->ring, a->id, (partition_id)p) &&
            ring_replicates(world->ring, b->id, (partition_id)p))
            return true;
    return false;
}

bool nemesis_may_wipe(const struct world *world, const struct machine *machine)
{
    if (world->ring->owner_count < 2)
        return false;
    /* Without a majority of the stewards no plan would ever end. */
    if (world->plan.mover_count > 0 && !register_oracle_may_lose(world->register_oracle, machine))
        return false;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        const struct machine *other = &world->machines[i];
        if (other != machine && share_a_partition(world, machine, other) &&
            machine_is_damaged(other))
            return false;
    }
    return true;
}

/* ---- wounds ---- */

static void cut_group(struct world *world, const struct wound *wound, bool mend)
{
    void (*change)(struct world *, uint32_t, uint32_t) = mend ? network_mend : network_cut;
    for (uint32_t i = 0; i < plan_machines(&world->plan); i++) {
        for (uint32_t j = 0; j < plan_machines(&world->plan); j++) {
            if ((wound->members >> i & 1) == 0 || (wound->members >> j & 1) != 0)
                continue;
            if (wound->forth)
                change(world, i, j);
            if (wound->back)
                change(world, j, i);
        }
    }
}

static void mend(struct world *world, struct wound *wound)
{
    struct machine *machine = &world->machines[wound->a];
    wound->open = false;
    if (wound->class == FAULT_PAUSE && machine->away)
        return;
    world_note(world, "%s ends", fault_class_name(wound->class));
    switch (wound->class) {
    case FAULT_CUT:
        if (wound->forth)
            network_mend(world, wound->a, wound->b);
        if (wound->back)
            network_mend(world, wound->b, wound->a);
        break;
    case FAULT_PARTITION:
    case FAULT_ISOLATE:
        cut_group(world, wound, true);
        break;
    case FAULT_SLOW_LINK:
        network_limit(world, wound->a, wound->b, 0);
        network_limit(world, wound->b, wound->a, 0);
        break;
    case FAULT_PAUSE:
        machine_resume(machine);
        break;
    case FAULT_CLOCK_FAR:
        machine_set_clock(machine, 0);
        break;
    case FAULT_DISK_STALL:
        machine->stall_us = 0;
        break;
    case FAULT_WRITE_ERROR:
        machine->write_errors_ppm = 0;
        break;
    case FAULT_DISK_FULL:
        machine_set_condition(machine, STATUS_OK);
        break;
    case FAULT_READ_ERROR:
        machine->image.read_errors_ppm = 0;
        break;
    default:
        assert(!"a fault that ends by itself");
    }
}

static void hurt(struct world *world, const struct wound *wound)
{
    struct nemesis *nemesis = world->nemesis;
    if (nemesis->wound_count == nemesis->wound_capacity) {
        nemesis->wound_capacity = nemesis->wound_capacity * 2 + 16;
        nemesis->wounds =
            memory_resize(nemesis->wounds, nemesis->wound_capacity, sizeof *nemesis->wounds);
    }
    nemesis->wounds[nemesis->wound_count] = *wound;
    nemesis->wounds[nemesis->wound_count].open = true;
    world_after(world,
                1 + spread_tail(&nemesis->random, world->plan.faults[wound->class].duration_us),
                &(struct occurrence){.kind = AT_FAULT_END, .id = nemesis->wound_count});
    nemesis->wound_count++;
}

static void start_after(struct world *world, uint32_t machine, uint64_t delay_us)
{
    world_after(world, delay_us, &(struct occurrence){.kind = AT_MACHINE_START, .peer = machine});
}

/* ---- the classes ---- */

static void hit_process(struct world *world, enum fault_class class)
{
    struct random *random = &world->nemesis->random;
    struct machine *machine = draw_machine(world);
    uint64_t away_us = 1 + spread_tail(random, world->plan.faults[class].duration_us);
    switch (class) {
    case FAULT_CRASH:
        machine_crash(machine, random_chance(random, 1, 2));
        break;
    case FAULT_STOP:
        machine_stop(machine);
        break;
    case FAULT_WIPE:
        if (machine->absent || !nemesis_may_wipe(world, machine))
            return;
        machine_crash(machine, random_chance(random, 1, 2));
        machine_wipe(machine);
        break;
    case FAULT_PAUSE:
        if (machine->paused || machine->state != MACHINE_UP)
            return;
        machine_pause(machine, random_chance(random, 1, 2));
        hurt(world, &(struct wound){.class = class, .a = machine->index});
        return;
    default:
        assert(!"a fault of one process");
    }
    start_after(world, machine->index, away_us);
}

static void hit_with_rollback(struct world *world)
{
    struct random *random = &world->nemesis->random;
    struct machine *machine = draw_machine(world);
    if (machine->absent)
        return;
    if (!machine->copy.taken || random_chance(random, 1, 4)) {
        damage_copy(machine);
        return;
    }
    if (!nemesis_may_wipe(world, machine) || !damage_may_roll_back(machine))
        return;
    machine_crash(machine, random_chance(random, 1, 2));
    damage_roll_back(machine, random);
    start_after(world, machine->index,
                1 + spread_tail(random, world->plan.faults[FAULT_ROLLBACK].duration_us));
}

static void hit_with_rot(struct world *world)
{
    struct machine *machine = draw_machine(world);
    if (machine_is_damaged(machine) || !nemesis_may_wipe(world, machine))
        return;
    damage_rot(machine, &world->nemesis->random);
}

static void hit_all(struct world *world)
{
    struct random *random = &world->nemesis->random;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        machine_crash(&world->machines[i], true);
        start_after(world, i,
                    1 + spread_tail(random, world->plan.faults[FAULT_CRASH_ALL].duration_us));
    }
}

static void hit_paths(struct world *world, enum fault_class class)
{
    struct random *random = &world->nemesis->random;
    struct wound wound = {.class = class, .forth = true, .back = random_chance(random, 1, 2)};
    if (!draw_pair(world, &wound.a, &wound.b))
        return;
    switch (class) {
    case FAULT_CUT:
        network_cut(world, wound.a, wound.b);
        if (wound.back)
            network_cut(world, wound.b, wound.a);
        break;
    case FAULT_PARTITION:
        wound.members = (uint32_t)random_below(random, 1u << plan_machines(&world->plan));
        wound.back = true;
        cut_group(world, &wound, false);
        break;
    case FAULT_ISOLATE:
        wound.members = 1u << wound.a;
        wound.forth = !wound.back || random_chance(random, 1, 2);
        cut_group(world, &wound, false);
        break;
    default:
        assert(class == FAULT_SLOW_LINK);
        network_limit(world, wound.a, wound.b, spread_log(random, 500, 50000));
        network_limit(world, wound.b, wound.a, spread_log(random, 500, 50000));
        break;
    }
    hurt(world, &wound);
}

static void hit_with_ghost(struct world *world)
{
    uint32_t of, at;
    if (draw_pair(world, &of, &at))
        network_ghost(&world->machines[of], &world->machines[at]);
}

static int64_t either_way(struct random *random, uint64_t amount)
{
    return random_chance(random, 1, 2) ? (int64_t)amount : -(int64_t)amount;
}

static void hit_machine(struct world *world, enum fault_class class)
{
    struct random *random = &world->nemesis->random;
    struct machine *machine = draw_machine(world);
    uint64_t skew_ms = world->plan.settings.max_clock_skew_ms;
    switch (class) {
    case FAULT_CLOCK_JUMP:
        machine_set_clock(machine, either_way(random, random_below(random, skew_ms / 2 + 1)));
        marks_hit(world->marks, MARK_CLOCK_JUMP);
        return;
    case FAULT_CLOCK_FAR:
        machine_set_clock(machine, either_way(random, spread_log(random, skew_ms, FAR_MS_MAX)));
        marks_hit(world->marks, MARK_CLOCK_JUMP);
        break;
    case FAULT_DISK_STALL:
        machine->stall_us = spread_log(random, 10000, STALL_MAX_US);
        break;
    case FAULT_WRITE_ERROR:
        machine->write_errors_ppm = (uint32_t)spread_log(random, 10000, 1000000);
        break;
    case FAULT_DISK_FULL:
        machine_set_condition(machine,
                              random_chance(random, 1, 2) ? STATUS_NO_SPACE : STATUS_OVERLOADED);
        break;
    default:
        assert(class == FAULT_READ_ERROR);
        machine->image.read_errors_ppm = (uint32_t)spread_log(random, 100, 200000);
        break;
    }
    hurt(world, &(struct wound){.class = class, .a = machine->index});
}

static void hit(struct world *world, enum fault_class class)
{
    world_note(world, "fault %s", fault_class_name(class));
    switch (class) {
    case FAULT_CRASH:
    case FAULT_STOP:
    case FAULT_WIPE:
    case FAULT_PAUSE:
        hit_process(world, class);
        break;
    case FAULT_CRASH_ALL:
        hit_all(world);
        break;
    case FAULT_ROT:
        hit_with_rot(world);
        break;
    case FAULT_ROLLBACK:
        hit_with_rollback(world);
        break;
    case FAULT_CUT:
    case FAULT_PARTITION:
    case FAULT_ISOLATE:
    case FAULT_SLOW_LINK:
        hit_paths(world, class);
        break;
    case FAULT_RESET:
        network_reset_one(world, random_u64(&world->nemesis->random));
        break;
    case FAULT_GHOST:
        hit_with_ghost(world);
        break;
    case FAULT_CLIENT_RESET:
        client_set_reset_one(world, random_u64(&world->nemesis->random));
        break;
    default:
        hit_machine(world, class);
        break;
    }
}

static void start_machine(struct world *world, uint32_t index)
{
    struct machine *machine = &world->machines[index];
    if (machine->away || machine->absent)
        return;
    if (machine->state == MACHINE_STOPPING)
        start_after(world, index, RETRY_US);
    else if (machine->state == MACHINE_DOWN)
        machine_start(machine);
}

/* Nothing must keep it from meeting those who know better, or nobody could notice. */
static bool somebody_is_rolled_back(const struct world *world)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if (world->plan.sleep_count > 0 && world->machines[i].loss_told)
            return true;
    return false;
}

void nemesis_handle(struct world *world, const struct occurrence *what)
{
    struct nemesis *nemesis = world->nemesis;
    if (what->kind == AT_MACHINE_START) {
        start_machine(world, what->peer);
        return;
    }
    if (nemesis->healed)
        return;
    if (what->kind == AT_FAULT_END) {
        if (nemesis->wounds[what->id].open)
            mend(world, &nemesis->wounds[what->id]);
    } else if (world->plan.script != NULL) {
        script_step(world, (unsigned)what->id);
    } else {
        if (!somebody_is_rolled_back(world) && world->now_us >= world->calm_until_us)
            hit(world, (enum fault_class)what->id);
        plan_next(world, (enum fault_class)what->id);
    }
}

void nemesis_heal(struct world *world)
{
    struct nemesis *nemesis = world->nemesis;
    nemesis->healed = true;
    network_be_kind(world);
    for (size_t i = 0; i < nemesis->wound_count; i++)
        if (nemesis->wounds[i].open)
            mend(world, &nemesis->wounds[i]);
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        struct machine *machine = &world->machines[i];
        machine_resume(machine);
        machine_set_clock(machine, 0);
        machine->stall_us = 0;
        if (!machine->image.damaged)
            machine->image.rot_ppm = 0;
        start_after(world, i, random_below(&nemesis->random, HEALED_START_US));
    }
}

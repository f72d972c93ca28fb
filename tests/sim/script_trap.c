#include "sim/script_trap.h"

#include <stdlib.h>

#include "base/memory.h"
#include "replica/store_port.h"
#include "sim/machine.h"
#include "sim/script.h"
#include "sim/world.h"
#include "wire/record.h"
#include "wire/record_hint.h"

enum {
    RESTART_US = 300000,
    NEXT_US = 1000000,
    AWAY_US = 1500000, /* for hints to be made, somebody has to be away, at times more than once */
    AWAY_AGAIN_US = 5000000,
    NEXT_TRAP = SCRIPT_STEPS_MAX,
    FIRST_CRASH = SCRIPT_STEPS_MAX + 1 /* and the index of the machine */
};

struct traps {
    uint32_t current; /* kind * TRAP_FATES + fate */
    bool set;
    bool waits_for_sync;
    uint32_t machine; /* that fell into it */
    uint32_t sprung;
    uint64_t next_at_us; /* when the next one is to be set */
};

struct traps *traps_new(void)
{
    return memory_new(1, sizeof(struct traps));
}

void traps_free(struct traps *traps)
{
    free(traps);
}

static void start_after(struct world *world, uint32_t machine, uint64_t delay_us)
{
    world_after(world, delay_us, &(struct occurrence){.kind = AT_MACHINE_START, .peer = machine});
}

static void set(struct world *world)
{
    struct traps *traps = world->traps;
    enum trap_kind kind = (enum trap_kind)(traps->current / TRAP_FATES);
    traps->set = true;
    world_note(world, "trap %u is set", traps->current);
    if (kind != TRAP_HINT && kind != TRAP_HANDOFF)
        return;
    uint32_t away = traps->current % world->plan.node_count;
    machine_crash(&world->machines[away], false);
    start_after(world, away, AWAY_US);
    world_after(world, AWAY_AGAIN_US, &(struct occurrence){.kind = AT_FAULT, .id = NEXT_TRAP});
}

void trap_begin(struct world *world, const struct script_step *step)
{
    (void)step;
    set(world);
}

void trap_check_all(struct world *world)
{
    if (world->traps->sprung < TRAP_KINDS * TRAP_FATES)
        script_fail(world, "only %u of %u traps were sprung", world->traps->sprung,
                    (unsigned)TRAP_KINDS * TRAP_FATES);
}

static bool falls_into(enum trap_kind kind, enum store_operation operation, struct slice key)
{
    bool put = operation == STORE_PUT;
    uint8_t record = key.length > 0 ? key.data[0] : 0;
    switch (kind) {
    case TRAP_PURGE:
        return !put && record == RECORD_CELL;
    case TRAP_CELL:
        return put && record == RECORD_CELL;
    case TRAP_HINT:
        return put && record == RECORD_HINT;
    case TRAP_HANDOFF:
        return !put && record == RECORD_HINT;
    case TRAP_CHECKPOINT:
        return put && record == RECORD_META;
    default:
        return put && record == RECORD_REGISTER;
    }
}

static void spring_after(struct machine *machine, uint64_t delay_us)
{
    world_after(machine->world, delay_us,
                &(struct occurrence){.kind = AT_FAULT, .id = FIRST_CRASH + machine->index});
}

void trap_written(struct machine *machine, struct slice batch)
{
    struct traps *traps = machine->world->traps;
    struct reader reader = reader_make(batch);
    enum store_operation operation;
    struct slice key, value;
    bool falls = false;
    if (!traps->set)
        return;
    while (!falls && store_batch_next(&reader, &operation, &key, &value))
        falls = falls_into((enum trap_kind)(traps->current / TRAP_FATES), operation, key);
    if (!falls)
        return;
    traps->set = false;
    traps->machine = machine->index;
    traps->waits_for_sync = traps->current % TRAP_FATES == TRAP_SYNCED;
    if (!traps->waits_for_sync)
        spring_after(machine, 1); /* any sync takes longer */
}

void trap_synced(struct machine *machine)
{
    struct traps *traps = machine->world->traps;
    if (!traps->waits_for_sync || traps->machine != machine->index)
        return;
    traps->waits_for_sync = false;
    spring_after(machine, 0); /* what waited leaves later than at once */
}

static void spring(struct world *world, struct machine *machine)
{
    struct traps *traps = world->traps;
    enum trap_fate fate = (enum trap_fate)(traps->current % TRAP_FATES);
    if (machine->state == MACHINE_DOWN) /* something else was faster: once more */
        traps->set = true;
    if (traps->set)
        return;
    world_note(world, "trap %u is sprung at n%u", traps->current, machine->id);
    if (fate != TRAP_SYNCED)
        machine->crash_keeps = fate == TRAP_KEPT ? CRASH_KEEPS_ALL : CRASH_KEEPS_NOTHING;
    machine_crash(machine, true);
    machine->crash_keeps = CRASH_KEEPS_SOME;
    start_after(world, machine->index, RESTART_US);
    traps->sprung++;
    traps->next_at_us = world->now_us + NEXT_US;
    if (++traps->current < TRAP_KINDS * TRAP_FATES)
        world_after(world, NEXT_US, &(struct occurrence){.kind = AT_FAULT, .id = NEXT_TRAP});
}

void trap_handle(struct world *world, uint64_t number)
{
    struct traps *traps = world->traps;
    if (number == NEXT_TRAP && (traps->set || traps->next_at_us == world->now_us))
        set(world);
    else if (number != NEXT_TRAP)
        spring(world, &world->machines[number - FIRST_CRASH]);
}

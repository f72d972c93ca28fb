#include "sim/script.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/preference_list.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/script_tables.h"
#include "sim/script_trap.h"
#include "sim/world.h"

struct script_run {
    struct script_step steps[SCRIPT_STEPS_MAX];
    uint32_t step_count;
    struct marks before; /* marks are counted over many runs */
    uint32_t key;
    struct preference_list places;
};

static const struct script *const *const tables[] = {
    scripts_of_networks, scripts_of_processes, scripts_of_hints, scripts_of_causality,
    scripts_of_deletes,  scripts_of_quorums,   scripts_of_moves,
};

const struct script *script_at(unsigned index)
{
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct script *const *script = tables[i]; *script != NULL; script++)
            if (index-- == 0)
                return *script;
    return NULL;
}

const struct script *script_find(const char *name)
{
    const struct script *script;
    for (unsigned i = 0; (script = script_at(i)) != NULL; i++)
        if (strcmp(script->name, name) == 0)
            return script;
    return NULL;
}

static uint32_t first_key(const struct world *world, enum script_key kind)
{
    switch (kind) {
    case KEY_SIBLINGS:
        assert(oracle_key_count(world->oracle, 1) > 0);
        return oracle_key_count(world->oracle, 0);
    case KEY_COUNTER:
        return oracle_key_count(world->oracle, 0) + oracle_key_count(world->oracle, 1);
    default:
        return 0;
    }
}

static bool is_first_of_its_time(const struct script_run *run, uint32_t step)
{
    for (uint32_t i = 0; i < step; i++)
        if (run->steps[i].at_ms == run->steps[step].at_ms)
            return false;
    return true;
}

struct script_run *script_run_new(struct world *world)
{
    const struct script *script = world->plan.script;
    struct script_run *run = memory_new(1, sizeof *run);
    run->before = *world->marks;
    if (script == NULL)
        return run;
    run->key = first_key(world, script->key);
    preference_list_build(world->ring, oracle_key(world->oracle, run->key)->partition, 0,
                          &run->places);
    while (script->steps[run->step_count].act != NULL) {
        assert(run->step_count + 1 < SCRIPT_STEPS_MAX);
        run->steps[run->step_count] = script->steps[run->step_count];
        run->step_count++;
    }
    if (script->more != NULL)
        script->more(world, run->steps + run->step_count);
    while (run->steps[run->step_count].act != NULL)
        run->step_count++;
    assert(run->step_count < SCRIPT_STEPS_MAX);
    for (uint32_t i = 0; i < run->step_count; i++)
        if (is_first_of_its_time(run, i))
            world_after(world, (uint64_t)run->steps[i].at_ms * 1000,
                        &(struct occurrence){.kind = AT_FAULT, .id = i});
    return run;
}

void script_run_free(struct script_run *run)
{
    free(run);
}

struct machine *script_machine(const struct world *world, uint32_t place)
{
    const struct preference_list *places = &world->script->places;
    if (place < HOME) {
        assert(place < world->plan.node_count);
        return &world->machines[place];
    }
    assert(place - HOME < places->count);
    return &world->machines[places->nodes[place - HOME] - 1];
}

uint32_t script_key_index(const struct world *world)
{
    return world->script->key;
}

/* Steps of one moment come in the order of the table. */
void script_step(struct world *world, unsigned first)
{
    struct script_run *run = world->script;
    if (first >= SCRIPT_STEPS_MAX) {
        trap_handle(world, first);
        return;
    }
    for (unsigned i = first; i < run->step_count && !world->finished; i++) {
        if (run->steps[i].at_ms != run->steps[first].at_ms)
            continue;
        world_note(world, "step %u of the script", i);
        run->steps[i].act(world, &run->steps[i]);
    }
}

uint64_t script_hits(const struct world *world, enum mark mark)
{
    return world->marks->counts[mark] - world->script->before.counts[mark];
}

void script_fail(struct world *world, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world_fail(world, VERDICT_WRONG, "script", "%s: %s", world->plan.script->name, text);
}

void script_check_end(struct world *world)
{
    const struct script *script = world->plan.script;
    if (script == NULL)
        return;
    if (!script_client_all_answered(world))
        script_fail(world, "a question was not answered");
    if (script->end != NULL)
        script->end(world);
    for (const enum mark *mark = script->marks; mark != NULL && *mark != MARK_COUNT; mark++)
        if (script_hits(world, *mark) == 0)
            script_fail(world, "it never came to this: %s", mark_name(*mark));
}

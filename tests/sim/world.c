#include "sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/planner.h"
#include "sim/absence.h"
#include "sim/client.h"
#include "sim/gray_slow.h"
#include "sim/machine.h"
#include "sim/nemesis.h"
#include "sim/network.h"
#include "sim/dropper.h"
#include "sim/sketchers.h"
#include "sim/gateways.h"
#include "sim/movers.h"
#include "sim/operators.h"
#include "sim/oracle.h"
#include "sim/placements.h"
#include "sim/register_oracle.h"
#include "sim/script.h"
#include "sim/script_client.h"
#include "sim/script_trap.h"
#include "sim/settle.h"
#include "sim/silent_loss.h"

/* A run that needs more does not end by itself. */
enum { EVENTS_MAX = 20000000 };

static const uint64_t start_of_time_ms = UINT64_C(1750000000000);

uint64_t world_true_ms(const struct world *world)
{
    return start_of_time_ms + world->now_us / 1000;
}

uint64_t world_latest_ms(const struct world *world)
{
    return (uint64_t)((int64_t)world_true_ms(world) + world->ahead_max_ms);
}

void world_after(struct world *world, uint64_t delay_us, const struct occurrence *what)
{
    schedule_add(&world->schedule, world->now_us + delay_us, what);
}

void world_skip(struct world *world, uint64_t length_us)
{
    world->now_us += length_us;
}

void world_trace(struct world *world, uint64_t number, struct slice bytes)
{
    uint64_t words[3] = {world->trace_hash, world->now_us, number};
    world->trace_hash = hash64_pair(slice_make(words, sizeof words), bytes, 0);
}

void world_note(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world->trace == NULL)
        return;
    fprintf(world->trace, "%12.6f ", (double)world->now_us / 1e6);
    va_start(arguments, format);
    vfprintf(world->trace, format, arguments);
    va_end(arguments);
    fputc('\n', world->trace);
}

void world_fail(struct world *world, enum verdict verdict, const char *kind, const char *format,
                ...)
{
    va_list arguments;
    if (world->verdict != VERDICT_OK)
        return;
    world->verdict = verdict;
    world->finished = true;
    snprintf(world->kind, sizeof world->kind, "%s", kind);
    va_start(arguments, format);
    vsnprintf(world->text, sizeof world->text, format, arguments);
    va_end(arguments);
    world_note(world, "FAIL %s %s", world->kind, world->text);
}

/* ---- the ring ---- */

static void name_member(struct ring_member *member, const struct plan *plan, uint32_t index)
{
    *member = (struct ring_member){.id = index + 1,
                                   .storage_incarnation = 1,
                                   .region = (uint8_t)(index % plan->region_count),
                                   .weight = 1};
    snprintf(member->rack, sizeof member->rack, "rack%u", index / plan->region_count);
    snprintf(member->client.host, sizeof member->client.host, "10.1.0.%u", index + 1);
    snprintf(member->peer.host, sizeof member->peer.host, "10.2.0.%u", index + 1);
    member->client.port = 6379;
    member->peer.port = 7379;
}

static struct ring *make_ring(const struct plan *plan)
{
    struct planner_report report;
    struct ring *ring = ring_new();
    memcpy(ring->cluster_id, "simulated ring..", sizeof ring->cluster_id);
    ring->generation = 1;
    ring->tag = (struct ring_tag){.epoch = 1, .phase = RING_STABLE};
    ring->seed = hash64(slice_text("ring"), plan->seed);
    ring->partition_count = plan->partition_count;
    ring->region_count = (uint8_t)plan->region_count;
    for (uint32_t i = 0; i < plan->region_count; i++) {
        snprintf(ring->regions[i].name, sizeof ring->regions[i].name, "region%u", i);
        ring->regions[i].replicas = (uint8_t)plan->replicas[i];
        ring->owner_count = (uint8_t)(ring->owner_count + plan->replicas[i]);
    }
    ring->member_count = (uint16_t)plan->first_count;
    ring->members = memory_new(plan->first_count, sizeof *ring->members);
    for (uint32_t i = 0; i < plan->first_count; i++)
        name_member(&ring->members[i], plan, i);
    ring->keyspace_count = 2;
    ring->keyspaces[0] = (struct ring_keyspace){.number = 0, .policy = KEYSPACE_LWW};
    ring->keyspaces[1] = (struct ring_keyspace){.number = 1, .policy = KEYSPACE_SIBLINGS};
    strcpy(ring->keyspaces[0].name, "plain");
    strcpy(ring->keyspaces[1].name, "siblings");
    if (plan->sketcher_count > 0)
        sketchers_keyspace(&ring->keyspaces[ring->keyspace_count++]);
    enum status status = planner_place(ring, NULL, &report);
    assert(status == STATUS_OK);
    return ring;
}

/* ---- a run ---- */

static void world_init(struct world *world, const struct world_params *params)
{
    *world = (struct world){.plan = *params->plan,
                            .mutant = params->mutant,
                            .trace = params->trace,
                            .marks = params->marks,
                            .progress = params->progress,
                            .event_max = EVENTS_MAX};
    const struct plan *plan = &world->plan;
    schedule_init(&world->schedule, hash64(slice_text("schedule"), plan->seed));
    world->first_ring = make_ring(plan);
    world->ring = ring_copy(world->first_ring);
    world->placements = placements_new(world->ring);
    world->machines = memory_new(plan_machines(plan), sizeof *world->machines);
    for (uint32_t i = 0; i < plan_machines(plan); i++)
        machine_init(&world->machines[i], world, i);
    world->network = network_new(world);
    world->oracle = oracle_new(world);
    world->clients = client_set_new(world);
    world->register_oracle = register_oracle_new(world);
    world->operators = operators_new(world);
    world->dropper = dropper_new(world);
    world->sketchers = sketchers_new(world);
    world->gateways = gateways_new(world);
    world->movers = movers_new(world);
    world->settle = settle_new(world);
    world->silent_loss = silent_loss_new(world);
    world->traps = traps_new();
    world->script_client = script_client_new(world);
    world->script = script_run_new(world);
    world->absences = absences_new(world);
    world->gray_slow = gray_slow_new(world);
    world->nemesis = nemesis_new(world);
    client_set_start(world);
}

static void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < plan_machines(&world->plan); i++)
        machine_deinit(&world->machines[i]);
    free(world->machines);
    nemesis_free(world->nemesis);
    absences_free(world->absences);
    traps_free(world->traps);
    script_run_free(world->script);
    script_client_free(world->script_client);
    gray_slow_free(world->gray_slow);
    settle_free(world->settle);
    dropper_free(world->dropper);
    sketchers_free(world->sketchers);
    gateways_free(world->gateways);
    movers_free(world->movers);
    operators_free(world->operators);
    register_oracle_free(world->register_oracle);
    silent_loss_free(world->silent_loss, world->plan.node_count);
    client_set_free(world->clients);
    oracle_free(world->oracle);
    network_free(world->network);
    placements_free(world->placements);
    ring_free(world->first_ring);
    ring_free(world->ring);
    schedule_deinit(&world->schedule);
}

void world_dispatch(struct world *world, struct occurrence *what)
{
    switch (what->kind) {
    case AT_DIAL:
        network_dial_arrived(world, what);
        break;
    case AT_CLIENT_STEP:
    case AT_CLIENT_REPLY:
    case AT_CLIENT_GONE:
    case AT_CLIENT_LATE:
        client_set_handle(world, what);
        break;
    case AT_OPERATOR_STEP:
        operators_handle(world, what);
        break;
    case AT_DROPPER_STEP:
        dropper_handle(world, what);
        break;
    case AT_SKETCHER_STEP:
        sketchers_handle(world, what);
        break;
    case AT_GATEWAY_STEP:
        gateways_handle(world);
        break;
    case AT_MOVER_STEP:
        movers_handle(world, what);
        break;
    case AT_DRIVER_CRASH:
        movers_crash_driver(world, what);
        break;
    case AT_MACHINE_START:
    case AT_FAULT:
    case AT_FAULT_END:
        nemesis_handle(world, what);
        break;
    case AT_SLEEP:
        absence_handle(world, what);
        break;
    case AT_GRAY_SLOW:
        gray_slow_handle(world, what);
        break;
    case AT_SETTLE:
        settle_handle(world, what);
        break;
    default:
        machine_handle(&world->machines[what->machine], what);
        return; /* takes it */
    }
    occurrence_free(what);
}

static void next(struct world *world)
{
    struct occurrence *what = schedule_take(&world->schedule);
    assert(what != NULL);
    if (what->time_us > world->now_us) /* not so after a skip */
        world->now_us = what->time_us;
    world->event_count++;
    if (world->progress != NULL) {
        world->progress->now_us = world->now_us;
        world->progress->events = world->event_count;
    }
    if (world->event_count > world->event_max)
        world_fail(world, VERDICT_NO_CONVERGENCE, "livelock", "more than %" PRIu64 " events",
                   world->event_max);
    world_dispatch(world, what);
}

void world_run(const struct world_params *params, struct world_result *out)
{
    struct world world;
    if (params->progress != NULL)
        params->progress->seed = params->plan->seed;
    world_init(&world, params);
    while (!world.finished)
        next(&world);
    *out = (struct world_result){.verdict = world.verdict,
                                 .trace_hash = world.trace_hash,
                                 .events = world.event_count,
                                 .virtual_us = world.now_us,
                                 .commands = oracle_command_count(world.oracle)};
    memcpy(out->kind, world.kind, sizeof out->kind);
    memcpy(out->text, world.text, sizeof out->text);
    world_deinit(&world);
}

#include "sim/movers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "membership/register_change.h"
#include "ring/change_plan.h"
#include "ring/ring_work.h"
#include "ring/transition.h"
#include "sim/inside.h"
#include "sim/machine.h"
#include "sim/placements.h"
#include "sim/register_oracle.h"
#include "sim/spread.h"
#include "sim/world.h"

enum {
    MOVERS_MAX = 2,
    FIRST_US = 1500000,
    PAUSE_US = 250000,
    DRIVER_AWAY_US = 2000000,
    WEIGHT_MAX = 8
};

struct mover {
    uint32_t index;
    struct random random;
};

struct movers {
    struct mover items[MOVERS_MAX];
    uint32_t count;
    bool healed;
    struct random random;  /* of drivers that crash */
    uint64_t plan_id;      /* under way by the newest value; 0: none */
    uint64_t plan_us;      /* since when */
    uint64_t proposed_seq; /* of the newest step that was proposed, and by whom */
    uint32_t proposed_by;
    uint32_t joined; /* of those that were absent at first */
};

static void step_after(struct world *world, const struct mover *mover, uint64_t delay_us)
{
    world_after(world, 1 + delay_us,
                &(struct occurrence){.kind = AT_MOVER_STEP, .peer = mover->index});
}

struct movers *movers_new(struct world *world)
{
    struct movers *movers = memory_new(1, sizeof *movers);
    movers->count = world->plan.mover_count;
    movers->random = random_make(hash64(slice_text("drivers"), world->plan.seed));
    assert(movers->count <= MOVERS_MAX);
    for (uint32_t i = 0; i < movers->count; i++) {
        struct mover *mover = &movers->items[i];
        mover->index = i;
        mover->random = random_make(
            hash64_pair(slice_text("mover"), slice_make(&i, sizeof i), world->plan.seed));
        step_after(world, mover, random_below(&mover->random, FIRST_US));
    }
    return movers;
}

void movers_free(struct movers *movers)
{
    free(movers);
}

/* ---- who drives ---- */

void movers_value_chosen(struct world *world, const struct register_value *value)
{
    struct movers *movers = world->movers;
    if (value->work.plan_id == movers->plan_id)
        return;
    marks_hit(world->marks, value->work.plan_id != 0 ? MARK_PLAN_COMMITTED : MARK_PLAN_ENDED);
    movers->plan_id = value->work.plan_id;
    movers->plan_us = world->now_us;
}

void movers_value_proposed(struct machine *machine, struct slice bytes)
{
    struct world *world = machine->world;
    struct movers *movers = world->movers;
    struct register_value *value;
    if (movers->count == 0 || movers->plan_id == 0 || movers->healed ||
        register_value_decode(bytes, &value) != STATUS_OK)
        return;
    bool steps = value->seq > placements_seq(world) && value->work.plan_id == movers->plan_id;
    uint64_t seq = value->seq;
    register_value_free(value);
    if (!steps)
        return;
    if (movers->proposed_seq == seq && movers->proposed_by != machine->index)
        marks_hit(world->marks, MARK_DRIVER_SECOND);
    movers->proposed_seq = seq;
    movers->proposed_by = machine->index;
    if (random_chance(&movers->random, 1, 16))
        world_after(world, 1 + random_below(&movers->random, 3000),
                    &(struct occurrence){.kind = AT_DRIVER_CRASH, .peer = machine->index});
}

void movers_crash_driver(struct world *world, const struct occurrence *what)
{
    struct machine *machine = &world->machines[what->peer];
    struct random *random = &world->movers->random;
    if (machine->state != MACHINE_UP || machine->paused || world->movers->healed)
        return;
    marks_hit(world->marks, MARK_DRIVER_CRASHED);
    machine_crash(machine, random_chance(random, 1, 2));
    world_after(world, 1 + spread_tail(random, DRIVER_AWAY_US),
                &(struct occurrence){.kind = AT_MACHINE_START, .peer = machine->index});
}

/* ---- nodes that come ---- */

/* The next that is to come, once it is a member. */
static void start_joined(struct world *world, const struct register_value *value)
{
    struct machine *machine = &world->machines[world->plan.first_count + world->movers->joined];
    if (ring_member(value->ring, machine->id) == NULL)
        return;
    marks_hit(world->marks, MARK_MEMBER_JOINED);
    machine->first = register_value_copy(value);
    machine->absent = false;
    world->movers->joined++;
    machine_start(machine);
}

static void propose_join(struct world *world, struct machine *through)
{
    const struct machine *machine =
        &world->machines[world->plan.first_count + world->movers->joined];
    struct register_change change = {.kind = REGISTER_CHANGE_MEMBER_ADD,
                                     .member = {.storage_incarnation = 1,
                                                .role = MEMBER_JOINING,
                                                .weight = 1,
                                                .client = {.port = 6379},
                                                .peer = {.port = 7379}}};
    struct ring_member *member = &change.member;
    snprintf(member->rack, sizeof member->rack, "rack%u",
             machine->index / world->plan.region_count);
    snprintf(member->client.host, sizeof member->client.host, "10.1.0.%u", machine->id);
    snprintf(member->peer.host, sizeof member->peer.host, "10.2.0.%u", machine->id);
    change.words_length =
        (uint16_t)snprintf((char *)change.words, sizeof change.words, "region%u", machine->region);
    machine_change(through, &change);
}

static bool more_join(const struct world *world)
{
    return world->plan.first_count + world->movers->joined < world->plan.node_count;
}

/* ---- plans ---- */

static uint32_t stores_in(const struct ring *ring, uint8_t region)
{
    uint32_t count = 0;
    for (uint16_t i = 0; i < ring->member_count; i++)
        count += ring->members[i].region == region && ring->members[i].role == MEMBER_DATA;
    return count;
}

/* False: it would be refused. */
static bool draw_wish(struct mover *mover, const struct register_value *value,
                      struct ring_wish *out)
{
    const struct ring *ring = value->ring;
    const struct ring_member *member =
        &ring->members[random_below(&mover->random, ring->member_count)];
    const struct ring_member *other =
        &ring->members[random_below(&mover->random, ring->member_count)];
    *out = (struct ring_wish){.node = member->id};
    if (member->role != MEMBER_DATA)
        return false;
    if (other->role == MEMBER_JOINING && other->region == member->region) {
        out->kind = RING_WISH_REPLACE;
        out->by = other->id;
        return true;
    }
    if (random_chance(&mover->random, 1, 4) &&
        stores_in(ring, member->region) > ring->regions[member->region].replicas + 1u) {
        out->kind = RING_WISH_LEAVE;
        return true;
    }
    out->kind = RING_WISH_WEIGHT;
    out->weight = 1 + (uint32_t)random_below(&mover->random, WEIGHT_MAX);
    return true;
}

void movers_stage(struct machine *through, const struct ring_wish *wishes, uint32_t count)
{
    struct register_change change = {.kind = REGISTER_CHANGE_STAGE};
    struct buffer bytes = {0};
    ring_wish_encode(&(struct ring_wish){.kind = RING_WISH_REPEAT_RACKS}, &bytes);
    for (uint32_t i = 0; i < count; i++)
        ring_wish_encode(&wishes[i], &bytes);
    memcpy(change.words, bytes.data, bytes.length);
    change.words_length = (uint16_t)bytes.length;
    buffer_deinit(&bytes);
    machine_change(through, &change);
}

static void stage(struct mover *mover, const struct register_value *value, struct machine *through)
{
    struct ring_wish wishes[2];
    uint32_t count = 0;
    for (uint64_t i = 1 + random_below(&mover->random, 2); i > 0; i--)
        count += draw_wish(mover, value, &wishes[count]);
    movers_stage(through, wishes, count);
}

static void clear(struct machine *through)
{
    machine_change(through, &(struct register_change){.kind = REGISTER_CHANGE_STAGE_CLEAR});
}

bool movers_commit(struct machine *through)
{
    const struct register_value *value = inside_value(through->loop);
    struct change_plan plan;
    char reason[RING_REASON_MAX] = "";
    if (change_plan_make(value->ring, &value->staged, &plan, reason) != STATUS_OK) {
        world_note(through->world, "no plan: %s", reason);
        return false;
    }
    machine_change(through, &(struct register_change){.kind = REGISTER_CHANGE_PLAN_COMMIT,
                                                      .plan_id = plan.id,
                                                      .member = {.id = through->id},
                                                      .user = "default"});
    change_plan_deinit(&plan);
    return true;
}

static void commit(struct mover *mover, const struct register_value *value, struct machine *through)
{
    if (movers_commit(through))
        return;
    if (random_chance(&mover->random, 1, 2))
        clear(through);
    else
        stage(mover, value, through);
}

static void change_plan(struct machine *through, enum register_change_kind kind, node_id node)
{
    machine_change(through, &(struct register_change){.kind = (uint8_t)kind,
                                                      .plan_id = through->world->movers->plan_id,
                                                      .member = {.id = node}});
}

/* A node that has lost its store since the plan began, and is not back. */
static void lose(struct world *world, struct machine *through)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        const struct machine *machine = &world->machines[i];
        if (machine->state != MACHINE_DOWN || machine->absent || machine->loss_told ||
            machine->wiped_at_us <= world->movers->plan_us)
            continue;
        marks_hit(world->marks, MARK_MOVE_LOST);
        change_plan(through, REGISTER_CHANGE_PLAN_LOSE, machine->id);
        return;
    }
}

static void look_after(struct world *world, struct mover *mover, const struct register_value *value,
                       struct machine *through)
{
    bool healed = world->movers->healed;
    if (value->work.plan_id != world->movers->plan_id)
        return; /* it is behind */
    if (value->work.paused && random_chance(&mover->random, 1, 4)) {
        change_plan(through, REGISTER_CHANGE_PLAN_RESUME, 0);
    } else if (!healed && random_chance(&mover->random, 1, 40)) {
        marks_hit(world->marks, MARK_PLAN_PAUSED);
        change_plan(through, REGISTER_CHANGE_PLAN_PAUSE, 0);
    } else if (random_chance(&mover->random, 1, healed ? 200 : 60)) {
        marks_hit(world->marks, MARK_PLAN_ABORTED);
        change_plan(through, REGISTER_CHANGE_PLAN_ABORT, 0);
    } else if (random_chance(&mover->random, 1, 4)) {
        lose(world, through);
    }
}

static void act(struct world *world, struct mover *mover)
{
    struct machine *machine =
        &world->machines[random_below(&mover->random, world->plan.node_count)];
    if (machine->state != MACHINE_UP || machine->paused || !machine->opened)
        return;
    const struct register_value *value = inside_value(machine->loop);
    if (more_join(world)) {
        if (!world->movers->healed && random_chance(&mover->random, 1, 6))
            propose_join(world, machine);
        else
            start_joined(world, value);
        return;
    }
    if (value->work.plan_id != 0)
        look_after(world, mover, value, machine);
    else if (world->movers->healed)
        return;
    else if (value->staged.count == 0 || random_chance(&mover->random, 1, 8))
        stage(mover, value, machine);
    else
        commit(mover, value, machine);
}

void movers_handle(struct world *world, const struct occurrence *what)
{
    struct mover *mover = &world->movers->items[what->peer];
    act(world, mover);
    step_after(world, mover, spread_tail(&mover->random, PAUSE_US));
}

/* ---- the end ---- */

void movers_heal(struct world *world)
{
    world->movers->healed = true;
}

static bool is_left(const struct world *world, const struct machine *machine,
                    partition_id partition)
{
    const struct ordered_map *disk = &machine->image.synced;
    return !machine->absent && !ring_owns(world->ring, machine->id, partition) &&
           (placements_has_copy(disk, partition) || placements_is_dropping(disk, partition));
}

bool movers_are_quiet(struct world *world, char *reason, size_t size)
{
    if (world->ring->transition_count > 0) {
        struct ring_tag tag = ring_tag_of(world->ring, world->ring->transitions[0].partition);
        snprintf(reason, size, "partition %u still moves, tag %" PRIu32 ".%u",
                 world->ring->transitions[0].partition, tag.epoch, tag.phase);
        return false;
    }
    if (world->movers->plan_id != 0) {
        snprintf(reason, size, "plan %016" PRIx64 " does not end", world->movers->plan_id);
        return false;
    }
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        for (uint32_t p = 0; p < world->ring->partition_count; p++) {
            if (!is_left(world, &world->machines[i], (partition_id)p))
                continue;
            snprintf(reason, size, "n%u has a copy of partition %u, which it owns no more", i + 1,
                     p);
            return false;
        }
    }
    return true;
}

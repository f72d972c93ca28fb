#include "sim/gateways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "membership/register_value.h"
#include "sim/machine.h"
#include "sim/marks.h"
#include "sim/spread.h"
#include "sim/talk.h"
#include "sim/world.h"
#include "wire/record.h"

enum {
    FIRST_US = 1000000,
    PAUSE_US = 300000,
    LIFE_US = 4000000,
    DOWN_US = 600000,
    RETRY_US = 100000
};

enum stage {
    STAGE_JOIN,   /* to be made a member */
    STAGE_EXPORT, /* is one; needs what it starts from */
    STAGE_WISH,   /* something is staged of it: of one that is to store data */
    STAGE_SERVE,
    STAGE_REMOVE,
    STAGE_LEAVE, /* removed; ends when it hears of it */
    STAGE_FENCED /* started once more, to be told again */
};

struct gateways {
    struct random random;
    struct talk talk;
    enum stage stage;
    uint32_t count, done;
    bool healed;
    bool crashes_once;
};

static struct machine *present(struct world *world)
{
    const struct gateways *gateways = world->gateways;
    return &world->machines[world->plan.node_count + gateways->done];
}

/* Every other one would store data once a plan says so; until then it is as a gateway. */
static bool is_joining(const struct machine *machine)
{
    return machine->id % 2 == 0;
}

static bool all_done(const struct gateways *gateways)
{
    return gateways->done == gateways->count;
}

static void step_after(struct world *world, uint64_t delay_us)
{
    world_after(world, 1 + delay_us, &(struct occurrence){.kind = AT_GATEWAY_STEP});
}

static void enter(struct world *world, enum stage stage, uint64_t delay_us)
{
    struct gateways *gateways = world->gateways;
    gateways->stage = stage;
    step_after(world, delay_us);
}

/* ---- answers ---- */

static bool contains(const struct resp_value *reply, const char *words)
{
    return reply->type == RESP_TYPE_ERROR &&
           memmem(reply->text.data, reply->text.length, words, strlen(words)) != NULL;
}

static int64_t id_in(const struct resp_value *reply)
{
    for (size_t i = 0; reply->type == RESP_TYPE_ARRAY && i + 1 < reply->element_count; i += 2)
        if (slice_equal(reply->elements[i].text, slice_text("id")))
            return reply->elements[i + 1].integer;
    return -1;
}

static void heard_join(struct world *world, const struct resp_value *reply)
{
    struct gateways *gateways = world->gateways;
    int64_t id = id_in(reply);
    if (id < 0 && !contains(reply, "has one of these addresses already")) {
        step_after(world, spread_tail(&gateways->random, PAUSE_US)); /* perhaps it was made */
        return;
    }
    if (id > 0 && id != (int64_t)present(world)->id) /* 0: it is agreed on, and not there yet */
        world_fail(world, VERDICT_WRONG, "M1", "n%u was given the id %lld", present(world)->id,
                   (long long)id);
    marks_hit(world->marks, MARK_MEMBER_JOINED);
    enter(world, STAGE_EXPORT, spread_tail(&gateways->random, PAUSE_US));
}

static void heard_export(struct world *world, const struct resp_value *reply)
{
    struct gateways *gateways = world->gateways;
    struct machine *machine = present(world);
    struct register_value *value = NULL;
    if (reply->type == RESP_TYPE_BULK && register_value_decode(reply->text, &value) != STATUS_OK)
        world_fail(world, VERDICT_WRONG, "M1", "a value of the register cannot be read");
    if (value == NULL || ring_member(value->ring, machine->id) == NULL) {
        register_value_free(value); /* that node has not heard of it yet */
        step_after(world, spread_tail(&gateways->random, RETRY_US));
        return;
    }
    machine->first = value;
    machine->absent = false;
    machine_start(machine);
    gateways->crashes_once = random_chance(&gateways->random, 1, 2);
    if (is_joining(machine))
        enter(world, STAGE_WISH, spread_tail(&gateways->random, PAUSE_US));
    else
        enter(world, STAGE_SERVE, spread_tail(&gateways->random, LIFE_US));
}

static void heard_wish(struct world *world, const struct resp_value *reply)
{
    struct gateways *gateways = world->gateways;
    if (reply->type != RESP_TYPE_ARRAY) {
        step_after(world, spread_tail(&gateways->random, PAUSE_US)); /* perhaps it was made */
        return;
    }
    marks_hit(world->marks, MARK_MEMBER_STAGED);
    enter(world, STAGE_SERVE, spread_tail(&gateways->random, LIFE_US));
}

static void heard_remove(struct world *world, const struct resp_value *reply)
{
    struct gateways *gateways = world->gateways;
    if (id_in(reply) < 0 && !contains(reply, "it has left")) {
        step_after(world, spread_tail(&gateways->random, PAUSE_US));
        return;
    }
    marks_hit(world->marks, MARK_MEMBER_REMOVED);
    enter(world, STAGE_LEAVE, spread_tail(&gateways->random, PAUSE_US));
}

static void heard(struct world *world, struct talk *talk, const struct resp_value *reply)
{
    struct gateways *gateways = world->gateways;
    talk_hang_up(world, talk);
    if (reply == NULL)
        step_after(world, spread_tail(&gateways->random, RETRY_US));
    else if (gateways->stage == STAGE_JOIN)
        heard_join(world, reply);
    else if (gateways->stage == STAGE_EXPORT)
        heard_export(world, reply);
    else if (gateways->stage == STAGE_WISH)
        heard_wish(world, reply);
    else
        heard_remove(world, reply);
}

/* ---- asking ---- */

static void ask_to_join(struct world *world, const struct machine *machine)
{
    struct gateways *gateways = world->gateways;
    char region[24], client[40], peer[40];
    snprintf(region, sizeof region, "region=region%u", machine->region);
    snprintf(client, sizeof client, "client=10.1.0.%u:6379", machine->id);
    snprintf(peer, sizeof peer, "peer=10.2.0.%u:7379", machine->id);
    const char *role = is_joining(machine) ? "role=data" : "role=gateway";
    talk_ask(world, &gateways->talk, &gateways->random,
             (const char *const[]){"RING.MEMBER", "ADD", role, region, client, peer, NULL});
}

static void ask(struct world *world)
{
    struct gateways *gateways = world->gateways;
    struct machine *whom =
        &world->machines[random_below(&gateways->random, plan_machines(&world->plan))];
    /* Only a node of its region could be replaced by it. */
    const char *replace = present(world)->region == world->machines[0].region ? "replace" : NULL;
    char id[16];
    if (whom->state != MACHINE_UP) {
        step_after(world, spread_tail(&gateways->random, RETRY_US));
        return;
    }
    talk_open(world, &gateways->talk, whom);
    snprintf(id, sizeof id, "%u", present(world)->id);
    if (gateways->stage == STAGE_JOIN)
        ask_to_join(world, present(world));
    else if (gateways->stage == STAGE_EXPORT)
        talk_ask(world, &gateways->talk, &gateways->random,
                 (const char *const[]){"RING.MEMBER", "EXPORT", NULL});
    else if (gateways->stage == STAGE_WISH)
        talk_ask(
            world, &gateways->talk, &gateways->random,
            (const char *const[]){"RING.PLAN", "STAGE", "weight", id, "7", replace, "1", id, NULL});
    else
        talk_ask(world, &gateways->talk, &gateways->random,
                 (const char *const[]){"RING.MEMBER", "REMOVE", id, NULL});
}

/* ---- its life ---- */

static void serve(struct world *world)
{
    struct gateways *gateways = world->gateways;
    struct machine *machine = present(world);
    if (machine->state == MACHINE_DOWN) {
        machine_start(machine);
        step_after(world, spread_tail(&gateways->random, LIFE_US));
    } else if (gateways->crashes_once) {
        gateways->crashes_once = false;
        machine_crash(machine, random_chance(&gateways->random, 1, 2));
        if (random_chance(&gateways->random, 1, 3)) /* it will hear of it when it comes back */
            enter(world, STAGE_REMOVE, 0);
        else
            step_after(world, spread_tail(&gateways->random, DOWN_US));
    } else {
        enter(world, STAGE_REMOVE, 0);
    }
}

/* Somebody starts it again, who does not know. */
static void start_fenced(struct world *world)
{
    struct machine *machine = present(world);
    machine->absent = false;
    machine_start(machine);
    marks_hit(world->marks, MARK_MEMBER_FENCED);
    enter(world, STAGE_FENCED, RETRY_US);
}

static void leave(struct world *world)
{
    struct gateways *gateways = world->gateways;
    struct machine *machine = present(world);
    if (machine->absent && gateways->stage == STAGE_LEAVE &&
        random_chance(&gateways->random, 1, 2)) {
        start_fenced(world);
        return;
    }
    if (machine->absent) {
        gateways->done++;
        if (!all_done(gateways))
            enter(world, STAGE_JOIN, spread_tail(&gateways->random, PAUSE_US));
        return;
    }
    if (machine->state == MACHINE_DOWN)
        machine_start(machine);
    step_after(world, RETRY_US);
}

void gateways_handle(struct world *world)
{
    struct gateways *gateways = world->gateways;
    if (all_done(gateways) || gateways->talk.machine != NULL)
        return;
    switch (gateways->stage) {
    case STAGE_SERVE:
        if (!gateways->healed)
            serve(world);
        break;
    case STAGE_JOIN:
    case STAGE_WISH:
    case STAGE_REMOVE: /* which a lost majority of stewards would never allow */
        if (!gateways->healed)
            ask(world);
        break;
    case STAGE_EXPORT:
        ask(world);
        break;
    case STAGE_LEAVE:
    case STAGE_FENCED:
        leave(world);
        break;
    }
}

/* ---- the whole ---- */

struct gateways *gateways_new(struct world *world)
{
    struct gateways *gateways = memory_new(1, sizeof *gateways);
    gateways->random = random_make(hash64(slice_text("gateways' lives"), world->plan.seed));
    gateways->talk = (struct talk){.heard = heard, .address = "10.9.0.4:1024"};
    gateways->count = world->plan.gateway_count;
    if (gateways->count > 0)
        step_after(world, random_below(&gateways->random, FIRST_US));
    return gateways;
}

void gateways_free(struct gateways *gateways)
{
    if (gateways == NULL)
        return;
    talk_deinit(&gateways->talk);
    free(gateways);
}

void gateways_heal(struct world *world)
{
    struct gateways *gateways = world->gateways;
    gateways->healed = true;
    if (!all_done(gateways) && present(world)->state == MACHINE_DOWN && !present(world)->absent)
        machine_start(present(world));
}

/* Hints are judged when they are kept (oracle_hints.c). */
static void check_disk(struct world *world, const struct machine *machine)
{
    static const uint8_t kind = RECORD_CELL;
    struct ordered_map_cursor cursor;
    ordered_map_seek(&machine->image.synced, slice_make(&kind, 1), &cursor);
    if (ordered_map_valid(&cursor) && ordered_map_key(&cursor).data[0] == kind)
        world_fail(world, VERDICT_WRONG, "M3", "n%u owns nothing and stores data", machine->id);
}

bool gateways_are_quiet(struct world *world, char *reason, size_t size)
{
    struct gateways *gateways = world->gateways;
    for (uint32_t i = 0; i < gateways->count; i++)
        check_disk(world, &world->machines[world->plan.node_count + i]);
    if (all_done(gateways) || gateways->stage == STAGE_JOIN) /* perhaps a member, never started */
        return gateways->talk.machine == NULL;
    if (gateways->stage == STAGE_WISH || gateways->stage == STAGE_SERVE ||
        gateways->stage == STAGE_REMOVE) {
        const struct machine *machine = present(world);
        snprintf(reason, size, "n%u is not up", machine->id);
        return gateways->talk.machine == NULL &&
               (machine->absent || (machine->state == MACHINE_UP && machine->opened));
    }
    snprintf(reason, size, "n%u joins or leaves", present(world)->id);
    return false;
}

#include "sim/operators.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "sim/machine.h"
#include "sim/register_oracle.h"
#include "sim/spread.h"
#include "sim/world.h"
#include "wire/resp_reply.h"

enum {
    CHANGES_MAX = 24, /* of one who; fewer keyspaces than there can be */
    WAY_US = 300,
    PAUSE_US = 400000,
    /* Attempts and spreading may take so long; what waits before it as long again each. */
    ANSWER_MAX_US = 7000000 * (OPERATORS_MAX + 1)
};

struct operator_client {
    uint32_t index;
    struct random random;
    struct machine *machine; /* NULL: waits for nothing */
    uint32_t life;
    connection_id connection;
    struct resp_reply_reader *reader;
    struct buffer received;
    struct operator_change change; /* under way */
    uint64_t asked_us, paused_us;
    uint32_t made; /* keyspaces asked for */
    uint32_t changes;
};

struct operators {
    struct operator_client items[OPERATORS_MAX];
    uint32_t count;
    bool stopped;
};

static const struct resp_reply_limits limits = {
    .text_bytes_max = 65536, .elements_max = 100, .reply_bytes_max = 1 << 20};

static void step_after(struct world *world, struct operator_client *who, uint64_t delay_us)
{
    world_after(world, 1 + delay_us,
                &(struct occurrence){.kind = AT_OPERATOR_STEP, .peer = who->index});
}

struct operators *operators_new(struct world *world)
{
    struct operators *operators = memory_new(1, sizeof *operators);
    operators->count = world->plan.operator_count;
    for (uint32_t i = 0; i < operators->count; i++) {
        struct operator_client *who = &operators->items[i];
        who->index = i;
        who->random = random_make(
            hash64_pair(slice_text("operator"), slice_make(&i, sizeof i), world->plan.seed));
        step_after(world, who, random_below(&who->random, 3000000));
    }
    return operators;
}

static void hang_up(struct operator_client *who)
{
    resp_reply_reader_free(who->reader);
    who->reader = NULL;
    who->machine = NULL;
    buffer_deinit(&who->received);
}

void operators_free(struct operators *operators)
{
    if (operators == NULL)
        return;
    for (uint32_t i = 0; i < operators->count; i++)
        hang_up(&operators->items[i]);
    free(operators);
}

void operators_stop(struct world *world)
{
    world->operators->stopped = true;
}

bool operators_idle(const struct world *world)
{
    for (uint32_t i = 0; i < world->operators->count; i++)
        if (world->operators->items[i].machine != NULL)
            return false;
    return true;
}

static struct operator_client *find(const struct machine *machine, connection_id connection)
{
    struct operators *operators = machine->world->operators;
    for (uint32_t i = 0; i < operators->count; i++) {
        struct operator_client *who = &operators->items[i];
        if (who->machine == machine && who->life == machine->life && who->connection == connection)
            return who;
    }
    return NULL;
}

/* ---- asking ---- */

static void add(struct buffer *out, const char *word)
{
    buffer_printf(out, "$%zu\r\n%s\r\n", strlen(word), word);
}

/* Of a user that nobody logs in as: what counts is that all agree on it. */
static void draw_user(struct operator_client *who, struct buffer *out)
{
    struct operator_change *change = &who->change;
    char name[16], level[48];
    change->mark = 1 + who->index + OPERATORS_MAX * who->changes++;
    change->creates = change->of_user = true;
    snprintf(name, sizeof name, "op%u", who->index);
    snprintf(level, sizeof level, "level:timeout=%u", change->mark);
    buffer_printf(out, "*5\r\n");
    add(out, "ACL");
    add(out, "SETUSER");
    add(out, name);
    add(out, "reset");
    add(out, level);
}

static void draw_change(struct operator_client *who, struct buffer *out)
{
    struct operator_change *change = &who->change;
    char limit[48];
    *change = (struct operator_change){.index = who->index};
    if (random_chance(&who->random, 1, 4)) {
        draw_user(who, out);
        return;
    }
    bool numbered = random_chance(&who->random, 1, 3);
    change->creates = who->made == 0 || random_chance(&who->random, 1, 2);
    change->mark = 1 + who->index + OPERATORS_MAX * who->changes++;
    uint64_t which = change->creates ? who->made++ : random_below(&who->random, who->made);
    snprintf(change->keyspace, sizeof change->keyspace, "op%u-%" PRIu64, who->index, which);
    snprintf(limit, sizeof limit, "siblings-max=%u", change->mark);
    buffer_printf(out, "*%u\r\n", change->creates && numbered ? 5u : 4u);
    add(out, "RING.KEYSPACE");
    add(out, change->creates ? "CREATE" : "SET");
    add(out, change->keyspace);
    add(out, limit);
    if (!change->creates || !numbered)
        return;
    snprintf(limit, sizeof limit, "number=%u", 2 + (unsigned)random_below(&who->random, 12));
    add(out, limit);
}

static uint64_t paused_us(const struct machine *machine)
{
    uint64_t total_us = machine->paused_total_us;
    return machine->paused ? total_us + machine->world->now_us - machine->paused_since_us
                           : total_us;
}

static void ask(struct world *world, struct operator_client *who, struct machine *machine)
{
    struct occurrence what = {
        .kind = AT_CLIENT_BYTES, .machine = machine->index, .life = machine->life};
    uint64_t way_us = 1 + spread_tail(&who->random, WAY_US);
    who->machine = machine;
    who->life = machine->life;
    who->connection = ++machine->next_connection;
    who->reader = resp_reply_reader_new(&limits);
    who->asked_us = world->now_us;
    who->paused_us = paused_us(machine);
    machine_event_after(machine, way_us, EVENT_CLIENT_OPEN, 0, who->connection,
                        slice_text("10.9.0.1:1024"));
    what.id = who->connection;
    draw_change(who, &what.bytes);
    world_after(world, way_us + 1, &what);
}

void operators_handle(struct world *world, const struct occurrence *what)
{
    struct operators *operators = world->operators;
    struct operator_client *who = &operators->items[what->peer];
    if (operators->stopped || who->machine != NULL || who->changes == CHANGES_MAX)
        return;
    struct machine *machine =
        &world->machines[random_below(&who->random, plan_machines(&world->plan))];
    if (machine->state == MACHINE_UP)
        ask(world, who, machine);
    else
        step_after(world, who, random_below(&who->random, PAUSE_US));
}

bool operators_arrived(struct machine *machine, const struct occurrence *what)
{
    if (find(machine, what->id) == NULL)
        return false;
    machine_loop_event(machine, &(struct event){.kind = EVENT_CLIENT_BYTES,
                                                .connection = what->id,
                                                .bytes = buffer_slice(&what->bytes)});
    return true;
}

/* ---- answers ---- */

static bool begins_with(struct slice text, const char *word)
{
    return text.length >= strlen(word) && memcmp(text.data, word, strlen(word)) == 0;
}

static uint64_t seq_of(const struct resp_value *reply)
{
    for (size_t i = 0; i + 1 < reply->element_count; i += 2)
        if (slice_equal(reply->elements[i].text, slice_text("seq")))
            return (uint64_t)reply->elements[i + 1].integer;
    return 0;
}

static void judge(struct world *world, struct operator_client *who, const struct resp_value *reply)
{
    uint64_t took_us = world->now_us - who->asked_us;
    uint64_t stood_us = paused_us(who->machine) - who->paused_us;
    if (took_us > stood_us + ANSWER_MAX_US)
        world_fail(world, VERDICT_WRONG, "I8", "n%u took %" PRIu64 " ms for a change",
                   who->machine->id, took_us / 1000);
    if (reply->type == RESP_TYPE_ARRAY && seq_of(reply) > 0) {
        marks_hit(world->marks, MARK_REGISTER_CHANGED);
        register_oracle_made(world->register_oracle, who->machine, &who->change, seq_of(reply));
    } else if (reply->type == RESP_TYPE_SIMPLE && who->change.of_user) {
        uint64_t seq = register_oracle_seq_of_user(world->register_oracle, &who->change);
        marks_hit(world->marks, MARK_REGISTER_USER);
        if (seq == 0)
            world_fail(world, VERDICT_WRONG, "R4",
                       "n%u says that a user was made, and no disk has it", who->machine->id);
        else
            register_oracle_made(world->register_oracle, who->machine, &who->change, seq);
    } else if (reply->type == RESP_TYPE_ERROR && begins_with(reply->text, "UNCERTAIN ")) {
        marks_hit(world->marks, MARK_REGISTER_UNCERTAIN);
    } else if (reply->type == RESP_TYPE_ERROR) {
        bool few = begins_with(reply->text, "NOREPLICAS ");
        marks_hit(world->marks, few ? MARK_REGISTER_UNAVAILABLE : MARK_REGISTER_REFUSED);
        register_oracle_refused(world->register_oracle, who->machine, &who->change);
    } else {
        world_fail(world, VERDICT_WRONG, "I8", "n%u answers a change with neither",
                   who->machine->id);
    }
}

static void done(struct world *world, struct operator_client *who)
{
    hang_up(who);
    step_after(world, who, spread_tail(&who->random, PAUSE_US));
}

bool operators_replied(struct machine *machine, connection_id connection, struct slice bytes)
{
    struct world *world = machine->world;
    struct operator_client *who = find(machine, connection);
    struct resp_value *reply;
    size_t offset = 0;
    if (who == NULL)
        return false;
    buffer_append_slice(&who->received, bytes);
    if (resp_reply_reader_next(who->reader, buffer_slice(&who->received), &offset, &reply) !=
        RESP_REPLY_VALUE)
        return true;
    judge(world, who, reply);
    resp_value_free(reply);
    machine_event_after(machine, 1 + spread_tail(&who->random, WAY_US), EVENT_CLIENT_CLOSED, 0,
                        connection, slice_make(NULL, 0));
    done(world, who);
    return true;
}

bool operators_closed(struct machine *machine, connection_id connection)
{
    struct operator_client *who = find(machine, connection);
    if (who == NULL)
        return false;
    done(machine->world, who);
    return true;
}

void operators_machine_gone(struct machine *machine)
{
    struct operators *operators = machine->world->operators;
    for (uint32_t i = 0; i < operators->count; i++)
        if (operators->items[i].machine == machine && operators->items[i].life == machine->life)
            done(machine->world, &operators->items[i]);
}

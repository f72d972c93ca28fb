#include "sim/operators.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "sim/machine.h"
#include "sim/register_oracle.h"
#include "sim/spread.h"
#include "sim/talk.h"
#include "sim/world.h"

enum {
    CHANGES_MAX = 24, /* of one who; fewer keyspaces than there can be */
    PAUSE_US = 400000,
    /* Attempts and spreading may take so long; what waits before it as long again each. */
    ANSWER_MAX_US = 7000000 * (OPERATORS_MAX + 1)
};

struct operator_client {
    uint32_t index;
    struct random random;
    struct talk talk;
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

enum { WORDS_MAX = 6, WORD_BYTES_MAX = 48 };

/* A request that is put together. */
struct words {
    char texts[WORDS_MAX][WORD_BYTES_MAX];
    const char *items[WORDS_MAX + 1]; /* ended by NULL */
    unsigned count;
};

static talk_heard heard;

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
        who->talk = (struct talk){.heard = heard, .owner = who, .address = "10.9.0.1:1024"};
        who->random = random_make(
            hash64_pair(slice_text("operator"), slice_make(&i, sizeof i), world->plan.seed));
        step_after(world, who, random_below(&who->random, 3000000));
    }
    return operators;
}

void operators_free(struct operators *operators)
{
    if (operators == NULL)
        return;
    for (uint32_t i = 0; i < operators->count; i++)
        talk_deinit(&operators->items[i].talk);
    free(operators);
}

void operators_stop(struct world *world)
{
    world->operators->stopped = true;
}

bool operators_idle(const struct world *world)
{
    for (uint32_t i = 0; i < world->operators->count; i++)
        if (world->operators->items[i].talk.machine != NULL)
            return false;
    return true;
}

/* ---- asking ---- */

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    assert(words->count < WORDS_MAX);
    va_start(arguments, format);
    vsnprintf(words->texts[words->count], WORD_BYTES_MAX, format, arguments);
    va_end(arguments);
    words->items[words->count] = words->texts[words->count];
    words->items[++words->count] = NULL;
}

/* Of a user that nobody logs in as: what counts is that all agree on it. */
static void draw_user(struct operator_client *who, struct words *out)
{
    struct operator_change *change = &who->change;
    change->mark = 1 + who->index + OPERATORS_MAX * who->changes++;
    change->creates = change->of_user = true;
    add(out, "ACL");
    add(out, "SETUSER");
    add(out, "op%u", who->index);
    add(out, "reset");
    add(out, "level:timeout=%u", change->mark);
}

static void draw_change(struct operator_client *who, struct words *out)
{
    struct operator_change *change = &who->change;
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
    add(out, "RING.KEYSPACE");
    add(out, change->creates ? "CREATE" : "SET");
    add(out, "%s", change->keyspace);
    add(out, "siblings-max=%u", change->mark);
    if (change->creates && numbered)
        add(out, "number=%u", 2 + (unsigned)random_below(&who->random, 12));
}

static uint64_t paused_us(const struct machine *machine)
{
    uint64_t total_us = machine->paused_total_us;
    return machine->paused ? total_us + machine->world->now_us - machine->paused_since_us
                           : total_us;
}

static void ask(struct world *world, struct operator_client *who, struct machine *machine)
{
    struct words words = {.count = 0};
    who->asked_us = world->now_us;
    who->paused_us = paused_us(machine);
    draw_change(who, &words);
    talk_open(world, &who->talk, machine);
    talk_ask(world, &who->talk, &who->random, words.items);
}

void operators_handle(struct world *world, const struct occurrence *what)
{
    struct operators *operators = world->operators;
    struct operator_client *who = &operators->items[what->peer];
    if (operators->stopped || who->talk.machine != NULL || who->changes == CHANGES_MAX)
        return;
    struct machine *machine =
        &world->machines[random_below(&who->random, plan_machines(&world->plan))];
    if (machine->state == MACHINE_UP)
        ask(world, who, machine);
    else
        step_after(world, who, random_below(&who->random, PAUSE_US));
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

static void judge(struct world *world, struct operator_client *who, struct machine *machine,
                  const struct resp_value *reply)
{
    uint64_t took_us = world->now_us - who->asked_us;
    uint64_t stood_us = paused_us(machine) - who->paused_us;
    if (took_us > stood_us + ANSWER_MAX_US)
        world_fail(world, VERDICT_WRONG, "I8", "n%u took %" PRIu64 " ms for a change", machine->id,
                   took_us / 1000);
    if (reply->type == RESP_TYPE_ARRAY && seq_of(reply) > 0) {
        marks_hit(world->marks, MARK_REGISTER_CHANGED);
        register_oracle_made(world->register_oracle, machine, &who->change, seq_of(reply));
    } else if (reply->type == RESP_TYPE_SIMPLE && who->change.of_user) {
        uint64_t seq = register_oracle_seq_of_user(world->register_oracle, &who->change);
        marks_hit(world->marks, MARK_REGISTER_USER);
        if (seq == 0)
            world_fail(world, VERDICT_WRONG, "R4",
                       "n%u says that a user was made, and no disk has it", machine->id);
        else
            register_oracle_made(world->register_oracle, machine, &who->change, seq);
    } else if (reply->type == RESP_TYPE_ERROR && begins_with(reply->text, "UNCERTAIN ")) {
        marks_hit(world->marks, MARK_REGISTER_UNCERTAIN);
    } else if (reply->type == RESP_TYPE_ERROR) {
        bool few = begins_with(reply->text, "NOREPLICAS ");
        marks_hit(world->marks, few ? MARK_REGISTER_UNAVAILABLE : MARK_REGISTER_REFUSED);
        register_oracle_refused(world->register_oracle, machine, &who->change);
    } else {
        world_fail(world, VERDICT_WRONG, "I8", "n%u answers a change with neither", machine->id);
    }
}

static void heard(struct world *world, struct talk *talk, const struct resp_value *reply)
{
    struct operator_client *who = talk->owner;
    if (reply != NULL)
        judge(world, who, talk->machine, reply);
    talk_hang_up(world, talk);
    step_after(world, who, spread_tail(&who->random, PAUSE_US));
}

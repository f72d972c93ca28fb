#include "sim/script_client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/script.h"
#include "sim/spread.h"
#include "sim/workload.h"
#include "sim/world.h"
#include "wire/resp_reply.h"

enum { WAY_US = 300, ANSWER_SLACK_US = 2000000, SELECT_REPLIES = 1 };

/* One question, on a connection of its own. */
struct question {
    struct script_ask ask;
    struct command command;
    struct machine *machine; /* NULL: it is over */
    uint32_t life;
    connection_id connection;
    struct resp_reply_reader *reader;
    struct buffer received;
    uint32_t skip; /* replies before its own */
};

struct script_client {
    struct random random;
    struct question questions[SCRIPT_ASKS_MAX];
    uint32_t count;
    uint32_t unanswered;
    struct contexts contexts[SCRIPT_READERS];
    uint64_t last_digest; /* of the value that was last acknowledged; 0: none */
    uint64_t seen_digest; /* of the answer to the last read; 0: none */
};

static const struct resp_reply_limits limits = {
    .text_bytes_max = 1 << 20, .elements_max = 10000, .reply_bytes_max = 4 << 20};

struct script_client *script_client_new(struct world *world)
{
    struct script_client *client = memory_new(1, sizeof *client);
    client->random = random_make(hash64(slice_text("script"), world->plan.seed));
    return client;
}

static void hang_up(struct question *question)
{
    resp_reply_reader_free(question->reader);
    question->reader = NULL;
    question->machine = NULL;
    buffer_deinit(&question->received);
}

void script_client_free(struct script_client *client)
{
    if (client == NULL)
        return;
    for (uint32_t i = 0; i < client->count; i++)
        hang_up(&client->questions[i]);
    for (unsigned i = 0; i < SCRIPT_READERS; i++)
        contexts_deinit(&client->contexts[i]);
    free(client);
}

bool script_client_idle(const struct world *world)
{
    for (uint32_t i = 0; i < world->script_client->count; i++)
        if (world->script_client->questions[i].machine != NULL)
            return false;
    return true;
}

bool script_client_all_answered(const struct world *world)
{
    return world->script_client->unanswered == 0 && script_client_idle(world);
}

/* ---- asking ---- */

static uint32_t context_number(const struct world *world, uint32_t key)
{
    return key - oracle_key_count(world->oracle, 0);
}

static void build(struct world *world, struct question *question, struct buffer *out)
{
    struct script_client *client = world->script_client;
    const struct script_ask *ask = &question->ask;
    struct command *command = &question->command;
    struct buffer context = {0};
    uint32_t key = script_key_index(world);
    *command = (struct command){.kind = ask->kind,
                                .level = ask->level,
                                .sloppy = ask->sloppy,
                                .r = ask->r,
                                .w = ask->w,
                                .context = ask->context};
    if (ask->expires_ms > 0)
        command->expire_at_ms = world_true_ms(world) + ask->expires_ms;
    if (ask->context != CONTEXT_NONE &&
        !contexts_take(&client->contexts[ask->reader], context_number(world, key), ask->context,
                       &client->random, &context))
        script_fail(world, "reader %u has no such context", ask->reader);
    if (oracle_key(world->oracle, key)->keyspace != 0) {
        workload_select(oracle_key(world->oracle, key)->keyspace, out);
        question->skip = SELECT_REPLIES;
    }
    if (!world->finished)
        workload_ask(world, &client->random, key, &context, command, out);
    buffer_deinit(&context);
}

void script_client_ask(struct world *world, const struct script_step *step)
{
    struct script_client *client = world->script_client;
    struct machine *machine = script_machine(world, step->a);
    assert(client->count < SCRIPT_ASKS_MAX);
    if (machine->state != MACHINE_UP) {
        script_fail(world, "n%u is asked but not up", machine->id);
        return;
    }
    struct question *question = &client->questions[client->count++];
    struct occurrence what = {
        .kind = AT_CLIENT_BYTES, .machine = machine->index, .life = machine->life};
    uint64_t way_us = 1 + spread_tail(&client->random, WAY_US);
    *question = (struct question){.ask = step->ask,
                                  .machine = machine,
                                  .life = machine->life,
                                  .connection = ++machine->next_connection,
                                  .reader = resp_reply_reader_new(&limits)};
    build(world, question, &what.bytes);
    question->command.serial = UINT64_C(1000000) + client->count;
    oracle_sent(world->oracle, machine, &question->command);
    machine_event_after(machine, way_us, EVENT_CLIENT_OPEN, 0, question->connection,
                        slice_text("10.8.0.1:1024"));
    what.id = question->connection;
    world_after(world, way_us + 1, &what);
}

/* ---- answers ---- */

static bool begins_with(struct slice text, const char *word)
{
    struct slice start = slice_text(word);
    return text.length >= start.length && slice_equal(slice_make(text.data, start.length), start);
}

static size_t rows_of(const struct resp_value *reply)
{
    for (size_t i = 0; reply->type == RESP_TYPE_ARRAY && i + 1 < reply->element_count; i += 2)
        if (slice_equal(reply->elements[i].text, slice_text("siblings")))
            return reply->elements[i + 1].element_count;
    return 0;
}

static bool is_nothing(const struct resp_value *reply)
{
    return reply->type == RESP_TYPE_NULL ||
           (reply->type == RESP_TYPE_INTEGER && reply->integer == 0);
}

static bool is_as_expected(const struct script_client *client, const struct script_ask *ask,
                           const struct resp_value *reply)
{
    bool error = reply->type == RESP_TYPE_ERROR;
    bool uncertain = error && begins_with(reply->text, "UNCERTAIN ");
    switch (ask->expect) {
    case EXPECT_OK:
        return !error;
    case EXPECT_LAST:
        return reply->type == RESP_TYPE_BULK && hash64(reply->text, 0) == client->last_digest;
    case EXPECT_NOTHING:
        return is_nothing(reply);
    case EXPECT_ERROR:
        return error;
    case EXPECT_DEFINITE:
        return error && !uncertain;
    case EXPECT_UNCERTAIN:
        return uncertain;
    case EXPECT_ROWS:
        return !error && rows_of(reply) == ask->count;
    case EXPECT_SAME:
        return !error && oracle_answer_digest(reply) == client->seen_digest;
    default:
        return true;
    }
}

static void check(struct world *world, const struct question *question,
                  const struct resp_value *reply)
{
    const struct script_ask *ask = &question->ask;
    char shown[80] = "nothing";
    if (is_as_expected(world->script_client, ask, reply))
        return;
    if (reply->type == RESP_TYPE_BULK || reply->type == RESP_TYPE_ERROR)
        snprintf(shown, sizeof shown, "\"%.*s\"",
                 reply->text.length < 60 ? (int)reply->text.length : 60,
                 (const char *)reply->text.data);
    else if (reply->type == RESP_TYPE_INTEGER)
        snprintf(shown, sizeof shown, "%" PRId64, reply->integer);
    else if (reply->type == RESP_TYPE_ARRAY)
        snprintf(shown, sizeof shown, "%zu siblings", rows_of(reply));
    script_fail(world, "question %" PRIu64 " to n%u was answered with %s",
                question->command.serial - 1000000, question->machine->id, shown);
}

static void note_answer(struct world *world, const struct question *question,
                        const struct resp_value *reply)
{
    struct script_client *client = world->script_client;
    const struct command *command = &question->command;
    const struct write *write = command->writes[0];
    if (reply->type == RESP_TYPE_ERROR)
        return;
    if (write != NULL && command->kind == COMMAND_SET)
        client->last_digest = write->value_digest;
    if (write == NULL)
        client->seen_digest = oracle_answer_digest(reply);
    if (command->kind == COMMAND_RING_GET)
        contexts_keep(&client->contexts[question->ask.reader],
                      context_number(world, command->keys[0]), oracle_siblings_context(reply));
}

static void answered(struct world *world, struct question *question, const struct resp_value *reply)
{
    uint64_t took_us = world->now_us - question->command.start_us;
    uint64_t allowed_us = (uint64_t)world->plan.settings.request_timeout_ms * 1000;
    if (question->skip > 0) {
        question->skip--;
        if (reply->type != RESP_TYPE_SIMPLE)
            script_fail(world, "SELECT was refused");
        return;
    }
    if (took_us > allowed_us + ANSWER_SLACK_US && question->machine->paused_total_us == 0)
        world_fail(world, VERDICT_WRONG, "I8", "n%u took %" PRIu64 " ms for a question",
                   question->machine->id, took_us / 1000);
    oracle_answered(world->oracle, question->machine, &question->command, reply);
    check(world, question, reply);
    note_answer(world, question, reply);
    machine_event_after(question->machine, 1 + spread_tail(&world->script_client->random, WAY_US),
                        EVENT_CLIENT_CLOSED, 0, question->connection, slice_make(NULL, 0));
    hang_up(question);
}

static struct question *find(const struct machine *machine, connection_id connection)
{
    struct script_client *client = machine->world->script_client;
    for (uint32_t i = 0; i < client->count; i++) {
        struct question *question = &client->questions[i];
        if (question->machine == machine && question->life == machine->life &&
            question->connection == connection)
            return question;
    }
    return NULL;
}

bool script_client_replied(struct machine *machine, connection_id connection, struct slice bytes)
{
    struct question *question = find(machine, connection);
    struct resp_value *reply;
    size_t offset = 0;
    if (question == NULL)
        return false;
    buffer_append_slice(&question->received, bytes);
    while (question->reader != NULL &&
           resp_reply_reader_next(question->reader, buffer_slice(&question->received), &offset,
                                  &reply) == RESP_REPLY_VALUE) {
        answered(machine->world, question, reply);
        resp_value_free(reply);
    }
    buffer_consume(&question->received, question->reader == NULL ? 0 : offset);
    return true;
}

static void give_up(struct world *world, struct question *question)
{
    oracle_unanswered(world->oracle, &question->command);
    if (question->ask.expect != EXPECT_ANYTHING)
        world->script_client->unanswered++;
    hang_up(question);
}

bool script_client_closed(struct machine *machine, connection_id connection)
{
    struct question *question = find(machine, connection);
    if (question == NULL)
        return false;
    give_up(machine->world, question);
    return true;
}

bool script_client_arrived(struct machine *machine, const struct occurrence *what)
{
    if (find(machine, what->id) == NULL)
        return false;
    machine_loop_event(machine, &(struct event){.kind = EVENT_CLIENT_BYTES,
                                                .connection = what->id,
                                                .bytes = buffer_slice(&what->bytes)});
    return true;
}

void script_client_machine_gone(struct machine *machine)
{
    struct script_client *client = machine->world->script_client;
    for (uint32_t i = 0; i < client->count; i++)
        if (client->questions[i].machine == machine && client->questions[i].life == machine->life)
            give_up(machine->world, &client->questions[i]);
}

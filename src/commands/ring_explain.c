/*
 * ring_explain.c - RING.EXPLAIN: what this node itself has of a key, and what of it it has seen.
 *
 * Of its replica and of its hint, each version with its event
 * ("node.incarnation.boot.epoch:number"), and the vector that the cell covers. `clock` says which
 * events the replica has absorbed, as "actor:number" for all up to that, and ",first-last" for what
 * it has beyond. Values stay out. ringctl asks all nodes and compares.
 */
#include <inttypes.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"
#include "commands/session_state.h"
#include "commands/types.h"

static const char *const KINDS[SIBLING_KIND_COUNT] = {[SIBLING_STRING] = "string",
                                                      [SIBLING_TOMBSTONE] = "tombstone",
                                                      [SIBLING_COUNTER] = "counter",
                                                      [SIBLING_CUT] = "cut",
                                                      [SIBLING_DEADLINE] = "deadline"};
static const char *const STATES[] = {
    [REPLICA_ABSENT] = "absent", [REPLICA_REBUILDING] = "rebuilding", [REPLICA_ACTIVE] = "active"};

struct work {
    uint64_t ticket;
    partition_id partition;
};

static void write_name(struct resp_writer writer, const char *name)
{
    resp_writer_bulk(writer, slice_text(name));
}

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    write_name(writer, name);
    resp_writer_integer(writer, (int64_t)value);
}

static void write_text(struct resp_writer writer, const char *name, const char *text)
{
    write_name(writer, name);
    resp_writer_bulk(writer, slice_text(text));
}

static void print_actor(const struct actor *actor, struct buffer *out)
{
    buffer_printf(out, "%" PRIu32 ".%u.%" PRIu32 ".%" PRIu32, actor->node,
                  actor->storage_incarnation, actor->boot_epoch, actor->adopt_epoch);
}

static void print_dot(const struct dot *dot, struct buffer *out)
{
    print_actor(&dot->actor, out);
    buffer_printf(out, ":%" PRIu64, dot->sequence);
}

static void write_clock(struct resp_writer writer, const struct clock *clock)
{
    struct buffer text = {0};
    write_name(writer, "clock");
    resp_writer_array(writer, clock->count);
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct clock_entry *entry = &clock->entries[i];
        buffer_clear(&text);
        print_actor(&entry->actor, &text);
        buffer_printf(&text, ":%" PRIu64, entry->base);
        for (uint32_t j = 0; j < entry->range_count; j++)
            buffer_printf(&text, ",%" PRIu64 "-%" PRIu64, entry->ranges[j].first,
                          entry->ranges[j].last);
        resp_writer_bulk(writer, buffer_slice(&text));
    }
    buffer_deinit(&text);
}

static void write_version(struct resp_writer writer, const struct sibling *sibling)
{
    struct buffer dot = {0};
    uint64_t bytes = sibling->omitted_bytes != 0 ? sibling->omitted_bytes : sibling->value.length;
    print_dot(&sibling->dot, &dot);
    resp_writer_map(writer, 7);
    write_name(writer, "event");
    resp_writer_bulk(writer, buffer_slice(&dot));
    write_number(writer, "node", sibling->dot.actor.node);
    write_text(writer, "kind", KINDS[sibling->kind]);
    write_number(writer, "written_ms", hybrid_time_ms(sibling->time));
    write_number(writer, "written_count", sibling->time & UINT16_MAX);
    write_number(writer, "bytes", bytes);
    write_number(writer, "expire_at_ms", sibling->expire_at_ms);
    buffer_deinit(&dot);
}

/* What a cell covers, and its versions. */
static void write_cell(struct resp_writer writer, const char *covers, const char *versions,
                       const struct cell *cell)
{
    struct buffer text = {0};
    write_name(writer, covers);
    resp_writer_array(writer, cell->context.count);
    for (uint32_t i = 0; i < cell->context.count; i++) {
        buffer_clear(&text);
        print_dot(&cell->context.entries[i], &text);
        resp_writer_bulk(writer, buffer_slice(&text));
    }
    write_name(writer, versions);
    resp_writer_array(writer, cell->count);
    for (uint32_t i = 0; i < cell->count; i++)
        write_version(writer, &cell->siblings[i]);
    buffer_deinit(&text);
}

/* Fails the reader's status on what the own store side cannot have sent. */
static enum status decode_cell(struct slice encoded, struct cell *out)
{
    struct reader reader = reader_make(encoded);
    if (encoded.length == 0)
        return STATUS_OK; /* there is none */
    cell_decode_versions(&reader, out);
    return reader_end(&reader);
}

static const char *state_of(const struct message_key_state_result *result)
{
    if (!result->held || result->replica_state > REPLICA_ACTIVE)
        return "none";
    return STATES[result->replica_state];
}

static void reply(struct call *call, const struct message_key_state_result *result,
                  const struct clock *clock, const struct cell *cell, const struct cell *hint)
{
    const struct work *work = call->work;
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 10);
    write_number(writer, "node", call_environment(call)->self);
    write_number(writer, "partition", work->partition);
    write_text(writer, "replica", state_of(result));
    write_text(writer, "collection",
               result->collection == COLLECTION_NONE ? "none"
                                                     : collection_type_name(result->collection));
    write_clock(writer, clock);
    write_cell(writer, "covers", "versions", cell);
    write_name(writer, "hint_for");
    resp_writer_array(writer, result->intended_count);
    for (uint8_t i = 0; i < result->intended_count; i++)
        resp_writer_integer(writer, result->intended[i]);
    write_cell(writer, "hint_covers", "hint_versions", hint);
    call_finish(call);
}

static void reply_body(struct call *call, struct slice body)
{
    struct message_key_state_result result;
    struct clock clock = {0};
    struct cell cell = {0}, hint = {0};
    enum status status = message_key_state_result_decode(body, &result);
    if (status == STATUS_OK)
        status = result.status;
    if (status == STATUS_OK && result.held) {
        struct reader reader = reader_make(result.clock);
        clock_decode(&reader, &clock);
        status = reader_end(&reader);
    }
    if (status == STATUS_OK)
        status = decode_cell(result.cell, &cell);
    if (status == STATUS_OK)
        status = decode_cell(result.hint, &hint);
    if (status == STATUS_OK)
        reply(call, &result, &clock, &cell, &hint);
    else if (status == STATUS_NOT_READY)
        call_reply_error(call, "LOADING the store of this node is being opened");
    else
        call_reply_error(call, "ERR the store cannot read the key: %s", status_name(status));
    clock_deinit(&clock);
    cell_deinit(&cell);
    cell_deinit(&hint);
}

static void look(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct work *work = call->work;
    struct buffer body = {0};
    call->session->unblocked = false; /* an answer is owed */
    enum status status = environment->key_state_take(environment->node, work->ticket, &body);
    if (status == STATUS_NOT_READY)
        call_sleep(call, UINT64_MAX, look);
    else if (status == STATUS_OK)
        reply_body(call, buffer_slice(&body));
    else
        call_reply_error(call, "TRYAGAIN the store of this node did not answer: %s",
                         status_name(status));
    buffer_deinit(&body);
}

static void start_explain(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct slice key = call_argument(call, 1);
    int64_t number = keyspace_number(call->keyspace);
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count == 3 && !parse_integer(call_argument(call, 2), &number)) {
        call_reply_not_an_integer(call);
        return;
    }
    const struct ring_keyspace *keyspace =
        ring_keyspace_numbered(environment->ring, (uint64_t)number);
    if (keyspace == NULL) {
        call_reply_error(call, "ERR DB index is out of range");
        return;
    }
    if (environment->key_state_start == NULL) {
        call_reply_error(call, "ERR this node has no store to look into");
        return;
    }
    struct work *work = call_work(call, sizeof *work);
    struct message_key_state question = {.keyspace = ring_keyspace_id(environment->ring, keyspace),
                                         .partition = call_partition(call, key),
                                         .key = key};
    work->partition = question.partition;
    work->ticket = environment->key_state_start(environment->node, call->session->id, &question);
    if (work->ticket == 0)
        call_reply_error(call, "OVERLOADED too many keys are explained at this node: try again");
    else
        look(call);
}

const struct command command_ring_explain = {
    .name = "ring.explain",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "What this node itself has of a key: versions, what they cover, and a hint.",
    .complexity = "O(N) in the number of versions and of actors in the partition.",
    .syntax = "key [keyspace]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .access = ACCESS_ALONE, /* it sleeps until the store side has answered */
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .keys = {{KEY_FLAG_RO, 1, 0, 1}},
    .start = start_explain,
};

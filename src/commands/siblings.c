/*
 * siblings.c - RING.GET key: all concurrent values of a key, and a context for writing it.
 *
 *     context   a token (coordinator/context_token.h): whoever writes with it replaces what
 *               is shown here, and nothing that was written meanwhile
 *     siblings  the newest first: value, time (ms since 1970), ttl (ms, -1 for none), and the
 *               node that made it
 *
 * In a keyspace where the last writer wins there is one value at most.
 */
#include "commands/siblings.h"

#include <stdlib.h>

#include "base/memory.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/command_table.h"
#include "commands/server_version.h"
#include "coordinator/context_token.h"

/* ---- WITH context= ---- */

static struct context_place place_of(const struct call *call, struct slice key)
{
    const struct environment *environment = call_environment(call);
    return (struct context_place){
        .ring = environment->ring, .mac = environment->mac, .keyspace = call->keyspace, .key = key};
}

bool context_take(struct call *call)
{
    struct environment *environment = call_environment(call);
    struct key_walk walk = key_walk_make(call->command, call->arguments, call->argument_count);
    uint32_t count = 0, position = 0;
    const char *why;
    while (key_walk_next(&walk)) {
        position = walk.position;
        count++;
    }
    if (!call->command->context) {
        call_reply_error(call, "ERR '%s' takes no context: only writes that replace a value do",
                         call->command->name);
        return false;
    }
    if (count != 1) {
        call_reply_error(call,
                         "ERR a context is of one key, and the command names %u; "
                         "nothing was written",
                         count);
        return false;
    }
    if (environment->mac == NULL) {
        call_reply_error(call, "ERR this node takes no contexts; nothing was written");
        return false;
    }
    struct context_place place = place_of(call, call_argument(call, position));
    if (context_token_decode(&place, call->context_text, &call->context, &call->context_time,
                             &why) == STATUS_OK)
        return true;
    environment->statistics->contexts_refused++;
    call_reply_error(call,
                     "BADCONTEXT the context %s; nothing was written; read the key with "
                     "RING.GET and write with the context of the answer",
                     why);
    return false;
}

/* ---- RING.GET ---- */

static void make_read(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = call_entries(call, 1);
    (void)index;
    entry->key = call_argument(call, 1);
    request->kind = KEY_READ;
    request->flags = KEY_SIBLINGS;
    request->partition = call_partition(call, entry->key);
    request->entry_count = 1;
    request->entries = entry;
}

static void write_token(struct call *call, const struct key_result *result,
                        struct resp_writer writer)
{
    struct context_place place = place_of(call, call_argument(call, 1));
    struct version_vector vector;
    struct buffer token = {0};
    struct dot *shown = memory_new(result->outcome_count, sizeof *shown);
    for (uint16_t i = 0; i < result->outcome_count; i++)
        shown[i] = result->outcomes[i].dot;
    version_vector_copy(&result->context, &vector);
    context_cut(&vector, shown, result->outcome_count);
    context_token_encode(&place, &vector, result->time, &token);
    resp_writer_bulk(writer, buffer_slice(&token));
    free(shown);
    version_vector_deinit(&vector);
    buffer_deinit(&token);
}

static void write_sibling(struct call *call, const struct key_outcome *outcome,
                          struct resp_writer writer)
{
    uint64_t now_ms = call_now(call).wall_ms;
    int64_t ttl_ms = -1;
    if (outcome->expire_at_ms != 0) /* one that ends just now was visible to its coordinator */
        ttl_ms = outcome->expire_at_ms > now_ms ? (int64_t)(outcome->expire_at_ms - now_ms) : 0;
    resp_writer_map(writer, 4);
    resp_writer_bulk(writer, slice_text("value"));
    resp_writer_bulk(writer, outcome->value);
    resp_writer_bulk(writer, slice_text("time"));
    resp_writer_integer(writer, (int64_t)hybrid_time_ms(outcome->time));
    resp_writer_bulk(writer, slice_text("ttl"));
    resp_writer_integer(writer, ttl_ms);
    resp_writer_bulk(writer, slice_text("node"));
    resp_writer_integer(writer, outcome->dot.actor.node);
}

static void collect_siblings(struct call *call, uint32_t index, const struct key_result *result)
{
    struct node_statistics *statistics = call_environment(call)->statistics;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    (void)index;
    if (result->status != STATUS_OK) {
        struct buffer text = {0};
        call_failure_text(KEY_READ, result, &text);
        resp_writer_error(writer, buffer_slice(&text));
        buffer_deinit(&text);
        return;
    }
    if (result->outcome_count > 0)
        statistics->keyspace_hits++;
    else
        statistics->keyspace_misses++;
    resp_writer_map(writer, 2);
    resp_writer_bulk(writer, slice_text("context"));
    write_token(call, result, writer);
    resp_writer_bulk(writer, slice_text("siblings"));
    resp_writer_array(writer, result->outcome_count);
    for (uint16_t i = 0; i < result->outcome_count; i++)
        write_sibling(call, &result->outcomes[i], writer);
}

static void finish_ring_get(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_ring_get(struct call *call)
{
    if (call_environment(call)->mac == NULL)
        call_reply_error(call, "ERR this node gives no contexts");
    else
        call_scatter(call, 1, make_read, collect_siblings, finish_ring_get);
}

const struct command command_ring_get = {
    .name = "ring.get",
    .group = "string",
    .since = RINGDB_SINCE_FIRST,
    .summary = "All concurrent values of a key, the newest first, and a context. A write WITH "
               "that context replaces what was shown.",
    .complexity = "O(N) in the number of concurrent values.",
    .syntax = "key",
    .arity = 2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_ring_get,
};

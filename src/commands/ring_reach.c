/*
 * ring_reach.c - RING.REACH: whom each member reaches, as far as this node has heard.
 */
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"

static void write_name(struct resp_writer writer, const char *name)
{
    resp_writer_bulk(writer, slice_text(name));
}

/* Members of whom `from` says so; a missed one with since when. */
static void write_those(struct call *call, struct resp_writer writer, node_id from,
                        enum reach wanted)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    uint32_t count = 0;
    buffer_clear(&call->scratch);
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    for (uint16_t i = 0; i < ring->member_count; i++) {
        node_id to = ring->members[i].id;
        struct reach_view view =
            environment->reach_between(environment->node, from, to, call_now(call));
        if (to == from || view.reach != wanted)
            continue;
        count++;
        if (wanted == REACH_YES) {
            resp_writer_integer(body, to);
            continue;
        }
        resp_writer_map(body, 2);
        write_name(body, "node");
        resp_writer_integer(body, to);
        write_name(body, "seconds");
        resp_writer_integer(body, (int64_t)(view.since_ms / 1000));
    }
    resp_writer_array(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
}

static void start_reach(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    struct resp_writer writer = call_writer(call);
    if (environment->reach_between == NULL) {
        call_reply_error(call, "ERR this node has no peers that report to it");
        return;
    }
    resp_writer_array(writer, ring->member_count);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        node_id from = ring->members[i].id;
        uint64_t age_ms = environment->reach_age_ms(environment->node, from, call_now(call));
        resp_writer_map(writer, 4);
        write_name(writer, "node");
        resp_writer_integer(writer, from);
        write_name(writer, "age_ms");
        resp_writer_integer(writer, age_ms == UINT64_MAX ? -1 : (int64_t)age_ms);
        write_name(writer, "reaches");
        write_those(call, writer, from, REACH_YES);
        write_name(writer, "misses");
        write_those(call, writer, from, REACH_NO);
    }
    call_finish(call);
}

const struct command command_ring_reach = {
    .name = "ring.reach",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Whom each member reaches, by its latest report, and whom it misses since when.",
    .complexity = "O(N^2) in the number of members.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_reach,
};

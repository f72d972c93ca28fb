/*
 * ring_hints.c - RING.HINTS: what this node keeps for owners, and what they lack of its logs.
 *
 * Both are debts to an owner that was away: copies that a fallback took in its place, and events
 * that it finds in the log of another owner when it is back.
 */
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static void write_text(struct resp_writer writer, const char *name, const char *text)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, slice_text(text));
}

static uint64_t age_ms(struct instant now, uint64_t then_ms)
{
    return then_ms == 0 || now.wall_ms < then_ms ? 0 : now.wall_ms - then_ms;
}

/* Why its hints wait, in words that follow "they wait:". */
static void describe(const struct hint_lane_view *lane, struct buffer *out)
{
    switch (lane->state) {
    case HINT_LANE_IDLE:
        break;
    case HINT_LANE_DELIVERING:
        buffer_printf(out, "they are being delivered");
        break;
    case HINT_LANE_OUT_OF_REACH:
        buffer_printf(out, "the owner cannot be reached");
        break;
    case HINT_LANE_STARTING:
        buffer_printf(out, "the owner is back; delivery begins in %llu ms",
                      (unsigned long long)lane->wait_ms);
        break;
    case HINT_LANE_PRESSED:
        buffer_printf(out, "the owner's store is full or overloaded");
        break;
    case HINT_LANE_REFUSED:
        buffer_printf(out, "the owner refused some (%s); next try in %llu ms",
                      status_name(lane->refusal), (unsigned long long)lane->wait_ms);
        break;
    }
}

static const char *state_name(enum hint_lane_state state)
{
    static const char *const names[] = {
        [HINT_LANE_IDLE] = "idle",         [HINT_LANE_DELIVERING] = "delivering",
        [HINT_LANE_OUT_OF_REACH] = "down", [HINT_LANE_STARTING] = "starting",
        [HINT_LANE_PRESSED] = "pressed",   [HINT_LANE_REFUSED] = "refused"};
    return names[state];
}

static void write_target(struct call *call, struct resp_writer writer, node_id node,
                         const struct hint_lane_view *lane, const struct log_debt *debt)
{
    struct buffer reason = {0};
    describe(lane, &reason);
    resp_writer_map(writer, 12);
    write_number(writer, "node", node);
    write_text(writer, "state", state_name(lane->state));
    resp_writer_bulk(writer, slice_text("reason"));
    resp_writer_bulk(writer, buffer_slice(&reason));
    write_number(writer, "hints", lane->cells);
    write_number(writer, "hint_bytes", lane->bytes);
    write_number(writer, "oldest_ms", age_ms(call_now(call), lane->oldest_ms));
    write_number(writer, "rate_bytes", lane->rate_bytes);
    write_number(writer, "left_ms",
                 lane->rate_bytes == 0 ? 0 : lane->bytes * 1000 / lane->rate_bytes);
    write_number(writer, "delivered", lane->delivered_cells);
    write_number(writer, "log_events", debt->events);
    write_number(writer, "log_bytes", debt->bytes);
    write_number(writer, "log_unknown", debt->unknown);
    buffer_deinit(&reason);
}

static void start_hints(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    struct hint_view view = {0};
    if (environment->hint_view != NULL)
        environment->hint_view(environment->node, &view);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 9);
    write_number(writer, "node_id", environment->self);
    write_number(writer, "now_ms", call_now(call).wall_ms);
    write_number(writer, "hints", view.totals.cells);
    write_number(writer, "hint_bytes", view.totals.bytes);
    write_number(writer, "oldest_at_ms", view.totals.oldest_ms);
    write_number(writer, "set_aside", view.aside);
    write_number(writer, "full", view.is_full);
    write_number(writer, "partitions_full", view.partitions_full);
    resp_writer_bulk(writer, slice_text("targets"));
    resp_writer_array(writer, ring->member_count);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        struct hint_lane_view lane = {0};
        struct log_debt debt = {0};
        if (environment->hint_lane_view != NULL)
            environment->hint_lane_view(environment->node, ring->members[i].id, call_now(call),
                                        &lane, &debt);
        write_target(call, writer, ring->members[i].id, &lane, &debt);
    }
    call_finish(call);
}

const struct command command_ring_hints = {
    .name = "ring.hints",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Writes that this node keeps for owners, and what owners lack of its logs.",
    .complexity = "O(N) in the number of members and of partitions with hints.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_hints,
};

/*
 * ring_gc.c - RING.GC: what this node could not collect yet, and whom it waits for.
 *
 * The numbers are those of the last round of collecting, so they may be as old as
 * stability-interval. A key that was deleted counts until its tombstone has left this node's disk.
 */
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"

static const char *const REASONS[GC_REASON_COUNT] = {[GC_LACKS] = "lacks", [GC_MAY_HINT] = "hints"};

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static void write_holders(struct call *call, struct resp_writer writer, const struct gc_view *view)
{
    const struct environment *environment = call_environment(call);
    resp_writer_bulk(writer, slice_text("held_back_by"));
    resp_writer_array(writer, view->holder_count);
    for (uint8_t i = 0; i < view->holder_count; i++) {
        const struct gc_holder *holder = &view->holders[i];
        bool up = environment->peer_state(environment->node, holder->node) == PEER_UP;
        resp_writer_map(writer, 5);
        write_number(writer, "node", holder->node);
        resp_writer_bulk(writer, slice_text("state"));
        resp_writer_bulk(writer, slice_text(up ? "up" : "down"));
        resp_writer_bulk(writer, slice_text("reason"));
        resp_writer_bulk(writer, slice_text(REASONS[holder->reason]));
        write_number(writer, "partitions", holder->partitions);
        write_number(writer, "seconds", (call_now(call).mono_us - holder->since_us) / 1000000);
    }
}

static void start_gc(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct gc_view view = {0};
    struct message_drop_state drop = {0};
    if (environment->gc_view != NULL)
        environment->gc_view(environment->node, &view);
    if (environment->drop_view != NULL)
        environment->drop_view(environment->node, &drop);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 9);
    write_number(writer, "tombstones", view.tombstones);
    write_number(writer, "stable", view.waiting);
    write_number(writer, "collected", environment->statistics->tombstones_purged);
    write_number(writer, "log_records", view.log_records);
    write_number(writer, "log_bytes", view.log_bytes);
    write_number(writer, "dropped_keys", drop.keys_left); /* of dropped keyspaces */
    write_number(writer, "partitions_wanted", view.partitions_wanted);
    write_number(writer, "partitions_received", environment->statistics->partitions_received);
    write_holders(call, writer, &view);
    call_finish(call);
}

const struct command command_ring_gc = {
    .name = "ring.gc",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Tombstones and log records that this node could not collect yet, and who holds "
               "them back.",
    .complexity = "O(N) in the number of owners that are waited for.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_gc,
};

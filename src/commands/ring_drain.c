/*
 * ring_drain.c - RING.DRAIN: has this node hand over what it does, and tells how far it is.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static void write_text(struct resp_writer writer, const char *name, struct slice text)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, text);
}

static const char *state_name(const struct drain_view *view)
{
    return !view->on ? "serving" : view->is_done ? "drained" : "draining";
}

static void reply_view(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct buffer reason = {0};
    struct drain_view view = {0};
    environment->drain_view(environment->node, call_now(call), &view, &reason);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 12);
    write_number(writer, "node_id", environment->self);
    write_text(writer, "state", slice_text(state_name(&view)));
    write_text(writer, "reason", buffer_slice(&reason));
    write_number(writer, "for_ms", view.for_ms);
    write_number(writer, "forced", view.forced);
    write_number(writer, "unconfirmed", view.unconfirmed);
    write_number(writer, "requests", view.requests);
    write_number(writer, "clients", environment->session_count);
    write_number(writer, "clients_told", view.clients_told);
    write_number(writer, "hints", view.hints);
    write_number(writer, "log_partitions", view.log_partitions);
    write_number(writer, "without_quorum", view.without_quorum);
    call_finish(call);
    buffer_deinit(&reason);
}

static void start_drain(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct buffer reason = {0};
    enum status status = STATUS_OK;
    bool forced = call->argument_count == 3 && call_argument_is(call, 2, "force");
    if (environment->drain_set == NULL || environment->drain_view == NULL) {
        call_reply_error(call, "ERR this node cannot drain");
        return;
    }
    if (call->argument_count > 3 || (call->argument_count == 3 && !forced)) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count > 1) {
        bool start = call_argument_is(call, 1, "start");
        if (!start && (forced || !call_argument_is(call, 1, "undo"))) {
            call_reply_syntax_error(call);
            return;
        }
        status = environment->drain_set(environment->node, start, forced, &reason);
    }
    if (status == STATUS_OK)
        reply_view(call);
    else
        call_reply_error(call, "ERR %.*s", (int)reason.length, (const char *)reason.data);
    buffer_deinit(&reason);
}

const struct command command_ring_drain = {
    .name = "ring.drain",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Has this node hand over what it does, so that it can be stopped; tells how far it "
               "is.",
    .complexity = "O(N) in the number of partitions and of clients of the node.",
    .syntax = "[START | UNDO] [FORCE]",
    .tips = "nondeterministic_output",
    .arity = -1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_drain,
};

/*
 * ring_pulls.c - RING.PULLS: replicas of this node that other owners fill, and how far they are.
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

static void write_pull(struct call *call, partition_id partition, const struct pull_view *view)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 10);
    write_number(writer, "partition", partition);
    write_number(writer, "source", view->source);
    write_number(writer, "target", call_environment(call)->self);
    write_text(writer, "way", view->way);
    write_text(writer, "state", view->state);
    write_text(writer, "reason", view->reason);
    write_number(writer, "bytes", view->bytes);
    write_number(writer, "rate_bytes", view->rate_bytes);
    write_number(writer, "percent", view->percent);
    write_number(writer, "left_ms", view->left_ms);
}

/* How many there are; `writes`: they are written, too. */
static uint32_t each_pull(struct call *call, bool writes)
{
    const struct environment *environment = call_environment(call);
    struct pull_view view;
    uint32_t count = 0;
    for (uint32_t p = 0; environment->pull_view != NULL && p < environment->ring->partition_count;
         p++) {
        if (!environment->pull_view(environment->node, (partition_id)p, call_now(call), &view))
            continue;
        count++;
        if (writes)
            write_pull(call, (partition_id)p, &view);
    }
    return count;
}

static void start_pulls(struct call *call)
{
    resp_writer_array(call_writer(call), each_pull(call, false));
    (void)each_pull(call, true);
    call_finish(call);
}

const struct command command_ring_pulls = {
    .name = "ring.pulls",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Replicas of this node that other owners fill, and how far they are.",
    .complexity = "O(N) in the number of partitions.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_pulls,
};

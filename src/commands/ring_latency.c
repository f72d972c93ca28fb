/*
 * ring_latency.c - RING.LATENCY: how long key requests took at this node, by kind and level, and in
 * which stage. After the stages of whole requests come those that the host has measured: of one
 * read from a client, one group of the store, one get.
 *
 * Since the start of the node. A percentile is told as the end of its bucket
 * (base/log_histogram.h), at most an eighth too large.
 */
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/server_version.h"
#include "node/request_times.h"

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static void write_text(struct resp_writer writer, const char *name, const char *value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, slice_text(value));
}

enum { TIME_FIELDS = 5 };

static void write_times(struct resp_writer writer, const struct log_histogram *times)
{
    write_number(writer, "count", times->count);
    write_number(writer, "p50_us", log_histogram_percentile(times, 50));
    write_number(writer, "p99_us", log_histogram_percentile(times, 99));
    write_number(writer, "p999_us", log_histogram_percentile(times, 99.9));
    write_number(writer, "max_us", times->maximum);
}

static const struct log_histogram *times_at(const struct request_times *times, unsigned at)
{
    const struct request_class_counts *counts =
        times->classes[at / REQUEST_LEVELS][at % REQUEST_LEVELS];
    return counts == NULL || counts->times.count == 0 ? NULL : &counts->times;
}

static void write_requests(struct resp_writer writer, const struct request_times *times)
{
    enum { CLASSES = REQUEST_OP_COUNT * REQUEST_LEVELS };
    size_t count = 0;
    for (unsigned at = 0; at < CLASSES; at++)
        count += times_at(times, at) != NULL;
    resp_writer_bulk(writer, slice_text("requests"));
    resp_writer_array(writer, count);
    for (unsigned at = 0; at < CLASSES; at++) {
        if (times_at(times, at) == NULL)
            continue;
        resp_writer_map(writer, 2 + TIME_FIELDS);
        write_text(writer, "op", request_op_name((enum request_op)(at / REQUEST_LEVELS)));
        write_text(writer, "level", request_level_name(at % REQUEST_LEVELS));
        write_times(writer, times_at(times, at));
    }
}

static void write_stage(struct resp_writer writer, const char *name,
                        const struct log_histogram *times)
{
    resp_writer_map(writer, 1 + TIME_FIELDS);
    write_text(writer, "stage", name);
    write_times(writer, times);
}

static void write_stages(struct resp_writer writer, const struct environment *environment,
                         const struct request_times *times)
{
    struct log_histogram of_host;
    unsigned count = 0;
    while (environment->host_stage != NULL &&
           environment->host_stage(environment->host, count, &of_host) != NULL)
        count++;
    resp_writer_bulk(writer, slice_text("stages"));
    resp_writer_array(writer, REQUEST_STAGE_COUNT + count);
    for (unsigned i = 0; i < REQUEST_STAGE_COUNT; i++)
        write_stage(writer, request_stage_name((enum request_stage)i), &times->stages[i]);
    for (unsigned i = 0; i < count; i++) {
        const char *name = environment->host_stage(environment->host, i, &of_host);
        write_stage(writer, name, &of_host);
    }
}

static void start_latency(struct call *call)
{
    static const struct request_times nothing;
    const struct request_times *times = call_environment(call)->times;
    if (times == NULL)
        times = &nothing;
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 2);
    write_requests(writer, times);
    write_stages(writer, call_environment(call), times);
    call_finish(call);
}

const struct command command_ring_latency = {
    .name = "ring.latency",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "How long key requests that this node coordinated took, by kind and level, and in "
               "which stage.",
    .complexity = "O(1)",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_latency,
};

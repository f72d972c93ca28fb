/*
 * server.c - TIME, LOLWUT, SLOWLOG and LATENCY.
 */
#include <math.h>
#include <stdio.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/command_table.h"
#include "commands/help.h"
#include "commands/introspection.h"
#include "commands/latency_monitor.h"
#include "commands/ring_view.h"

static void write_digits(struct resp_writer writer, uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    resp_writer_bulk(writer, slice_make(digits, (size_t)length));
}

static void start_time(struct call *call)
{
    uint64_t wall_ms = call_now(call).wall_ms;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, 2);
    write_digits(writer, wall_ms / 1000);
    write_digits(writer, wall_ms % 1000 * 1000);
    call_finish(call);
}

/* ---- LOLWUT ---- */

enum { DRAWING_ROWS = 21, DRAWING_COLUMNS = 46 };

/* The ring itself: each place on the circle has the letter of the partition's first owner. */
static void draw_ring(struct call *call, struct buffer *out)
{
    const struct ring *ring = call_environment(call)->ring;
    for (int row = 0; row < DRAWING_ROWS; row++) {
        for (int column = 0; column < DRAWING_COLUMNS; column++) {
            double x = (column + 0.5) / DRAWING_COLUMNS * 2 - 1;
            double y = (row + 0.5) / DRAWING_ROWS * 2 - 1;
            double distance = sqrt(x * x + y * y);
            if (distance < 0.6 || distance > 1) {
                buffer_put_u8(out, ' ');
                continue;
            }
            double turn = atan2(x, -y) / (2 * acos(-1)); /* clockwise from the top */
            uint32_t partition = (uint32_t)((turn < 0 ? turn + 1 : turn) * ring->partition_count);
            node_id owners[RING_OWNERS_MAX];
            (void)ring_owners_from(call_environment(call),
                                   (partition_id)(partition % ring->partition_count), owners);
            buffer_put_u8(out, (uint8_t)('a' + (owners[0] + 25) % 26));
        }
        while (out->length > 0 && out->data[out->length - 1] == ' ')
            out->length--;
        buffer_put_u8(out, '\n');
    }
}

static void start_lolwut(struct call *call)
{
    draw_ring(call, &call->scratch);
    buffer_printf(&call->scratch,
                  "\nWho has which part of the ring first, seen from here.\n"
                  "RingDB ver. %s\n",
                  call_environment(call)->version);
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

/* ---- SLOWLOG ---- */

static struct introspection *introspection_of(const struct call *call)
{
    return call_environment(call)->introspection;
}

static void write_slow_entry(struct resp_writer writer, const struct slow_entry *entry)
{
    resp_writer_array(writer, 6);
    resp_writer_integer(writer, (int64_t)entry->id);
    resp_writer_integer(writer, (int64_t)entry->wall_s);
    resp_writer_integer(writer, (int64_t)entry->duration_us);
    resp_writer_array(writer, entry->argument_count);
    for (uint32_t i = 0; i < entry->argument_count; i++)
        resp_writer_bulk(writer, buffer_slice(&entry->arguments[i]));
    resp_writer_bulk(writer, buffer_slice(&entry->address));
    resp_writer_bulk(writer, buffer_slice(&entry->name));
}

static void start_slowlog_get(struct call *call)
{
    const struct introspection *introspection = introspection_of(call);
    int64_t wanted = 10;
    if (call->argument_count > 3) {
        struct slice word = call_argument(call, 1);
        call_reply_error(call,
                         "ERR unknown subcommand or wrong number of arguments for '%.*s'. "
                         "Try SLOWLOG HELP.",
                         (int)word.length, (const char *)word.data);
        return;
    }
    if (call->argument_count == 3 &&
        (!parse_integer(call_argument(call, 2), &wanted) || wanted < -1)) {
        call_reply_error(call, "ERR count should be greater than or equal to -1");
        return;
    }
    uint32_t count = wanted < 0 || wanted > introspection->slow_count ? introspection->slow_count
                                                                      : (uint32_t)wanted;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++)
        write_slow_entry(writer, introspection_slow(introspection, i));
    call_finish(call);
}

static void start_slowlog_len(struct call *call)
{
    call_reply_integer(call, introspection_of(call)->slow_count);
}

static void start_slowlog_reset(struct call *call)
{
    introspection_slow_clear(introspection_of(call));
    call_reply_ok(call);
}

/* ---- LATENCY ---- */

/* Of each kind that was slow: its name, when it was last, how long that took, and the worst. */
static void start_latency_latest(struct call *call)
{
    const struct latency_monitor *monitor = &introspection_of(call)->latency;
    struct resp_writer writer = call_writer(call);
    size_t count = 0;
    for (unsigned kind = 0; kind < LATENCY_KIND_COUNT; kind++)
        count += monitor->events[kind].count > 0;
    resp_writer_array(writer, count);
    for (unsigned kind = 0; kind < LATENCY_KIND_COUNT; kind++) {
        const struct latency_event *event = &monitor->events[kind];
        if (event->count == 0)
            continue;
        const struct latency_sample *last = latency_event_sample(event, event->count - 1);
        resp_writer_array(writer, 4);
        resp_writer_bulk(writer, slice_text(latency_kind_name(kind)));
        resp_writer_integer(writer, (int64_t)last->wall_s);
        resp_writer_integer(writer, (int64_t)last->took_ms);
        resp_writer_integer(writer, (int64_t)event->worst_ms);
    }
    call_finish(call);
}

static void start_latency_history(struct call *call)
{
    unsigned kind = latency_kind_find(call_argument(call, 2));
    struct resp_writer writer = call_writer(call);
    if (kind == LATENCY_KIND_COUNT) {
        resp_writer_array(writer, 0);
        call_finish(call);
        return;
    }
    const struct latency_event *event = &introspection_of(call)->latency.events[kind];
    resp_writer_array(writer, event->count);
    for (uint32_t i = 0; i < event->count; i++) {
        const struct latency_sample *sample = latency_event_sample(event, i);
        resp_writer_array(writer, 2);
        resp_writer_integer(writer, (int64_t)sample->wall_s);
        resp_writer_integer(writer, (int64_t)sample->took_ms);
    }
    call_finish(call);
}

static bool is_named(const struct call *call, unsigned kind)
{
    for (uint32_t i = 2; i < call->argument_count; i++) {
        if (latency_kind_find(call_argument(call, i)) == kind)
            return true;
    }
    return call->argument_count == 2;
}

static void start_latency_reset(struct call *call)
{
    struct latency_monitor *monitor = &introspection_of(call)->latency;
    int64_t count = 0;
    for (unsigned kind = 0; kind < LATENCY_KIND_COUNT; kind++) {
        if (monitor->events[kind].count == 0 || !is_named(call, kind))
            continue;
        latency_event_reset(&monitor->events[kind]);
        count++;
    }
    call_reply_integer(call, count);
}

static void start_latency_doctor(struct call *call)
{
    latency_monitor_report(&introspection_of(call)->latency, &call->scratch);
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

/* The counts are cumulative: how many calls took at most so many microseconds. */
static void write_histogram(struct resp_writer writer, const struct command_counters *counters)
{
    uint64_t seen = 0;
    size_t buckets = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        buckets += counters->latency[i] > 0;
    resp_writer_map(writer, 2);
    resp_writer_bulk(writer, slice_text("calls"));
    resp_writer_integer(writer, (int64_t)counters->calls);
    resp_writer_bulk(writer, slice_text("histogram_usec"));
    resp_writer_map(writer, buckets);
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        if (counters->latency[i] == 0)
            continue;
        seen += counters->latency[i];
        resp_writer_integer(writer, (int64_t)1 << i);
        resp_writer_integer(writer, (int64_t)seen);
    }
}

static bool histogram_wanted(const struct call *call, uint32_t number)
{
    if (introspection_of(call)->commands[number].calls == 0)
        return false;
    for (uint32_t i = 2; i < call->argument_count; i++) {
        if (command_find(call_argument(call, i)) == (int)number)
            return true;
    }
    return call->argument_count == 2;
}

static void start_latency_histogram(struct call *call)
{
    size_t count = 0;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        count += histogram_wanted(call, i);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, count);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (!histogram_wanted(call, i))
            continue;
        resp_writer_bulk(writer, slice_text(command_at(i)->name));
        write_histogram(writer, &introspection_of(call)->commands[i]);
    }
    call_finish(call);
}

/* ---- rows ---- */

const struct command command_time = {
    .name = "time",
    .group = "server",
    .since = "2.6.0",
    .summary = "The clock of this node: seconds since 1970, and microseconds.",
    .complexity = "O(1)",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .start = start_time,
};

const struct command command_lolwut = {
    .name = "lolwut",
    .group = "server",
    .since = "5.0.0",
    .summary = "Draws the ring.",
    .complexity = "O(1)",
    .syntax = "[VERSION version]",
    .arity = -1,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .start = start_lolwut,
};

#define ADMIN_ROW(word, inside, handler, version, count, more_flags, arguments, tip, what)         \
    {                                                                                              \
        .name = word, .container = inside, .group = "server", .since = version, .summary = what,   \
        .complexity = "O(N) in what is shown.", .syntax = arguments, .tips = tip, .arity = count,  \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE | (more_flags), .start = handler, \
    }

static const struct command slowlog_subcommands[] = {
    ADMIN_ROW("get", "slowlog", start_slowlog_get, "2.2.12", -2, 0, "[count]",
              "request_policy:all_nodes nondeterministic_output",
              "The slowest requests of this node, newest first."),
    HELP_ROW("slowlog", "6.2.0", 0),
    ADMIN_ROW("len", "slowlog", start_slowlog_len, "2.2.12", 2, 0, "",
              "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
              "How many requests the slow log has."),
    ADMIN_ROW("reset", "slowlog", start_slowlog_reset, "2.2.12", 2, 0, "",
              "request_policy:all_nodes response_policy:all_succeeded", "Empties the slow log."),
    {0},
};

const struct command command_slowlog = {
    .name = "slowlog",
    .group = "server",
    .since = "2.2.12",
    .summary = "Requests of this node that took longer than slowlog-log-slower-than.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = slowlog_subcommands,
};

#define LATENCY_TIPS "nondeterministic_output request_policy:all_nodes response_policy:special"

static const struct command latency_subcommands[] = {
    ADMIN_ROW("doctor", "latency", start_latency_doctor, "2.8.13", 2, COMMAND_NOSCRIPT, "",
              LATENCY_TIPS, "What was slow at this node, and what to look at."),
    HELP_ROW("latency", "2.8.13", 0),
    ADMIN_ROW("histogram", "latency", start_latency_histogram, "7.0.0", -2, COMMAND_NOSCRIPT,
              "[command [command ...]]", LATENCY_TIPS,
              "How long calls of commands took at this node."),
    ADMIN_ROW("history", "latency", start_latency_history, "2.8.13", 3, COMMAND_NOSCRIPT, "event",
              LATENCY_TIPS,
              "When an event took latency-monitor-threshold or longer, and how long: the worst of "
              "each second."),
    ADMIN_ROW("latest", "latency", start_latency_latest, "2.8.13", 2, COMMAND_NOSCRIPT, "",
              LATENCY_TIPS,
              "The last time and the worst of each event: command, fast-command, and the stages "
              "gather, mint, quorum and forward."),
    ADMIN_ROW("reset", "latency", start_latency_reset, "2.8.13", -2, COMMAND_NOSCRIPT,
              "[event [event ...]]", "request_policy:all_nodes response_policy:all_succeeded",
              "Forgets events, and says how many had happened."),
    {0},
};

const struct command command_latency = {
    .name = "latency",
    .group = "server",
    .since = "2.8.13",
    .summary = "How long commands took at this node.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = latency_subcommands,
};

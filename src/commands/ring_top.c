/*
 * ring_top.c - RING.TOP: the keys that clients of this node ask for most, or write most to.
 *
 * Of this node alone, and of what its own clients asked (node/key_traffic.h). A key is cut after
 * KEY_SKETCH_KEY_BYTES; `length` is that of all of it. Counts are of samples, and beside that too
 * large by `error` at most.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/server_version.h"
#include "node/key_traffic.h"

enum { ROWS_DEFAULT = 16 };

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

/* False: the error is sent. */
static bool take_count(struct call *call, size_t *count)
{
    uint64_t number = ROWS_DEFAULT;
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return false;
    }
    if (call->argument_count == 3 && (!parse_unsigned(call_argument(call, 2), &number) ||
                                      number == 0 || number > KEY_SKETCH_ROWS)) {
        call_reply_error(call, "ERR count is a number from 1 to %d", KEY_SKETCH_ROWS);
        return false;
    }
    if (call_environment(call)->traffic == NULL) {
        call_reply_error(call, "ERR this node counts no keys");
        return false;
    }
    *count = (size_t)number;
    return true;
}

enum { KEY_FIELDS = 3 };

static void write_key(struct resp_writer writer, const struct key_sketch_row *row)
{
    resp_writer_bulk(writer, slice_text("key"));
    resp_writer_bulk(writer, key_sketch_key(row));
    write_number(writer, "length", row->key_length);
    write_number(writer, "keyspace", keyspace_number(row->keyspace));
}

static void start_keys(struct call *call)
{
    struct key_traffic_row rows[KEY_SKETCH_ROWS];
    uint64_t total, took_us;
    size_t count;
    if (!take_count(call, &count))
        return;
    count = key_traffic_requests(call_environment(call)->traffic, call_now(call).mono_us, rows,
                                 count, &total, &took_us);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 3);
    write_number(writer, "ms", took_us / 1000);
    write_number(writer, "requests", total);
    resp_writer_bulk(writer, slice_text("keys"));
    resp_writer_array(writer, count);
    for (size_t i = 0; i < count; i++) {
        resp_writer_map(writer, KEY_FIELDS + 3);
        write_key(writer, rows[i].key);
        write_number(writer, "requests", rows[i].requests);
        write_number(writer, "writes", rows[i].writes);
        write_number(writer, "error", rows[i].error);
    }
    call_finish(call);
}

static void start_written(struct call *call)
{
    const struct key_sketch_row *rows[KEY_SKETCH_ROWS];
    const struct key_traffic *traffic = call_environment(call)->traffic;
    size_t count;
    if (!take_count(call, &count))
        return;
    count = key_traffic_written(traffic, rows, count);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 2);
    write_number(writer, "bytes", traffic->written.total);
    resp_writer_bulk(writer, slice_text("keys"));
    resp_writer_array(writer, count);
    for (size_t i = 0; i < count; i++) {
        resp_writer_map(writer, KEY_FIELDS + 2);
        write_key(writer, rows[i]);
        write_number(writer, "bytes", rows[i]->weight);
        write_number(writer, "error", rows[i]->error);
    }
    call_finish(call);
}

#define TOP_ROW(word, what)                                                                        \
    {                                                                                              \
        .name = #word, .container = "ring.top", .group = "server", .since = RINGDB_SINCE_FIRST,    \
        .summary = what, .complexity = "O(1).", .syntax = "[count]",                               \
        .tips = "nondeterministic_output", .arity = -2,                                            \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,           \
    }

static const struct command ring_top_subcommands[] = {
    HELP_ROW("ring.top", RINGDB_SINCE_FIRST, 0),
    TOP_ROW(keys, "Keys that clients of this node asked for most in the last 10 to 20 seconds."),
    TOP_ROW(written, "Keys that clients of this node wrote most bytes to since its start."),
    {0},
};

const struct command command_ring_top = {
    .name = "ring.top",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Keys that stand out at this node.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = ring_top_subcommands,
};

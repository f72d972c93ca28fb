/*
 * inspect.c - what a key holds: TYPE, OBJECT, and MEMORY with its report on the node.
 *
 * Redis' encodings describe its memory. OBJECT ENCODING says what Redis would choose
 * for the value, for tools that look at it; times and counts of access are not kept,
 * and asking for them is an error.
 */
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/element_sample.h"
#include "commands/help.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum {
    EMBEDDED_BYTES_MAX = 44, /* up to here Redis keeps a string with its header */
    INTEGER_DIGITS_MAX = 20,
    CELL_OVERHEAD_BYTES = 64 /* a cell beside key and value: dot, time, context, checksum */
};

static void take_type(struct call *call, const struct key_outcome *outcome)
{
    call_reply_simple(call,
                      outcome->visible ? "string" : collection_type_name(outcome->collection));
}

static void start_type(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 1), take_type);
}

static void take_encoding(struct call *call, const struct key_outcome *outcome)
{
    int64_t number;
    if (outcome->collection != COLLECTION_NONE)
        element_reply_encoding(call, outcome->collection, 2);
    else if (!outcome->visible)
        call_reply_null(call);
    else if (outcome->value.length <= INTEGER_DIGITS_MAX && parse_integer(outcome->value, &number))
        call_reply_bulk(call, slice_text("int"));
    else
        call_reply_bulk(call,
                        slice_text(outcome->value.length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw"));
}

static bool is_there(const struct key_outcome *outcome)
{
    return outcome->visible || outcome->collection != COLLECTION_NONE;
}

static void take_frequency(struct call *call, const struct key_outcome *outcome)
{
    if (!is_there(outcome))
        call_reply_null(call);
    else
        call_reply_error(call, "ERR An LFU maxmemory policy is not selected, access frequency not "
                               "tracked. Please note that when switching between policies at "
                               "runtime LRU and LFU data will take some time to adjust.");
}

static void take_idle_time(struct call *call, const struct key_outcome *outcome)
{
    if (!is_there(outcome))
        call_reply_null(call);
    else
        call_reply_error(call, "ERR idle time is not tracked");
}

static void take_reference_count(struct call *call, const struct key_outcome *outcome)
{
    if (is_there(outcome))
        call_reply_integer(call, 1);
    else
        call_reply_null(call);
}

static void start_encoding(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 2), take_encoding);
}

static void start_freq(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 2), take_frequency);
}

static void start_idletime(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 2), take_idle_time);
}

static void start_refcount(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 2), take_reference_count);
}

static void take_usage(struct call *call, const struct key_outcome *outcome)
{
    size_t key_bytes = call_argument(call, 2).length;
    if (outcome->collection != COLLECTION_NONE)
        element_reply_usage(call, outcome->collection, 2);
    else if (outcome->visible)
        call_reply_integer(call,
                           (int64_t)(key_bytes + outcome->value.length + CELL_OVERHEAD_BYTES));
    else
        call_reply_null(call);
}

static void start_usage(struct call *call)
{
    int64_t samples;
    for (uint32_t i = 3; i < call->argument_count; i += 2) {
        if (!call_argument_is(call, i, "samples") || i + 1 == call->argument_count) {
            call_reply_syntax_error(call);
            return;
        }
        if (!parse_integer(call_argument(call, i + 1), &samples)) {
            call_reply_not_an_integer(call);
            return;
        }
        if (samples < 0) {
            call_reply_syntax_error(call);
            return;
        }
    }
    call->takes_collections = true;
    call_read(call, call_argument(call, 2), take_usage);
}

static void start_doctor(struct call *call)
{
    call_reply_verbatim(call,
                        slice_text("Values are kept on disk; memory holds caches and requests, "
                                   "each bounded by a setting.\nCONFIG GET * shows the bounds, "
                                   "INFO memory what is in use.\n"));
}

/* The lines of the host's memory section, as names and numbers. */
static void start_stats(struct call *call)
{
    struct environment *environment = call_environment(call);
    struct buffer lines = {0};
    uint32_t count = 0;
    if (environment->host_information != NULL)
        environment->host_information(environment->host, "memory", &lines);
    struct slice left = buffer_slice(&lines);
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    while (left.length > 0) {
        const uint8_t *end = memchr(left.data, '\n', left.length);
        size_t length = end == NULL ? left.length : (size_t)(end - left.data);
        size_t text = length > 0 && left.data[length - 1] == '\r' ? length - 1 : length;
        const uint8_t *colon = memchr(left.data, ':', text);
        uint64_t number;
        if (colon != NULL &&
            parse_unsigned(slice_make(colon + 1, (size_t)(left.data + text - colon - 1)),
                           &number)) {
            resp_writer_bulk(body, slice_make(left.data, (size_t)(colon - left.data)));
            resp_writer_integer(body, (int64_t)number);
            count++;
        }
        size_t used = end == NULL ? length : length + 1;
        left = slice_make(left.data + used, left.length - used);
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    buffer_deinit(&lines);
    call_finish(call);
}

const struct command command_type = {
    .name = "type",
    .group = "generic",
    .since = "1.0.0",
    .summary = "The type of the value of a key.",
    .complexity = "O(1)",
    .syntax = "key",
    .arity = 2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RO, 1, 0, 1}},
    .start = start_type,
};

#define OBJECT_ROW(word, number, what)                                                             \
    {                                                                                              \
        .name = #word, .container = "object", .group = "generic", .since = number,                 \
        .summary = what, .complexity = "O(1)", .syntax = "key", .tips = "nondeterministic_output", \
        .arity = 3, .flags = COMMAND_READONLY, .categories = CATEGORY_KEYSPACE,                    \
        .keys = {{KEY_FLAG_RO, 2, 0, 1}}, .start = start_##word,                                   \
    }

static const struct command object_subcommands[] = {
    OBJECT_ROW(encoding, "2.2.3",
               "How Redis would keep the value: int, embstr, raw, listpack, intset or hashtable."),
    OBJECT_ROW(freq, "4.0.0", "An error: how often a key is used is not tracked."),
    HELP_ROW("object", "6.2.0", CATEGORY_KEYSPACE),
    OBJECT_ROW(idletime, "2.2.3", "An error: when a key was used is not tracked."),
    OBJECT_ROW(refcount, "2.2.3", "1 when the key has a value."),
    {0},
};

const struct command command_object = {
    .name = "object",
    .group = "generic",
    .since = "2.2.3",
    .summary = "Looks at how a value is kept.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = object_subcommands,
};

static const struct command memory_subcommands[] = {
    {.name = "doctor",
     .container = "memory",
     .group = "server",
     .since = "4.0.0",
     .summary = "Says where memory goes.",
     .complexity = "O(1)",
     .syntax = "",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     .arity = 2,
     .start = start_doctor},
    HELP_ROW("memory", "4.0.0", 0),
    {.name = "stats",
     .container = "memory",
     .group = "server",
     .since = "4.0.0",
     .summary = "Numbers about the memory of this node.",
     .complexity = "O(1)",
     .syntax = "",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     .arity = 2,
     .start = start_stats},
    {.name = "usage",
     .container = "memory",
     .group = "server",
     .since = "4.0.0",
     .summary = "About how many bytes a key and its value take at one owner.",
     .complexity = "O(1); of a collection O(N) in the number of its elements.",
     .syntax = "key [SAMPLES count]",
     .arity = -3,
     .flags = COMMAND_READONLY,
     .keys = {{KEY_FLAG_RO, 2, 0, 1}},
     .start = start_usage},
    {0},
};

const struct command command_memory = {
    .name = "memory",
    .group = "server",
    .since = "4.0.0",
    .summary = "Looks at what memory is used for.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = memory_subcommands,
};

/*
 * strings.c - commands on one string: each is one key request, and its answer the outcome.
 *
 * What a write depends on (NX, XX, the value that GETSET returns, the length after
 * APPEND) is decided by the owner that coordinates it, in causal/register.h; here the
 * words of the request become a mutation and the outcome becomes a reply.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/expiry.h"

/* false: the error is sent. */
static bool value_fits(struct call *call, struct slice value)
{
    uint32_t maximum = call_value_bytes_max(call);
    if (value.length <= maximum)
        return true;
    call_reply_error(call, "TOOLARGE a value has at most %u bytes; nothing was written", maximum);
    return false;
}

/* ---- answers ---- */

static void take_value(struct call *call, const struct key_outcome *outcome)
{
    if (outcome->visible)
        call_reply_bulk(call, outcome->value);
    else
        call_reply_null(call);
}

static void take_length(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->visible ? (int64_t)outcome->value.length : 0);
}

static void take_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->number);
}

static void take_written_ok(struct call *call, const struct key_outcome *outcome)
{
    if (outcome->written)
        call_reply_ok(call);
    else
        call_reply_null(call);
}

static void take_written_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->written ? 1 : 0);
}

/* ---- GET and SET ---- */

static void start_get(struct call *call)
{
    call_read(call, call_argument(call, 1), take_value);
}

static void start_strlen(struct call *call)
{
    call_read(call, call_argument(call, 1), take_length);
}

struct set_options {
    struct mutation mutation;
    bool has_expiry;    /* the same unit may be given again; the last time counts */
    uint32_t expiry_at; /* argument with the time */
    struct expiry_unit unit;
};

/* One option of SET at `*at`; false: it cannot stand there. */
static bool parse_set_option(struct call *call, uint32_t *at, struct set_options *out)
{
    uint16_t *flags = &out->mutation.flags;
    struct expiry_unit unit;
    if (call_argument_is(call, *at, "nx") && !(*flags & MUTATION_IF_PRESENT)) {
        *flags |= MUTATION_IF_ABSENT;
    } else if (call_argument_is(call, *at, "xx") && !(*flags & MUTATION_IF_ABSENT)) {
        *flags |= MUTATION_IF_PRESENT;
    } else if (call_argument_is(call, *at, "get")) {
        *flags |= MUTATION_RETURN_OLD;
    } else if (call_argument_is(call, *at, "keepttl") && !out->has_expiry) {
        *flags |= MUTATION_KEEP_EXPIRY;
    } else if (!(*flags & MUTATION_KEEP_EXPIRY) && *at + 1 < call->argument_count &&
               expiry_unit_of(call, *at, &unit) &&
               (!out->has_expiry ||
                (unit.seconds == out->unit.seconds && unit.absolute == out->unit.absolute))) {
        out->has_expiry = true;
        out->unit = unit;
        out->expiry_at = ++*at;
    } else {
        return false;
    }
    return true;
}

static void start_set(struct call *call)
{
    struct set_options options = {.mutation = {.operation = REGISTER_SET}};
    for (uint32_t at = 3; at < call->argument_count; at++) {
        if (!parse_set_option(call, &at, &options)) {
            call_reply_syntax_error(call);
            return;
        }
    }
    struct mutation *mutation = &options.mutation;
    if (options.has_expiry &&
        !expiry_parse(call, options.expiry_at, options.unit, &mutation->expire_at_ms))
        return;
    mutation->value = call_argument(call, 2);
    if (!value_fits(call, mutation->value))
        return;
    call_write(call, call_argument(call, 1), mutation,
               mutation->flags & MUTATION_RETURN_OLD ? take_value : take_written_ok);
}

static void start_setnx(struct call *call)
{
    struct mutation mutation = {
        .operation = REGISTER_SET, .flags = MUTATION_IF_ABSENT, .value = call_argument(call, 2)};
    if (value_fits(call, mutation.value))
        call_write(call, call_argument(call, 1), &mutation, take_written_number);
}

static void set_with_expiry(struct call *call, struct expiry_unit unit)
{
    struct mutation mutation = {.operation = REGISTER_SET, .value = call_argument(call, 3)};
    if (expiry_parse(call, 2, unit, &mutation.expire_at_ms) && value_fits(call, mutation.value))
        call_write(call, call_argument(call, 1), &mutation, take_written_ok);
}

static void start_setex(struct call *call)
{
    set_with_expiry(call, (struct expiry_unit){.seconds = true});
}

static void start_psetex(struct call *call)
{
    set_with_expiry(call, (struct expiry_unit){0});
}

static void start_getset(struct call *call)
{
    struct mutation mutation = {
        .operation = REGISTER_SET, .flags = MUTATION_RETURN_OLD, .value = call_argument(call, 2)};
    if (value_fits(call, mutation.value))
        call_write(call, call_argument(call, 1), &mutation, take_value);
}

static void start_getdel(struct call *call)
{
    struct mutation mutation = {.operation = REGISTER_DELETE, .flags = MUTATION_RETURN_OLD};
    call_write(call, call_argument(call, 1), &mutation, take_value);
}

static void start_getex(struct call *call)
{
    struct mutation mutation = {.flags = MUTATION_RETURN_OLD};
    struct expiry_unit unit;
    if (call->argument_count == 2) {
        call_read(call, call_argument(call, 1), take_value);
        return;
    }
    if (call->argument_count == 3 && call_argument_is(call, 2, "persist")) {
        mutation.operation = REGISTER_PERSIST;
    } else if (call->argument_count == 4 && expiry_unit_of(call, 2, &unit)) {
        mutation.operation = REGISTER_EXPIRE;
        if (!expiry_parse(call, 3, unit, &mutation.expire_at_ms))
            return;
    } else {
        call_reply_syntax_error(call);
        return;
    }
    call_write(call, call_argument(call, 1), &mutation, take_value);
}

/* ---- parts of a value ---- */

static void start_append(struct call *call)
{
    struct mutation mutation = {.operation = REGISTER_APPEND, .value = call_argument(call, 2)};
    call->grows_value = true;
    if (mutation.value.length > call_value_bytes_max(call))
        call_reply_error(call, STRING_TOO_LONG);
    else
        call_write(call, call_argument(call, 1), &mutation, take_number);
}

static void start_setrange(struct call *call)
{
    int64_t offset;
    uint64_t maximum = call_value_bytes_max(call);
    struct slice value = call_argument(call, 3);
    call->grows_value = true;
    if (!parse_integer(call_argument(call, 2), &offset)) {
        call_reply_not_an_integer(call);
    } else if (offset < 0) {
        call_reply_error(call, "ERR offset is out of range");
    } else if (value.length == 0) {
        call_read(call, call_argument(call, 1), take_length); /* nothing to write */
    } else if ((uint64_t)offset > maximum || value.length > maximum - (uint64_t)offset) {
        call_reply_error(call, STRING_TOO_LONG);
    } else {
        struct mutation mutation = {
            .operation = REGISTER_SET_RANGE, .offset = (uint64_t)offset, .value = value};
        call_write(call, call_argument(call, 1), &mutation, take_number);
    }
}

/* Both ends belong to the range; negative ones count from the end of the value. */
static struct slice range_of(struct slice value, int64_t first, int64_t last)
{
    int64_t length = (int64_t)value.length;
    if (first < 0 && last < 0 && first > last)
        return slice_make(NULL, 0);
    if (first < 0)
        first = first < -length ? 0 : first + length;
    if (last < 0)
        last = last < -length ? 0 : last + length;
    if (last >= length)
        last = length - 1;
    if (length == 0 || first > last)
        return slice_make(NULL, 0);
    return slice_make(value.data + first, (size_t)(last - first + 1));
}

static void take_range(struct call *call, const struct key_outcome *outcome)
{
    const int64_t *ends = call->work;
    call_reply_bulk(call, outcome->visible ? range_of(outcome->value, ends[0], ends[1])
                                           : slice_make(NULL, 0));
}

static void start_getrange(struct call *call)
{
    int64_t *ends = call_work(call, 2 * sizeof *ends);
    if (!parse_integer(call_argument(call, 2), &ends[0]) ||
        !parse_integer(call_argument(call, 3), &ends[1]))
        call_reply_not_an_integer(call);
    else
        call_read(call, call_argument(call, 1), take_range);
}

/* ---- rows ---- */

const struct command command_get = {
    .name = "get",
    .group = "string",
    .since = "1.0.0",
    .summary = "The value of a key.",
    .complexity = "O(1)",
    .syntax = "key",
    .arity = 2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_get,
};

const struct command command_set = {
    .name = "set",
    .group = "string",
    .since = "1.0.0",
    .summary = "Sets a key to a value, under a condition and with an expiry if wanted. NX and XX "
               "hold for what the owners asked have seen.",
    .complexity = "O(1)",
    .syntax = "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds "
              "| PXAT unix-time-milliseconds | KEEPTTL]",
    .arity = -3,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE | KEY_FLAG_VARIABLE, 1, 0, 1}},
    .start = start_set,
};

const struct command command_setnx = {
    .name = "setnx",
    .group = "string",
    .since = "1.0.0",
    .summary = "Sets a key that has no value yet.",
    .complexity = "O(1)",
    .syntax = "key value",
    .arity = 3,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_INSERT, 1, 0, 1}},
    .start = start_setnx,
};

const struct command command_setex = {
    .name = "setex",
    .group = "string",
    .since = "2.0.0",
    .summary = "Sets a key that expires after some seconds.",
    .complexity = "O(1)",
    .syntax = "key seconds value",
    .arity = 4,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_setex,
};

const struct command command_psetex = {
    .name = "psetex",
    .group = "string",
    .since = "2.6.0",
    .summary = "Sets a key that expires after some milliseconds.",
    .complexity = "O(1)",
    .syntax = "key milliseconds value",
    .arity = 4,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_psetex,
};

const struct command command_getset = {
    .name = "getset",
    .group = "string",
    .since = "1.0.0",
    .summary = "Sets a key and answers the value before.",
    .complexity = "O(1)",
    .syntax = "key value",
    .arity = 3,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_getset,
};

const struct command command_getdel = {
    .name = "getdel",
    .group = "string",
    .since = "6.2.0",
    .summary = "Deletes a key and answers the value before.",
    .complexity = "O(1)",
    .syntax = "key",
    .arity = 2,
    .context = true,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE, 1, 0, 1}},
    .start = start_getdel,
};

const struct command command_getex = {
    .name = "getex",
    .group = "string",
    .since = "6.2.0",
    .summary = "Answers the value of a key and changes its expiry.",
    .complexity = "O(1)",
    .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
              "PXAT unix-time-milliseconds | PERSIST]",
    .arity = -2,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_getex,
};

const struct command command_append = {
    .name = "append",
    .group = "string",
    .since = "2.0.0",
    .summary = "Adds bytes to the end of a value. Of two at the same time at different owners "
               "one may be lost.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key value",
    .arity = 3,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_INSERT, 1, 0, 1}},
    .start = start_append,
};

const struct command command_setrange = {
    .name = "setrange",
    .group = "string",
    .since = "2.2.0",
    .summary = "Writes bytes into a value from an offset on. Of two at the same time at "
               "different owners one may be lost.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key offset value",
    .arity = 4,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_setrange,
};

const struct command command_strlen = {
    .name = "strlen",
    .group = "string",
    .since = "2.2.0",
    .summary = "The length of a value in bytes.",
    .complexity = "O(1)",
    .syntax = "key",
    .arity = 2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO, 1, 0, 1}},
    .start = start_strlen,
};

const struct command command_getrange = {
    .name = "getrange",
    .group = "string",
    .since = "2.4.0",
    .summary = "A part of a value.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key start end",
    .arity = 4,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_getrange,
};

const struct command command_substr = {
    .name = "substr",
    .group = "string",
    .since = "1.0.0",
    .summary = "A part of a value; the old name of GETRANGE.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key start end",
    .arity = 4,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_getrange,
};

/*
 * bitmaps.c - strings as rows of bits: SETBIT GETBIT BITCOUNT BITPOS BITFIELD BITFIELD_RO.
 *
 * A bit is a part of its string, so of two changes at the same time at different owners the later
 * one wins with its whole string, as with SETRANGE. Arguments are checked in Redis' order,
 * which looks at the key before it looks at some of them.
 */
#include "causal/bits.h"
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"

#define OFFSET_ERROR "ERR bit offset is not an integer or out of range"

static void take_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->number);
}

/* A place within a value of the longest length; false: the error is sent. */
static bool parse_offset(struct call *call, struct slice text, uint64_t unit, uint64_t *out)
{
    uint64_t maximum = (uint64_t)call_environment(call)->settings->value_bytes_max * 8;
    int64_t offset;
    if (parse_integer(text, &offset) && offset >= 0 && (uint64_t)offset < maximum / unit + 1 &&
        (uint64_t)offset * unit < maximum) {
        *out = (uint64_t)offset * unit;
        return true;
    }
    call_reply_error(call, OFFSET_ERROR);
    return false;
}

/* ---- one bit ---- */

static void start_setbit(struct call *call)
{
    struct mutation mutation = {.operation = REGISTER_SET_BIT, .value = call_argument(call, 3)};
    int64_t bit;
    if (!parse_offset(call, call_argument(call, 2), 1, &mutation.offset))
        return;
    if (!parse_integer(mutation.value, &bit) || (bit & ~INT64_C(1)) != 0)
        call_reply_error(call, "ERR bit is not an integer or out of range");
    else
        call_write(call, call_argument(call, 1), &mutation, take_number);
}

static void take_bit(struct call *call, const struct key_outcome *outcome)
{
    const uint64_t *offset = call->work;
    call_reply_integer(call, outcome->visible && bits_get(outcome->value, *offset));
}

static void start_getbit(struct call *call)
{
    uint64_t *offset = call_work(call, sizeof *offset);
    if (parse_offset(call, call_argument(call, 2), 1, offset))
        call_read(call, call_argument(call, 1), take_bit);
}

/* ---- ranges ---- */

/* BYTE or BIT; false: the error is sent. */
static bool parse_unit(struct call *call, uint32_t index, int64_t *bits)
{
    *bits = call_argument_is(call, index, "bit") ? 1 : 8;
    if (*bits == 1 || call_argument_is(call, index, "byte"))
        return true;
    call_reply_syntax_error(call);
    return false;
}

/* Ends that count from the back, in units of `bits`, as bits; false: the range is empty. */
static bool place_range(struct slice value, int64_t bits, int64_t *first, int64_t *last)
{
    int64_t count = (int64_t)(value.length * 8) / bits;
    if (*first < 0)
        *first = *first < -count ? 0 : *first + count;
    if (*last < 0)
        *last = *last < -count ? 0 : *last + count;
    if (*last >= count)
        *last = count - 1;
    if (*first > *last)
        return false;
    *first *= bits;
    *last = *last * bits + bits - 1;
    return true;
}

static void take_count(struct call *call, const struct key_outcome *outcome)
{
    int64_t first = 0, last = -1, bits = 8;
    if (!outcome->visible) {
        call_reply_integer(call, 0);
        return;
    }
    if (call->argument_count == 3 || call->argument_count > 5) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count > 3 && (!parse_integer(call_argument(call, 2), &first) ||
                                     !parse_integer(call_argument(call, 3), &last))) {
        call_reply_not_an_integer(call);
        return;
    }
    if (first < 0 && last < 0 && first > last) {
        call_reply_integer(call, 0);
        return;
    }
    if (call->argument_count == 5 && !parse_unit(call, 4, &bits))
        return;
    call_reply_integer(call,
                       place_range(outcome->value, bits, &first, &last)
                           ? (int64_t)bits_count(outcome->value, (uint64_t)first, (uint64_t)last)
                           : 0);
}

static void start_bitcount(struct call *call)
{
    call_read(call, call_argument(call, 1), take_count);
}

/* A string goes on with zeros, unless the range was given an end. */
static void reply_position(struct call *call, struct slice value, bool bit, int64_t bits,
                           int64_t first, int64_t last)
{
    bool has_end = call->argument_count >= 5;
    if (!place_range(value, bits, &first, &last)) {
        call_reply_integer(call, -1);
        return;
    }
    int64_t found = bits_find(value, bit, (uint64_t)first, (uint64_t)last);
    call_reply_integer(call, found < 0 && !bit && !has_end ? last + 1 : found);
}

static void take_position(struct call *call, const struct key_outcome *outcome)
{
    const bool *bit = call->work;
    int64_t first = 0, last = -1, bits = 8;
    if (!outcome->visible) {
        call_reply_integer(call, *bit ? -1 : 0);
        return;
    }
    if (call->argument_count > 6) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count > 3 && !parse_integer(call_argument(call, 3), &first)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (call->argument_count == 6 && !parse_unit(call, 5, &bits))
        return;
    if (call->argument_count > 4 && !parse_integer(call_argument(call, 4), &last)) {
        call_reply_not_an_integer(call);
        return;
    }
    reply_position(call, outcome->value, *bit, bits, first, last);
}

static void start_bitpos(struct call *call)
{
    bool *bit = call_work(call, sizeof *bit);
    int64_t wanted;
    if (!parse_integer(call_argument(call, 2), &wanted)) {
        call_reply_not_an_integer(call);
    } else if (wanted != 0 && wanted != 1) {
        call_reply_error(call, "ERR The bit argument must be 1 or 0.");
    } else {
        *bit = wanted == 1;
        call_read(call, call_argument(call, 1), take_position);
    }
}

/* ---- BITFIELD ---- */

/* i1..i64 and u1..u63; false: the error is sent. */
static bool parse_encoding(struct call *call, struct slice text, struct bit_step *step)
{
    uint64_t width;
    step->is_signed = text.length > 0 && text.data[0] == 'i';
    if (text.length > 1 && (step->is_signed || text.data[0] == 'u') &&
        parse_unsigned(slice_make(text.data + 1, text.length - 1), &width) && width >= 1 &&
        width <= (step->is_signed ? 64u : 63u)) {
        step->width = (uint8_t)width;
        return true;
    }
    call_reply_error(call, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is "
                           "not supported but i64 is.");
    return false;
}

static bool parse_field_offset(struct call *call, struct slice text, struct bit_step *step)
{
    bool counts_fields = text.length > 0 && text.data[0] == '#';
    if (counts_fields)
        text = slice_make(text.data + 1, text.length - 1);
    return parse_offset(call, text, counts_fields ? step->width : 1, &step->offset);
}

static bool parse_overflow(struct call *call, uint32_t index, uint8_t *out)
{
    if (call_argument_is(call, index, "wrap"))
        *out = BIT_WRAP;
    else if (call_argument_is(call, index, "sat"))
        *out = BIT_SATURATE;
    else if (call_argument_is(call, index, "fail"))
        *out = BIT_FAIL;
    else {
        call_reply_error(call, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* The step that begins at `*at`, which is moved behind it; false: the error is sent. */
static bool parse_step(struct call *call, uint32_t *at, struct bit_step *step)
{
    uint32_t left = call->argument_count - *at - 1;
    if (call_argument_is(call, *at, "get") && left >= 2) {
        step->operation = BIT_GET;
    } else if (call_argument_is(call, *at, "set") && left >= 3) {
        step->operation = BIT_SET;
    } else if (call_argument_is(call, *at, "incrby") && left >= 3) {
        step->operation = BIT_INCREMENT;
    } else {
        call_reply_syntax_error(call);
        return false;
    }
    step->number = 0;
    if (!parse_encoding(call, call_argument(call, *at + 1), step) ||
        !parse_field_offset(call, call_argument(call, *at + 2), step))
        return false;
    *at += 3;
    if (step->operation == BIT_GET)
        return true;
    if (parse_integer(call_argument(call, (*at)++), &step->number))
        return true;
    call_reply_not_an_integer(call);
    return false;
}

/* Append the program of the request to call->scratch; false: the error is sent. */
static bool parse_program(struct call *call, bool *writes)
{
    uint8_t overflow = BIT_WRAP;
    for (uint32_t at = 2; at < call->argument_count;) {
        struct bit_step step = {.overflow = overflow};
        if (call_argument_is(call, at, "overflow") && at + 1 < call->argument_count) {
            if (!parse_overflow(call, at + 1, &overflow))
                return false;
            at += 2;
            continue;
        }
        if (!parse_step(call, &at, &step))
            return false;
        *writes = *writes || step.operation != BIT_GET;
        bit_step_encode(&step, &call->scratch);
    }
    return true;
}

static void reply_results(struct call *call, struct slice results)
{
    enum { RESULT_BYTES = 9 };
    struct reader reader = reader_make(results);
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, (uint32_t)(results.length / RESULT_BYTES));
    while (reader_left(&reader) > 0 && !reader.failed) {
        struct bit_result result;
        bit_result_decode(&reader, &result);
        if (result.failed)
            resp_writer_null(writer);
        else
            resp_writer_integer(writer, result.number);
    }
    call_finish(call);
}

static void take_written_fields(struct call *call, const struct key_outcome *outcome)
{
    reply_results(call, outcome->value);
}

static void take_fields(struct call *call, const struct key_outcome *outcome)
{
    struct buffer value = {0}, results = {0};
    if (outcome->visible)
        buffer_append_slice(&value, outcome->value);
    if (bits_run(buffer_slice(&call->scratch), UINT32_MAX, &value, &results) == STATUS_OK)
        reply_results(call, buffer_slice(&results));
    else
        call_reply_syntax_error(call);
    buffer_deinit(&value);
    buffer_deinit(&results);
}

static void start_bitfield(struct call *call)
{
    bool writes = false;
    if (!parse_program(call, &writes))
        return;
    if (writes && call->command == &command_bitfield_ro) {
        call_reply_error(call, "ERR BITFIELD_RO only supports the GET subcommand");
    } else if (writes) {
        struct mutation mutation = {.operation = REGISTER_BIT_FIELD,
                                    .value = buffer_slice(&call->scratch)};
        call->grows_value = true;
        call_write(call, call_argument(call, 1), &mutation, take_written_fields);
    } else {
        call_read(call, call_argument(call, 1), take_fields);
    }
}

/* ---- rows ---- */

#define LATER_WINS "Of two changes of a string at the same time at different owners the later wins."

const struct command command_setbit = {
    .name = "setbit",
    .group = "bitmap",
    .since = "2.2.0",
    .summary = "Sets a bit of a string and answers what it was. " LATER_WINS,
    .complexity = "O(N) in the length of the string.",
    .syntax = "key offset value",
    .arity = 4,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_setbit,
};

const struct command command_getbit = {
    .name = "getbit",
    .group = "bitmap",
    .since = "2.2.0",
    .summary = "A bit of a string; behind its end there are zeros.",
    .complexity = "O(N) in the length of the string.",
    .syntax = "key offset",
    .arity = 3,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_getbit,
};

const struct command command_bitcount = {
    .name = "bitcount",
    .group = "bitmap",
    .since = "2.6.0",
    .summary = "How many bits of a string, or of a part of it, are ones.",
    .complexity = "O(N) in the length of the string.",
    .syntax = "key [start end [BYTE | BIT]]",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_bitcount,
};

const struct command command_bitpos = {
    .name = "bitpos",
    .group = "bitmap",
    .since = "2.8.7",
    .summary = "The first bit of a kind in a string, or in a part of it.",
    .complexity = "O(N) in the length of the string.",
    .syntax = "key bit [start] [end] [BYTE | BIT]",
    .arity = -3,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_bitpos,
};

const struct command command_bitfield = {
    .name = "bitfield",
    .group = "bitmap",
    .since = "3.2.0",
    .summary = "Reads and writes numbers of any width in a string, as many as are given, in one "
               "step. " LATER_WINS,
    .complexity = "O(N) in the length of the string.",
    .syntax =
        "key [GET encoding offset] [OVERFLOW <WRAP | SAT | FAIL>] [SET encoding offset value] "
        "[INCRBY encoding offset increment]",
    .arity = -2,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE | KEY_FLAG_VARIABLE, 1, 0, 1}},
    .start = start_bitfield,
};

const struct command command_bitfield_ro = {
    .name = "bitfield_ro",
    .group = "bitmap",
    .since = "6.0.0",
    .summary = "Reads numbers of any width in a string, as many as are given.",
    .complexity = "O(N) in the length of the string.",
    .syntax = "key [GET encoding offset]",
    .arity = -2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_bitfield,
};

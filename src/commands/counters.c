/*
 * counters.c - INCR DECR INCRBY DECRBY INCRBYFLOAT: increments that merge (causal/counter.h).
 *
 * Each is one key request; the owner that coordinates it adds to what its read quorum shows.
 * What is answered is the sum that it saw: two clients at two owners that cannot see each
 * other may get the same number, and both increments count.
 */
#include <inttypes.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"

static void take_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->number);
}

static void take_sum(struct call *call, const struct key_outcome *outcome)
{
    call_reply_bulk(call, outcome->value);
}

static void increment(struct call *call, int64_t amount)
{
    buffer_printf(&call->scratch, "%" PRId64, amount);
    struct mutation mutation = {.operation = REGISTER_INCREMENT,
                                .value = buffer_slice(&call->scratch)};
    call_write(call, call_argument(call, 1), &mutation, take_number);
}

static void start_incr(struct call *call)
{
    increment(call, 1);
}

static void start_decr(struct call *call)
{
    increment(call, -1);
}

static void start_incrby(struct call *call)
{
    int64_t amount;
    if (parse_integer(call_argument(call, 2), &amount))
        increment(call, amount);
    else
        call_reply_not_an_integer(call);
}

static void start_decrby(struct call *call)
{
    int64_t amount;
    if (!parse_integer(call_argument(call, 2), &amount))
        call_reply_not_an_integer(call);
    else if (amount == INT64_MIN)
        call_reply_error(call, "ERR decrement would overflow");
    else
        increment(call, -amount);
}

static void start_incrbyfloat(struct call *call)
{
    struct mutation mutation = {.operation = REGISTER_INCREMENT,
                                .flags = MUTATION_DECIMAL,
                                .value = call_argument(call, 2)};
    decimal amount;
    call->adds_decimal = true;
    switch (decimal_parse(mutation.value, &amount)) {
    case DECIMAL_TEXT_OK:
        call_write(call, call_argument(call, 1), &mutation, take_sum);
        break;
    case DECIMAL_TEXT_BAD:
        call_reply_error(call, NOT_A_FLOAT);
        break;
    case DECIMAL_TEXT_TOO_LARGE:
        call_reply_error(call, FLOAT_OVERFLOW);
        break;
    }
}

#define COUNTER_ROW(word, number, what, arguments, count)                                          \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "string",                                                                         \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = "O(1)",                                                                      \
        .syntax = arguments,                                                                       \
        .arity = count,                                                                            \
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,                                   \
        .categories = CATEGORY_STRING,                                                             \
        .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE, 1, 0, 1}},                      \
        .start = start_##word,                                                                     \
    }

COUNTER_ROW(incr, "1.0.0", "Adds one to a number. Increments at different owners all count.", "key",
            2);
COUNTER_ROW(decr, "1.0.0", "Takes one from a number. All count, as with INCR.", "key", 2);
COUNTER_ROW(incrby, "1.0.0", "Adds to a number. All count, as with INCR.", "key increment", 3);
COUNTER_ROW(decrby, "1.0.0", "Takes from a number. All count, as with INCR.", "key decrement", 3);
COUNTER_ROW(
    incrbyfloat, "2.6.0",
    "Adds to a number with a fraction: exact decimals, of 21 digits before the point and 17 "
    "behind it. All count, as with INCR.",
    "key increment", 3);

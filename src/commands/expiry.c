/*
 * expiry.c - EXPIRE, TTL and their like.
 *
 * A relative time becomes absolute here, by this node's clock, and travels with the
 * value; every reader compares it with its own clock. A clock that is wrong is replaced by
 * the time that the other nodes agree on (node/clock_fence.c), so all of them agree to
 * within max_clock_skew_ms on when a key is gone. 0 is "no expiry" inside, so a
 * time at or before 1970 becomes its first millisecond, which has passed just as well.
 */
#include "commands/expiry.h"

#include "commands/arguments.h"
#include "commands/command_list.h"
#include "ring/element_key.h"

static void reply_invalid_time(struct call *call)
{
    call_reply_error(call, "ERR invalid expire time in '%s' command", call->command->name);
}

bool expiry_unit_of(const struct call *call, uint32_t index, struct expiry_unit *out)
{
    struct slice word = call_argument(call, index);
    *out = (struct expiry_unit){
        .seconds = slice_is_word(word, "ex") || slice_is_word(word, "exat"),
        .absolute = slice_is_word(word, "exat") || slice_is_word(word, "pxat"),
    };
    return out->seconds || out->absolute || slice_is_word(word, "px");
}

/* Milliseconds since 1970; false: out of range. */
static bool to_absolute(struct call *call, int64_t value, struct expiry_unit unit, int64_t *out)
{
    int64_t base_ms = unit.absolute ? 0 : (int64_t)call_now(call).wall_ms;
    if (unit.seconds) {
        if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000)
            return false;
        value *= 1000;
    }
    if (value > INT64_MAX - base_ms)
        return false;
    *out = value + base_ms;
    return true;
}

bool expiry_parse(struct call *call, uint32_t index, struct expiry_unit unit,
                  uint64_t *expire_at_ms)
{
    int64_t value, at_ms;
    if (!parse_integer(call_argument(call, index), &value)) {
        call_reply_not_an_integer(call);
        return false;
    }
    if (value <= 0 || !to_absolute(call, value, unit, &at_ms)) {
        reply_invalid_time(call);
        return false;
    }
    *expire_at_ms = (uint64_t)at_ms;
    return true;
}

/* NX XX GT LT behind the time; false: the error is sent. */
static bool parse_conditions(struct call *call, uint16_t *flags)
{
    for (uint32_t i = 3; i < call->argument_count; i++) {
        if (call_argument_is(call, i, "nx")) {
            *flags |= MUTATION_EXPIRY_NX;
        } else if (call_argument_is(call, i, "xx")) {
            *flags |= MUTATION_EXPIRY_XX;
        } else if (call_argument_is(call, i, "gt")) {
            *flags |= MUTATION_EXPIRY_GT;
        } else if (call_argument_is(call, i, "lt")) {
            *flags |= MUTATION_EXPIRY_LT;
        } else {
            struct slice word = call_argument(call, i);
            call_reply_error(call, "ERR Unsupported option %.*s",
                             word.length > 128 ? 128 : (int)word.length, (const char *)word.data);
            return false;
        }
    }
    if ((*flags & MUTATION_EXPIRY_NX) && *flags != MUTATION_EXPIRY_NX) {
        call_reply_error(call,
                         "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*flags & MUTATION_EXPIRY_GT) && (*flags & MUTATION_EXPIRY_LT)) {
        call_reply_error(call, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

static void take_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->number);
}

static void expire(struct call *call, struct expiry_unit unit)
{
    struct mutation mutation = {.operation = REGISTER_EXPIRE};
    int64_t value, at_ms;
    if (!parse_conditions(call, &mutation.flags))
        return;
    if (!parse_integer(call_argument(call, 2), &value)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (!to_absolute(call, value, unit, &at_ms)) {
        reply_invalid_time(call);
        return;
    }
    mutation.expire_at_ms = at_ms < 1 ? 1 : (uint64_t)at_ms;
    call_write(call, call_argument(call, 1), &mutation, take_number);
}

static void start_expire(struct call *call)
{
    expire(call, (struct expiry_unit){.seconds = true});
}

static void start_pexpire(struct call *call)
{
    expire(call, (struct expiry_unit){0});
}

static void start_expireat(struct call *call)
{
    expire(call, (struct expiry_unit){.seconds = true, .absolute = true});
}

static void start_pexpireat(struct call *call)
{
    expire(call, (struct expiry_unit){.absolute = true});
}

static void start_persist(struct call *call)
{
    struct mutation mutation = {.operation = REGISTER_PERSIST};
    call_write(call, call_argument(call, 1), &mutation, take_number);
}

/* Redis rounds seconds to the nearest, both of what is left and of the time itself. */
static int64_t rounded_seconds(int64_t milliseconds)
{
    return (milliseconds + 500) / 1000;
}

static int64_t left_ms(struct call *call, const struct key_outcome *outcome)
{
    uint64_t now_ms = call_now(call).wall_ms;
    return outcome->expire_at_ms > now_ms ? (int64_t)(outcome->expire_at_ms - now_ms) : 0;
}

/* -2: no such key; -1: it has no expiry; 0: answer with the time. */
static int64_t without_time(const struct key_outcome *outcome)
{
    if (!outcome->visible && outcome->collection == COLLECTION_NONE)
        return -2;
    return outcome->expire_at_ms == 0 ? -1 : 0;
}

static void take_ttl(struct call *call, const struct key_outcome *outcome)
{
    int64_t none = without_time(outcome);
    call_reply_integer(call, none != 0 ? none : rounded_seconds(left_ms(call, outcome)));
}

static void take_pttl(struct call *call, const struct key_outcome *outcome)
{
    int64_t none = without_time(outcome);
    call_reply_integer(call, none != 0 ? none : left_ms(call, outcome));
}

static void take_expiretime(struct call *call, const struct key_outcome *outcome)
{
    int64_t none = without_time(outcome);
    call_reply_integer(call, none != 0 ? none : rounded_seconds((int64_t)outcome->expire_at_ms));
}

static void take_pexpiretime(struct call *call, const struct key_outcome *outcome)
{
    int64_t none = without_time(outcome);
    call_reply_integer(call, none != 0 ? none : (int64_t)outcome->expire_at_ms);
}

static void start_ttl(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 1), take_ttl);
}

static void start_pttl(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 1), take_pttl);
}

static void start_expiretime(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 1), take_expiretime);
}

static void start_pexpiretime(struct call *call)
{
    call->takes_collections = true;
    call_read(call, call_argument(call, 1), take_pexpiretime);
}

#define EXPIRE_ROW(word, number, what, argument)                                                   \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "generic",                                                                        \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = "O(1)",                                                                      \
        .syntax = "key " argument " [NX | XX | GT | LT]",                                          \
        .arity = -3,                                                                               \
        .repeatable = true,                                                                        \
        .flags = COMMAND_WRITE | COMMAND_FAST,                                                     \
        .categories = CATEGORY_KEYSPACE,                                                           \
        .keys = {{KEY_FLAG_RW | KEY_FLAG_UPDATE, 1, 0, 1}},                                        \
        .start = start_##word,                                                                     \
    }

#define TTL_ROW(word, number, what, tip)                                                           \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "generic",                                                                        \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = "O(1)",                                                                      \
        .syntax = "key",                                                                           \
        .tips = tip,                                                                               \
        .arity = 2,                                                                                \
        .flags = COMMAND_READONLY | COMMAND_FAST,                                                  \
        .categories = CATEGORY_KEYSPACE,                                                           \
        .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},                                        \
        .start = start_##word,                                                                     \
    }

EXPIRE_ROW(expire, "1.0.0", "Lets a key expire after some seconds.", "seconds");
EXPIRE_ROW(expireat, "1.2.0", "Lets a key expire at a time in seconds since 1970.",
           "unix-time-seconds");
EXPIRE_ROW(pexpire, "2.6.0", "Lets a key expire after some milliseconds.", "milliseconds");
EXPIRE_ROW(pexpireat, "2.6.0", "Lets a key expire at a time in milliseconds since 1970.",
           "unix-time-milliseconds");
TTL_ROW(ttl, "1.0.0", "Seconds until the key expires.", "nondeterministic_output");
TTL_ROW(pttl, "2.6.0", "Milliseconds until the key expires.", "nondeterministic_output");
TTL_ROW(expiretime, "7.0.0", "When the key expires, in seconds since 1970.", NULL);
TTL_ROW(pexpiretime, "7.0.0", "When the key expires, in milliseconds since 1970.", NULL);

const struct command command_persist = {
    .name = "persist",
    .group = "generic",
    .since = "2.2.0",
    .summary = "Removes the expiry of a key.",
    .complexity = "O(1)",
    .syntax = "key",
    .arity = 2,
    .repeatable = true,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_UPDATE, 1, 0, 1}},
    .start = start_persist,
};

/*
 * sorted_algebra.c - ZUNION, ZINTER, ZDIFF, what counts and what stores them.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "commands/set_algebra.h"
#include "commands/sorted_sets.h"

/* WEIGHTS with one number for each source; false: the error is sent. */
static bool parse_weights(struct call *call, uint32_t at, uint32_t count, double *weights)
{
    for (uint32_t i = 0; i < count; i++) {
        if (score_parse(call_argument(call, at + i), &weights[i]))
            continue;
        call_reply_error(call, "ERR weight value is not a float");
        return false;
    }
    return true;
}

static bool parse_aggregate(struct call *call, uint32_t at, struct set_algebra *wish)
{
    static const char *const words[] = {"sum", "min", "max"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (call_argument_is(call, at, words[i])) {
            wish->aggregate = (uint8_t)i;
            return true;
        }
    }
    call_reply_syntax_error(call);
    return false;
}

/* What may follow the keys; false: the error is sent. `weights` has room for each source. */
static bool parse_options(struct call *call, struct set_algebra *wish, double *weights)
{
    bool counts = wish->limit >= 0;
    bool combines = wish->operation != SET_DIFFERENCE && !counts;
    for (uint32_t at = wish->first + wish->count; at < call->argument_count; at++) {
        uint32_t left = call->argument_count - at;
        if (combines && left > wish->count && call_argument_is(call, at, "weights")) {
            if (!parse_weights(call, at + 1, wish->count, weights))
                return false;
            wish->weights = weights;
            at += wish->count;
        } else if (combines && left > 1 && call_argument_is(call, at, "aggregate")) {
            if (!parse_aggregate(call, ++at, wish))
                return false;
        } else if (!wish->stores && !counts && call_argument_is(call, at, "withscores")) {
            wish->with_scores = true;
        } else if (counts && left > 1 && call_argument_is(call, at, "limit")) {
            if (!parse_integer(call_argument(call, ++at), &wish->limit) || wish->limit < 0) {
                call_reply_error(call, "ERR LIMIT can't be negative");
                return false;
            }
        } else {
            call_reply_syntax_error(call);
            return false;
        }
    }
    return true;
}

static void start(struct call *call, enum set_operation operation, bool stores, bool counts)
{
    struct set_algebra wish = {.operation = (uint8_t)operation,
                               .sorted = true,
                               .stores = stores,
                               .first = stores ? 3 : 2,
                               .limit = counts ? 0 : -1};
    int64_t count;
    if (!parse_integer(call_argument(call, wish.first - 1), &count)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (count < 1) {
        call_reply_error(call, "ERR at least 1 input key is needed for '%s' command",
                         call->command->name);
        return;
    }
    if (count > (int64_t)call->argument_count - wish.first) {
        call_reply_syntax_error(call);
        return;
    }
    wish.count = (uint32_t)count;
    double *weights = memory_new(wish.count, sizeof *weights);
    if (parse_options(call, &wish, weights))
        set_algebra_start(call, &wish);
    free(weights);
}

static void start_zunion(struct call *call)
{
    start(call, SET_UNION, false, false);
}

static void start_zinter(struct call *call)
{
    start(call, SET_INTERSECTION, false, false);
}

static void start_zdiff(struct call *call)
{
    start(call, SET_DIFFERENCE, false, false);
}

static void start_zintercard(struct call *call)
{
    start(call, SET_INTERSECTION, false, true);
}

static void start_zunionstore(struct call *call)
{
    start(call, SET_UNION, true, false);
}

static void start_zinterstore(struct call *call)
{
    start(call, SET_INTERSECTION, true, false);
}

static void start_zdiffstore(struct call *call)
{
    start(call, SET_DIFFERENCE, true, false);
}

/* ---- rows ---- */

#define READ_ROW(word, number, what, cost, arguments)                                              \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "sorted-set",                                                                     \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = arguments,                                                                       \
        .arity = -3,                                                                               \
        .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS,                                          \
        .categories = CATEGORY_SORTEDSET,                                                          \
        .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS | KEYS_COUNTED, 1, 0, 1}},                         \
        .start = start_##word,                                                                     \
    }

#define STORE_ROW(word, number, what, cost, arguments)                                             \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "sorted-set",                                                                     \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = arguments,                                                                       \
        .arity = -4,                                                                               \
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS,                           \
        .categories = CATEGORY_SORTEDSET,                                                          \
        .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, 0, 1},                                         \
                 {KEY_FLAG_RO | KEY_FLAG_ACCESS | KEYS_COUNTED, 2, 0, 1}},                         \
        .start = start_##word,                                                                     \
    }

#define OF_SMALLEST "O(N*M) in the members of the smallest set and the number of sets."
#define OF_ALL      "O(N) in the members of all sets."
#define OF_FIRST    "O(N*M) in the members of the first set and the number of sets."
#define COMBINED                                                                                   \
    "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "           \
    "[WITHSCORES]"
#define STORED                                                                                     \
    "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "                             \
    "[AGGREGATE <SUM | MIN | MAX>]"

READ_ROW(zunion, "6.2.0",
         "The members of sets and sorted sets, with their scores together; at most 32 MiB.", OF_ALL,
         COMBINED);
READ_ROW(zinter, "6.2.0",
         "The members that all sets and sorted sets have, with their scores together; at most 32 "
         "MiB.",
         OF_SMALLEST, COMBINED);
READ_ROW(zdiff, "6.2.0", "The members of the first set that no other has; at most 32 MiB.",
         OF_FIRST, "numkeys key [key ...] [WITHSCORES]");
READ_ROW(zintercard, "7.0.0", "How many members all sets have; it counts up to LIMIT.", OF_SMALLEST,
         "numkeys key [key ...] [LIMIT limit]");
STORE_ROW(zunionstore, "2.0.0",
          "Stores what ZUNION gives in the place of a key. Not atomic: what is new is added, then "
          "the rest removed.",
          OF_ALL, STORED);
STORE_ROW(zinterstore, "2.0.0",
          "Stores what ZINTER gives in the place of a key. Not atomic, as ZUNIONSTORE.",
          OF_SMALLEST, STORED);
STORE_ROW(zdiffstore, "6.2.0",
          "Stores what ZDIFF gives in the place of a key. Not atomic, as ZUNIONSTORE.", OF_FIRST,
          "destination numkeys key [key ...]");

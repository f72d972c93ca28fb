/*
 * sorted_sets.c - sorted sets: a cell for each member, whose value is its score (causal/score.h).
 *
 * A member that is added wins over a removal that has not seen it, so each ZADD writes, also of a
 * score that is there. Of two scores set at once the newer is shown. ZINCRBY counts: increments at
 * different owners all add to the score that was set, as far as who set it had not seen them.
 */
#include "commands/sorted_sets.h"

#include <math.h>

#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "ring/element_key.h"

#define NO_INCREMENT                                                                               \
    "ERR a score is incremented as an exact decimal: neither it nor the increment may be "         \
    "infinite "                                                                                    \
    "or beyond 10^21"

void sorted_write_score(struct resp_writer writer, double score)
{
    uint8_t room[32];
    struct buffer text = buffer_on(room, sizeof room);
    score_format(score, &text);
    resp_writer_double_text(writer, buffer_slice(&text));
    buffer_deinit(&text);
}

static void ask_members(struct call *call, struct element_ask ask)
{
    ask.type = COLLECTION_ZSET;
    ask.step = 1;
    ask.count = call->argument_count - 2;
    elements_ask_arguments(call, ask);
}

/* ---- ZADD, ZINCRBY ---- */

struct adding {
    struct element_work work;
    bool changes; /* are counted, too */
};

static void take_added(struct call *call, const struct key_result *result)
{
    const struct adding *adding = call->work;
    const struct element_ask *ask = &adding->work.ask;
    int64_t count = 0;
    for (uint16_t i = 1; i < result->outcome_count; i++) {
        const struct key_outcome *outcome = &result->outcomes[i];
        struct slice score = ask->names[(i - 1u) * 2 + 1];
        if (outcome->written && !outcome->visible)
            count++;
        else if (outcome->written && adding->changes)
            count += score_of_value(outcome->value) != score_of_value(score);
    }
    call_reply_integer(call, count);
}

static void take_sum(struct call *call, const struct key_result *result)
{
    const struct key_outcome *outcome = &result->outcomes[1];
    if (outcome->written)
        sorted_write_score(call_writer(call), score_of_value(outcome->value));
    else
        resp_writer_null(call_writer(call));
    call_finish(call);
}

/* `names`: the member, behind it its score or increment. */
static void increment(struct call *call, const struct slice *names, uint16_t flags)
{
    double amount;
    if (!score_parse(names[1], &amount)) {
        call_reply_error(call, NOT_A_FLOAT);
        return;
    }
    if (isinf(amount)) {
        call_reply_error(call, NO_INCREMENT);
        return;
    }
    call->failed_sum = NO_INCREMENT;
    buffer_clear(&call->scratch);
    score_format(amount, &call->scratch);
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_WRITE,
                                             .type = COLLECTION_ZSET,
                                             .key = call_argument(call, 1),
                                             .names = names,
                                             .step = 1,
                                             .count = 1,
                                             .mutation = {.operation = REGISTER_INCREMENT,
                                                          .flags = flags | MUTATION_DECIMAL,
                                                          .value = buffer_slice(&call->scratch)},
                                             .take = take_sum});
}

/* Members in call->spare, each with its score as text, which stands in call->scratch. */
static bool put_pairs(struct call *call, uint32_t first, uint32_t count)
{
    size_t at = 0;
    buffer_clear(&call->scratch);
    buffer_clear(&call->spare);
    for (uint32_t i = 0; i < count; i++) {
        double score;
        if (!score_parse(call_argument(call, first + 2 * i), &score)) {
            call_reply_error(call, NOT_A_FLOAT);
            return false;
        }
        score_format(score, &call->scratch);
        buffer_put_u8(&call->scratch, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice member = call_argument(call, first + 2 * i + 1);
        struct slice score = slice_text((const char *)call->scratch.data + at);
        at += score.length + 1;
        buffer_append(&call->spare, &member, sizeof member);
        buffer_append(&call->spare, &score, sizeof score);
    }
    return true;
}

void sorted_add(struct call *call, uint16_t flags, bool changes, uint32_t count)
{
    struct adding *adding = call_work(call, sizeof *adding);
    adding->changes = changes;
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_WRITE,
                                             .type = COLLECTION_ZSET,
                                             .key = call_argument(call, 1),
                                             .names = (const struct slice *)call->spare.data,
                                             .step = 2,
                                             .count = count,
                                             .mutation = {.operation = REGISTER_SET,
                                                          .flags = flags | MUTATION_RETURN_OLD},
                                             .take = take_added});
}

enum { ADD_CHANGES = 1 << 14, ADD_INCREMENT = 1 << 15 }; /* beside flags of mutations */

/* Returns where the pairs begin; 0: the error is sent. */
static uint32_t parse_add(struct call *call, uint32_t *flags)
{
    static const struct {
        const char *word;
        uint32_t flag;
    } OPTIONS[] = {{"nx", MUTATION_IF_ABSENT}, {"xx", MUTATION_IF_PRESENT},
                   {"gt", MUTATION_SCORE_GT},  {"lt", MUTATION_SCORE_LT},
                   {"ch", ADD_CHANGES},        {"incr", ADD_INCREMENT}};
    const uint32_t compares = MUTATION_SCORE_GT | MUTATION_SCORE_LT;
    uint32_t at = 2;
    for (bool is = true; is && at < call->argument_count; at += is) {
        is = false;
        for (unsigned i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0] && !is; i++) {
            is = call_argument_is(call, at, OPTIONS[i].word);
            *flags |= is ? OPTIONS[i].flag : 0;
        }
    }
    uint32_t words = call->argument_count - at;
    bool nx = (*flags & MUTATION_IF_ABSENT) != 0;
    if (words == 0 || words % 2 != 0)
        call_reply_syntax_error(call);
    else if (nx && (*flags & MUTATION_IF_PRESENT) != 0)
        call_reply_error(call, "ERR XX and NX options at the same time are not compatible");
    else if ((*flags & compares) == compares || (nx && (*flags & compares) != 0))
        call_reply_error(call, "ERR GT, LT, and/or NX options at the same time are not compatible");
    else if ((*flags & ADD_INCREMENT) != 0 && words > 2)
        call_reply_error(call, "ERR INCR option supports a single increment-element pair");
    else
        return at;
    return 0;
}

static void start_zadd(struct call *call)
{
    uint32_t flags = 0;
    uint32_t first = parse_add(call, &flags);
    if (first == 0)
        return;
    uint32_t count = (call->argument_count - first) / 2;
    if (!put_pairs(call, first, count))
        return;
    uint16_t mutation_flags = (uint16_t)(flags & MUTATION_FLAGS_ALL);
    if ((flags & ADD_INCREMENT) != 0) {
        const struct slice pair[] = {call_argument(call, first + 1), call_argument(call, first)};
        call_work(call, sizeof(struct adding));
        buffer_clear(&call->spare);
        buffer_append(&call->spare, pair, sizeof pair);
        increment(call, (const struct slice *)call->spare.data, mutation_flags);
    } else {
        sorted_add(call, mutation_flags, (flags & ADD_CHANGES) != 0, count);
    }
}

static void start_zincrby(struct call *call)
{
    const struct slice pair[] = {call_argument(call, 3), call_argument(call, 2)};
    call_work(call, sizeof(struct adding));
    buffer_clear(&call->spare);
    buffer_append(&call->spare, pair, sizeof pair);
    increment(call, (const struct slice *)call->spare.data, 0);
}

static void start_zrem(struct call *call)
{
    ask_members(call, (struct element_ask){.mutation = {.operation = REGISTER_DELETE},
                                           .kind = KEY_ELEMENTS_WRITE,
                                           .take = elements_take_removed});
}

/* ---- reads of named members ---- */

static void write_score(struct resp_writer writer, const struct key_outcome *outcome)
{
    if (outcome->visible)
        sorted_write_score(writer, score_of_value(outcome->value));
    else
        resp_writer_null(writer);
}

static void take_score(struct call *call, const struct key_result *result)
{
    write_score(call_writer(call), &result->outcomes[1]);
    call_finish(call);
}

static void take_scores(struct call *call, const struct key_result *result)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, result->outcome_count - 1u);
    for (uint16_t i = 1; i < result->outcome_count; i++)
        write_score(writer, &result->outcomes[i]);
    call_finish(call);
}

static void start_zscore(struct call *call)
{
    ask_members(call, (struct element_ask){.kind = KEY_ELEMENTS_GET, .take = take_score});
}

static void start_zmscore(struct call *call)
{
    ask_members(call, (struct element_ask){.kind = KEY_ELEMENTS_GET, .take = take_scores});
}

/* ---- walks in no order ---- */

static void start_zcard(struct call *call)
{
    elements_list(call, COLLECTION_ZSET, false, false, elements_reply_count);
}

static void take_scanned(struct call *call, const struct key_outcome *outcome)
{
    struct element_scan *scan = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = RESP_VERSION_2};
    if (scan->has_pattern && !glob_matches(scan->pattern, outcome->key, false))
        return;
    resp_writer_bulk(writer, outcome->key);
    sorted_write_score(writer, score_of_value(outcome->value)); /* as text also in version 3 */
    scan->shown += 2;
}

static void start_zscan(struct call *call)
{
    elements_scan(call, COLLECTION_ZSET, take_scanned);
}

/* ---- rows ---- */

#define SORTED_WRITE (COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST)
#define SORTED_READ  (COMMAND_READONLY | COMMAND_FAST)
#define OF_MEMBERS   "O(N) in the number of members that are named."
#define OF_ALL       "O(N) in the number of members of the sorted set."

SORTED_ROW(
    zadd, "1.2.0",
    "Sets scores of members; how many are new. The newer of two scores wins, and one that is "
    "set wins over a removal that has not seen it.",
    OF_MEMBERS, "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]", -4,
    SORTED_WRITE, KEY_FLAG_RW | KEY_FLAG_UPDATE);
SORTED_ROW(zincrby, "1.2.0",
           "Adds to the score of a member: exact decimals, as INCRBYFLOAT. Increments at different "
           "owners all count.",
           "O(1)", "key increment member", 4, SORTED_WRITE,
           KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE);
SORTED_ROW(zrem, "1.2.0", "Removes members as far as they were seen; how many there were.",
           OF_MEMBERS, "key member [member ...]", -3, COMMAND_WRITE | COMMAND_FAST,
           KEY_FLAG_RW | KEY_FLAG_DELETE);
SORTED_ROW(zscore, "1.2.0", "The score of a member.", "O(1)", "key member", 3, SORTED_READ,
           KEY_FLAG_RO | KEY_FLAG_ACCESS);
SORTED_ROW(zmscore, "6.2.0", "The scores of several members, of one moment at each owner.",
           OF_MEMBERS, "key member [member ...]", -3, SORTED_READ, KEY_FLAG_RO | KEY_FLAG_ACCESS);
SORTED_ROW(zcard, "1.2.0",
           "How many members there are: exact at the level that was asked, by a walk over them.",
           OF_ALL, "key", 2, SORTED_READ, KEY_FLAG_RO);
SORTED_ROW(
    zscan, "2.8.0",
    "Some members with their scores from a cursor on, in no order, and the next cursor; 0 is "
    "the end. Any node continues any cursor.",
    "O(COUNT)", "key cursor [MATCH pattern] [COUNT count]", -3, COMMAND_READONLY,
    KEY_FLAG_RO | KEY_FLAG_ACCESS);

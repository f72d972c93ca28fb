/*
 * sorted_ranges.c - ZRANGE and all that it replaces, ZCOUNT, ZLEXCOUNT, ZRANK and ZREVRANK.
 */
#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "commands/sorted_sets.h"
#include "ring/element_key.h"

/* ---- bounds ---- */

/* "(" before a score leaves it out. */
static bool parse_bound(struct slice text, double *out, bool *without)
{
    *without = text.length > 0 && text.data[0] == '(';
    if (*without)
        text = slice_make(text.data + 1, text.length - 1);
    if (text.length == 0) { /* as strtod() takes it */
        *out = 0;
        return true;
    }
    return score_parse(text, out);
}

bool sorted_parse_scores(struct call *call, uint32_t min, uint32_t max, struct sorted_wish *wish)
{
    wish->range = SORTED_BY_SCORE;
    if (parse_bound(call_argument(call, min), &wish->min, &wish->without_min) &&
        parse_bound(call_argument(call, max), &wish->max, &wish->without_max))
        return true;
    call_reply_error(call, SORTED_NOT_A_RANGE);
    return false;
}

/* "-" and "+" are below and above all; `end` is the one that bounds nothing here. */
static bool parse_member(struct slice text, uint8_t end, struct slice *out, bool *has,
                         bool *without, bool *none)
{
    if (text.length == 1 && (text.data[0] == '-' || text.data[0] == '+')) {
        *none = *none || text.data[0] != end;
        return true;
    }
    if (text.length == 0 || (text.data[0] != '(' && text.data[0] != '['))
        return false;
    *without = text.data[0] == '(';
    *has = true;
    *out = slice_make(text.data + 1, text.length - 1);
    return true;
}

bool sorted_parse_members(struct call *call, uint32_t min, uint32_t max, struct sorted_wish *wish)
{
    bool none = false;
    wish->range = SORTED_BY_MEMBER;
    if (!parse_member(call_argument(call, min), '-', &wish->least, &wish->has_least,
                      &wish->without_min, &none) ||
        !parse_member(call_argument(call, max), '+', &wish->greatest, &wish->has_greatest,
                      &wish->without_max, &none)) {
        call_reply_error(call, "ERR min or max not valid string range item");
        return false;
    }
    if (none) { /* no member is above "+" */
        wish->range = SORTED_BY_SCORE;
        wish->min = 1;
    }
    return true;
}

bool sorted_parse_ranks(struct call *call, uint32_t start, uint32_t stop, int64_t *first,
                        int64_t *last)
{
    if (parse_integer(call_argument(call, start), first) &&
        parse_integer(call_argument(call, stop), last))
        return true;
    call_reply_not_an_integer(call);
    return false;
}

/* ---- ranges that are shown ---- */

struct range {
    struct sorted_selection selection;
    bool with_scores;
};

static void show(struct call *call)
{
    const struct range *range = call->work;
    struct resp_writer writer = call_writer(call);
    bool pairs = range->with_scores && call_version(call) == RESP_VERSION_3;
    struct slice member;
    double score;
    size_t at = 0, count = 0;
    while (sorted_next(&call->scratch, &at, &score, &member))
        count++;
    resp_writer_array(writer, range->with_scores && !pairs ? 2 * count : count);
    at = 0;
    while (sorted_next(&call->scratch, &at, &score, &member)) {
        if (pairs)
            resp_writer_array(writer, 2);
        resp_writer_bulk(writer, member);
        if (range->with_scores)
            sorted_write_score(writer, score);
    }
    call_finish(call);
}

/* How a command names its range: by which words, and what they may change. */
struct form {
    bool any; /* BYSCORE, BYLEX and REV may follow */
    uint8_t range;
    bool reversed;
};

struct options {
    bool with_scores;
    int64_t offset, limit; /* -1: no limit */
};

static bool has_more(const struct call *call, uint32_t at, uint32_t count)
{
    return at + count < call->argument_count;
}

/* false: the error is sent. */
static bool parse_options(struct call *call, struct form *form, struct options *options)
{
    bool names_range = false, names_way = false;
    for (uint32_t at = 4; at < call->argument_count; at++) {
        if (call_argument_is(call, at, "withscores")) {
            options->with_scores = true;
        } else if (call_argument_is(call, at, "limit") && has_more(call, at, 2)) {
            if (!sorted_parse_ranks(call, at + 1, at + 2, &options->offset, &options->limit))
                return false;
            at += 2;
        } else if (form->any && !names_way && call_argument_is(call, at, "rev")) {
            form->reversed = names_way = true;
        } else if (form->any && !names_range && call_argument_is(call, at, "bylex")) {
            form->range = SORTED_BY_MEMBER;
            names_range = true;
        } else if (form->any && !names_range && call_argument_is(call, at, "byscore")) {
            form->range = SORTED_BY_SCORE;
            names_range = true;
        } else {
            call_reply_syntax_error(call);
            return false;
        }
    }
    if (form->range == SORTED_ALL && options->limit != -1)
        call_reply_error(call, "ERR syntax error, LIMIT is only supported in combination with "
                               "either BYSCORE or BYLEX");
    else if (form->range == SORTED_BY_MEMBER && options->with_scores)
        call_reply_error(call,
                         "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    else
        return true;
    return false;
}

static void start_range(struct call *call, struct form form)
{
    struct options options = {.limit = -1};
    struct sorted_wish wish = {.key = call_argument(call, 1)};
    int64_t start, stop;
    struct range *range = call_work(call, sizeof *range);
    if (!parse_options(call, &form, &options))
        return;
    range->with_scores = options.with_scores;
    if (form.range == SORTED_ALL) {
        if (sorted_parse_ranks(call, 2, 3, &start, &stop))
            sorted_select_ranks(call, wish.key, start, stop, form.reversed, show);
        return;
    }
    uint32_t min = form.reversed ? 3 : 2, max = form.reversed ? 2 : 3;
    wish.reversed = form.reversed;
    wish.skip = options.offset < 0 ? UINT64_MAX : (uint64_t)options.offset; /* nothing */
    wish.keep = options.offset < 0 ? 0 : options.limit < 0 ? UINT64_MAX : (uint64_t)options.limit;
    if (form.range == SORTED_BY_SCORE ? sorted_parse_scores(call, min, max, &wish)
                                      : sorted_parse_members(call, min, max, &wish))
        sorted_select(call, &wish, show);
}

static void start_zrange(struct call *call)
{
    start_range(call, (struct form){.any = true});
}

static void start_zrangebyscore(struct call *call)
{
    start_range(call, (struct form){.range = SORTED_BY_SCORE});
}

static void start_zrangebylex(struct call *call)
{
    start_range(call, (struct form){.range = SORTED_BY_MEMBER});
}

static void start_zrevrange(struct call *call)
{
    start_range(call, (struct form){.reversed = true});
}

static void start_zrevrangebyscore(struct call *call)
{
    start_range(call, (struct form){.range = SORTED_BY_SCORE, .reversed = true});
}

static void start_zrevrangebylex(struct call *call)
{
    start_range(call, (struct form){.range = SORTED_BY_MEMBER, .reversed = true});
}

/* ---- how many ---- */

static void reply_met(struct call *call)
{
    const struct sorted_selection *selection = call->work;
    call_reply_integer(call, (int64_t)selection->met);
}

static void start_zcount(struct call *call)
{
    struct sorted_wish wish = {.key = call_argument(call, 1), .counts_all = true};
    call_work(call, sizeof(struct sorted_selection));
    if (sorted_parse_scores(call, 2, 3, &wish))
        sorted_select(call, &wish, reply_met);
}

static void start_zlexcount(struct call *call)
{
    struct sorted_wish wish = {.key = call_argument(call, 1), .counts_all = true};
    call_work(call, sizeof(struct sorted_selection));
    if (sorted_parse_members(call, 2, 3, &wish))
        sorted_select(call, &wish, reply_met);
}

struct rank {
    struct sorted_selection selection;
    bool reversed, found;
    double score;
};

static void take_own_score(struct call *call, const struct key_result *result)
{
    struct rank *rank = call->work;
    rank->found = result->outcomes[1].visible;
    rank->score = score_of_value(result->outcomes[1].value);
}

static void count_before(struct call *call)
{
    const struct rank *rank = call->work;
    if (!rank->found)
        call_reply_null(call);
    else
        sorted_select(call,
                      &(struct sorted_wish){.key = call_argument(call, 1),
                                            .reversed = rank->reversed,
                                            .range = SORTED_BEFORE,
                                            .score = rank->score,
                                            .member = call_argument(call, 2),
                                            .counts_all = true},
                      reply_met);
}

static void start_rank(struct call *call, bool reversed)
{
    struct rank *rank = call_work(call, sizeof *rank);
    rank->reversed = reversed;
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_GET,
                                             .type = COLLECTION_ZSET,
                                             .key = call_argument(call, 1),
                                             .names = call->arguments + 2,
                                             .step = 1,
                                             .count = 1,
                                             .take = take_own_score,
                                             .then = count_before});
}

static void start_zrank(struct call *call)
{
    start_rank(call, false);
}

static void start_zrevrank(struct call *call)
{
    start_rank(call, true);
}

/* ---- rows ---- */

#define READ_KEY   (KEY_FLAG_RO | KEY_FLAG_ACCESS)
#define READ_FAST  (COMMAND_READONLY | COMMAND_FAST)
#define OF_RANGE   "O(N) in the members of the range, those before an offset among them."
#define OF_PLACES  "O(N) in the members from the nearer end up to the last that is shown."
#define WITH_LIMIT "key min max [LIMIT offset count]"
#define AND_LIMIT  "key max min [LIMIT offset count]"

SORTED_ROW(zrange, "1.2.0",
           "A range of members, by place, score or name, read page by page; at most 32 MiB. While "
           "members count (ZINCRBY) and several owners are asked, a range costs as all members do.",
           OF_PLACES, "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
           -4, COMMAND_READONLY, READ_KEY);
SORTED_ROW(zrangebyscore, "1.0.5", "Members with scores in a range, as ZRANGE.", OF_RANGE,
           "key min max [WITHSCORES] [LIMIT offset count]", -4, COMMAND_READONLY, READ_KEY);
SORTED_ROW(zrangebylex, "2.8.9", "A range of members that all have one score, as ZRANGE.", OF_RANGE,
           WITH_LIMIT, -4, COMMAND_READONLY, READ_KEY);
SORTED_ROW(zrevrange, "1.2.0", "Members between two places, the highest score first.", OF_PLACES,
           "key start stop [WITHSCORES]", -4, COMMAND_READONLY, READ_KEY);
SORTED_ROW(zrevrangebyscore, "2.2.0", "Members with scores in a range, the highest first.",
           OF_RANGE, "key max min [WITHSCORES] [LIMIT offset count]", -4, COMMAND_READONLY,
           READ_KEY);
SORTED_ROW(zrevrangebylex, "2.8.9", "A range of members that all have one score, the last first.",
           OF_RANGE, AND_LIMIT, -4, COMMAND_READONLY, READ_KEY);
SORTED_ROW(zcount, "2.0.0",
           "How many members have scores in a range: exact at the level that was asked, by a walk "
           "over them.",
           OF_RANGE, "key min max", 4, READ_FAST, READ_KEY);
SORTED_ROW(zlexcount, "2.8.9", "How many members a range has, where all have one score.", OF_RANGE,
           "key min max", 4, READ_FAST, READ_KEY);
SORTED_ROW(zrank, "2.0.0", "How many members come before one, by a walk over them.",
           "O(N) in the number of members before it.", "key member", 3, READ_FAST, READ_KEY);
SORTED_ROW(zrevrank, "2.0.0", "How many members come behind one, by a walk over them.",
           "O(N) in the number of members behind it.", "key member", 3, READ_FAST, READ_KEY);

/*
 * sorted_removals.c - ZPOPMIN, ZPOPMAX, and ZREMRANGE...: members are selected, then removed by
 * name, as far as they were seen. A member that moved out of the range meanwhile goes, too.
 */
#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "commands/sorted_sets.h"
#include "ring/element_key.h"

/* ---- pops ---- */

enum { POP_TRIES_MAX = 10 };

struct pop {
    struct sorted_selection selection;
    bool one, reversed, popped;
    uint8_t tries;
    uint64_t count;
};

/* Only those that this request has removed are shown, so none to two clients of one owner. */
static void take_popped(struct call *call, const struct key_result *result)
{
    struct pop *pop = call->work;
    const struct element_ask *ask = &pop->selection.work.ask;
    uint64_t removed = 0;
    for (uint32_t i = 0; i < ask->count; i++)
        removed += result->outcomes[i + 1].written;
    pop->popped = removed > 0;
    if (!pop->popped && ask->count > 0)
        return;
    struct resp_writer writer = call_writer(call);
    bool pairs = !pop->one && call_version(call) == RESP_VERSION_3;
    resp_writer_array(writer, pairs ? removed : 2 * removed);
    for (uint32_t i = 0; i < ask->count; i++) {
        if (!result->outcomes[i + 1].written)
            continue;
        if (pairs)
            resp_writer_array(writer, 2);
        resp_writer_bulk(writer, ask->names[i]);
        sorted_write_score(writer, score_of_value(result->outcomes[i + 1].value));
    }
    call_finish(call);
}

static void select_popped(struct call *call);

static void popped(struct call *call)
{
    struct pop *pop = call->work;
    if (pop->popped)
        return;
    if (++pop->tries == POP_TRIES_MAX)
        call_reply_error(call, "TRYAGAIN others have removed each member that was found; nothing "
                               "was written");
    else
        select_popped(call); /* other clients have removed them meanwhile */
}

static void selected_popped(struct call *call)
{
    size_t at = 0;
    uint32_t count = 0;
    double score;
    struct slice member;
    buffer_clear(&call->spare);
    for (; sorted_next(&call->scratch, &at, &score, &member); count++)
        buffer_append(&call->spare, &member, sizeof member);
    if (count == 0) {
        resp_writer_array(call_writer(call), 0);
        call_finish(call);
        return;
    }
    elements_ask(call, &(struct element_ask){
                           .kind = KEY_ELEMENTS_WRITE,
                           .type = COLLECTION_ZSET,
                           .key = call_argument(call, 1),
                           .names = (const struct slice *)call->spare.data,
                           .step = 1,
                           .count = count,
                           .mutation = {.operation = REGISTER_DELETE, .flags = MUTATION_RETURN_OLD},
                           .take = take_popped,
                           .then = popped});
}

static void select_popped(struct call *call)
{
    const struct pop *pop = call->work;
    sorted_select(call,
                  &(struct sorted_wish){
                      .key = call_argument(call, 1), .reversed = pop->reversed, .keep = pop->count},
                  selected_popped);
}

static void start_pop(struct call *call, bool reversed)
{
    int64_t count = 1;
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count == 3 &&
        (!parse_integer(call_argument(call, 2), &count) || count < 0)) {
        call_reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    struct pop *pop = call_work(call, sizeof *pop);
    pop->one = call->argument_count == 2;
    pop->reversed = reversed;
    /* One more than fits: then there are too many, and that is refused. */
    pop->count = count > ELEMENTS_MAX ? ELEMENTS_MAX + 1 : (uint64_t)count;
    select_popped(call);
}

static void start_zpopmin(struct call *call)
{
    start_pop(call, false);
}

static void start_zpopmax(struct call *call)
{
    start_pop(call, true);
}

/* ---- ranges ---- */

struct removal {
    struct sorted_selection selection;
    size_t at; /* in call->scratch: what is removed already */
    uint64_t removed;
    bool written;
};

static void take_removed(struct call *call, const struct key_result *result)
{
    struct removal *removal = call->work;
    for (uint16_t i = 1; i < result->outcome_count; i++)
        removal->removed += result->outcomes[i].written;
    removal->written = true;
}

static void fail_removal(struct call *call, const struct key_result *result)
{
    struct removal *removal = call->work;
    struct buffer text = {0};
    removal->selection.work.over = true;
    if (!removal->written) {
        call_reply_failure(call, KEY_WRITE, result);
        return;
    }
    call_failure_text(KEY_WRITE, result, &text);
    call_reply_error(call, "UNCERTAIN removed=%llu members, for the others: %.*s",
                     (unsigned long long)removal->removed, (int)text.length,
                     (const char *)text.data);
    buffer_deinit(&text);
}

static void remove_more(struct call *call)
{
    struct removal *removal = call->work;
    struct sorted_selection *selection = &removal->selection;
    uint32_t count = 0;
    double score;
    while (count < SORTED_LOOKS_MAX &&
           sorted_next(&call->scratch, &removal->at, &score, &selection->looks[count]))
        count++;
    if (count == 0) {
        call_reply_integer(call, (int64_t)removal->removed);
        return;
    }
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_WRITE,
                                             .type = COLLECTION_ZSET,
                                             .key = call_argument(call, 1),
                                             .names = selection->looks,
                                             .step = 1,
                                             .count = count,
                                             .mutation = {.operation = REGISTER_DELETE},
                                             .take = take_removed,
                                             .fail = fail_removal,
                                             .then = remove_more});
}

static void start_zremrangebyscore(struct call *call)
{
    struct sorted_wish wish = {.key = call_argument(call, 1), .keep = UINT64_MAX};
    call_work(call, sizeof(struct removal));
    if (sorted_parse_scores(call, 2, 3, &wish))
        sorted_select(call, &wish, remove_more);
}

static void start_zremrangebylex(struct call *call)
{
    struct sorted_wish wish = {.key = call_argument(call, 1), .keep = UINT64_MAX};
    call_work(call, sizeof(struct removal));
    if (sorted_parse_members(call, 2, 3, &wish))
        sorted_select(call, &wish, remove_more);
}

static void start_zremrangebyrank(struct call *call)
{
    int64_t start, stop;
    call_work(call, sizeof(struct removal));
    if (sorted_parse_ranks(call, 2, 3, &start, &stop))
        sorted_select_ranks(call, call_argument(call, 1), start, stop, false, remove_more);
}

/* ---- rows ---- */

#define POP_COST    "O(N) in the number of members that are popped."
#define REMOVE_COST "O(N) in the number of members that are removed."
#define POP_FLAGS   (COMMAND_WRITE | COMMAND_FAST)
#define POP_KEY     (KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE)
#define REMOVE_KEY  (KEY_FLAG_RW | KEY_FLAG_DELETE)

SORTED_ROW(zpopmin, "5.0.0",
           "Removes members with the lowest scores and shows them. Two owners that cannot see each "
           "other may both show one.",
           POP_COST, "key [count]", -2, POP_FLAGS, POP_KEY);
SORTED_ROW(zpopmax, "5.0.0", "Removes members with the highest scores and shows them, as ZPOPMIN.",
           POP_COST, "key [count]", -2, POP_FLAGS, POP_KEY);
SORTED_ROW(zremrangebyscore, "1.2.0",
           "Removes the members with scores in a range, many at a time; how many there were.",
           REMOVE_COST, "key min max", 4, COMMAND_WRITE, REMOVE_KEY);
SORTED_ROW(zremrangebylex, "2.8.9", "Removes a range of members that all have one score.",
           REMOVE_COST, "key min max", 4, COMMAND_WRITE, REMOVE_KEY);
SORTED_ROW(zremrangebyrank, "2.0.0", "Removes the members between two places of the order.",
           "O(N+M) in the first place and the number of members that are removed.",
           "key start stop", 4, COMMAND_WRITE, REMOVE_KEY);

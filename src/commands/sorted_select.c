#include "commands/sorted_select.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "causal/score.h"
#include "commands/set_store.h"
#include "coordinator/order.h"
#include "ring/element_key.h"
#include "wire/record_order.h"

enum {
    PAGE_FIRST = 16, /* members; each page that follows has twice as many */
    PRUNED_FROM_BYTES = 1 << 20
};

/* A member of the page in call->spare: a state, its score as a number, its name with a length. */
enum { STANDS = 0, TO_LOOK_AT, IS_GONE };

struct item {
    uint64_t score;
    struct slice member;
};

/* ---- lists of members ---- */

static int compare(const struct item *a, const struct item *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return slice_compare(a->member, b->member);
}

static int compare_up(const void *a, const void *b)
{
    return compare(a, b);
}

static int compare_down(const void *a, const void *b)
{
    return compare(b, a);
}

static void sort(struct item *items, size_t count, bool reversed)
{
    if (count > 1)
        qsort(items, count, sizeof *items, reversed ? compare_down : compare_up);
}

static void append(struct buffer *list, const struct item *item)
{
    buffer_put_u64(list, item->score);
    buffer_put_bytes(list, item->member);
}

static bool next_item(const struct buffer *list, size_t *at, struct item *item)
{
    if (*at == list->length)
        return false;
    struct reader reader = reader_make(slice_make(list->data + *at, list->length - *at));
    item->score = reader_u64(&reader);
    item->member = reader_bytes(&reader);
    *at = (size_t)(item->member.data + item->member.length - list->data);
    return true;
}

bool sorted_next(const struct buffer *selected, size_t *at, double *score, struct slice *member)
{
    struct item item;
    bool any = next_item(selected, at, &item);
    if (any) {
        *score = score_of_order(item.score);
        *member = item.member;
    }
    return any;
}

void sorted_append(struct buffer *selected, double score, struct slice member)
{
    append(selected, &(struct item){.score = score_to_order(score), .member = member});
}

static struct item *items_of(const struct buffer *list, size_t *count)
{
    struct item item;
    size_t at = 0;
    *count = 0;
    while (next_item(list, &at, &item))
        ++*count;
    struct item *items = memory_new(*count + 1, sizeof *items);
    at = 0;
    for (size_t i = 0; i < *count; i++)
        next_item(list, &at, &items[i]);
    return items;
}

/* `list` gets the items in their order, as many as there are of [first, first + count). */
static void rewrite(struct buffer *list, const struct item *items, size_t total, uint64_t first,
                    uint64_t count, bool backwards)
{
    struct buffer made = {0};
    size_t end = first >= total ? 0 : count < total - first ? (size_t)(first + count) : total;
    for (size_t i = (size_t)first; i < end; i++)
        append(&made, &items[backwards ? end - 1 - (i - (size_t)first) : i]);
    buffer_deinit(list);
    *list = made;
}

void sorted_cut(struct call *call, uint64_t first, uint64_t count, bool reversed)
{
    size_t total;
    struct item *items = items_of(&call->scratch, &total);
    rewrite(&call->scratch, items, total, first, count, reversed);
    free(items);
}

void sorted_sort(struct call *call)
{
    size_t total;
    struct item *items = items_of(&call->scratch, &total);
    sort(items, total, false);
    rewrite(&call->scratch, items, total, 0, total, false);
    free(items);
}

struct placed {
    uint64_t place;
    struct item item;
};

static int compare_places(const void *a, const void *b)
{
    const struct placed *one = a, *other = b;
    return member_compare(one->place, one->item.member, other->place, other->item.member);
}

uint64_t sorted_by_place(struct call *call)
{
    size_t total;
    struct buffer made = {0};
    struct item *items = items_of(&call->scratch, &total);
    struct placed *placed = memory_new(total + 1, sizeof *placed);
    for (size_t i = 0; i < total; i++) {
        placed[i].item = items[i];
        placed[i].place = element_place(items[i].member, call_environment(call)->ring->seed);
    }
    if (total > 1)
        qsort(placed, total, sizeof *placed, compare_places);
    for (size_t i = 0; i < total; i++) {
        buffer_put_bytes(&made, placed[i].item.member);
        set_store_put_score(&made, score_of_order(placed[i].item.score));
    }
    buffer_deinit(&call->scratch);
    call->scratch = made;
    free(items);
    free(placed);
    return total;
}

/* ---- the range ---- */

enum side { BEFORE, WITHIN, BEHIND };

static enum side side_of(bool reversed, bool below, bool above)
{
    if (below)
        return reversed ? BEHIND : BEFORE;
    if (above)
        return reversed ? BEFORE : BEHIND;
    return WITHIN;
}

static enum side side_of_item(const struct sorted_wish *wish, const struct item *item)
{
    double score = score_of_order(item->score);
    int order;
    struct item bound = {.score = score_to_order(wish->score), .member = wish->member};
    switch ((enum sorted_range)wish->range) {
    case SORTED_BY_SCORE:
        return side_of(wish->reversed, wish->without_min ? score <= wish->min : score < wish->min,
                       wish->without_max ? score >= wish->max : score > wish->max);
    case SORTED_BY_MEMBER: {
        int least = slice_compare(item->member, wish->least);
        int greatest = slice_compare(item->member, wish->greatest);
        return side_of(wish->reversed,
                       wish->has_least && (wish->without_min ? least <= 0 : least < 0),
                       wish->has_greatest && (wish->without_max ? greatest >= 0 : greatest > 0));
    }
    case SORTED_BEFORE:
        order = compare(item, &bound);
        return (wish->reversed ? order > 0 : order < 0) ? WITHIN : BEHIND;
    case SORTED_ALL:
        break;
    }
    return WITHIN;
}

/* Where the first page begins; a range of members is looked for behind the score that all have. */
static void begin(struct call *call)
{
    struct sorted_selection *selection = call->work;
    const struct sorted_wish *wish = &selection->wish;
    selection->probes =
        wish->range == SORTED_BY_MEMBER && (wish->reversed ? wish->has_greatest : wish->has_least);
    if (wish->range != SORTED_BY_SCORE)
        return;
    if (wish->reversed)
        buffer_put_u64(&call->place, score_to_order(wish->max) + !wish->without_max);
    else
        buffer_put_u64(&call->place, score_to_order(wish->min) + wish->without_min);
}

static void begin_behind_score(struct call *call, uint64_t score)
{
    const struct sorted_selection *selection = call->work;
    const struct sorted_wish *wish = &selection->wish;
    buffer_clear(&call->place);
    buffer_put_u64(&call->place, score);
    buffer_append_slice(&call->place, wish->reversed ? wish->greatest : wish->least);
    if (wish->reversed && !wish->without_max)
        buffer_put_u8(&call->place, 0); /* the least name above it */
}

/* ---- selecting ---- */

static void finish(struct call *call)
{
    const struct sorted_selection *selection = call->work;
    if (elements_walk_failed(call))
        return;
    if (call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX)
        call_reply_error(call, "TOOLARGE the range has more than %u bytes; walk it with LIMIT",
                         ELEMENTS_ANSWER_BYTES_MAX);
    else
        selection->then(call);
}

static void consider(struct call *call, const struct item *item)
{
    struct sorted_selection *selection = call->work;
    const struct sorted_wish *wish = &selection->wish;
    enum side side = side_of_item(wish, item);
    selection->over = selection->over || side == BEHIND;
    if (side != WITHIN)
        return;
    if (selection->met++ >= wish->skip && selection->kept < wish->keep) {
        append(&call->scratch, item);
        selection->kept++;
    }
    selection->over = (selection->kept == wish->keep && !wish->counts_all) ||
                      call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX;
}

/* ---- a walk over all members ---- */

static void prune(struct call *call)
{
    const struct sorted_selection *selection = call->work;
    const struct sorted_wish *wish = &selection->wish;
    uint64_t wanted = wish->keep > UINT64_MAX - wish->skip ? UINT64_MAX : wish->skip + wish->keep;
    size_t total;
    struct item *items = items_of(&call->scratch, &total);
    sort(items, total, wish->reversed);
    rewrite(&call->scratch, items, total, 0, wanted, false);
    free(items);
}

static void take_any(struct call *call, const struct key_outcome *outcome)
{
    struct sorted_selection *selection = call->work;
    struct item item = {.score = score_to_order(score_of_value(outcome->value)),
                        .member = outcome->key};
    if (side_of_item(&selection->wish, &item) != WITHIN)
        return;
    selection->met++;
    if (selection->wish.keep == 0)
        return;
    append(&call->scratch, &item);
    if (call->scratch.length < selection->from_bytes)
        return;
    prune(call);
    selection->from_bytes = call->scratch.length * 2 + PRUNED_FROM_BYTES; /* when to do it again */
    selection->work.walk.stop = call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX;
}

static void walked(struct call *call)
{
    struct sorted_selection *selection = call->work;
    prune(call);
    sorted_cut(call, selection->wish.skip, selection->wish.keep, false);
    selection->kept = selection->met <= selection->wish.skip ? 0
                      : selection->met - selection->wish.skip < selection->wish.keep
                          ? selection->met - selection->wish.skip
                          : selection->wish.keep;
    finish(call);
}

static void walk_over_all(struct call *call)
{
    struct sorted_selection *selection = call->work;
    buffer_clear(&call->scratch);
    selection->met = selection->kept = 0;
    selection->from_bytes = PRUNED_FROM_BYTES;
    elements_walk(call, &(struct element_walk){.type = COLLECTION_ZSET,
                                               .key = selection->wish.key,
                                               .limit = ELEMENTS_PAGE,
                                               .take = take_any,
                                               .then = walked});
}

/* ---- a page in order ---- */

static void ask_page(struct call *call);

static struct slice place_from(const struct call *call)
{
    const struct sorted_selection *selection = call->work;
    return slice_make(call->place.data, selection->from_bytes);
}

static struct slice place_next(const struct call *call)
{
    const struct sorted_selection *selection = call->work;
    size_t from = selection->from_bytes;
    if (call->place.length == from)
        return slice_make(NULL, 0);
    return slice_make(call->place.data + from, call->place.length - from);
}

/* Whether the page is the one to show a member that has this score now. */
static bool belongs_here(const struct call *call, const struct item *item)
{
    const struct sorted_selection *selection = call->work;
    struct buffer name = {0};
    buffer_put_u64(&name, item->score);
    buffer_append_slice(&name, item->member);
    struct slice from = place_from(call), next = place_next(call);
    int begins = from.length == 0 ? 1 : slice_compare(buffer_slice(&name), from);
    int ends = slice_compare(buffer_slice(&name), next);
    buffer_deinit(&name);
    if (selection->wish.reversed)
        return (from.length == 0 || begins < 0) && (next.length == 0 || ends >= 0);
    return begins >= 0 && (next.length == 0 || ends < 0);
}

static bool next_of_page(const struct call *call, size_t *at, uint8_t *state, struct item *item)
{
    if (*at == call->spare.length)
        return false;
    *state = call->spare.data[(*at)++];
    return next_item(&call->spare, at, item);
}

static void go_on(struct call *call)
{
    struct sorted_selection *selection = call->work;
    struct slice next = place_next(call);
    if (selection->over || selection->work.walk.done) {
        finish(call);
        return;
    }
    memmove(call->place.data, next.data, next.length);
    call->place.length = next.length;
    ask_page(call);
}

static void take_members(struct call *call)
{
    struct sorted_selection *selection = call->work;
    struct item item;
    uint8_t state;
    size_t count = 0, at = 0;
    while (next_of_page(call, &at, &state, &item))
        count++;
    struct item *items = memory_new(count + 1, sizeof *items);
    count = at = 0;
    while (next_of_page(call, &at, &state, &item))
        if (state == STANDS && belongs_here(call, &item))
            items[count++] = item;
    sort(items, count, selection->wish.reversed);
    for (size_t i = 0; i < count && !selection->over; i++)
        if (i == 0 || compare(&items[i - 1], &items[i]) != 0) /* named by two scores, and has one */
            consider(call, &items[i]);
    free(items);
    go_on(call);
}

static void take_looks(struct call *call, const struct key_result *result)
{
    const struct sorted_selection *selection = call->work;
    for (uint32_t i = 0; i < selection->look_count; i++) {
        const struct key_outcome *outcome = &result->outcomes[i + 1];
        uint8_t *record = call->spare.data + selection->look_places[i];
        uint64_t score = score_to_order(score_of_value(outcome->value));
        record[0] = outcome->visible ? STANDS : IS_GONE;
        for (unsigned byte = 0; byte < sizeof score; byte++)
            record[1 + byte] = (uint8_t)(score >> (56 - 8 * byte));
    }
}

static void look(struct call *call)
{
    struct sorted_selection *selection = call->work;
    struct item item;
    uint8_t state;
    selection->look_count = 0;
    for (size_t at = selection->look_at;
         selection->look_count < SORTED_LOOKS_MAX && next_of_page(call, &at, &state, &item);
         selection->look_at = at) {
        if (state != TO_LOOK_AT)
            continue;
        selection->look_places[selection->look_count] = selection->look_at;
        selection->looks[selection->look_count++] = item.member;
    }
    if (selection->look_count == 0)
        take_members(call);
    else
        elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_GET,
                                                 .type = COLLECTION_ZSET,
                                                 .key = selection->wish.key,
                                                 .names = selection->looks,
                                                 .step = 1,
                                                 .count = selection->look_count,
                                                 .take = take_looks,
                                                 .then = look});
}

static void take_page(struct call *call, const struct key_outcome *outcome)
{
    struct reader reader = reader_make(outcome->key);
    if (outcome->number == ORDER_GOES_ON) {
        buffer_append_slice(&call->place, outcome->key);
        return;
    }
    struct item item = {.score = reader_u64(&reader)};
    item.member = reader_take(&reader, reader_left(&reader));
    buffer_put_u8(&call->spare, outcome->visible ? STANDS : TO_LOOK_AT);
    append(&call->spare, &item);
}

static void paged(struct call *call)
{
    struct sorted_selection *selection = call->work;
    struct element_walk *walk = &selection->work.walk;
    struct item first;
    uint8_t state;
    size_t at = 0;
    if (walk->failure.status == STATUS_OK && !walk->done && place_next(call).length == 0)
        walk->failure.status = STATUS_CORRUPT;
    if (walk->failure.status != STATUS_OK) {
        finish(call);
    } else if (walk->counts) {
        walk_over_all(call);
    } else if (selection->probes && next_of_page(call, &at, &state, &first)) {
        selection->probes = false;
        begin_behind_score(call, first.score);
        ask_page(call);
    } else {
        selection->look_at = 0;
        look(call);
    }
}

static void ask_page(struct call *call)
{
    struct sorted_selection *selection = call->work;
    buffer_clear(&call->spare);
    selection->from_bytes = call->place.length;
    elements_walk(call, &(struct element_walk){.type = COLLECTION_ZSET,
                                               .key = selection->wish.key,
                                               .ordered = true,
                                               .reversed = selection->wish.reversed,
                                               .from = place_from(call),
                                               .limit = selection->probes ? 1 : selection->limit,
                                               .one_page = true,
                                               .take = take_page,
                                               .then = paged});
    if (!selection->probes && selection->limit < ELEMENTS_PAGE)
        selection->limit *= 2;
}

void sorted_select(struct call *call, const struct sorted_wish *wish, call_next *then)
{
    struct sorted_selection *selection = call->work;
    if (!elements_keyspace_is_right(call, COLLECTION_ZSET))
        return;
    buffer_clear(&call->scratch);
    buffer_clear(&call->place);
    selection->wish = *wish;
    selection->then = then;
    selection->met = selection->kept = 0;
    selection->limit = wish->keep < PAGE_FIRST && wish->skip < PAGE_FIRST && !wish->counts_all
                           ? PAGE_FIRST
                           : ELEMENTS_PAGE;
    selection->over = wish->keep == 0 && !wish->counts_all; /* its type is looked at all the same */
    begin(call);
    ask_page(call);
}

/* ---- places ---- */

static void placed(struct call *call)
{
    const struct sorted_selection *selection = call->work;
    int64_t start = selection->start, stop = selection->stop;
    uint64_t kept = selection->kept;
    if (start < 0 && stop < 0) { /* it was walked from the other end */
        sorted_cut(call, 0, UINT64_MAX, true);
    } else if (stop < 0) {
        uint64_t last = (uint64_t)(-stop - 1);
        sorted_cut(call, 0, kept > last ? kept - last : 0, false);
    } else if (start < 0) {
        uint64_t from_end = (uint64_t)-start;
        uint64_t first = selection->met > from_end ? selection->met - from_end : 0;
        sorted_cut(call, first, UINT64_MAX, false);
    }
    selection->then_places(call);
}

void sorted_select_ranks(struct call *call, struct slice key, int64_t start, int64_t stop,
                         bool reversed, call_next *then)
{
    const int64_t FAR = INT64_C(1) << 62;
    struct sorted_selection *selection = call->work;
    struct sorted_wish wish = {.key = key, .reversed = reversed};
    start = start < -FAR ? -FAR : start > FAR ? FAR : start;
    stop = stop < -FAR ? -FAR : stop > FAR ? FAR : stop;
    selection->start = start;
    selection->stop = stop;
    selection->then_places = then;
    if (start < 0 && stop < 0) {
        wish.reversed = !reversed;
        wish.skip = (uint64_t)(-stop - 1);
        wish.keep = start > stop ? 0 : (uint64_t)(stop - start) + 1;
    } else if (stop < 0) {
        wish.skip = (uint64_t)start;
        wish.keep = UINT64_MAX;
    } else if (start < 0) {
        wish.keep = (uint64_t)stop + 1;
        wish.counts_all = true;
    } else {
        wish.skip = (uint64_t)start;
        wish.keep = start > stop ? 0 : (uint64_t)(stop - start) + 1;
    }
    sorted_select(call, &wish, placed);
}

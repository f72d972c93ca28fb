/*
 * set_algebra.c - SINTER, SUNION, SDIFF, what counts their results and what stores them.
 *
 * Members have the same place in every set (ring/element_key.h), and walks show them in its order:
 * so the sources are joined as sorted lists, a page of each at a time, wherever they lie. Of an
 * intersection a source is asked from the place on that the others have come to, so its cost
 * follows the smallest set and not the largest.
 * Source of the latter: Veldhuizen, "Leapfrog Triejoin", ICDT 2014, section 3.1.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/elements.h"
#include "commands/set_store.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum { PAGE_FIRST = 16 }; /* members; each page that follows the last has twice as many */

enum set_operation { SET_INTERSECTION, SET_UNION, SET_DIFFERENCE };

struct source {
    struct slice key;
    uint64_t place;    /* where the next page begins */
    uint32_t limit;    /* of it */
    bool done;         /* there is none */
    bool wrong;        /* an owner knows the key by another type, */
    bool seen;         /* which a look has not shown */
    size_t at, end;    /* names in call->spare that are not taken yet; */
    struct slice head; /* the first of them, and its place */
    uint64_t head_place;
    bool has_head;
};

struct algebra {
    struct set_store store; /* of its result */
    uint8_t operation;
    bool counts, stores;
    bool too_large;
    uint64_t limit; /* of a count; 0: none */
    uint64_t count;
    struct key_result failure;
    uint32_t source_count, hungry_count;
    uint32_t *hungry; /* sources that are asked */
    struct source *sources;
};

/* ---- sources ---- */

static void take_head(struct call *call, struct source *source)
{
    source->has_head = source->at < source->end;
    if (!source->has_head)
        return;
    source->head = member_at(&call->spare, &source->at);
    source->head_place = element_place(source->head, call_environment(call)->ring->seed);
}

static bool is_hungry(const struct source *source)
{
    return !source->has_head && !source->done;
}

/* What is not taken yet moves to the front; heads, too, for they lie there. */
static void make_room(struct call *call)
{
    struct algebra *algebra = call->work;
    struct buffer names = {0};
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        struct source *source = &algebra->sources[i];
        size_t begin = names.length;
        if (source->has_head)
            buffer_put_bytes(&names, source->head);
        size_t behind_head = names.length;
        if (source->end > source->at)
            buffer_append(&names, call->spare.data + source->at, source->end - source->at);
        source->at = source->has_head ? begin : behind_head;
        source->end = names.length;
    }
    buffer_deinit(&call->spare);
    call->spare = names;
}

static void make_page(struct call *call, uint32_t index, struct key_request *request)
{
    const struct algebra *algebra = call->work;
    const struct source *source = &algebra->sources[algebra->hungry[index]];
    collection_make_walk(call, source->key, COLLECTION_SET, source->place, source->limit, request);
    request->flags |= source->seen ? KEY_TYPE_SEEN : 0;
}

static void collect_page(struct call *call, uint32_t index, const struct key_result *result)
{
    struct algebra *algebra = call->work;
    struct source *source = &algebra->sources[algebra->hungry[index]];
    source->wrong = result->status == STATUS_WRONG_TYPE && !source->seen;
    if (source->wrong)
        return;
    if (!collection_page_leads_on(result, source->place)) {
        algebra->failure = collection_page_failure(result);
        call_scatter_stop(call);
        return;
    }
    source->at = call->spare.length;
    for (uint16_t i = 0; i < result->outcome_count; i++)
        buffer_put_bytes(&call->spare, result->outcomes[i].key);
    source->end = call->spare.length;
    source->place = result->next_position;
    source->done = result->scan_done;
    source->limit = source->limit * 2 < ELEMENTS_PAGE ? source->limit * 2 : ELEMENTS_PAGE;
    algebra->too_large = algebra->too_large || call->spare.length > ELEMENTS_ANSWER_BYTES_MAX;
    if (algebra->too_large)
        call_scatter_stop(call);
}

static void join(struct call *call);

static void look_at_wrong(struct call *call);

static void looked(struct call *call)
{
    struct algebra *algebra = call->work;
    struct type_seen seen = type_seen(call);
    if (seen.failure != NULL) {
        call_reply_failure(call, KEY_READ, seen.failure);
        return;
    }
    if (seen.string || (seen.type != COLLECTION_NONE && seen.type != COLLECTION_SET)) {
        call_reply_error(call, WRONG_TYPE);
        return;
    }
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        struct source *source = &algebra->sources[i];
        if (source->wrong && slice_equal(source->key, call->check.key)) {
            source->wrong = false;
            source->seen = true;
        }
    }
    look_at_wrong(call);
}

static void look_at_wrong(struct call *call)
{
    struct algebra *algebra = call->work;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        if (algebra->sources[i].wrong) {
            type_look(call, algebra->sources[i].key, looked);
            return;
        }
    }
    join(call);
}

static void paged(struct call *call)
{
    struct algebra *algebra = call->work;
    if (algebra->failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_READ, &algebra->failure);
        return;
    }
    if (algebra->too_large) {
        call_reply_error(call, "TOOLARGE the pages of %u sets have more than %u bytes",
                         algebra->source_count, ELEMENTS_ANSWER_BYTES_MAX);
        return;
    }
    for (uint32_t i = 0; i < algebra->source_count; i++)
        take_head(call, &algebra->sources[i]);
    look_at_wrong(call);
}

/* Ask for a page of each that has shown all of its last one. */
static void ask_sources(struct call *call)
{
    struct algebra *algebra = call->work;
    make_room(call);
    algebra->hungry_count = 0;
    for (uint32_t i = 0; i < algebra->source_count; i++)
        if (is_hungry(&algebra->sources[i]))
            algebra->hungry[algebra->hungry_count++] = i;
    call_scatter(call, algebra->hungry_count, make_page, collect_page, paged);
}

/* Nothing before that place is wanted of it any more. */
static void pass(struct call *call, struct source *source, uint64_t place, struct slice name)
{
    while (source->has_head && member_compare(source->head_place, source->head, place, name) < 0)
        take_head(call, source);
    if (is_hungry(source) && source->place < place) {
        source->place = place;
        source->limit = PAGE_FIRST;
    }
}

/* ---- the join ---- */

enum join_step {
    JOIN_SHOWN, /* the name is in the result */
    JOIN_PASSED,
    JOIN_HUNGRY, /* a source must be asked first */
    JOIN_OVER
};

static bool any_is_hungry(const struct algebra *algebra)
{
    for (uint32_t i = 0; i < algebra->source_count; i++)
        if (is_hungry(&algebra->sources[i]))
            return true;
    return false;
}

static enum join_step intersect(struct call *call, struct slice *name)
{
    struct algebra *algebra = call->work;
    const struct source *last = NULL;
    bool together = true;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct source *source = &algebra->sources[i];
        if (!source->has_head && source->done)
            return JOIN_OVER;
        if (source->has_head && (last == NULL || member_compare(source->head_place, source->head,
                                                                last->head_place, last->head) > 0))
            last = source;
    }
    if (last == NULL)
        return JOIN_HUNGRY;
    uint64_t place = last->head_place;
    *name = last->head;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        struct source *source = &algebra->sources[i];
        pass(call, source, place, *name);
        together = together && source->has_head && slice_equal(source->head, *name);
    }
    if (!together)
        return any_is_hungry(algebra) ? JOIN_HUNGRY : JOIN_PASSED;
    for (uint32_t i = 0; i < algebra->source_count; i++)
        take_head(call, &algebra->sources[i]);
    return JOIN_SHOWN;
}

static enum join_step unite(struct call *call, struct slice *name)
{
    struct algebra *algebra = call->work;
    const struct source *least = NULL;
    if (any_is_hungry(algebra))
        return JOIN_HUNGRY;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct source *source = &algebra->sources[i];
        if (source->has_head &&
            (least == NULL ||
             member_compare(source->head_place, source->head, least->head_place, least->head) < 0))
            least = source;
    }
    if (least == NULL)
        return JOIN_OVER;
    *name = least->head;
    for (uint32_t i = 0; i < algebra->source_count; i++)
        if (algebra->sources[i].has_head && slice_equal(algebra->sources[i].head, *name))
            take_head(call, &algebra->sources[i]);
    return JOIN_SHOWN;
}

static enum join_step subtract(struct call *call, struct slice *name)
{
    struct algebra *algebra = call->work;
    struct source *first = &algebra->sources[0];
    bool elsewhere = false, hungry = false;
    if (!first->has_head)
        return first->done ? JOIN_OVER : JOIN_HUNGRY;
    for (uint32_t i = 1; i < algebra->source_count; i++) {
        struct source *source = &algebra->sources[i];
        pass(call, source, first->head_place, first->head);
        hungry = hungry || is_hungry(source);
        elsewhere = elsewhere || (source->has_head && slice_equal(source->head, first->head));
    }
    if (hungry && !elsewhere)
        return JOIN_HUNGRY;
    *name = first->head;
    take_head(call, first);
    return elsewhere ? JOIN_PASSED : JOIN_SHOWN;
}

static void show(struct call *call, struct slice name)
{
    struct algebra *algebra = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    algebra->count++;
    if (algebra->counts)
        return;
    if (algebra->stores)
        buffer_put_bytes(&call->scratch, name);
    else
        resp_writer_bulk(writer, name);
    algebra->too_large = call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX;
}

static void finish(struct call *call)
{
    const struct algebra *algebra = call->work;
    if (algebra->too_large) {
        call_reply_error(call, "TOOLARGE the result has more than %u bytes%s",
                         ELEMENTS_ANSWER_BYTES_MAX, algebra->stores ? "; nothing was written" : "");
    } else if (algebra->stores) {
        set_store_begin(call, algebra->count);
    } else if (algebra->counts) {
        call_reply_integer(call, (int64_t)algebra->count);
    } else {
        struct resp_writer writer = call_writer(call);
        resp_writer_set(writer, algebra->count);
        buffer_append_slice(writer.out, buffer_slice(&call->scratch));
        call_finish(call);
    }
}

static void join(struct call *call)
{
    struct algebra *algebra = call->work;
    enum join_step step = JOIN_PASSED;
    while (step == JOIN_PASSED || step == JOIN_SHOWN) {
        struct slice name;
        bool full = algebra->limit > 0 && algebra->count == algebra->limit;
        if (full || algebra->too_large)
            break;
        step = algebra->operation == SET_UNION          ? unite(call, &name)
               : algebra->operation == SET_INTERSECTION ? intersect(call, &name)
                                                        : subtract(call, &name);
        if (step == JOIN_SHOWN)
            show(call, name);
    }
    if (step == JOIN_HUNGRY)
        ask_sources(call);
    else
        finish(call);
}

/* ---- arguments ---- */

static void start(struct call *call, enum set_operation operation, bool stores, uint32_t first,
                  uint32_t count, int64_t limit)
{
    if (!elements_keyspace_is_right(call, COLLECTION_SET))
        return;
    struct algebra *algebra;
    uint32_t stored = stores ? SET_STORED_AT_ONCE_MAX : 0;
    algebra = call_work(
        call, sizeof *algebra + count * (sizeof *algebra->sources + sizeof *algebra->hungry) +
                  stored * (sizeof *algebra->store.names + sizeof *algebra->store.removes));
    algebra->sources = (struct source *)(algebra + 1);
    algebra->store.names = (struct slice *)(algebra->sources + count);
    algebra->hungry = (uint32_t *)(algebra->store.names + stored);
    algebra->store.removes = (bool *)(algebra->hungry + count);
    algebra->operation = (uint8_t)operation;
    algebra->stores = stores;
    algebra->source_count = count;
    algebra->counts = limit >= 0;
    algebra->limit = algebra->counts ? (uint64_t)limit : 0;
    for (uint32_t i = 0; i < count; i++) {
        algebra->sources[i].key = call_argument(call, first + i);
        algebra->sources[i].limit = operation == SET_INTERSECTION ? PAGE_FIRST : ELEMENTS_PAGE;
    }
    ask_sources(call);
}

static void start_sinter(struct call *call)
{
    start(call, SET_INTERSECTION, false, 1, call->argument_count - 1, -1);
}

static void start_sunion(struct call *call)
{
    start(call, SET_UNION, false, 1, call->argument_count - 1, -1);
}

static void start_sdiff(struct call *call)
{
    start(call, SET_DIFFERENCE, false, 1, call->argument_count - 1, -1);
}

static void start_sinterstore(struct call *call)
{
    start(call, SET_INTERSECTION, true, 2, call->argument_count - 2, -1);
}

static void start_sunionstore(struct call *call)
{
    start(call, SET_UNION, true, 2, call->argument_count - 2, -1);
}

static void start_sdiffstore(struct call *call)
{
    start(call, SET_DIFFERENCE, true, 2, call->argument_count - 2, -1);
}

static void start_sintercard(struct call *call)
{
    int64_t count, limit = 0;
    if (!parse_integer(call_argument(call, 1), &count) || count <= 0) {
        call_reply_error(call, "ERR numkeys should be greater than 0");
        return;
    }
    if (count > call->argument_count - 2) {
        call_reply_error(call, "ERR Number of keys can't be greater than number of args");
        return;
    }
    for (uint32_t i = 2 + (uint32_t)count; i < call->argument_count; i += 2) {
        if (!call_argument_is(call, i, "limit") || i + 1 == call->argument_count) {
            call_reply_syntax_error(call);
            return;
        }
        if (!parse_integer(call_argument(call, i + 1), &limit) || limit < 0) {
            call_reply_error(call, "ERR LIMIT can't be negative");
            return;
        }
    }
    start(call, SET_INTERSECTION, false, 2, (uint32_t)count, limit);
}

/* ---- rows ---- */

#define READ_ROW(word, what, cost)                                                                 \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "set",                                                                            \
        .since = "1.0.0",                                                                          \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = "key [key ...]",                                                                 \
        .tips = "nondeterministic_output_order",                                                   \
        .arity = -2,                                                                               \
        .flags = COMMAND_READONLY,                                                                 \
        .categories = CATEGORY_SET,                                                                \
        .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, -1, 1}},                                       \
        .start = start_##word,                                                                     \
    }

#define STORE_ROW(word, what, cost)                                                                \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "set",                                                                            \
        .since = "1.0.0",                                                                          \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = "destination key [key ...]",                                                     \
        .arity = -3,                                                                               \
        .flags = COMMAND_WRITE | COMMAND_DENYOOM,                                                  \
        .categories = CATEGORY_SET,                                                                \
        .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, 0, 1},                                         \
                 {KEY_FLAG_RO | KEY_FLAG_ACCESS, 2, -1, 1}},                                       \
        .start = start_##word,                                                                     \
    }

#define OF_SMALLEST "O(N*M) in the members of the smallest set and the number of sets."
#define OF_ALL      "O(N) in the members of all sets."
#define OF_FIRST    "O(N*M) in the members of the first set and the number of sets."

READ_ROW(sinter, "The members that all sets have; at most 32 MiB.", OF_SMALLEST);
READ_ROW(sunion, "The members that any of the sets has; at most 32 MiB.", OF_ALL);
READ_ROW(sdiff, "The members of the first set that no other has; at most 32 MiB.", OF_FIRST);
STORE_ROW(sinterstore,
          "Stores what SINTER gives in the place of a key. Not atomic: what is new is added, then "
          "the rest removed.",
          OF_SMALLEST);
STORE_ROW(sunionstore,
          "Stores what SUNION gives in the place of a key. Not atomic, as SINTERSTORE.", OF_ALL);
STORE_ROW(sdiffstore, "Stores what SDIFF gives in the place of a key. Not atomic, as SINTERSTORE.",
          OF_FIRST);

const struct command command_sintercard = {
    .name = "sintercard",
    .group = "set",
    .since = "7.0.0",
    .summary = "How many members all sets have; it counts up to LIMIT.",
    .complexity = OF_SMALLEST,
    .syntax = "numkeys key [key ...] [LIMIT limit]",
    .arity = -3,
    .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS,
    .categories = CATEGORY_SET,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS | KEYS_COUNTED, 1, 0, 1}},
    .start = start_sintercard,
};

/*
 * set_store.c - see set_store.h. Additions go first, for a set may be its own source.
 */
#include "commands/set_store.h"

#include "causal/score.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum { STORED_AT_ONCE_BYTES = 1 << 20, SORTED_ROOM = 8 /* of a score in the index */ };

int member_compare(uint64_t place, struct slice name, uint64_t other_place, struct slice other)
{
    if (place != other_place)
        return place < other_place ? -1 : 1;
    return slice_compare(name, other);
}

struct slice member_at(const struct buffer *names, size_t *at)
{
    struct reader reader = reader_make(slice_make(names->data + *at, names->length - *at));
    struct slice name = reader_bytes(&reader);
    *at = (size_t)(name.data + name.length - names->data);
    return name;
}

static void fail_store(struct call *call, const struct key_result *result)
{
    struct set_store *store = call->work;
    struct buffer text = {0};
    store->work.over = true;
    if (!store->written) {
        call_reply_failure(call, KEY_WRITE, result);
        return;
    }
    call_failure_text(KEY_WRITE, result, &text);
    call_reply_error(call,
                     "UNCERTAIN a part of the result is written, with what the destination held "
                     "before beside it: %.*s",
                     (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

static void take_stored(struct call *call, const struct key_result *result)
{
    struct set_store *store = call->work;
    (void)result;
    store->written = true;
}

static void store_more(struct call *call)
{
    struct set_store *store = call->work;
    size_t bytes = 0;
    uint32_t count = 0, step = store->type == COLLECTION_ZSET ? 2 : 1;
    while (count < SET_STORED_AT_ONCE_MAX && bytes < STORED_AT_ONCE_BYTES) {
        bool adds = store->added_at < call->scratch.length;
        if (!adds && store->removed_at == call->spare.length)
            break;
        struct slice *name = &store->names[count * step];
        store->removes[count++] = !adds;
        *name = adds ? member_at(&call->scratch, &store->added_at)
                     : member_at(&call->spare, &store->removed_at);
        if (step == 2)
            name[1] = adds ? member_at(&call->scratch, &store->added_at) : slice_make(NULL, 0);
        bytes += name->length;
    }
    if (count == 0) {
        call_reply_integer(call, (int64_t)store->count);
        return;
    }
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_WRITE,
                                             .type = store->type,
                                             .key = call_argument(call, 1),
                                             .names = store->names,
                                             .removes = store->removes,
                                             .begins = true,
                                             .step = step,
                                             .count = count,
                                             .mutation = {.operation = REGISTER_SET},
                                             .take = take_stored,
                                             .fail = fail_store,
                                             .then = store_more});
}

/* It held something else, or nothing is to be there. */
static void removed(struct call *call)
{
    struct set_store *store = call->work;
    struct buffer text = {0};
    if (call->flagged_failure.status == STATUS_OK) {
        store->written = true;
        store_more(call);
        return;
    }
    call_failure_text(KEY_WRITE, &call->flagged_failure, &text);
    call_reply_error(call, "UNCERTAIN what the destination held may be removed in part: %.*s",
                     (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

static void next_kept(struct call *call)
{
    struct set_store *store = call->work;
    store->kept = store->kept_at < call->scratch.length;
    if (store->kept)
        store->kept_name = member_at(&call->scratch, &store->kept_at);
    if (store->kept && store->type == COLLECTION_ZSET)
        member_at(&call->scratch, &store->kept_at); /* its score */
}

/* A member of the destination: what is not in the result goes. */
static void take_old(struct call *call, const struct key_outcome *outcome)
{
    struct set_store *store = call->work;
    uint64_t seed = call_environment(call)->ring->seed;
    uint64_t place = element_place(outcome->key, seed);
    while (store->kept && member_compare(element_place(store->kept_name, seed), store->kept_name,
                                         place, outcome->key) < 0)
        next_kept(call);
    if (store->kept && slice_equal(store->kept_name, outcome->key))
        return;
    buffer_put_bytes(&call->spare, outcome->key);
    store->too_large = call->spare.length > ELEMENTS_ANSWER_BYTES_MAX;
    store->work.walk.stop = store->too_large;
}

static void walked_old(struct call *call)
{
    struct set_store *store = call->work;
    const struct key_result *failure = &store->work.walk.failure;
    if (failure->status == STATUS_WRONG_TYPE)
        key_remove(call, call_argument(call, 1), removed);
    else if (failure->status != STATUS_OK)
        call_reply_failure(call, KEY_READ, failure);
    else if (store->too_large)
        call_reply_error(call,
                         "TOOLARGE what is removed from the destination has more than %u bytes; "
                         "nothing was written",
                         ELEMENTS_ANSWER_BYTES_MAX);
    else
        store_more(call);
}

void set_store_put_score(struct buffer *names, double score)
{
    uint8_t room[32];
    struct buffer text = buffer_on(room, sizeof room);
    score_format(score, &text);
    buffer_put_bytes(names, buffer_slice(&text));
    buffer_deinit(&text);
}

void set_store_begin(struct call *call, uint8_t type, uint64_t count)
{
    struct set_store *store = call->work;
    store->count = count;
    store->type = type;
    struct slice key = call_argument(call, 1);
    buffer_clear(&call->spare);
    for (size_t at = 0; at < call->scratch.length;) {
        struct slice name = member_at(&call->scratch, &at);
        if (type == COLLECTION_ZSET)
            name.length += member_at(&call->scratch, &at).length > 0 ? SORTED_ROOM : 0;
        if (!element_key_fits(key, name)) {
            call_reply_error(call,
                             "TOOLARGE a key and the name of a member have at most %u bytes "
                             "together; nothing was written",
                             ELEMENT_KEY_BYTES_MAX - ELEMENT_KEY_OVERHEAD);
            return;
        }
    }
    if (store->count == 0) {
        key_remove(call, key, removed);
        return;
    }
    next_kept(call);
    elements_walk(call, &(struct element_walk){.type = type,
                                               .key = key,
                                               .limit = ELEMENTS_PAGE,
                                               .take = take_old,
                                               .then = walked_old});
}

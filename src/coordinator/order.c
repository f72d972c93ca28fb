#include "coordinator/order.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "causal/past.h"
#include "coordinator/collection.h"
#include "ring/element_key.h"
#include "wire/message_order.h"

static bool is_reversed(const struct coordinated_request *c)
{
    return c->request.position != 0;
}

static struct slice begin_of(const struct coordinated_request *c)
{
    return c->request.entry_count > 1 ? c->request.entries[1].key : slice_make(NULL, 0);
}

void order_encode(const struct coordinated_request *c, struct buffer *body)
{
    struct message_order order = {.address = c->address,
                                  .keyspace = c->request.keyspace,
                                  .reversed = is_reversed(c),
                                  .limit = c->request.limit,
                                  .key = c->request.entries[0].key,
                                  .from = begin_of(c)};
    message_order_encode(&order, body);
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Below 0: `a` comes first on the way. */
static int compare(const struct coordinated_request *c, struct slice a, struct slice b)
{
    return is_reversed(c) ? slice_compare(b, a) : slice_compare(a, b);
}

/* Whether a page that begins there, and goes on at `next`, may have the name. */
static bool is_between(const struct coordinated_request *c, struct slice name,
                       const struct message_order_result *page)
{
    struct slice from = begin_of(c);
    if (is_reversed(c))
        return (from.length == 0 || slice_compare(name, from) < 0) &&
               (page->done || slice_compare(name, page->next) >= 0);
    return slice_compare(name, from) >= 0 && (page->done || slice_compare(name, page->next) < 0);
}

static bool is_sound(const struct coordinated_request *c, const struct message_order_result *page)
{
    struct reader entries = reader_make(page->entries), head = reader_make(page->head);
    struct slice from = begin_of(c), key = c->request.entries[0].key, previous = {0};
    struct cell cell;
    cell_decode(&head, &cell);
    bool sound = reader_end(&head) == STATUS_OK;
    cell_deinit(&cell);
    if (!page->done)
        sound = sound && page->next.length > 0 && element_key_fits(key, page->next) &&
                (from.length == 0 || compare(c, from, page->next) < 0);
    for (uint32_t i = 0; i < page->entry_count && sound; i++) {
        struct order_entry entry;
        order_entry_decode(&entries, &entry);
        sound = is_between(c, entry.name, page) && element_key_fits(key, entry.name) &&
                (i == 0 || compare(c, previous, entry.name) < 0);
        previous = entry.name;
    }
    return sound;
}

enum status order_judge(const struct coordinated_request *c, struct slice body)
{
    struct message_order_result page;
    if (message_order_result_decode(body, &page) != STATUS_OK)
        return STATUS_CORRUPT;
    return page.status == STATUS_OK && !is_sound(c, &page) ? STATUS_CORRUPT : page.status;
}

/* ---- merging ------------------------------------------------------------------------------- */

struct owner_page {
    bool counted;
    struct message_order_result page;
    struct reader entries;
    uint32_t left;
    struct order_entry next; /* when something is left */
};

struct merge {
    struct coordinated_request *c;
    struct owner_page owners[RING_OWNERS_MAX];
    uint8_t counted;
    bool done, counts;
    struct slice horizon; /* all owners know what comes before it; unless done */
    struct past past;
    struct key_result result;
    uint32_t capacity;
};

static void advance(struct owner_page *owner)
{
    if (--owner->left > 0)
        order_entry_decode(&owner->entries, &owner->next);
}

static void open_pages(struct merge *merge)
{
    struct coordinated_request *c = merge->c;
    merge->done = true;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct owner_page *owner = &merge->owners[i];
        owner->counted = (c->read.counted >> i & 1) != 0;
        if (!owner->counted)
            continue;
        enum status status =
            message_order_result_decode(buffer_slice(&c->answers[i]), &owner->page);
        assert(status == STATUS_OK); /* checked when it came */
        merge->counted++;
        merge->counts = merge->counts || owner->page.counts;
        owner->entries = reader_make(owner->page.entries);
        owner->left = owner->page.entry_count;
        if (owner->left > 0)
            order_entry_decode(&owner->entries, &owner->next);
        if (!owner->page.done && (merge->done || compare(c, owner->page.next, merge->horizon) < 0))
            merge->horizon = owner->page.next;
        merge->done = merge->done && owner->page.done;
    }
}

static void decode_head(const struct owner_page *owner, struct cell *out)
{
    struct reader reader = reader_make(owner->page.head);
    cell_decode(&reader, out);
}

/* The key's cell is written back where it differs. false: it shows a string. */
static bool merge_heads(struct merge *merge, uint64_t wall_ms)
{
    struct coordinated_request *c = merge->c;
    struct slice cells[RING_OWNERS_MAX] = {{0}};
    struct cell head;
    struct sibling shown;
    struct buffer text = {0}, encoded = {0}, deliveries = {0};
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++)
        cells[i] = merge->owners[i].page.head;
    collection_merge_cells(c, cells, c->policy, &head);
    c->walk_holders = 0;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        struct cell cell = {0};
        if (!merge->owners[i].counted)
            continue;
        decode_head(&merge->owners[i], &cell);
        if (cell_same_version(&head, &cell))
            c->walk_holders |= (owner_mask)1 << i;
        cell_deinit(&cell);
    }
    past_join(&merge->past, &head, wall_ms);
    bool string = cell_shown(&head, wall_ms, &text, &shown);
    cell_encode(&head, true, &encoded);
    struct cell_delivery delivery = {.keyspace = c->request.keyspace,
                                     .key = c->request.entries[0].key,
                                     .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, &deliveries);
    struct message_replicate replicate = {
        .address = c->address, .delivery_count = 1, .deliveries = buffer_slice(&deliveries)};
    buffer_clear(&c->walk_repair);
    message_replicate_encode(&replicate, &c->walk_repair);
    c->walk_repair_cells = 1;
    cell_deinit(&head);
    buffer_deinit(&text);
    buffer_deinit(&encoded);
    buffer_deinit(&deliveries);
    return !string || (c->request.flags & KEY_HIDDEN) != 0;
}

/* What comes first of all that is left; false: nothing does before the horizon. */
static bool first(const struct merge *merge, struct slice *name)
{
    bool any = false;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        const struct owner_page *owner = &merge->owners[i];
        if (!owner->counted || owner->left == 0)
            continue;
        if (!any || compare(merge->c, owner->next.name, *name) < 0)
            *name = owner->next.name;
        any = true;
    }
    if (!any || merge->done)
        return any;
    return is_reversed(merge->c) ? slice_compare(*name, merge->horizon) >= 0
                                 : slice_compare(*name, merge->horizon) < 0;
}

static void show(struct merge *merge, const struct key_outcome *outcome)
{
    struct key_result *result = &merge->result;
    if (result->outcome_count == merge->capacity) {
        merge->capacity = merge->capacity * 2 + 16;
        result->outcomes =
            memory_resize(result->outcomes, merge->capacity, sizeof *result->outcomes);
    }
    result->outcomes[result->outcome_count++] = *outcome;
}

static bool is_past(const struct merge *merge, const struct order_value *value)
{
    return clock_has(&merge->past.cut, &value->dot) || past_has_time(&merge->past, value->time);
}

static void take(struct merge *merge, struct slice name)
{
    struct dot dot = {0};
    uint8_t named = 0;
    bool stands = true, alive = false;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        struct owner_page *owner = &merge->owners[i];
        if (!owner->counted || owner->left == 0 || !slice_equal(owner->next.name, name))
            continue;
        const struct order_value *value = &owner->next.value;
        bool looks = value->looks || (value->time == 0 && merge->past.floor_ms > 0);
        alive = alive || looks || !is_past(merge, value);
        stands = stands && !looks && (named == 0 || dot_compare(&dot, &value->dot) == 0);
        dot = value->dot;
        named++;
        advance(owner);
    }
    if (alive) /* else another owner knows of the delete that removed it */
        show(merge,
             &(struct key_outcome){.visible = stands && named == merge->counted, .key = name});
}

void order_walked(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    struct merge merge = {.c = c};
    struct buffer encoded = {0};
    struct slice name;
    open_pages(&merge);
    merge.result.acks = quorum_counted(&c->read);
    merge.result.needed = quorum_needed(&c->read);
    if (!merge_heads(&merge, wall_ms) || collection_has_other_type(c)) {
        request_fail(c, STATUS_WRONG_TYPE, &c->read, out);
    } else {
        while (first(&merge, &name))
            take(&merge, name);
        merge.result.scan_done = merge.done;
        merge.result.count =
            merge.counts && (merge.counted > 1 || !past_is_empty(&merge.past)); /* O2 */
        if (!merge.done)
            show(&merge, &(struct key_outcome){.number = ORDER_GOES_ON, .key = merge.horizon});
        key_result_encode(&merge.result, &encoded);
        if (!repair_start(c, buffer_slice(&encoded), out))
            request_answer(c, buffer_slice(&encoded), out);
    }
    key_result_deinit(&merge.result);
    past_deinit(&merge.past);
    buffer_deinit(&encoded);
}

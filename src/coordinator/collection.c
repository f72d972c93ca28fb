#include "coordinator/collection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "causal/deadline.h"
#include "causal/past.h"
#include "ring/element_key.h"
#include "wire/message_collection.h"
#include "wire/message_order.h"

/* ---- names --------------------------------------------------------------------------------- */

struct slice collection_element_name(const struct coordinated_request *c, uint16_t index,
                                     struct buffer *made)
{
    const struct key_entry *entries = c->request.entries;
    buffer_clear(made);
    element_key_encode(entries[0].key, c->request.collection, entries[index].key,
                       c->params.ring->seed, made);
    return buffer_slice(made);
}

/* ---- questions and answers ----------------------------------------------------------------- */

void collection_encode_walk(const struct coordinated_request *c, struct buffer *body)
{
    struct message_elements elements = {.address = c->address,
                                        .keyspace = c->request.keyspace,
                                        .type = c->request.collection,
                                        .place = c->request.position,
                                        .limit = c->request.limit,
                                        .key = c->request.entries[0].key};
    message_elements_encode(&elements, body);
}

void collection_encode_clock(const struct coordinated_request *c, struct buffer *body)
{
    struct message_collection_clock clock = {
        .address = c->address, .keyspace = c->request.keyspace, .key = c->request.entries[0].key};
    message_collection_clock_encode(&clock, body);
}

static bool cell_is_sound(struct slice encoded)
{
    struct cell cell;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    bool sound = reader_end(&reader) == STATUS_OK;
    cell_deinit(&cell);
    return sound;
}

static bool page_is_sound(const struct coordinated_request *c,
                          const struct message_elements_result *page)
{
    struct reader reader = reader_make(page->entries);
    struct element_entry previous = {.place = c->request.position};
    if (!cell_is_sound(page->head) || (!page->done && page->next_place <= c->request.position))
        return false;
    for (uint32_t i = 0; i < page->entry_count; i++) {
        struct element_entry entry;
        element_entry_decode(&reader, &entry);
        bool ordered = entry.place > previous.place ||
                       (entry.place == previous.place &&
                        (i == 0 || slice_compare(previous.element, entry.element) < 0));
        if (!ordered || (!page->done && entry.place >= page->next_place) ||
            entry.place != element_place(entry.element, c->params.ring->seed) ||
            !element_key_fits(c->request.entries[0].key, entry.element) ||
            !cell_is_sound(entry.cell))
            return false;
        previous = entry;
    }
    return true;
}

enum status collection_judge(const struct coordinated_request *c, uint16_t type, struct slice body)
{
    struct message_elements_result page;
    struct message_collection_clock_result seen;
    struct clock clock = {0};
    if (type == MESSAGE_ELEMENTS_RESULT) {
        if (message_elements_result_decode(body, &page) != STATUS_OK)
            return STATUS_CORRUPT;
        return page.status == STATUS_OK && !page_is_sound(c, &page) ? STATUS_CORRUPT : page.status;
    }
    assert(type == MESSAGE_COLLECTION_CLOCK_RESULT);
    if (message_collection_clock_result_decode(body, &seen) != STATUS_OK)
        return STATUS_CORRUPT;
    if (seen.status != STATUS_OK)
        return seen.status;
    struct reader reader = reader_make(seen.clock);
    clock_decode(&reader, &clock);
    bool sound = reader_end(&reader) == STATUS_OK && cell_is_sound(seen.head);
    clock_deinit(&clock);
    return sound ? STATUS_OK : STATUS_CORRUPT;
}

/* ---- types --------------------------------------------------------------------------------- */

uint8_t collection_beside(const struct coordinated_request *c, uint16_t index)
{
    uint8_t type = COLLECTION_NONE;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_read_result read;
        if ((c->read.counted >> i & 1) == 0 ||
            message_read_result_decode(buffer_slice(&c->answers[i]), &read) != STATUS_OK ||
            index >= read.collections.length)
            continue;
        uint8_t seen = read.collections.data[index];
        if (seen != COLLECTION_NONE && (type == COLLECTION_NONE || seen < type))
            type = seen;
    }
    return type;
}

void collection_note_beside(const struct coordinated_request *c, struct key_result *result)
{
    if (c->request.kind != KEY_WRITE || c->merged.length == 0)
        return;
    for (uint16_t i = 0; i < result->outcome_count && i < c->request.entry_count; i++)
        if (c->request.entries[i].mutation.operation == REGISTER_DELETE)
            result->outcomes[i].collection = collection_beside(c, i);
}

static bool shows_string(struct slice encoded, uint64_t wall_ms)
{
    struct cell cell;
    struct sibling shown;
    struct buffer text = {0};
    struct reader reader = reader_make(encoded);
    cell_decode_versions(&reader, &cell);
    bool visible = cell_shown(&cell, wall_ms, &text, &shown);
    cell_deinit(&cell);
    buffer_deinit(&text);
    return visible;
}

/* A page or a read of elements says which type its owner knows the key by. */
static uint8_t told_type(const struct coordinated_request *c, uint8_t owner)
{
    struct slice body = buffer_slice(&c->answers[owner]);
    struct message_elements_result page;
    struct message_read_result read;
    struct message_order_result order;
    if (key_request_is_ordered(&c->request))
        return message_order_result_decode(body, &order) == STATUS_OK ? order.type
                                                                      : COLLECTION_NONE;
    if (c->request.kind == KEY_ELEMENTS_WALK)
        return message_elements_result_decode(body, &page) == STATUS_OK ? page.type
                                                                        : COLLECTION_NONE;
    if (message_read_result_decode(body, &read) != STATUS_OK || read.collections.length == 0)
        return COLLECTION_NONE;
    return read.collections.data[0];
}

/* Some owner knows the key by another type. It may be behind; a look has told, or will (types.h) */
bool collection_has_other_type(const struct coordinated_request *c)
{
    if ((c->request.flags & (KEY_HIDDEN | KEY_TYPE_SEEN)) != 0)
        return false;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        uint8_t type = (c->read.counted >> i & 1) != 0 ? told_type(c, i) : COLLECTION_NONE;
        if (type != COLLECTION_NONE && type != c->request.collection)
            return true;
    }
    return false;
}

static bool adds_elements(const struct coordinated_request *c)
{
    for (uint16_t i = 1; i < c->request.entry_count; i++)
        if (c->request.entries[i].mutation.operation != REGISTER_DELETE)
            return c->request.kind == KEY_ELEMENTS_WRITE;
    return false;
}

bool collection_must_be_looked_at(const struct coordinated_request *c, uint64_t wall_ms)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    struct reader reader = reader_make(reader_bytes(&merged));
    struct past past = {0};
    struct deadline deadline;
    struct cell head, cell;
    bool any = false;
    if ((c->request.flags & (KEY_TYPE_SEEN | KEY_NEW_LIFE)) != 0 || !adds_elements(c))
        return false;
    cell_decode_versions(&reader, &head);
    cell_deadline(&head, wall_ms, &deadline);
    past_join(&past, &head, wall_ms);
    for (uint16_t i = 1; deadline.expire_at_ms != 0 && i < c->request.entry_count && !any; i++) {
        reader = reader_make(reader_bytes(&merged));
        cell_decode_versions(&reader, &cell);
        cell_drop_past(&cell, &past);
        any = cell_is_live(&cell);
        cell_deinit(&cell);
    }
    past_deinit(&past);
    cell_deinit(&head);
    return deadline.expire_at_ms != 0 && !any;
}

bool collection_forbids(const struct coordinated_request *c, uint64_t wall_ms)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    if (key_request_is_collection(&c->request))
        return (c->request.flags & KEY_HIDDEN) == 0 &&
               (shows_string(reader_bytes(&merged), wall_ms) || collection_has_other_type(c) ||
                collection_must_be_looked_at(c, wall_ms));
    for (uint16_t i = 0; i < c->request.entry_count; i++) {
        const struct mutation *mutation = &c->request.entries[i].mutation;
        struct slice cell = reader_bytes(&merged);
        if (mutation_reads(mutation) && mutation->operation != REGISTER_DELETE &&
            collection_beside(c, i) != COLLECTION_NONE && !shows_string(cell, wall_ms))
            return true;
    }
    return false;
}

/* ---- named elements ------------------------------------------------------------------------ */

void collection_got(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    struct buffer encoded = {0};
    struct past past = {0};
    struct reader merged = reader_make(buffer_slice(&c->merged));
    struct key_result result = {.acks = quorum_counted(&c->read),
                                .needed = quorum_needed(&c->read),
                                .outcome_count = c->request.entry_count};
    if (collection_forbids(c, wall_ms)) {
        request_fail(c, STATUS_WRONG_TYPE, &c->read, out);
        return;
    }
    result.outcomes = memory_new(result.outcome_count, sizeof *result.outcomes);
    struct buffer *texts = memory_new(result.outcome_count, sizeof *texts);
    for (uint16_t i = 0; i < result.outcome_count; i++) {
        struct cell cell;
        struct sibling shown;
        struct reader reader = reader_make(reader_bytes(&merged));
        cell_decode(&reader, &cell);
        if (i == 0)
            past_join(&past, &cell, wall_ms);
        else
            cell_drop_past(&cell, &past);
        if (i > 0 && cell_shown(&cell, wall_ms, &texts[i], &shown))
            result.outcomes[i] = (struct key_outcome){.visible = true, .value = shown.value};
        cell_deinit(&cell);
    }
    key_result_encode(&result, &encoded);
    if (!repair_start(c, buffer_slice(&encoded), out))
        request_answer(c, buffer_slice(&encoded), out);
    for (uint16_t i = 0; i < result.outcome_count; i++)
        buffer_deinit(&texts[i]);
    free(texts);
    key_result_deinit(&result);
    past_deinit(&past);
    buffer_deinit(&encoded);
}

/* ---- a walk -------------------------------------------------------------------------------- */

/* One owner's answer while pages are merged. */
struct owner_page {
    bool counted;
    struct message_elements_result page;
    struct reader entries;
    uint32_t left;
    struct element_entry next; /* when something is left */
    bool lacks;                /* something of what was merged */
};

struct page_merge {
    struct coordinated_request *c;
    struct owner_page owners[RING_OWNERS_MAX];
    uint64_t horizon; /* places below it are known from all owners */
    bool done;
    struct past past;
    struct key_result result;
    struct buffer *texts; /* one for each outcome: of sums that had to be made */
    uint32_t capacity;
    uint16_t delivery_count;
    struct buffer deliveries;
};

static void advance(struct owner_page *owner)
{
    if (owner->left == 0)
        return;
    if (--owner->left > 0)
        element_entry_decode(&owner->entries, &owner->next);
}

static void open_pages(struct coordinated_request *c, struct page_merge *merge)
{
    merge->horizon = UINT64_MAX;
    merge->done = true;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct owner_page *owner = &merge->owners[i];
        owner->counted = (c->read.counted >> i & 1) != 0;
        if (!owner->counted)
            continue;
        enum status status =
            message_elements_result_decode(buffer_slice(&c->answers[i]), &owner->page);
        assert(status == STATUS_OK); /* checked when it came */
        owner->entries = reader_make(owner->page.entries);
        owner->left = owner->page.entry_count;
        if (owner->left > 0)
            element_entry_decode(&owner->entries, &owner->next);
        if (!owner->page.done) {
            merge->done = false;
            if (owner->page.next_place < merge->horizon)
                merge->horizon = owner->page.next_place;
        }
    }
}

static void decode_cell(struct slice encoded, struct cell *out)
{
    struct reader reader = reader_make(encoded);
    *out = (struct cell){0};
    if (encoded.length > 0)
        cell_decode(&reader, out);
}

void collection_merge_cells(const struct coordinated_request *c, const struct slice *cells,
                            enum merge_policy policy, struct cell *out)
{
    *out = (struct cell){0};
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        struct cell cell, merged;
        if ((c->read.counted >> i & 1) == 0)
            continue;
        decode_cell(cells[i], &cell);
        cell_merge(out, &cell, policy, &merged);
        cell_deinit(out);
        cell_deinit(&cell);
        *out = merged;
    }
}

static void note_lacking(struct page_merge *merge, const struct slice *cells,
                         const struct cell *merged)
{
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        struct cell cell;
        if (!merge->owners[i].counted)
            continue;
        decode_cell(cells[i], &cell);
        merge->owners[i].lacks = merge->owners[i].lacks || !cell_same_version(merged, &cell);
        cell_deinit(&cell);
    }
}

static void add_delivery(struct page_merge *merge, keyspace_id keyspace, struct slice name,
                         const struct cell *cell)
{
    struct buffer encoded = {0};
    cell_encode(cell, true, &encoded);
    struct cell_delivery delivery = {
        .keyspace = keyspace, .key = name, .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, &merge->deliveries);
    merge->delivery_count++;
    buffer_deinit(&encoded);
}

/* false: the key shows a string. */
static bool merge_head(struct page_merge *merge, uint64_t wall_ms)
{
    struct coordinated_request *c = merge->c;
    struct slice cells[RING_OWNERS_MAX] = {{0}};
    struct cell head;
    struct sibling shown;
    struct buffer text = {0};
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++)
        cells[i] = merge->owners[i].page.head;
    collection_merge_cells(c, cells, c->policy, &head);
    note_lacking(merge, cells, &head);
    bool string = cell_shown(&head, wall_ms, &text, &shown);
    if (collection_is_counts(c->request.collection)) /* which are in no cut */
        past_join_floor(&merge->past, &head, wall_ms);
    else
        past_join(&merge->past, &head, wall_ms);
    add_delivery(merge, c->request.keyspace, c->request.entries[0].key, &head);
    cell_deinit(&head);
    buffer_deinit(&text);
    return !string || (c->request.flags & KEY_HIDDEN) != 0;
}

/* The least element that some owner still has; false: there is none below the horizon. */
static bool least(const struct page_merge *merge, struct element_entry *out)
{
    bool any = false;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        const struct owner_page *owner = &merge->owners[i];
        if (!owner->counted || owner->left == 0)
            continue;
        const struct element_entry *next = &owner->next;
        if (!any || next->place < out->place ||
            (next->place == out->place && slice_compare(next->element, out->element) < 0))
            *out = *next;
        any = true;
    }
    return any && (merge->done || out->place < merge->horizon);
}

static void show(struct page_merge *merge, struct slice element, struct cell *cell,
                 uint64_t wall_ms)
{
    struct key_result *result = &merge->result;
    cell_drop_past(cell, &merge->past);
    struct buffer text = {0};
    struct sibling shown;
    if (!cell_shown(cell, wall_ms, &text, &shown)) {
        buffer_deinit(&text);
        return;
    }
    if (result->outcome_count == merge->capacity) {
        merge->capacity = merge->capacity * 2 + 16;
        result->outcomes =
            memory_resize(result->outcomes, merge->capacity, sizeof *result->outcomes);
        merge->texts = memory_resize(merge->texts, merge->capacity, sizeof *merge->texts);
    }
    merge->texts[result->outcome_count] = text;
    result->outcomes[result->outcome_count++] =
        (struct key_outcome){.visible = true, .key = element, .value = shown.value};
}

static void merge_element(struct page_merge *merge, const struct element_entry *entry,
                          uint64_t wall_ms)
{
    struct coordinated_request *c = merge->c;
    struct slice cells[RING_OWNERS_MAX] = {{0}};
    struct buffer name = {0};
    struct cell cell;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++) {
        struct owner_page *owner = &merge->owners[i];
        if (!owner->counted || owner->left == 0 || owner->next.place != entry->place ||
            !slice_equal(owner->next.element, entry->element))
            continue;
        cells[i] = owner->next.cell;
        advance(owner);
    }
    collection_merge_cells(c, cells, MERGE_ELEMENTS, &cell);
    if (past_has_all(&merge->past, &cell)) { /* owners that know it have left it out */
        cell_deinit(&cell);
        return;
    }
    note_lacking(merge, cells, &cell);
    element_key_encode(c->request.entries[0].key, c->request.collection, entry->element,
                       c->params.ring->seed, &name);
    add_delivery(merge, keyspace_of_elements(c->request.keyspace), buffer_slice(&name), &cell);
    show(merge, entry->element, &cell, wall_ms);
    cell_deinit(&cell);
    buffer_deinit(&name);
}

/* What was merged, for the owners that lack some of it. */
static void prepare_repair(struct page_merge *merge)
{
    struct coordinated_request *c = merge->c;
    struct message_replicate replicate = {.address = c->address,
                                          .delivery_count = merge->delivery_count,
                                          .deliveries = buffer_slice(&merge->deliveries)};
    c->walk_holders = 0;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++)
        if (merge->owners[i].counted && !merge->owners[i].lacks)
            c->walk_holders |= (owner_mask)1 << i;
    buffer_clear(&c->walk_repair);
    message_replicate_encode(&replicate, &c->walk_repair);
    c->walk_repair_cells = merge->delivery_count;
}

void collection_walked(struct coordinated_request *c, uint64_t wall_ms,
                       struct coordinated_output *out)
{
    struct page_merge merge = {.c = c};
    struct element_entry entry;
    struct buffer encoded = {0};
    open_pages(c, &merge);
    merge.result.acks = quorum_counted(&c->read);
    merge.result.needed = quorum_needed(&c->read);
    if (!merge_head(&merge, wall_ms) || collection_has_other_type(c)) {
        request_fail(c, STATUS_WRONG_TYPE, &c->read, out);
    } else {
        while (merge.delivery_count < UINT16_MAX && least(&merge, &entry))
            merge_element(&merge, &entry, wall_ms);
        bool more = least(&merge, &entry); /* no room left: go on there next time */
        merge.result.scan_done = merge.done && !more;
        merge.result.next_position = merge.result.scan_done ? 0
                                     : more                 ? entry.place
                                                            : merge.horizon;
        prepare_repair(&merge);
        key_result_encode(&merge.result, &encoded);
        if (!repair_start(c, buffer_slice(&encoded), out))
            request_answer(c, buffer_slice(&encoded), out);
    }
    for (uint16_t i = 0; i < merge.result.outcome_count; i++)
        buffer_deinit(&merge.texts[i]);
    free(merge.texts);
    key_result_deinit(&merge.result);
    past_deinit(&merge.past);
    buffer_deinit(&merge.deliveries);
    buffer_deinit(&encoded);
}

/* ---- a delete ------------------------------------------------------------------------------ */

void collection_clocks_gathered(struct coordinated_request *c, struct coordinated_output *out)
{
    struct cell head = {0};
    struct clock seen = {0};
    struct buffer encoded = {0};
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_collection_clock_result answer;
        struct cell cell, merged;
        struct clock clock;
        if ((c->read.counted >> i & 1) == 0)
            continue;
        enum status status =
            message_collection_clock_result_decode(buffer_slice(&c->answers[i]), &answer);
        assert(status == STATUS_OK); /* checked when it came */
        struct reader reader = reader_make(answer.clock);
        clock_decode(&reader, &clock);
        clock_join(&seen, &clock);
        clock_deinit(&clock);
        decode_cell(answer.head, &cell);
        cell_merge(&head, &cell, c->policy, &merged);
        cell_deinit(&head);
        cell_deinit(&cell);
        head = merged;
    }
    bool fits = cell_fits(&head);
    if (fits)
        cell_encode(&head, true, &encoded);
    buffer_put_bytes(&c->merged, buffer_slice(&encoded));
    clock_encode(&seen, &c->lookup);
    cell_deinit(&head);
    clock_deinit(&seen);
    buffer_deinit(&encoded);
    if (fits)
        write_start(c, out);
    else
        request_fail(c, STATUS_TOO_LARGE, &c->read, out);
}

#include "node/store_order.h"

#include "causal/past.h"
#include "node/store_elements.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "wire/message_order.h"

enum {
    PAGE_ENTRIES_MAX = 4096,
    PAGE_SEEN_MAX = 20000, /* with those that are left out */
    PAGE_BYTES_MAX = 256 << 10
};

struct page {
    const struct message_order *asked;
    struct past past;
    struct buffer entries, last; /* the name that was met last */
    uint32_t seen;
    struct message_order_result *result;
};

static bool begins_with(struct slice name, struct slice prefix)
{
    return name.length >= prefix.length &&
           slice_equal(slice_make(name.data, prefix.length), prefix);
}

/* Take one record; false when the page is full. */
static bool take(struct page *page, struct slice name, struct slice record)
{
    struct message_order_result *result = page->result;
    struct order_entry entry = {.name = name};
    if (result->entry_count >= page->asked->limit || result->entry_count >= PAGE_ENTRIES_MAX ||
        page->seen >= PAGE_SEEN_MAX || page->entries.length >= PAGE_BYTES_MAX) {
        if (!page->asked->reversed) {
            buffer_clear(&page->last);
            buffer_append_slice(&page->last, name);
        }
        result->done = false;
        return false;
    }
    page->seen++;
    result->status = order_value_decode(record, &entry.value);
    if (result->status == STATUS_OK && name.length < ORDER_SCORE_BYTES)
        result->status = STATUS_CORRUPT;
    if (result->status != STATUS_OK)
        return false;
    buffer_clear(&page->last);
    buffer_append_slice(&page->last, name);
    entry.value.looks = entry.value.looks || (entry.value.time == 0 && page->past.floor_ms > 0);
    if (!entry.value.looks && (clock_has(&page->past.cut, &entry.value.dot) ||
                               past_has_time(&page->past, entry.value.time)))
        return true;
    order_entry_encode(&entry, &page->entries);
    result->entry_count++;
    return true;
}

static void walk(const struct store_port *port, struct store_iterator *iterator,
                 struct slice prefix, struct page *page)
{
    const struct message_order *asked = page->asked;
    struct buffer from = {0};
    buffer_append_slice(&from, prefix);
    buffer_append_slice(&from, asked->from);
    if (asked->reversed && asked->from.length == 0)
        from.data[from.length - 1]++; /* above all of them: the tag is no 255 */
    if (asked->reversed)
        port->seek_before(iterator, buffer_slice(&from));
    else
        port->seek(iterator, buffer_slice(&from));
    page->result->done = true;
    while (port->valid(iterator) && begins_with(port->key(iterator), prefix)) {
        struct slice name = port->key(iterator);
        if (!take(page, slice_make(name.data + prefix.length, name.length - prefix.length),
                  port->value(iterator)))
            break;
        if (asked->reversed)
            port->previous(iterator);
        else
            port->next(iterator);
    }
    if (page->result->status == STATUS_OK)
        page->result->status = port->error(iterator);
    buffer_deinit(&from);
}

static enum status find_counting(const struct store_port *port, struct store_iterator *iterator,
                                 struct slice prefix, bool *counts)
{
    port->seek(iterator, prefix);
    *counts = port->valid(iterator) && begins_with(port->key(iterator), prefix);
    return *counts ? STATUS_OK : port->error(iterator);
}

static enum status read_page(const struct store_port *port, const struct ring *ring,
                             const struct message_order *asked, uint64_t wall_ms, struct page *page,
                             struct buffer *head)
{
    struct buffer prefix = {0};
    struct cell cell;
    uint64_t position = ring_position(asked->key, asked->keyspace, ring->seed);
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = store_read_head(port, iterator, ring, &asked->address, asked->keyspace,
                                         asked->key, head, &cell);
    if (status == STATUS_OK) {
        past_join(&page->past, &cell, wall_ms);
        record_order_prefix(position, asked->keyspace, asked->key, ORDER_SCORES, &prefix);
        walk(port, iterator, buffer_slice(&prefix), page);
        status = page->result->status;
    }
    if (status == STATUS_OK) {
        buffer_clear(&prefix);
        record_order_prefix(position, asked->keyspace, asked->key, ORDER_COUNTS, &prefix);
        status = find_counting(port, iterator, buffer_slice(&prefix), &page->result->counts);
    }
    if (status == STATUS_OK)
        status = store_collection_of(port, ring->seed, asked->keyspace, asked->key, &cell, false,
                                     wall_ms, &page->result->type);
    port->iterator_free(iterator);
    cell_deinit(&cell);
    buffer_deinit(&prefix);
    return status;
}

void store_read_order(const struct store_port *port, const struct ring *ring,
                      const struct frame *frame, uint64_t wall_ms, struct buffer *replies)
{
    struct message_order asked;
    struct message_order_result result = {0};
    struct page page = {.asked = &asked, .result = &result};
    struct buffer head = {0};
    result.status = message_order_decode(frame->body, &asked);
    if (result.status == STATUS_OK)
        result.status = read_page(port, ring, &asked, wall_ms, &page, &head);
    if (result.status == STATUS_OK) {
        struct reader reader = reader_make(buffer_slice(&head));
        result.head = reader_bytes(&reader);
        result.entries = buffer_slice(&page.entries);
        if (!result.done)
            result.next = buffer_slice(&page.last);
    } else {
        result = (struct message_order_result){.status = result.status};
    }
    size_t offset = frame_start(replies, MESSAGE_ORDER_RESULT, frame->request, 0);
    message_order_result_encode(&result, replies);
    frame_finish_inside(replies, offset);
    past_deinit(&page.past);
    buffer_deinit(&page.entries);
    buffer_deinit(&page.last);
    buffer_deinit(&head);
}

#include "node/store_elements.h"

#include "causal/counter.h"
#include "causal/past.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "wire/message_collection.h"
#include "wire/record.h"

enum {
    PAGE_CELLS_MAX = 4096,
    PAGE_SEEN_MAX = 20000, /* with those that are left out */
    PAGE_BYTES_MAX = 256 << 10,
    PROBED_CELLS_MAX = 20000 /* dead elements in a row, until a sweep has been there */
};

static bool begins_with(struct slice name, struct slice prefix)
{
    return name.length >= prefix.length &&
           slice_equal(slice_make(name.data, prefix.length), prefix);
}

static enum status open_cell(struct slice record, struct slice *encoded, struct cell *out)
{
    *out = (struct cell){0};
    enum status status = record_cell_open(record, encoded);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(*encoded);
    cell_decode(&reader, out);
    return reader_end(&reader);
}

static enum status is_alive(struct slice record, const struct past *past, bool *alive)
{
    struct slice encoded;
    struct cell cell;
    enum status status = open_cell(record, &encoded, &cell);
    cell_drop_past(&cell, past);
    *alive = status == STATUS_OK && cell_is_live(&cell);
    cell_deinit(&cell);
    return status;
}

/* The name of the record of the key, or what those of its elements begin with. */
static void put_head_name(struct slice key, keyspace_id keyspace, uint64_t seed, struct buffer *out)
{
    record_cell_name(ring_position(key, keyspace, seed), keyspace, key, out);
}

static void put_elements_name(struct slice key, keyspace_id keyspace, uint64_t seed,
                              struct slice rest, struct buffer *out)
{
    record_cell_name(ring_position(key, keyspace, seed), keyspace_of_elements(keyspace), rest, out);
}

/* Whether one of the elements whose names begin so is alive. */
static enum status probe(const struct store_port *port, struct store_iterator *iterator,
                         struct slice prefix, const struct past *past, bool *alive)
{
    uint32_t seen = 0;
    enum status status = STATUS_OK;
    for (port->seek(iterator, prefix); status == STATUS_OK && !*alive && port->valid(iterator) &&
                                       begins_with(port->key(iterator), prefix);
         port->next(iterator)) {
        status = is_alive(port->value(iterator), past, alive);
        *alive = *alive || ++seen == PROBED_CELLS_MAX;
    }
    return status == STATUS_OK ? port->error(iterator) : status;
}

enum status store_collection_of(const struct store_port *port, uint64_t seed, keyspace_id keyspace,
                                struct slice key, const struct cell *head, bool hidden,
                                uint64_t wall_ms, uint8_t *type)
{
    struct buffer rest = {0}, prefix = {0};
    struct past past = {0};
    enum status status = STATUS_OK;
    *type = COLLECTION_NONE;
    if ((!hidden && cell_is_live(head)) || !element_key_fits(key, slice_make(NULL, 0)))
        return STATUS_OK;
    past_join(&past, head, wall_ms);
    struct store_iterator *iterator = port->iterator_new(port->context);
    for (uint8_t next = COLLECTION_HASH;
         status == STATUS_OK && *type == COLLECTION_NONE && next != COLLECTION_NONE;
         next = collection_type_after(next)) {
        bool alive = false;
        buffer_clear(&rest);
        buffer_clear(&prefix);
        element_key_prefix_of_type(key, next, &rest);
        put_elements_name(key, keyspace, seed, buffer_slice(&rest), &prefix);
        status = probe(port, iterator, buffer_slice(&prefix), &past, &alive);
        if (alive)
            *type = next;
    }
    port->iterator_free(iterator);
    past_deinit(&past);
    buffer_deinit(&prefix);
    buffer_deinit(&rest);
    return status;
}

/* The encoded cell under that name in the iterator's view, or the empty one; checked. */
static enum status append_cell(const struct store_port *port, struct store_iterator *iterator,
                               struct slice name, struct buffer *out)
{
    struct slice encoded;
    struct cell cell = {0};
    struct buffer empty = {0};
    enum status status = STATUS_OK;
    port->seek(iterator, name);
    if (port->valid(iterator) && slice_equal(port->key(iterator), name)) {
        status = open_cell(port->value(iterator), &encoded, &cell);
        if (status == STATUS_OK)
            buffer_put_bytes(out, encoded);
    } else {
        status = port->error(iterator);
        cell_encode(&cell, true, &empty);
        buffer_put_bytes(out, buffer_slice(&empty));
    }
    cell_deinit(&cell);
    buffer_deinit(&empty);
    return status;
}

/* Whether the name lies in the partition that was asked; absence elsewhere is no evidence. */
static bool is_here(const struct ring *ring, const struct replica_address *address,
                    uint64_t position)
{
    return address->partition < ring->partition_count &&
           ring_partition_of_position(position, ring->partition_count) == address->partition;
}

/* A hash hides what is beside it, so a live field of one is enough. */
static enum status type_of_named(const struct store_port *port, const struct ring *ring,
                                 const struct message_read *read, struct slice cells,
                                 uint64_t wall_ms, uint8_t *type)
{
    struct reader keys = reader_make(read->keys), left = reader_make(cells);
    struct cell head = {0};
    struct past past = {0};
    struct slice key = reader_bytes(&keys);
    *type = COLLECTION_NONE;
    for (uint16_t i = 0; i < read->key_count && *type == COLLECTION_NONE; i++) {
        struct reader bytes = reader_make(reader_bytes(&left));
        struct element_key name;
        struct cell cell;
        cell_decode(&bytes, &cell);
        if (i == 0) {
            head = cell;
            past_join(&past, &head, wall_ms);
            continue;
        }
        cell_drop_past(&cell, &past);
        if (element_key_decode(reader_bytes(&keys), &name) == STATUS_OK &&
            name.type == COLLECTION_HASH && cell_is_live(&cell) && !cell_is_live(&head))
            *type = COLLECTION_HASH;
        cell_deinit(&cell);
    }
    enum status status =
        *type != COLLECTION_NONE
            ? STATUS_OK
            : store_collection_of(port, ring->seed, keyspace_of_keys(read->keyspace), key, &head,
                                  read->hidden, wall_ms, type);
    cell_deinit(&head);
    past_deinit(&past);
    return status;
}

enum status store_read_named(const struct store_port *port, const struct ring *ring,
                             const struct message_read *read, uint64_t wall_ms,
                             struct buffer *cells, uint8_t *type)
{
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct reader keys = reader_make(read->keys);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    for (uint16_t i = 0; i < read->key_count && status == STATUS_OK; i++) {
        struct slice key = reader_bytes(&keys);
        keyspace_id keyspace = i == 0 ? keyspace_of_keys(read->keyspace) : read->keyspace;
        uint64_t position = ring_position(key, keyspace, ring->seed);
        buffer_clear(&name);
        if (key.length > RECORD_KEY_BYTES_MAX || !is_here(ring, &read->address, position) ||
            !cell_name_is_sound(keyspace, key, ring->seed)) {
            status = STATUS_INVALID;
        } else {
            record_cell_name(position, keyspace, key, &name);
            status = append_cell(port, iterator, buffer_slice(&name), cells);
        }
        if (status == STATUS_OK && cells->length > MESSAGE_PAYLOAD_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status == STATUS_OK ? type_of_named(port, ring, read, buffer_slice(cells), wall_ms, type)
                               : status;
}

/* ---- a page ---- */

struct page {
    const struct message_elements *asked;
    struct past past;
    struct buffer entries;
    uint32_t seen, cells, alive;
    uint64_t previous;
    struct message_elements_result *result;
};

/* Take one record; false when the page is full. */
static bool take(struct page *page, const struct element_key *name, struct slice record)
{
    struct message_elements_result *result = page->result;
    struct element_entry entry = {.place = name->place, .element = name->element};
    struct cell cell;
    bool full = page->alive >= page->asked->limit || page->cells >= PAGE_CELLS_MAX ||
                page->seen >= PAGE_SEEN_MAX || page->entries.length >= PAGE_BYTES_MAX;
    if (full && page->seen > 0 && name->place != page->previous) {
        result->next_place = name->place; /* elements of one place are never torn apart */
        result->done = false;
        return false;
    }
    page->previous = name->place;
    page->seen++;
    result->status = open_cell(record, &entry.cell, &cell);
    bool is_past = result->status == STATUS_OK && past_has_all(&page->past, &cell);
    cell_drop_past(&cell, &page->past);
    page->alive += cell_is_live(&cell);
    cell_deinit(&cell);
    if (result->status != STATUS_OK || is_past)
        return result->status == STATUS_OK;
    element_entry_encode(&entry, &page->entries);
    page->cells++;
    result->entry_count++;
    return true;
}

static void walk(const struct store_port *port, struct store_iterator *iterator,
                 struct slice prefix, struct slice from, struct page *page)
{
    for (port->seek(iterator, from);
         port->valid(iterator) && begins_with(port->key(iterator), prefix); port->next(iterator)) {
        struct cell_name name;
        struct element_key parts;
        enum status status = record_cell_name_decode(port->key(iterator), &name);
        if (status == STATUS_OK)
            status = element_key_decode(name.key, &parts);
        if (status != STATUS_OK) {
            page->result->status = status;
            return;
        }
        if (!take(page, &parts, port->value(iterator)))
            return;
    }
    page->result->status = port->error(iterator);
    page->result->done = true;
}

enum status store_read_head(const struct store_port *port, struct store_iterator *iterator,
                            const struct ring *ring, const struct replica_address *address,
                            keyspace_id keyspace, struct slice key, struct buffer *head,
                            struct cell *cell)
{
    struct buffer name = {0};
    *cell = (struct cell){0};
    if (!is_here(ring, address, ring_position(key, keyspace, ring->seed)))
        return STATUS_INVALID;
    put_head_name(key, keyspace, ring->seed, &name);
    enum status status = append_cell(port, iterator, buffer_slice(&name), head);
    if (status == STATUS_OK) {
        struct reader bytes = reader_make(buffer_slice(head));
        bytes = reader_make(reader_bytes(&bytes));
        cell_decode(&bytes, cell);
    }
    buffer_deinit(&name);
    return status;
}

static enum status read_page(const struct store_port *port, const struct ring *ring,
                             const struct message_elements *asked, uint64_t wall_ms,
                             struct page *page, struct buffer *head)
{
    struct buffer rest = {0}, prefix = {0}, from = {0};
    struct cell cell;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = store_read_head(port, iterator, ring, &asked->address, asked->keyspace,
                                         asked->key, head, &cell);
    if (status == STATUS_OK) {
        if (collection_is_counts(asked->type)) /* which are in no cut */
            past_join_floor(&page->past, &cell, wall_ms);
        else
            past_join(&page->past, &cell, wall_ms);
        element_key_prefix_of_type(asked->key, asked->type, &rest);
        put_elements_name(asked->key, asked->keyspace, ring->seed, buffer_slice(&rest), &prefix);
        buffer_put_u64(&rest, asked->place);
        put_elements_name(asked->key, asked->keyspace, ring->seed, buffer_slice(&rest), &from);
        walk(port, iterator, buffer_slice(&prefix), buffer_slice(&from), page);
        status = page->result->status;
    }
    if (status == STATUS_OK && asked->type == COLLECTION_HASH && page->alive > 0 &&
        !cell_is_live(&cell))
        page->result->type = COLLECTION_HASH; /* which hides what is beside it */
    else if (status == STATUS_OK && !collection_is_counts(asked->type))
        status = store_collection_of(port, ring->seed, asked->keyspace, asked->key, &cell, false,
                                     wall_ms, &page->result->type);
    port->iterator_free(iterator);
    cell_deinit(&cell);
    buffer_deinit(&rest);
    buffer_deinit(&prefix);
    buffer_deinit(&from);
    return status;
}

void store_read_elements(const struct store_port *port, const struct ring *ring,
                         const struct frame *frame, uint64_t wall_ms, struct buffer *replies)
{
    struct message_elements asked;
    struct message_elements_result result = {0};
    struct page page = {.asked = &asked, .result = &result};
    struct buffer head = {0};
    result.status = message_elements_decode(frame->body, &asked);
    if (result.status == STATUS_OK)
        result.status = read_page(port, ring, &asked, wall_ms, &page, &head);
    if (result.status == STATUS_OK) {
        struct reader reader = reader_make(buffer_slice(&head));
        result.head = reader_bytes(&reader);
        result.entries = buffer_slice(&page.entries);
    } else {
        result = (struct message_elements_result){.status = result.status};
    }
    size_t offset = frame_start(replies, MESSAGE_ELEMENTS_RESULT, frame->request, 0);
    message_elements_result_encode(&result, replies);
    frame_finish_inside(replies, offset);
    past_deinit(&page.past);
    buffer_deinit(&page.entries);
    buffer_deinit(&head);
}

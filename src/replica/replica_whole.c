/*
 * replica_whole.c - a partition sent whole: for a store that was lost, and for an owner that was
 * away for longer than the logs of the others reach back.
 *
 * The answerer sends all its cells in the order of ring positions, a page at a time. A page is
 * one view, a later page a later view, so each key comes as it was at some moment after the
 * first page; what is in the clock of the first page has had its effect in all of them. So the
 * asker joins that clock, and no later one, once the last page has come. Before, it would take
 * for seen what it has not (K2).
 *
 *   W1  a local value that lies in a page's clock and is not in the page was superseded, and is
 *       dropped: it may have been purged everywhere, and have come here again by an old hint.
 *       A tombstone stays; it is purged here like any other
 *   W2  in the part that has come, the first clock counts as seen: a late copy of what was
 *       superseded may not come to life behind the walk
 *   W3  a source whose clock no longer holds the first one has lost its store: begin anew
 *
 * The place reached is stored with each page, so a restart on either side costs a page at most.
 * Source: reference "algorithms" 7.3; tests/models/stability.py.
 */
#include <assert.h>

#include "replica/replica_cells.h"
#include "ring/position.h"

enum { WHOLE_CELLS_MAX = 4096 /* in one page, unless they are at one position */ };

/* ---- the answerer ---- */

static enum status append_cell(const struct cell_name *name, struct slice record,
                               struct buffer *deliveries)
{
    struct cell_delivery delivery = {.keyspace = name->keyspace, .key = name->key};
    enum status status = record_cell_open(record, &delivery.cell);
    if (status == STATUS_OK)
        cell_delivery_encode(&delivery, deliveries);
    return status;
}

enum status replica_whole_answer(const struct replica *replica, uint64_t position,
                                 struct position_range range, size_t page_bytes,
                                 struct replica_context *context,
                                 struct message_partition_page *page, struct buffer *deliveries)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer bound = {0};
    enum status status = STATUS_OK;
    uint64_t previous = 0;
    page->address = (struct replica_address){.partition = replica->partition, .tag = replica->tag};
    page->position = position > range.first ? position : range.first;
    record_cell_bound(page->position, &bound);
    for (port->seek(iterator, buffer_slice(&bound)); port->valid(iterator); port->next(iterator)) {
        struct cell_name name;
        status = record_cell_name_decode(port->key(iterator), &name);
        if (status == STATUS_NOT_FOUND || (status == STATUS_OK && name.position > range.last)) {
            status = STATUS_OK;
            page->done = true;
            break;
        }
        if (status != STATUS_OK)
            break;
        bool full = deliveries->length >= page_bytes || page->delivery_count >= WHOLE_CELLS_MAX;
        if (full && name.position != previous) {
            page->next_position = name.position; /* keys of one position are never torn apart */
            break;
        }
        status = append_cell(&name, port->value(iterator), deliveries);
        if (status != STATUS_OK)
            break;
        page->delivery_count++;
        previous = name.position;
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    if (status == STATUS_OK && !port->valid(iterator))
        page->done = true;
    port->iterator_free(iterator);
    buffer_deinit(&bound);
    return status;
}

/* ---- the asker ---- */

enum status replica_load_whole(struct replica *replica, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    record_whole_name(replica->partition, &name);
    enum status status = context->port->get(context->port->context, buffer_slice(&name), &value);
    if (status == STATUS_OK)
        status = whole_record_decode(buffer_slice(&value), &replica->whole);
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

static void put_whole(const struct replica *replica, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    record_whole_name(replica->partition, &name);
    if (replica->whole.source != 0) {
        whole_record_encode(&replica->whole, &value);
        store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    } else {
        store_batch_delete(context->batch, buffer_slice(&name));
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
}

bool replica_whole_begin(struct replica *replica, node_id from,
                         const struct message_partition_page *page, const struct clock *seen,
                         struct position_range range)
{
    struct whole_record *whole = &replica->whole;
    bool goes_on = whole->source == from &&
                   whole->source_incarnation == page->storage_incarnation &&
                   clock_descends(seen, &whole->clock); /* W3 */
    if (!goes_on) {
        clock_deinit(&whole->clock);
        *whole = (struct whole_record){.source = from,
                                       .source_incarnation = page->storage_incarnation,
                                       .next_position = range.first};
        clock_copy(seen, &whole->clock);
    }
    return page->position == whole->next_position &&
           (page->done || (page->next_position > page->position &&
                           page->next_position <= range.last));
}

struct drop_walk {
    struct replica *replica;
    const struct clock *seen;
    struct replica_context *context;
    struct reader sent; /* deliveries that the walk has not passed */
    uint32_t sent_left;
    struct buffer sent_name; /* of the first of them; empty: none is left */
    uint32_t *dropped;
};

static void next_sent(struct drop_walk *walk)
{
    struct cell_delivery delivery;
    buffer_clear(&walk->sent_name);
    if (walk->sent_left == 0)
        return;
    walk->sent_left--;
    cell_delivery_decode(&walk->sent, &delivery);
    assert(!walk->sent.failed); /* message_partition_page_decode() has looked */
    record_cell_name(
        ring_position(delivery.key, delivery.keyspace, walk->context->position_seed),
        delivery.keyspace, delivery.key, &walk->sent_name);
}

/* W1 for a cell that the page does not name. */
static enum status drop_from(struct drop_walk *walk, const struct cell_name *name)
{
    static const struct clock nothing = {0};
    struct local_cell local;
    struct cell kept = {0};
    enum status status = local_cell_load(walk->context, name->keyspace, name->key, &local);
    if (status == STATUS_OK && local.present) {
        cell_copy(&local.cell, &kept);
        if (cell_drop_superseded(&kept, walk->seen, NULL)) {
            replica_record_event(walk->replica, name->keyspace, name->key, &local.cell, &kept,
                                 &nothing, walk->context);
            (*walk->dropped)++;
        }
    }
    cell_deinit(&kept);
    local_cell_deinit(&local);
    return status;
}

/* Names come in ascending order. */
static enum status visit_local(struct drop_walk *walk, struct slice name_bytes)
{
    struct cell_name name;
    enum status status = record_cell_name_decode(name_bytes, &name);
    if (status != STATUS_OK)
        return status;
    while (walk->sent_name.length > 0 &&
           slice_compare(buffer_slice(&walk->sent_name), name_bytes) < 0)
        next_sent(walk);
    if (walk->sent_name.length > 0 && slice_equal(buffer_slice(&walk->sent_name), name_bytes))
        return STATUS_OK;
    return drop_from(walk, &name);
}

static struct drop_walk drop_walk_begin(struct replica *replica,
                                        const struct message_partition_page *page,
                                        const struct clock *seen, struct replica_context *context,
                                        uint32_t *dropped)
{
    struct drop_walk walk = {.replica = replica,
                             .seen = seen,
                             .context = context,
                             .sent = reader_make(page->deliveries),
                             .sent_left = page->delivery_count,
                             .dropped = dropped};
    next_sent(&walk);
    return walk;
}

/* The committed cells of the page's range. */
static enum status drop_committed(struct drop_walk *walk, struct slice first, struct slice end)
{
    const struct store_port *port = walk->context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = STATUS_OK;
    for (port->seek(iterator, first); status == STATUS_OK && port->valid(iterator) &&
                                      slice_compare(port->key(iterator), end) < 0;
         port->next(iterator))
        status = visit_local(walk, port->key(iterator));
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    return status;
}

/* A name of the present group that no committed record has yet. */
struct changed_names {
    struct buffer bytes;
    uint32_t count;
    struct slice first, end;
};

static void collect_changed(void *context, struct slice name)
{
    struct changed_names *names = context;
    if (slice_compare(name, names->first) < 0 || slice_compare(name, names->end) >= 0)
        return;
    buffer_put_bytes(&names->bytes, name);
    names->count++;
}

static enum status drop_changed(struct replica *replica, const struct message_partition_page *page,
                                const struct clock *seen, struct replica_context *context,
                                struct slice first, struct slice end, uint32_t *dropped)
{
    struct changed_names names = {.first = first, .end = end};
    enum status status = STATUS_OK;
    cell_cache_each_changed(context->cache, collect_changed, &names);
    struct reader reader = reader_make(buffer_slice(&names.bytes));
    for (uint32_t i = 0; i < names.count && status == STATUS_OK; i++) {
        struct drop_walk walk = drop_walk_begin(replica, page, seen, context, dropped);
        status = visit_local(&walk, reader_bytes(&reader));
        buffer_deinit(&walk.sent_name);
    }
    buffer_deinit(&names.bytes);
    return status;
}

enum status replica_whole_drop(struct replica *replica, const struct message_partition_page *page,
                               const struct clock *seen, struct position_range range,
                               struct replica_context *context, uint32_t *dropped)
{
    struct buffer first = {0};
    struct buffer end = {0};
    struct drop_walk walk = drop_walk_begin(replica, page, seen, context, dropped);
    record_cell_bound(page->position, &first);
    if (!page->done)
        record_cell_bound(page->next_position, &end);
    else if (range.last < UINT64_MAX)
        record_cell_bound(range.last + 1, &end);
    else
        buffer_put_u8(&end, RECORD_CELL + 1);
    enum status status = drop_committed(&walk, buffer_slice(&first), buffer_slice(&end));
    if (status == STATUS_OK)
        status = drop_changed(replica, page, seen, context, buffer_slice(&first),
                              buffer_slice(&end), dropped);
    buffer_deinit(&walk.sent_name);
    buffer_deinit(&first);
    buffer_deinit(&end);
    return status;
}

void replica_whole_end(struct replica *replica, const struct message_partition_page *page,
                       struct replica_context *context)
{
    struct whole_record *whole = &replica->whole;
    struct clock joined;
    if (!page->done) {
        whole->next_position = page->next_position;
        put_whole(replica, context);
        return;
    }
    clock_difference(&whole->clock, &replica->clock, &joined);
    clock_join(&replica->trimmed, &joined); /* R3: no log record will ever name them here */
    clock_join(&replica->clock, &joined);
    clock_deinit(&joined);
    clock_deinit(&whole->clock);
    *whole = (struct whole_record){0};
    replica->filled = true;
    replica->changes++;
    put_whole(replica, context);
    replica_checkpoint(replica, context);
}

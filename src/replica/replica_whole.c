#include "replica/replica_whole.h"

#include "replica/keyspace_drop.h"
#include "replica/replica_requests.h"
#include "replica/replica_tree.h"
#include "replica/replica_trim.h"
#include "wire/record_request.h"

enum { PAGE_RECORDS_MAX = 4096, PAGE_PASSED_MAX = 65536 };

void whole_page_deinit(struct whole_page *page)
{
    buffer_deinit(&page->next);
    buffer_deinit(&page->clock);
    buffer_deinit(&page->deliveries);
    buffer_deinit(&page->requests);
}

/* ---- the answerer -------------------------------------------------------------------------- */

/* Whether the log would do, as it stands now. */
static enum status check_needed(const struct replica *replica,
                                const struct message_partition_pull *pull)
{
    struct reader reader = reader_make(pull->clock);
    struct clock theirs, missing = {0};
    clock_decode(&reader, &theirs);
    enum status status = reader_end(&reader);
    if (status == STATUS_OK) {
        clock_difference(&replica->clock, &theirs, &missing);
        if (!replica_needs_trimmed(replica, &missing))
            status = STATUS_NOT_FOUND;
    }
    clock_deinit(&missing);
    clock_deinit(&theirs);
    return status;
}

struct page_walk {
    struct store_iterator *iterator;
    const struct store_port *port;
    struct whole_page *out;
    size_t page_bytes;
    uint32_t passed; /* cells of dropped keyspaces */
    bool full;       /* `next` has the first name that had no room */
};

/*
 * Whether the record that the walk stands on has room; on a page that passed few there is for one.
 */
static bool has_room(struct page_walk *walk)
{
    const struct message_partition_page *page = &walk->out->page;
    uint32_t count = page->delivery_count + page->request_count;
    size_t bytes = walk->out->deliveries.length + walk->out->requests.length;
    if (walk->passed < PAGE_PASSED_MAX &&
        (count == 0 || (count < PAGE_RECORDS_MAX && bytes < walk->page_bytes)))
        return true;
    walk->full = true;
    buffer_append_slice(&walk->out->next, walk->port->key(walk->iterator));
    return false;
}

static enum status walk_cells(struct page_walk *walk, const struct replica *replica,
                              struct slice from, const struct replica_context *context)
{
    struct buffer first = {0};
    enum status status = STATUS_OK;
    record_cell_bound(replica_position_first(replica, context), &first);
    bool begins = slice_compare(from, buffer_slice(&first)) < 0;
    walk->port->seek(walk->iterator, begins ? buffer_slice(&first) : from);
    for (; walk->port->valid(walk->iterator); walk->port->next(walk->iterator)) {
        struct cell_name name;
        status = record_cell_name_decode(walk->port->key(walk->iterator), &name);
        if (status != STATUS_OK || name.position > replica_position_last(replica, context) ||
            !has_room(walk))
            break;
        if (keyspace_is_dropped(context, name.keyspace)) {
            walk->passed++;
            continue;
        }
        struct cell_delivery delivery = {.keyspace = name.keyspace, .key = name.key};
        status = record_cell_open(walk->port->value(walk->iterator), &delivery.cell);
        if (status != STATUS_OK)
            break;
        cell_delivery_encode(&delivery, &walk->out->deliveries);
        walk->out->page.delivery_count++;
    }
    buffer_deinit(&first);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* behind the last cell of all */
}

static enum status walk_requests(struct page_walk *walk, const struct replica *replica,
                                 struct slice from)
{
    struct buffer first = {0};
    enum status status = STATUS_OK;
    record_request_bound(replica->partition, &first);
    bool begins = slice_compare(from, buffer_slice(&first)) < 0;
    walk->port->seek(walk->iterator, begins ? buffer_slice(&first) : from);
    for (; walk->port->valid(walk->iterator); walk->port->next(walk->iterator)) {
        struct slice name = walk->port->key(walk->iterator);
        struct request_record record;
        if (name.length <= first.length ||
            !slice_equal(slice_make(name.data, first.length), buffer_slice(&first)) ||
            !has_room(walk))
            break;
        status = request_record_decode(walk->port->value(walk->iterator), &record);
        if (status != STATUS_OK)
            break;
        buffer_put_bytes(&walk->out->requests, walk->port->value(walk->iterator));
        walk->out->page.request_count++;
    }
    buffer_deinit(&first);
    return status;
}

enum status replica_whole_answer(const struct replica *replica,
                                 const struct message_partition_pull *pull, size_t page_bytes,
                                 struct replica_context *context, struct whole_page *out,
                                 bool *first)
{
    struct page_walk walk = {.port = context->port, .out = out, .page_bytes = page_bytes};
    enum status status = STATUS_OK;
    *first = pull->from.length == 0;
    if (*first)
        status = check_needed(replica, pull);
    if (status != STATUS_OK)
        return status;
    walk.iterator = walk.port->iterator_new(walk.port->context);
    if (pull->from.length == 0 || pull->from.data[0] == RECORD_CELL)
        status = walk_cells(&walk, replica, pull->from, context);
    if (status == STATUS_OK && !walk.full)
        status = walk_requests(&walk, replica, pull->from);
    if (status == STATUS_OK)
        status = walk.port->error(walk.iterator);
    walk.port->iterator_free(walk.iterator);
    clock_encode(&replica->clock, &out->clock);
    out->page.address =
        (struct replica_address){.partition = replica->partition, .tag = replica->tag};
    out->page.done = !walk.full;
    out->page.from = pull->from;
    out->page.next = buffer_slice(&out->next);
    out->page.clock = buffer_slice(&out->clock);
    out->page.deliveries = buffer_slice(&out->deliveries);
    out->page.requests = buffer_slice(&out->requests);
    return status;
}

/* ---- the asker ----------------------------------------------------------------------------- */

enum status replica_whole_load(struct replica *replica, struct replica_context *context)
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

static void put_place(const struct replica *replica, struct replica_context *context)
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

struct slice replica_whole_place(const struct replica *replica, node_id source)
{
    return replica->whole.source == source ? buffer_slice(&replica->whole.next)
                                           : slice_make(NULL, 0);
}

bool replica_whole_begin(struct replica *replica, node_id from,
                         const struct message_partition_page *page, const struct clock *clock)
{
    struct whole_record *whole = &replica->whole;
    bool goes_on = whole->source == from &&
                   whole->source_incarnation == page->storage_incarnation &&
                   clock_descends(clock, &whole->clock); /* W3 */
    if (!goes_on) {
        whole_record_deinit(whole);
        whole->source = from;
        whole->source_incarnation = page->storage_incarnation;
        clock_copy(clock, &whole->clock);
    }
    return slice_equal(page->from, buffer_slice(&whole->next));
}

static enum status keep_requests(const struct replica *replica,
                                 const struct message_partition_page *page,
                                 struct replica_context *context)
{
    struct reader reader = reader_make(page->requests);
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < page->request_count && status == STATUS_OK; i++) {
        struct request_record record;
        status = request_record_decode(reader_bytes(&reader), &record);
        if (status == STATUS_OK)
            status = replica_keep_request(replica, &record, context);
    }
    return status;
}

/* W1. What is joined has no log record here, and never will (R3). */
static void join_clock(struct replica *replica)
{
    struct clock joined = {0};
    clock_difference(&replica->whole.clock, &replica->clock, &joined);
    clock_join(&replica->trimmed, &joined);
    clock_join(&replica->clock, &joined);
    clock_deinit(&joined);
    replica->changes++;
}

enum status replica_whole_end(struct replica *replica, const struct message_partition_page *page,
                              struct replica_context *context)
{
    struct whole_record *whole = &replica->whole;
    enum status status = keep_requests(replica, page, context);
    if (status != STATUS_OK)
        return status;
    if (page->done) {
        join_clock(replica);
        whole_record_deinit(whole);
        replica_checkpoint(replica, context); /* no log record has what was joined */
    } else {
        buffer_clear(&whole->next);
        buffer_append_slice(&whole->next, page->next);
    }
    put_place(replica, context);
    return STATUS_OK;
}

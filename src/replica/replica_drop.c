#include "replica/replica_drop.h"

#include "replica/replica_tree.h"
#include "wire/record_expiry.h"
#include "wire/record_order.h"
#include "wire/record_request.h"
#include "wire/record_tree.h"
#include "wire/record_whole.h"

/* In the order in which they go. */
enum range { CELLS, ORDER, LOG, GARBAGE, EXPIRY, TREE, REQUESTS, REQUEST_DOTS, RANGES };

void replica_drop_mark(partition_id partition, struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    record_dropping_name(partition, &name);
    buffer_put_u8(&value, RECORD_VERSION);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    buffer_deinit(&name);
    buffer_deinit(&value);
}

void replica_drop_deinit(struct replica_drop *drop)
{
    buffer_deinit(&drop->place);
    *drop = (struct replica_drop){0};
}

/* ---- what there is -------------------------------------------------------------------------- */

static enum status look_at(partition_id partition, struct replica_context *context,
                           struct replica_copy *out)
{
    const struct store_port *port = context->port;
    struct buffer name = {0}, value = {0};
    struct checkpoint_record record = {0};
    *out = (struct replica_copy){.partition = partition};
    record_dropping_name(partition, &name);
    enum status status = port->get(port->context, buffer_slice(&name), &value);
    out->dropping = status == STATUS_OK;
    buffer_clear(&name);
    buffer_clear(&value);
    record_checkpoint_name(partition, &name);
    if (status == STATUS_NOT_FOUND)
        status = port->get(port->context, buffer_slice(&name), &value);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_CORRUPT; /* the checkpoint goes last */
    if (status == STATUS_OK && !out->dropping) {
        status = checkpoint_record_decode(buffer_slice(&value), &record);
        out->adopt_epoch = record.adopt_epoch;
        clock_deinit(&record.trimmed);
        clock_deinit(&record.clock);
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

enum status replica_copy_next(uint32_t from, struct replica_context *context,
                              struct replica_copy *out)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer bound = {0};
    enum status status = STATUS_NOT_FOUND;
    partition_id partition = 0;
    if (from < PARTITION_COUNT_MAX) {
        record_meta_bound((partition_id)from, &bound);
        port->seek(iterator, buffer_slice(&bound));
        if (port->valid(iterator))
            status = record_meta_decode(port->key(iterator), &partition);
        else if (port->error(iterator) != STATUS_OK)
            status = port->error(iterator);
    }
    port->iterator_free(iterator);
    buffer_deinit(&bound);
    return status == STATUS_OK ? look_at(partition, context, out) : status;
}

/* ---- removing it ---------------------------------------------------------------------------- */

/* What the names of a range begin with; of cells and scores, the least one. */
static void put_bound(enum range range, const struct replica *replica,
                      const struct replica_context *context, struct buffer *out)
{
    static const char KINDS[] = {[LOG] = RECORD_LOG,
                                 [GARBAGE] = RECORD_GARBAGE,
                                 [EXPIRY] = RECORD_EXPIRY,
                                 [TREE] = RECORD_TREE};
    switch (range) {
    case CELLS:
        record_cell_bound(replica_position_first(replica, context), out);
        break;
    case ORDER:
        record_order_bound(replica_position_first(replica, context), out);
        break;
    case REQUESTS:
        record_request_bound(replica->partition, out);
        break;
    case REQUEST_DOTS:
        record_request_dot_bound(replica->partition, out);
        break;
    default:
        buffer_put_u8(out, (uint8_t)KINDS[range]);
        buffer_put_u16(out, replica->partition);
    }
}

static bool is_in(enum range range, struct slice name, const struct replica *replica,
                  const struct replica_context *context)
{
    struct buffer bound = {0};
    bool inside;
    if (range == CELLS || range == ORDER) {
        struct reader reader = reader_make(name);
        inside = reader_u8(&reader) == (range == CELLS ? RECORD_CELL : RECORD_ORDER) &&
                 reader_u64(&reader) <= replica_position_last(replica, context) && !reader.failed;
    } else {
        put_bound(range, replica, context, &bound);
        inside = name.length >= bound.length &&
                 slice_equal(slice_make(name.data, bound.length), buffer_slice(&bound));
    }
    buffer_deinit(&bound);
    return inside;
}

static enum status walk(struct replica_drop *drop, const struct replica *replica,
                        struct replica_context *context, uint32_t *removed, size_t *bytes)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum range range = (enum range)drop->range;
    if (drop->place.length == 0)
        put_bound(range, replica, context, &drop->place);
    port->seek(iterator, buffer_slice(&drop->place));
    while (port->valid(iterator) && is_in(range, port->key(iterator), replica, context) &&
           *removed < REPLICA_DROP_RECORDS && *bytes < REPLICA_DROP_BYTES) {
        store_batch_delete(context->batch, port->key(iterator));
        cell_cache_forget(context->cache, port->key(iterator));
        *bytes += port->key(iterator).length;
        ++*removed;
        port->next(iterator);
    }
    bool over = !port->valid(iterator) || !is_in(range, port->key(iterator), replica, context);
    buffer_clear(&drop->place);
    if (!over)
        buffer_append_slice(&drop->place, port->key(iterator));
    drop->range = (uint8_t)(range + over);
    enum status status = port->error(iterator);
    port->iterator_free(iterator);
    return status;
}

static void remove_meta(partition_id partition, struct replica_context *context)
{
    static void (*const NAMES[])(partition_id, struct buffer *) = {
        record_whole_name, record_checkpoint_name, record_dropping_name};
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct buffer name = {0};
        NAMES[i](partition, &name);
        store_batch_delete(context->batch, buffer_slice(&name));
        buffer_deinit(&name);
    }
}

enum status replica_drop_step(struct replica_drop *drop, partition_id partition,
                              struct replica_context *context, uint32_t *removed, bool *done)
{
    const struct replica replica = {.partition = partition};
    struct replica_drop before = {.range = drop->range};
    enum status status = STATUS_OK;
    size_t bytes = 0;
    buffer_append_slice(&before.place, buffer_slice(&drop->place));
    *removed = 0;
    *done = false;
    while (status == STATUS_OK && drop->range < RANGES && *removed < REPLICA_DROP_RECORDS &&
           bytes < REPLICA_DROP_BYTES)
        status = walk(drop, &replica, context, removed, &bytes);
    if (status != STATUS_OK) { /* a walk that failed may have passed over some */
        replica_drop_deinit(drop);
        *drop = before;
        return status;
    }
    replica_drop_deinit(&before);
    if (drop->range == RANGES) {
        remove_meta(partition, context);
        replica_drop_deinit(drop);
        *done = true;
    }
    return STATUS_OK;
}

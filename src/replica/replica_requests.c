#include "replica/replica_requests.h"

#include <assert.h>

/* Purging leaves names behind that the group may yet look up: an empty value says absent. */
static void put(struct replica_context *context, struct slice name, struct slice value)
{
    store_batch_put(context->batch, name, value);
    cell_cache_put(context->cache, name, value, true);
}

static void delete (struct replica_context *context, struct slice name)
{
    store_batch_delete(context->batch, name);
    cell_cache_put(context->cache, name, slice_text(""), true);
}

static enum status get(struct replica_context *context, struct slice name, struct buffer *out)
{
    struct slice cached;
    if (cell_cache_get(context->cache, name, &cached)) {
        buffer_append_slice(out, cached);
        return cached.length == 0 ? STATUS_NOT_FOUND : STATUS_OK;
    }
    return context->port->get(context->port->context, name, out);
}

enum status replica_find_request(const struct replica *replica,
                                 const struct request_identity *identity,
                                 struct replica_context *context, struct buffer *out)
{
    struct buffer name = {0};
    struct request_record record;
    size_t offset = out->length;
    record_request_name(replica->partition, identity, &name);
    enum status status = get(context, buffer_slice(&name), out);
    buffer_deinit(&name);
    if (status != STATUS_OK)
        return status;
    status = request_record_decode(slice_make(out->data + offset, out->length - offset), &record);
    if (status == STATUS_OK && record.stamp.expire_at_ms <= context->wall_ms) {
        out->length = offset;
        status = STATUS_NOT_FOUND;
    }
    return status;
}

enum request_state replica_request_state(const struct replica *replica,
                                         const struct request_record *record,
                                         const struct version_vector *contexts,
                                         uint16_t entry_count)
{
    struct reader reader = reader_make(record->dots);
    bool whole = record->result.length > 0 || record->stamp.entry_count == 1;
    if (record->stamp.entry_count != entry_count)
        return REQUEST_KNOWN_IN_PART; /* of another command, which its digest tells */
    for (uint16_t i = 0; i < record->dot_count && whole; i++) {
        uint16_t entry;
        struct dot dot;
        request_dot_decode(&reader, &entry, &dot);
        whole = clock_has(&replica->clock, &dot) || version_vector_covers(&contexts[entry], &dot);
    }
    return whole ? REQUEST_KNOWN : REQUEST_KNOWN_IN_PART;
}

static void put_names(const struct replica *replica, const struct request_record *record,
                      struct replica_context *context)
{
    struct buffer name = {0}, owner = {0};
    struct reader reader = reader_make(record->dots);
    const struct request_stamp *stamp = &record->stamp;
    record_request_expiry_name(stamp->expire_at_ms, replica->partition, &stamp->identity, &name);
    store_batch_put(context->batch, buffer_slice(&name), slice_text(""));
    request_owner_encode(&stamp->identity, &owner);
    for (uint16_t i = 0; i < record->dot_count; i++) {
        uint16_t entry;
        struct dot dot;
        request_dot_decode(&reader, &entry, &dot);
        buffer_clear(&name);
        record_request_dot_name(replica->partition, &dot, &name);
        put(context, buffer_slice(&name), buffer_slice(&owner));
    }
    buffer_deinit(&name);
    buffer_deinit(&owner);
}

enum status replica_keep_request(const struct replica *replica, const struct request_record *record,
                                 struct replica_context *context)
{
    struct buffer old = {0}, name = {0}, value = {0};
    struct request_table *table = &context->requests;
    struct request_record known;
    if (record->stamp.expire_at_ms <= context->wall_ms)
        return STATUS_OK;
    enum status status = replica_find_request(replica, &record->stamp.identity, context, &old);
    bool is_new = status == STATUS_NOT_FOUND;
    bool more = is_new;
    if (status == STATUS_OK) {
        status = request_record_decode(buffer_slice(&old), &known);
        more = known.result.length == 0 && record->result.length > 0;
    } else if (is_new) {
        status = STATUS_OK;
    }
    if (status == STATUS_OK && more) {
        record_request_name(replica->partition, &record->stamp.identity, &name);
        request_record_encode(record, &value);
        put(context, buffer_slice(&name), buffer_slice(&value));
        put_names(replica, record, context);
        table->count += is_new || known.stamp.expire_at_ms != record->stamp.expire_at_ms;
        if (table->next_expiry_ms > record->stamp.expire_at_ms)
            table->next_expiry_ms = record->stamp.expire_at_ms;
    }
    buffer_deinit(&old);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

/* What a live version tells of its request: one event, and how long its value is. */
static enum status keep_stamp(const struct replica *replica, const struct sibling *sibling,
                              struct replica_context *context)
{
    struct request_record record = {.dot_count = 1};
    struct buffer dots = {0};
    struct reader reader = reader_make(sibling->request);
    request_stamp_decode(&reader, &record.stamp);
    if (reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    record.length = sibling->kind == SIBLING_TOMBSTONE ? -1 : (int64_t)sibling->value.length;
    request_dot_encode(0, &sibling->dot, &dots);
    record.dots = buffer_slice(&dots);
    enum status status = replica_keep_request(replica, &record, context);
    buffer_deinit(&dots);
    return status;
}

enum status replica_absorb_requests(const struct replica *replica,
                                    const struct cell_delivery *delivery,
                                    struct replica_context *context)
{
    struct reader requests = reader_make(delivery->requests);
    struct reader reader = reader_make(delivery->cell);
    struct cell cell;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && reader_left(&requests) > 0) {
        struct request_record record;
        status = request_record_decode(reader_bytes(&requests), &record);
        if (status == STATUS_OK)
            status = replica_keep_request(replica, &record, context);
    }
    cell_decode(&reader, &cell);
    for (uint32_t i = 0; i < cell.count && status == STATUS_OK; i++)
        if (cell.siblings[i].request.length > 0)
            status = keep_stamp(replica, &cell.siblings[i], context);
    cell_deinit(&cell);
    return status;
}

static enum status append_request_of(const struct replica *replica, const struct dot *dot,
                                     struct replica_context *context, struct buffer *out)
{
    struct buffer name = {0}, owner = {0}, record = {0};
    struct request_identity identity;
    record_request_dot_name(replica->partition, dot, &name);
    enum status status = get(context, buffer_slice(&name), &owner);
    if (status == STATUS_OK)
        status = request_owner_decode(buffer_slice(&owner), &identity);
    if (status == STATUS_OK)
        status = replica_find_request(replica, &identity, context, &record);
    if (status == STATUS_OK)
        buffer_put_bytes(out, buffer_slice(&record));
    buffer_deinit(&name);
    buffer_deinit(&owner);
    buffer_deinit(&record);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status replica_requests_of(const struct replica *replica, const struct clock *dots,
                                struct replica_context *context, struct buffer *out)
{
    enum status status = STATUS_OK;
    if (context->requests.count == 0)
        return STATUS_OK;
    for (uint32_t i = 0; i < dots->count; i++) {
        const struct clock_entry *entry = &dots->entries[i];
        struct dot dot = {.actor = entry->actor};
        for (dot.sequence = 1; dot.sequence <= entry->base && status == STATUS_OK; dot.sequence++)
            status = append_request_of(replica, &dot, context, out);
        for (uint32_t r = 0; r < entry->range_count; r++)
            for (dot.sequence = entry->ranges[r].first;
                 dot.sequence <= entry->ranges[r].last && status == STATUS_OK; dot.sequence++)
                status = append_request_of(replica, &dot, context, out);
    }
    return status;
}

/* ---- forgetting ---------------------------------------------------------------------------- */

enum status requests_open(struct replica_context *context)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct request_table *table = &context->requests;
    struct buffer bound = {0};
    enum status status = STATUS_OK;
    table->count = 0;
    table->next_expiry_ms = UINT64_MAX;
    record_request_expiry_bound(0, &bound);
    for (port->seek(iterator, buffer_slice(&bound)); port->valid(iterator); port->next(iterator)) {
        struct request_identity identity;
        uint64_t expire_at_ms;
        partition_id partition;
        status =
            record_request_expiry_decode(port->key(iterator), &expire_at_ms, &partition, &identity);
        if (status != STATUS_OK)
            break;
        if (table->count++ == 0)
            table->next_expiry_ms = expire_at_ms;
    }
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK; /* behind the last */
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&bound);
    return status;
}

static void delete_dots(const struct request_record *record, partition_id partition,
                        struct replica_context *context)
{
    struct reader reader = reader_make(record->dots);
    struct buffer name = {0};
    for (uint16_t i = 0; i < record->dot_count; i++) {
        uint16_t entry;
        struct dot dot;
        request_dot_decode(&reader, &entry, &dot);
        buffer_clear(&name);
        record_request_dot_name(partition, &dot, &name);
        delete (context, buffer_slice(&name));
    }
    buffer_deinit(&name);
}

/* One expiry that has come. The record may have been replaced by one that lives longer. */
static enum status forget(struct slice expiry_name, uint64_t expire_at_ms, partition_id partition,
                          const struct request_identity *identity, struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    struct request_record record;
    store_batch_delete(context->batch, expiry_name);
    if (context->requests.count > 0)
        context->requests.count--;
    record_request_name(partition, identity, &name);
    enum status status = get(context, buffer_slice(&name), &value);
    if (status == STATUS_OK)
        status = request_record_decode(buffer_slice(&value), &record);
    if (status == STATUS_OK && record.stamp.expire_at_ms <= expire_at_ms) {
        delete_dots(&record, partition, context);
        delete (context, buffer_slice(&name));
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status requests_purge(struct replica_context *context, uint32_t budget)
{
    const struct store_port *port = context->port;
    struct request_table *table = &context->requests;
    struct buffer bound = {0};
    enum status status = STATUS_OK;
    if (table->next_expiry_ms > context->wall_ms)
        return STATUS_OK;
    struct store_iterator *iterator = port->iterator_new(port->context);
    record_request_expiry_bound(table->next_expiry_ms, &bound); /* never over what was deleted */
    port->seek(iterator, buffer_slice(&bound));
    table->next_expiry_ms = UINT64_MAX;
    while (status == STATUS_OK && port->valid(iterator)) {
        struct request_identity identity;
        uint64_t expire_at_ms;
        partition_id partition;
        status =
            record_request_expiry_decode(port->key(iterator), &expire_at_ms, &partition, &identity);
        if (status != STATUS_OK)
            break;
        if (expire_at_ms > context->wall_ms || budget-- == 0) {
            table->next_expiry_ms = expire_at_ms;
            break;
        }
        status = forget(port->key(iterator), expire_at_ms, partition, &identity, context);
        port->next(iterator);
    }
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&bound);
    return status;
}

#include "replica/expiry.h"

#include <assert.h>

#include "causal/expired.h"
#include "replica/replica_cells.h"
#include "wire/record_expiry.h"

/* ---- index ---- */

static bool has_expiry(const struct cell *cell, uint64_t at_ms)
{
    return at_ms != 0 && cell_next_expiry_ms(cell, at_ms - 1) == at_ms;
}

static void append_name(const struct replica *replica, uint64_t at_ms, keyspace_id keyspace,
                        struct slice key, struct buffer *out)
{
    struct expiry_name name = {
        .partition = replica->partition, .expire_at_ms = at_ms, .keyspace = keyspace, .key = key};
    buffer_clear(out);
    record_expiry_name(&name, out);
}

static void put_record(struct replica *replica, uint64_t at_ms, struct slice name,
                       struct replica_context *context)
{
    struct buffer value = {0};
    expiry_record_encode(&value);
    store_batch_put(context->batch, name, buffer_slice(&value));
    if (at_ms < replica->expiry_next_ms)
        replica->expiry_next_ms = at_ms;
    context->expiry_indexed = true;
    buffer_deinit(&value);
}

void expiry_index_cell(struct replica *replica, keyspace_id keyspace, struct slice key,
                       const struct cell *before, const struct cell *after,
                       struct replica_context *context)
{
    struct buffer name = {0};
    for (uint64_t at_ms = 0; (at_ms = cell_next_expiry_ms(before, at_ms)) != 0;) {
        if (has_expiry(after, at_ms))
            continue;
        append_name(replica, at_ms, keyspace, key, &name);
        store_batch_delete(context->batch, buffer_slice(&name));
    }
    for (uint64_t at_ms = 0; (at_ms = cell_next_expiry_ms(after, at_ms)) != 0;) {
        if (has_expiry(before, at_ms))
            continue;
        append_name(replica, at_ms, keyspace, key, &name);
        put_record(replica, at_ms, buffer_slice(&name), context);
    }
    buffer_deinit(&name);
}

enum status expiry_index_missing(const struct replica *replica, keyspace_id keyspace,
                                 struct slice key, const struct cell *cell,
                                 const struct replica_context *context, struct buffer *names)
{
    struct buffer name = {0}, value = {0};
    enum status status = STATUS_OK;
    for (uint64_t at_ms = 0; status == STATUS_OK && names->length < EXPIRY_MISSING_BYTES &&
                             (at_ms = cell_next_expiry_ms(cell, at_ms)) != 0;) {
        append_name(replica, at_ms, keyspace, key, &name);
        buffer_clear(&value);
        status = context->port->get(context->port->context, buffer_slice(&name), &value);
        if (status != STATUS_NOT_FOUND)
            continue;
        buffer_put_bytes(names, buffer_slice(&name));
        status = STATUS_OK;
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

void expiry_index_put(struct replica *replica, struct slice names, struct replica_context *context)
{
    struct reader reader = reader_make(names);
    while (reader_left(&reader) > 0) {
        struct slice name = reader_bytes(&reader);
        struct expiry_name parts;
        enum status status = record_expiry_name_decode(name, &parts);
        assert(status == STATUS_OK); /* made above */
        put_record(replica, parts.expire_at_ms, name, context);
    }
}

bool expiry_is_due(const struct replica *replica, uint64_t now_ms)
{
    return replica->expiry_next_ms <= now_ms;
}

/* ---- dropping ---- */

static enum status drop_cell(struct replica *replica, const struct expiry_name *name,
                             struct slice record, uint64_t safe_ms, struct replica_context *context,
                             struct expiry_outcome *out)
{
    const struct clock no_dots = {0};
    struct local_cell local;
    struct cell after;
    enum status status = local_cell_load(context, name->keyspace, name->key, &local);
    if (status == STATUS_OK && has_expiry(&local.cell, name->expire_at_ms) &&
        cell_expire(&local.cell, safe_ms - 1, &after)) {
        replica_record_event(replica, name->keyspace, name->key, &local.cell, &after,
                             slice_make(NULL, 0), &no_dots, context);
        cell_deinit(&after);
        out->dropped++;
    } else if (status == STATUS_OK) { /* X4; or the present group has changed the cell */
        store_batch_delete(context->batch, record);
    }
    local_cell_deinit(&local);
    return status;
}

/* STATUS_NOT_FOUND: the walk is over. `next_ms` gets when there is something to do again. */
static enum status visit(struct replica *replica, struct slice record, struct slice value,
                         uint64_t safe_ms, struct replica_context *context,
                         struct expiry_outcome *out, uint64_t *next_ms)
{
    struct expiry_name name;
    enum status status = record_expiry_name_decode(record, &name);
    if (status == STATUS_OK && name.partition != replica->partition)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = expiry_record_decode(value);
    if (status != STATUS_OK)
        return status;
    if (name.expire_at_ms < safe_ms)
        return drop_cell(replica, &name, record, safe_ms, context, out);
    if (*next_ms == UINT64_MAX)
        *next_ms = name.expire_at_ms;
    if (name.expire_at_ms > context->wall_ms || out->waiting == EXPIRY_WAITING_MAX)
        return STATUS_NOT_FOUND;
    if (out->waiting++ == 0)
        out->waits_for_ms = name.expire_at_ms;
    return STATUS_OK;
}

enum status expiry_drop(struct replica *replica, hybrid_time safe, uint32_t budget,
                        struct replica_context *context, struct expiry_outcome *out)
{
    const struct store_port *port = context->port;
    uint64_t safe_ms = hybrid_time_ms(safe);
    uint64_t next_ms = UINT64_MAX;
    uint32_t handled = 0;
    struct buffer bound = {0};
    enum status status = STATUS_OK;
    struct store_iterator *iterator = port->iterator_new(port->context);
    record_expiry_bound(replica->partition, &bound);
    for (port->seek(iterator, buffer_slice(&bound)); port->valid(iterator); port->next(iterator)) {
        if (handled == budget) {
            out->more = true;
            next_ms = 0;
            break;
        }
        status = visit(replica, port->key(iterator), port->value(iterator), safe_ms, context, out,
                       &next_ms);
        if (status != STATUS_OK)
            break;
        handled += out->waiting == 0;
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = port->error(iterator);
    port->iterator_free(iterator);
    /* Records of the present group were not met. */
    if (status == STATUS_OK && (!context->expiry_indexed || next_ms < replica->expiry_next_ms))
        replica->expiry_next_ms = next_ms;
    buffer_deinit(&bound);
    return status;
}

#include "replica/expiry.h"

#include <assert.h>

#include "causal/deadline.h"
#include "causal/expired.h"
#include "replica/collection.h"
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

/* What one walk goes by. */
struct drop {
    struct replica *replica;
    uint64_t safe_ms;
    const struct stability *stability;
    struct replica_context *context;
    struct sweep_budget sweeps;
    struct expiry_outcome *out;
    uint64_t next_ms; /* when there is something to do again */
};

/* The elements of a key; `left` gets whether some are. */
static enum status drop_elements(struct drop *drop, const struct expiry_name *name,
                                 const struct cell *head, bool *left)
{
    uint32_t made = drop->sweeps.made;
    bool finished = true;
    enum status status = STATUS_OK;
    if (deadline_wants_sweep(head, drop->safe_ms))
        status = replica_sweep_ended(drop->replica, name->keyspace, name->key, head, drop->safe_ms,
                                     drop->stability, drop->context, &drop->sweeps, &finished);
    drop->out->dropped += drop->sweeps.made - made;
    *left = !finished;
    return status;
}

static enum status drop_cell(struct drop *drop, const struct expiry_name *name, struct slice record)
{
    struct replica *replica = drop->replica;
    struct replica_context *context = drop->context;
    const struct clock no_dots = {0};
    struct local_cell local;
    struct cell after;
    enum status status = local_cell_load(context, name->keyspace, name->key, &local);
    bool known = status == STATUS_OK && has_expiry(&local.cell, name->expire_at_ms), left = false;
    if (known && cell_expire(&local.cell, drop->safe_ms - 1, &after)) {
        replica_record_event(replica, name->keyspace, name->key, &local.cell, &after,
                             slice_make(NULL, 0), &no_dots, context);
        left = has_expiry(&after, name->expire_at_ms); /* also of its elements, in the next step */
        cell_deinit(&after);
        drop->out->dropped++;
    } else if (known && cell_has_deadline(&local.cell)) {
        status = drop_elements(drop, name, &local.cell, &left);
    }
    if (status == STATUS_OK && !left) /* X4; or the present group has changed the cell */
        store_batch_delete(context->batch, record);
    if (left && drop->next_ms > name->expire_at_ms)
        drop->next_ms = name->expire_at_ms;
    local_cell_deinit(&local);
    return status;
}

/* STATUS_NOT_FOUND: the walk is over. */
static enum status visit(struct drop *drop, struct slice record, struct slice value)
{
    struct expiry_outcome *out = drop->out;
    struct expiry_name name;
    enum status status = record_expiry_name_decode(record, &name);
    if (status == STATUS_OK && name.partition != drop->replica->partition)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = expiry_record_decode(value);
    if (status != STATUS_OK)
        return status;
    if (name.expire_at_ms < drop->safe_ms)
        return drop_cell(drop, &name, record);
    if (drop->next_ms == UINT64_MAX)
        drop->next_ms = name.expire_at_ms;
    if (name.expire_at_ms > drop->context->wall_ms || out->waiting == EXPIRY_WAITING_MAX)
        return STATUS_NOT_FOUND;
    if (out->waiting++ == 0)
        out->waits_for_ms = name.expire_at_ms;
    return STATUS_OK;
}

enum status expiry_drop(struct replica *replica, hybrid_time safe,
                        const struct stability *stability, uint32_t budget,
                        struct replica_context *context, struct expiry_outcome *out)
{
    struct drop drop = {.replica = replica,
                        .safe_ms = hybrid_time_ms(safe),
                        .stability = stability,
                        .context = context,
                        .sweeps = {.elements = SWEEP_ELEMENTS_MAX},
                        .out = out,
                        .next_ms = UINT64_MAX};
    const struct store_port *port = context->port;
    uint32_t handled = 0;
    struct buffer bound = {0};
    enum status status = STATUS_OK;
    struct store_iterator *iterator = port->iterator_new(port->context);
    record_expiry_bound(replica->partition, &bound);
    for (port->seek(iterator, buffer_slice(&bound)); port->valid(iterator); port->next(iterator)) {
        if (handled == budget) {
            out->more = true;
            drop.next_ms = 0;
            break;
        }
        status = visit(&drop, port->key(iterator), port->value(iterator));
        if (status != STATUS_OK)
            break;
        handled += out->waiting == 0;
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = port->error(iterator);
    port->iterator_free(iterator);
    /* Records of the present group were not met. */
    if (status == STATUS_OK && (!context->expiry_indexed || drop.next_ms < replica->expiry_next_ms))
        replica->expiry_next_ms = drop.next_ms;
    buffer_deinit(&bound);
    return status;
}

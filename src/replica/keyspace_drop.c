#include "replica/keyspace_drop.h"

#include "replica/replica_cells.h"
#include "replica/replica_requests.h"
#include "replica/replica_tree.h"
#include "replica/scrub.h"

void replica_count_dropped_apart(struct replica *replica, const struct replica_context *context)
{
    struct replica_counts apart = {0};
    for (uint16_t i = 0; i < replica->counts.count; i++) {
        const struct checkpoint_count *count = &replica->counts.keyspaces[i];
        replica_counts_add(&apart, keyspace_counted_as(context, count->keyspace),
                           (int64_t)count->count);
    }
    replica->counts = apart;
    replica_scrub_abandon(replica); /* it has counted some of them as they were */
}

uint64_t replica_dropped_left(const struct replica *replica)
{
    return replica_count(replica, KEYSPACE_DROPPED);
}

static enum status discard(struct replica *replica, const struct cell_delivery *delivery,
                           const struct cell *incoming, const struct clock *satisfied,
                           struct replica_context *context, bool *changed)
{
    struct clock new_dots = {0};
    hybrid_clock_observe(context->clock, cell_time_max(incoming));
    clock_difference(satisfied, &replica->clock, &new_dots);
    replica_add_unseen_dots(replica, incoming, &new_dots);
    *changed = new_dots.count > 0;
    if (*changed)
        replica_record_event(replica, delivery->keyspace, delivery->key, NULL, NULL,
                             slice_make(NULL, 0), &new_dots, context);
    clock_deinit(&new_dots);
    if (!cell_has_requests(incoming) && delivery->requests.length == 0)
        return STATUS_OK;
    return replica_absorb_requests(replica, delivery, context); /* Q1 */
}

enum status replica_discard(struct replica *replica, const struct cell_delivery *delivery,
                            struct replica_context *context, bool *changed)
{
    struct cell incoming = {0};
    struct clock satisfied = {0};
    *changed = false;
    enum status status = replica_decode_delivery(delivery, context, &incoming, &satisfied);
    if (status == STATUS_OK)
        status = discard(replica, delivery, &incoming, &satisfied, context, changed);
    clock_deinit(&satisfied);
    cell_deinit(&incoming);
    return status;
}

/* The present group may have changed it since the commit that the walk reads. */
static enum status remove_cell(struct replica *replica, const struct cell_name *name,
                               struct replica_context *context, struct drop_outcome *out)
{
    const struct cell nothing = {0};
    struct local_cell local;
    enum status status = local_cell_load(context, name->keyspace, name->key, &local);
    if (status == STATUS_OK && local.present) {
        struct cell_change change =
            replica_put_cell(replica, name->keyspace, name->key, &local.cell, &nothing, context);
        replica_count_change(replica, name->keyspace, name->key, &change, context);
        out->removed++;
    }
    local_cell_deinit(&local);
    return status;
}

static void note_place(struct buffer *place, struct slice name)
{
    buffer_clear(place);
    buffer_append_slice(place, name);
}

static enum status walk(struct replica *replica, struct buffer *place,
                        struct replica_context *context, struct drop_outcome *out)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = STATUS_OK;
    size_t bytes = 0;
    out->done = true;
    if (place->length == 0)
        record_cell_bound(replica_position_first(replica, context), place);
    port->seek(iterator, buffer_slice(place));
    for (uint32_t looks = 0; port->valid(iterator); port->next(iterator), looks++) {
        struct cell_name name;
        status = record_cell_name_decode(port->key(iterator), &name);
        if (status != STATUS_OK || name.position > replica_position_last(replica, context))
            break;
        if (looks == DROP_LOOKS_PER_STEP || out->removed == DROP_CELLS_PER_STEP ||
            bytes >= DROP_BYTES_PER_STEP) {
            out->done = false;
            note_place(place, port->key(iterator));
            break;
        }
        bytes += port->key(iterator).length + port->value(iterator).length;
        if (keyspace_is_dropped(context, name.keyspace))
            status = remove_cell(replica, &name, context, out);
        if (status != STATUS_OK)
            break;
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) /* behind the last cell of all */
        status = port->error(iterator);
    port->iterator_free(iterator);
    return status;
}

enum status replica_remove_dropped(struct replica *replica, struct buffer *place,
                                   struct replica_context *context, struct drop_outcome *out)
{
    enum status status = walk(replica, place, context, out);
    if (out->removed > 0) /* also when a later cell could not be read */
        replica_checkpoint(replica, context);
    out->done = status == STATUS_OK && (out->done || replica_dropped_left(replica) == 0);
    if (out->done)
        buffer_clear(place);
    return status;
}

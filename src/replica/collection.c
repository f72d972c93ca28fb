#include "replica/collection.h"

#include "causal/cut.h"
#include "replica/replica_cells.h"

enum status replica_join_cuts(struct replica_context *context, keyspace_id keyspace,
                              struct slice key, struct clock *cut)
{
    struct local_cell head;
    enum status status = local_cell_load(context, keyspace, key, &head);
    if (status == STATUS_OK)
        cell_join_cuts(&head.cell, cut);
    local_cell_deinit(&head);
    return status;
}

/* The key's cell as this replica and the read quorum hold it. */
static enum status merge_heads(const struct replica *replica, const struct replica_cut *cut,
                               const struct local_cell *local,
                               const struct replica_context *context, struct cell *read,
                               struct cell *base)
{
    struct reader reader = reader_make(cut->read_cell);
    cell_decode(&reader, read);
    if (reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    if (hybrid_time_too_far_ahead(cell_time_max(read), context->wall_ms,
                                  context->max_clock_skew_ms))
        return STATUS_CLOCK_SKEW;
    cell_filter_seen(read, &replica->clock, local->present ? &local->cell : NULL);
    cell_merge(&local->cell, read, MERGE_LWW, base);
    return STATUS_OK;
}

/* `base` with one cut in the place of all that it has. */
static void cut_cell(const struct replica *replica, const struct cell *base, struct slice value,
                     struct replica_context *context, struct cell *out)
{
    *out = (struct cell){0};
    for (uint32_t i = 0; i < base->count; i++)
        if (base->siblings[i].kind != SIBLING_CUT)
            cell_insert(out, &base->siblings[i]);
    version_vector_join(&out->context, &base->context);
    struct sibling made = {
        .kind = SIBLING_CUT,
        .dot = replica_next_dot(replica),
        .time = hybrid_clock_next(context->clock, context->wall_ms, cell_time_max(base)),
        .value = value};
    cell_insert(out, &made);
}

static enum status make_cut(struct replica *replica, const struct replica_cut *cut,
                            const struct local_cell *local, const struct cell *base,
                            struct slice value, struct replica_context *context,
                            struct replica_minted *out, struct buffer *deliveries)
{
    struct cell after;
    struct clock new_dots = {0};
    cut_cell(replica, base, value, context, &after);
    enum status status = cell_fits(&after) ? STATUS_OK : STATUS_TOO_LARGE;
    for (uint32_t i = 0; i < after.count; i++)
        if (!clock_has(&replica->clock, &after.siblings[i].dot))
            clock_add(&new_dots, &after.siblings[i].dot);
    if (status == STATUS_OK) {
        size_t offset = deliveries->length;
        *out = (struct replica_minted){.written = true, .number = 1};
        out->dot = replica_next_dot(replica);
        replica_append_delivery(cut->keyspace, cut->key, &after, deliveries);
        out->delivery_bytes = deliveries->length - offset;
        replica_record_event(replica, cut->keyspace, cut->key, &local->cell, &after,
                             slice_make(NULL, 0), &new_dots, context);
    }
    clock_deinit(&new_dots);
    cell_deinit(&after);
    return status;
}

enum status replica_cut(struct replica *replica, const struct replica_cut *cut,
                        struct replica_context *context, struct replica_minted *out,
                        struct buffer *deliveries)
{
    struct local_cell local;
    struct cell read = {0}, base = {0};
    struct clock removed = {0};
    struct buffer value = {0};
    *out = (struct replica_minted){0};
    enum status status = local_cell_load(context, cut->keyspace, cut->key, &local);
    if (status == STATUS_OK)
        status = merge_heads(replica, cut, &local, context, &read, &base);
    /* An event that this actor has yet to make would be removed before it happened. */
    if (status == STATUS_OK &&
        clock_highest(cut->seen, &replica->actor) > clock_highest(&replica->clock, &replica->actor))
        status = STATUS_CORRUPT;
    if (status == STATUS_OK) {
        cell_join_cuts(&base, &removed);
        clock_join(&removed, cut->seen);
        clock_join(&removed, &replica->clock);
        clock_encode(&removed, &value);
        if (value.length > CUT_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    if (status == STATUS_OK && removed.count > 0)
        status =
            make_cut(replica, cut, &local, &base, buffer_slice(&value), context, out, deliveries);
    buffer_deinit(&value);
    clock_deinit(&removed);
    cell_deinit(&base);
    cell_deinit(&read);
    local_cell_deinit(&local);
    return status;
}

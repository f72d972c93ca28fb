#include "replica/collection.h"

#include "causal/cut.h"
#include "causal/deadline.h"
#include "replica/replica_cells.h"

/* The key's cell as this replica and the read quorum hold it. */
static enum status merge_heads(const struct replica *replica, struct slice read_cell,
                               const struct local_cell *local,
                               const struct replica_context *context, struct cell *read,
                               struct cell *base)
{
    struct reader reader = reader_make(read_cell);
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

/* A time for what is written now, which is not taken: what is made next has it, or a later one. */
static uint64_t judge_ms(const struct replica_context *context, hybrid_time above)
{
    uint64_t ms = context->wall_ms;
    if (hybrid_time_ms(context->clock->last) > ms)
        ms = hybrid_time_ms(context->clock->last);
    return hybrid_time_ms(above) > ms ? hybrid_time_ms(above) : ms;
}

static void copy_without(const struct cell *base, enum sibling_kind kind, enum sibling_kind other,
                         struct cell *out)
{
    *out = (struct cell){0};
    for (uint32_t i = 0; i < base->count; i++)
        if (base->siblings[i].kind != kind && base->siblings[i].kind != other)
            cell_insert(out, &base->siblings[i]);
    version_vector_join(&out->context, &base->context);
}

static void insert_made(const struct replica *replica, uint64_t number, hybrid_time above,
                        struct sibling made, struct replica_context *context, struct cell *out)
{
    made.dot = replica_next_dot(replica);
    made.dot.sequence += number;
    made.time = hybrid_clock_next(context->clock, context->wall_ms, above);
    cell_insert(out, &made);
}

/* A deadline in the place of all that `base` has. `value` takes its own. */
static void insert_deadline(const struct replica *replica, struct deadline deadline,
                            hybrid_time above, struct replica_context *context,
                            struct buffer *value, struct cell *out)
{
    struct sibling made = {.kind = SIBLING_DEADLINE, .expire_at_ms = deadline.expire_at_ms};
    hybrid_clock_next(context->clock, context->wall_ms, above);
    deadline.since = context->clock->last;
    deadline_encode(&deadline, value);
    made.value = buffer_slice(value);
    insert_made(replica, 0, above, made, context, out);
}

static enum status record_made(struct replica *replica, keyspace_id keyspace, struct slice key,
                               const struct cell *before, const struct cell *after,
                               struct replica_context *context, struct replica_minted *out,
                               struct buffer *deliveries)
{
    struct clock new_dots = {0};
    size_t offset = deliveries->length;
    if (!cell_fits(after))
        return STATUS_TOO_LARGE;
    *out = (struct replica_minted){.written = true, .number = 1, .dot = replica_next_dot(replica)};
    replica_add_unseen_dots(replica, after, &new_dots);
    replica_append_delivery(keyspace, key, after, deliveries);
    out->delivery_bytes = deliveries->length - offset;
    replica_record_event(replica, keyspace, key, before, after, slice_make(NULL, 0), &new_dots,
                         context);
    clock_deinit(&new_dots);
    return STATUS_OK;
}

/*
 * One cut in the place of all that `base` has. The end that is to come goes, and what an end has
 * reached stays dead, also what comes later.
 */
static enum status make_cut(struct replica *replica, const struct replica_cut *cut,
                            const struct local_cell *local, const struct cell *base,
                            struct slice value, struct replica_context *context,
                            struct replica_minted *out, struct buffer *deliveries)
{
    struct cell after;
    struct buffer floor = {0};
    struct deadline deadline;
    hybrid_time above = cell_time_max(base);
    cell_deadline(base, judge_ms(context, above), &deadline);
    deadline.expire_at_ms = 0;
    bool keeps = deadline.floor_ms > 0;
    copy_without(base, SIBLING_CUT, SIBLING_DEADLINE, &after);
    if (keeps)
        insert_deadline(replica, deadline, above, context, &floor, &after);
    insert_made(replica, keeps, above, (struct sibling){.kind = SIBLING_CUT, .value = value},
                context, &after);
    enum status status = record_made(replica, cut->keyspace, cut->key, &local->cell, &after,
                                     context, out, deliveries);
    out->dot.sequence += keeps;
    cell_deinit(&after);
    buffer_deinit(&floor);
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
        status = merge_heads(replica, cut->read_cell, &local, context, &read, &base);
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

/* ---- what an end has reached ---------------------------------------------------------------- */

/* What is written now is later than all that was read, unless that is too far ahead to be taken. */
static hybrid_time latest_read(struct slice cells, const struct replica_context *context)
{
    struct reader reader = reader_make(cells);
    hybrid_time latest = 0;
    while (reader_left(&reader) > 0 && !reader.failed) {
        struct cell cell;
        struct reader bytes = reader_make(reader_bytes(&reader));
        cell_decode(&bytes, &cell);
        hybrid_time time = cell_time_max(&cell);
        if (time > latest &&
            !hybrid_time_too_far_ahead(time, context->wall_ms, context->max_clock_skew_ms))
            latest = time;
        cell_deinit(&cell);
    }
    return latest;
}

enum status replica_join_past(const struct replica *replica, keyspace_id keyspace, struct slice key,
                              struct slice read_cells, struct replica_context *context,
                              struct replica_past *out)
{
    struct local_cell local;
    struct cell read = {0}, base = {0};
    struct reader reader = reader_make(read_cells);
    struct slice read_head = reader_bytes(&reader);
    *out = (struct replica_past){0};
    enum status status = local_cell_load(context, keyspace, key, &local);
    if (status == STATUS_OK) {
        struct reader bytes = reader_make(read_head);
        cell_decode(&bytes, &read);
        status = reader_end(&bytes) == STATUS_OK ? STATUS_OK : STATUS_CORRUPT;
        cell_join_cuts(&read, &out->past.cut);
        cell_deinit(&read);
    }
    if (status == STATUS_OK)
        status = merge_heads(replica, read_head, &local, context, &read, &base);
    if (status == STATUS_OK && cell_has_deadline(&base))
        hybrid_clock_observe(context->clock, latest_read(read_cells, context));
    if (status == STATUS_OK) {
        out->judged_ms = judge_ms(context, cell_time_max(&base));
        past_join(&out->past, &base, out->judged_ms);
        cell_deadline(&base, out->judged_ms, &out->deadline);
    }
    cell_deinit(&base);
    cell_deinit(&read);
    local_cell_deinit(&local);
    return status;
}

static enum status make_deadline(struct replica *replica, const struct replica_deadline *wish,
                                 const struct local_cell *local, const struct cell *base,
                                 struct replica_context *context, struct replica_minted *out,
                                 struct buffer *deliveries)
{
    struct register_effect effect;
    struct buffer built = {0}, value = {0};
    struct cell after;
    struct deadline deadline;
    hybrid_time above = cell_time_max(base);
    uint64_t judged_ms = judge_ms(context, above);
    cell_deadline(base, judged_ms, &deadline);
    struct sibling seen = {.kind = SIBLING_STRING, .expire_at_ms = deadline.expire_at_ms};
    enum status status =
        register_mutate(wish->mutation, &seen, context->wall_ms, UINT64_MAX, &built, &effect);
    buffer_deinit(&built);
    out->number = effect.number;
    if (status != STATUS_OK || !effect.write)
        return status;
    if (effect.kind == SIBLING_TOMBSTONE) {
        out->number = DEADLINE_HAS_PASSED;
        return STATUS_OK;
    }
    deadline.expire_at_ms = effect.expire_at_ms;
    /* Times may be ahead of the wall clock: then it is later than what is there, and this. */
    if (deadline.expire_at_ms != 0 && deadline.expire_at_ms <= judged_ms)
        deadline.expire_at_ms = judged_ms + 1;
    copy_without(base, SIBLING_DEADLINE, SIBLING_DEADLINE, &after);
    insert_deadline(replica, deadline, above, context, &value, &after);
    status = record_made(replica, wish->keyspace, wish->key, &local->cell, &after, context, out,
                         deliveries);
    cell_deinit(&after);
    buffer_deinit(&value);
    return status;
}

enum status replica_set_deadline(struct replica *replica, const struct replica_deadline *wish,
                                 struct replica_context *context, struct replica_minted *out,
                                 struct buffer *deliveries)
{
    struct local_cell local;
    struct cell read = {0}, base = {0};
    *out = (struct replica_minted){0};
    enum status status = local_cell_load(context, wish->keyspace, wish->key, &local);
    if (status == STATUS_OK)
        status = merge_heads(replica, wish->read_cell, &local, context, &read, &base);
    if (status == STATUS_OK)
        status = make_deadline(replica, wish, &local, &base, context, out, deliveries);
    cell_deinit(&base);
    cell_deinit(&read);
    local_cell_deinit(&local);
    return status;
}

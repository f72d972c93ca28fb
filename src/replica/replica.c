#include "replica/replica.h"

#include <assert.h>
#include <string.h>

#include "causal/counter_write.h"
#include "replica/replica_cells.h"
#include "ring/position.h"

void local_cell_deinit(struct local_cell *local)
{
    cell_deinit(&local->cell);
    buffer_deinit(&local->record);
}

enum status replica_load_cell(struct replica_context *context, keyspace_id keyspace,
                              struct slice key, struct buffer *out)
{
    struct buffer name = {0};
    struct slice cached;
    enum status status = STATUS_OK;
    record_cell_name(ring_position(key, keyspace, context->position_seed), keyspace, key, &name);
    if (cell_cache_get(context->cache, buffer_slice(&name), &cached)) {
        if (cached.length == 0)
            status = STATUS_NOT_FOUND; /* the present group has deleted it */
        buffer_append_slice(out, cached);
    } else {
        size_t offset = out->length;
        status = context->port->get(context->port->context, buffer_slice(&name), out);
        if (status == STATUS_OK)
            cell_cache_put(context->cache, buffer_slice(&name),
                           slice_make(out->data + offset, out->length - offset), false);
    }
    buffer_deinit(&name);
    return status;
}

enum status local_cell_load(struct replica_context *context, keyspace_id keyspace,
                            struct slice key, struct local_cell *local)
{
    struct slice cell;
    *local = (struct local_cell){0};
    enum status status = replica_load_cell(context, keyspace, key, &local->record);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(&local->record), &cell);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(cell);
    cell_decode(&reader, &local->cell);
    local->present = true;
    return reader_end(&reader);
}

bool cell_has_garbage(const struct cell *cell)
{
    bool tombstone = false, counter = false;
    for (uint32_t i = 0; i < cell->count; i++) {
        tombstone = tombstone || cell->siblings[i].kind == SIBLING_TOMBSTONE;
        counter = counter || cell->siblings[i].kind == SIBLING_COUNTER;
    }
    if (cell->count == 0)
        return cell->context.count > 0;
    /* What increments a reset has undone is told by the counter: all of it goes, or nothing. */
    return counter ? !cell_is_live(cell) : tombstone;
}

static uint64_t digest_of(const struct replica_context *context, keyspace_id keyspace,
                          struct slice key, const struct cell *cell)
{
    return cell_hash(cell, key, context->digest_seed + keyspace);
}

static void add_count(struct replica *replica, keyspace_id keyspace, int delta)
{
    uint16_t i = 0;
    if (delta == 0)
        return;
    while (i < replica->count_count && replica->counts[i].keyspace != keyspace)
        i++;
    if (i == replica->count_count) {
        assert(i < CHECKPOINT_KEYSPACES_MAX);
        replica->counts[replica->count_count++] = (struct checkpoint_count){.keyspace = keyspace};
    }
    assert(delta > 0 || replica->counts[i].count > 0);
    replica->counts[i].count += (uint64_t)(int64_t)delta;
}

struct cell_change replica_put_cell(struct replica *replica, keyspace_id keyspace,
                                    struct slice key, const struct cell *before,
                                    const struct cell *after, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct cell_change change = {
        .digest_delta = digest_of(context, keyspace, key, after) -
                        digest_of(context, keyspace, key, before),
        .count_delta = (int8_t)(cell_is_live(after) - cell_is_live(before)),
        .garbage_delta = (int8_t)(cell_has_garbage(after) - cell_has_garbage(before))};
    (void)replica;
    record_cell_name(ring_position(key, keyspace, context->position_seed), keyspace, key, &name);
    if (after->count > 0 || after->context.count > 0) {
        record_cell_encode(after, &value);
        store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    } else {
        store_batch_delete(context->batch, buffer_slice(&name));
    }
    cell_cache_put(context->cache, buffer_slice(&name), buffer_slice(&value), true);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return change;
}

void replica_count_change(struct replica *replica, keyspace_id keyspace,
                          const struct cell_change *change)
{
    replica->digest += change->digest_delta;
    add_count(replica, keyspace, change->count_delta);
    assert(change->garbage_delta >= 0 || replica->garbage_count > 0);
    replica->garbage_count += (uint64_t)(int64_t)change->garbage_delta;
}

static void absorb_log_record(struct replica *replica, const struct log_record *record,
                              size_t record_bytes)
{
    struct cell_change change = {.digest_delta = record->digest_delta,
                                 .count_delta = record->count_delta,
                                 .garbage_delta = record->garbage_delta};
    clock_join(&replica->clock, &record->dots);
    replica_count_change(replica, record->keyspace, &change);
    replica->log_position++;
    if (record->left_garbage)
        replica->garbage_last = replica->log_position;
    replica->log_bytes += record_bytes;
    replica->changes++;
}

/* Remember where the garbage is; it is found in the order in which it was left. */
static void put_garbage(const struct replica *replica, keyspace_id keyspace, struct slice key,
                        const struct cell *cell, uint64_t log_position,
                        struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct garbage_record record = {.keyspace = keyspace, .key = key, .context = cell->context};
    record_garbage_name(replica->partition, log_position, &name);
    garbage_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    buffer_deinit(&name);
    buffer_deinit(&value);
}

void replica_record_event(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell *before, const struct cell *after,
                          const struct clock *new_dots, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct log_record record = {.written_ms = context->wall_ms,
                                .keyspace = keyspace,
                                .key = key,
                                .dots = *new_dots};
    uint64_t position = replica->log_position + 1;
    if (after != NULL) {
        struct cell_change change =
            replica_put_cell(replica, keyspace, key, before, after, context);
        record.digest_delta = change.digest_delta;
        record.count_delta = change.count_delta;
        record.garbage_delta = change.garbage_delta;
        record.left_garbage = cell_has_garbage(after);
        if (record.left_garbage)
            put_garbage(replica, keyspace, key, after, position, context);
    }
    record_log_name(replica->partition, position, &name);
    log_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    absorb_log_record(replica, &record, name.length + value.length);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

/* R2: live dots that the clock lacks go into `new_dots`. */
static void add_unseen_live_dots(const struct replica *replica, const struct cell *cell,
                                 struct clock *new_dots)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (!clock_has(&replica->clock, &cell->siblings[i].dot))
            clock_add(new_dots, &cell->siblings[i].dot);
}

static bool is_too_far_ahead(const struct cell *cell, const struct replica_context *context)
{
    return hybrid_time_too_far_ahead(cell_time_max(cell), context->wall_ms,
                                     context->max_clock_skew_ms);
}

static enum status decode_cell(struct slice bytes, struct cell *out)
{
    struct reader reader = reader_make(bytes);
    cell_decode(&reader, out);
    return reader_end(&reader);
}

static enum status decode_dots(struct slice bytes, struct clock *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct clock){0};
    if (bytes.length == 0)
        return STATUS_OK;
    clock_decode(&reader, out);
    return reader_end(&reader);
}

/* Whether `incoming` has a string or tombstone whose writer did not see what `merged` counts. */
static bool has_unseen_increments(const struct cell *incoming, const struct cell *merged)
{
    bool unseen = false, replaces = false;
    for (uint32_t i = 0; i < incoming->count; i++)
        replaces = replaces || incoming->siblings[i].kind != SIBLING_COUNTER;
    for (uint32_t i = 0; replaces && i < merged->count; i++)
        unseen = unseen || (merged->siblings[i].kind == SIBLING_COUNTER &&
                            !version_vector_covers(&incoming->context, &merged->siblings[i].dot));
    return unseen;
}

bool cell_drop_superseded(struct cell *cell, const struct clock *seen, const struct cell *sent)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        bool gone = sibling->kind != SIBLING_TOMBSTONE && clock_has(seen, &sibling->dot) &&
                    (sent == NULL || cell_find(sent, &sibling->dot) == NULL);
        if (!gone)
            cell->siblings[kept++] = *sibling;
    }
    bool dropped = kept < cell->count;
    cell->count = kept;
    return dropped;
}

/* What this replica has seen of the key, a part of the partition that has come whole included. */
static void filter_seen(const struct replica *replica, const struct cell_delivery *delivery,
                        const struct cell *local, const struct replica_context *context,
                        struct cell *incoming)
{
    const struct whole_record *whole = &replica->whole;
    cell_filter_seen(incoming, &replica->clock, local);
    if (whole->source != 0 && ring_position(delivery->key, delivery->keyspace,
                                            context->position_seed) < whole->next_position)
        cell_filter_seen(incoming, &whole->clock, local);
}

/* `seen`: the clock of a sender that sends all it has, or NULL. */
static enum status merge_delivered(struct replica *replica, const struct cell_delivery *delivery,
                                   enum merge_policy policy, const struct local_cell *local,
                                   struct cell *incoming, const struct clock *satisfied,
                                   const struct clock *seen, struct replica_context *context,
                                   bool *changed)
{
    struct clock new_dots = {0};
    struct cell merged = {0};
    struct cell kept;
    uint32_t losses = 0;
    enum status status = STATUS_OK;
    cell_copy(&local->cell, &kept);
    if (seen != NULL)
        cell_drop_superseded(&kept, seen, incoming);
    clock_difference(satisfied, &replica->clock, &new_dots);
    add_unseen_live_dots(replica, incoming, &new_dots);
    filter_seen(replica, delivery, local->present ? &local->cell : NULL, context, incoming);
    bool obsolete = !local->present && incoming->count == 0 &&
                    clock_covers_vector(&replica->clock, &incoming->context);
    bool cell_changes = false;
    if (!obsolete) {
        losses = cell_merge(&kept, incoming, policy, &merged);
        cell_changes = !local->present || !cell_same_version(&local->cell, &merged);
        if (!cell_fits(&merged))
            status = STATUS_TOO_LARGE;
        context->unseen_increments += has_unseen_increments(incoming, &merged);
    }
    *changed = status == STATUS_OK && (cell_changes || new_dots.count > 0);
    if (*changed) {
        context->lww_losses += losses;
        replica_record_event(replica, delivery->keyspace, delivery->key, &local->cell,
                             cell_changes ? &merged : NULL, &new_dots, context);
    }
    cell_deinit(&kept);
    cell_deinit(&merged);
    clock_deinit(&new_dots);
    return status;
}

enum status replica_apply(struct replica *replica, const struct cell_delivery *delivery,
                          enum merge_policy policy, struct replica_context *context, bool *changed)
{
    return replica_apply_whole(replica, delivery, policy, NULL, context, changed);
}

enum status replica_apply_whole(struct replica *replica, const struct cell_delivery *delivery,
                                enum merge_policy policy, const struct clock *seen,
                                struct replica_context *context, bool *changed)
{
    struct local_cell local = {0};
    struct cell incoming = {0};
    struct clock satisfied = {0};
    *changed = false;
    enum status status = decode_cell(delivery->cell, &incoming);
    if (status == STATUS_OK)
        status = decode_dots(delivery->dots, &satisfied);
    if (status == STATUS_OK && is_too_far_ahead(&incoming, context))
        status = STATUS_CLOCK_SKEW;
    if (status == STATUS_OK)
        status = local_cell_load(context, delivery->keyspace, delivery->key, &local);
    if (status == STATUS_OK) {
        hybrid_clock_observe(context->clock, cell_time_max(&incoming));
        status = merge_delivered(replica, delivery, policy, &local, &incoming, &satisfied, seen,
                                 context, changed);
    }
    clock_deinit(&satisfied);
    cell_deinit(&incoming);
    local_cell_deinit(&local);
    return status;
}

/* What the mutation is evaluated against: the local cell, and what the read quorum adds to it. */
static enum status mint_base(struct replica *replica, const struct replica_mint *mint,
                             const struct local_cell *local, struct replica_context *context,
                             struct cell *base, uint32_t *losses)
{
    struct cell read = {0};
    *losses = 0;
    if (mint->read_cell.length == 0) {
        cell_copy(&local->cell, base);
        return STATUS_OK;
    }
    enum status status = decode_cell(mint->read_cell, &read);
    if (status == STATUS_OK && is_too_far_ahead(&read, context))
        status = STATUS_CLOCK_SKEW;
    if (status == STATUS_OK) {
        cell_filter_seen(&read, &replica->clock, local->present ? &local->cell : NULL);
        *losses = cell_merge(&local->cell, &read, mint->policy, base);
    }
    cell_deinit(&read);
    return status;
}

/* The vector of what the new version replaces, as replica.h says; NULL: nothing. */
static const struct version_vector *replaced_by(const struct replica_mint *mint,
                                                const struct cell *base)
{
    if (mint->policy == MERGE_SIBLINGS && mint->observed != NULL)
        return mint->observed;
    bool read = mint->read_cell.length > 0 || mutation_reads(mint->mutation);
    return mint->policy == MERGE_LWW || read ? &base->context : NULL;
}

/* The value that the mutation is told of; false: none. `text` takes one that had to be made. */
static bool seen_by(const struct replica_mint *mint, const struct cell *base, uint64_t now_ms,
                    struct buffer *text, struct sibling *out)
{
    const struct sibling *newest = NULL;
    if (mint->mutation->operation != REGISTER_DELETE || mint->policy == MERGE_LWW)
        return cell_shown(base, now_ms, text, out);
    const struct version_vector *replaced = replaced_by(mint, base);
    for (uint32_t i = 0; i < base->count; i++) {
        const struct sibling *sibling = &base->siblings[i];
        if (sibling_is_visible(sibling, now_ms) &&
            version_vector_covers(replaced, &sibling->dot) &&
            (newest == NULL || sibling->time >= newest->time))
            newest = sibling;
    }
    if (newest != NULL)
        *out = *newest;
    return newest != NULL;
}

/* A delete by a reader of events that are neither in this cell nor were ever superseded here. */
static bool is_delete_of_unknown(const struct replica *replica, const struct replica_mint *mint,
                                 const struct cell *base)
{
    return mint->mutation->operation == REGISTER_DELETE && mint->observed != NULL &&
           !version_vector_descends(&base->context, mint->observed) &&
           !clock_covers_vector(&replica->clock, mint->observed);
}

/*
 * A new value, and one that SET writes over another, has the keyspace's expiry if none of its own.
 */
static void apply_default_ttl(const struct mutation *mutation, bool is_there,
                              const struct replica_context *context, struct register_effect *effect)
{
    bool sets =
        mutation->operation == REGISTER_SET && (mutation->flags & MUTATION_KEEP_EXPIRY) == 0;
    if (context->default_ttl_ms == 0 || !effect->write || effect->kind != SIBLING_STRING ||
        effect->expire_at_ms != 0 || (is_there && !sets))
        return;
    effect->expire_at_ms = context->wall_ms + context->default_ttl_ms;
}

/* What a write is evaluated into; its slices borrow from the buffers beside it. */
struct evaluated {
    struct register_effect effect;
    struct buffer built, text, state;
    struct dot dot; /* the first that is free */
};

static void evaluated_deinit(struct evaluated *evaluated)
{
    buffer_deinit(&evaluated->built);
    buffer_deinit(&evaluated->text);
    buffer_deinit(&evaluated->state);
}

static enum status evaluate(const struct replica *replica, const struct replica_mint *mint,
                            const struct cell *base, const struct replica_context *context,
                            struct evaluated *out)
{
    struct register_effect *effect = &out->effect;
    struct sibling shown;
    out->dot =
        (struct dot){.actor = replica->actor,
                     .sequence = clock_highest(&replica->clock, &replica->actor) + 1}; /* R4 */
    if (mint->policy != MERGE_LWW && mint->mutation->operation == REGISTER_INCREMENT)
        return STATUS_UNSUPPORTED;
    bool seen = seen_by(mint, base, context->wall_ms, &out->text, &shown);
    enum status status = register_mutate(mint->mutation, seen ? &shown : NULL, context->wall_ms,
                                         context->value_bytes_max, &out->built, effect);
    if (status == STATUS_OK)
        apply_default_ttl(mint->mutation, seen, context, effect);
    /* Only a tombstone will cover them when they come. */
    if (status == STATUS_OK && !effect->write && is_delete_of_unknown(replica, mint, base)) {
        effect->write = effect->replaces = true;
        effect->kind = SIBLING_TOMBSTONE;
        effect->number = 1;
    }
    struct counter_write count = {.cell = base,
                                  .shown = seen ? &shown : NULL,
                                  .dot = out->dot,
                                  .now_ms = context->wall_ms,
                                  .id = mint->id};
    return status == STATUS_OK ? counter_write(&count, effect, &out->state) : status;
}

/* Whether the context can be taken: its time, and R4 for the dot that comes. */
static enum status check_observed(const struct replica *replica, const struct replica_mint *mint,
                                  const struct cell *base, const struct replica_context *context)
{
    uint64_t minted = clock_highest(&replica->clock, &replica->actor);
    if (hybrid_time_too_far_ahead(mint->observed_time, context->wall_ms,
                                  context->max_clock_skew_ms))
        return STATUS_CLOCK_SKEW;
    if (version_vector_get(&base->context, &replica->actor) > minted ||
        (mint->observed != NULL &&
         version_vector_get(mint->observed, &replica->actor) > minted))
        return STATUS_CORRUPT;
    return STATUS_OK;
}

/* Whether a version is left beside the new ones. */
static bool stays(const struct evaluated *evaluated, const struct version_vector *replaced,
                  const struct sibling *sibling)
{
    if (sibling->kind == SIBLING_COUNTER)
        return evaluated->state.length == 0;
    return !evaluated->effect.replaces || replaced == NULL ||
           !version_vector_covers(replaced, &sibling->dot);
}

/* What stands in a cell after the new version has replaced what it does. */
struct remainder {
    uint64_t count; /* of values; the new one too */
    uint64_t versions;
    size_t value_bytes;
    size_t dots; /* of the context, at most */
};

static struct remainder remainder_of(const struct replica_mint *mint, const struct cell *base,
                                     const struct evaluated *evaluated)
{
    const struct version_vector *replaced = replaced_by(mint, base);
    struct remainder out = {.count = 1,
                            .versions = 2,
                            .value_bytes = evaluated->effect.value.length + evaluated->state.length,
                            .dots = base->context.count + (size_t)1};
    if (mint->observed != NULL)
        out.dots += mint->observed->count;
    for (uint32_t i = 0; i < base->count; i++) {
        if (!stays(evaluated, replaced, &base->siblings[i]))
            continue;
        out.value_bytes += base->siblings[i].value.length;
        out.versions++;
        out.count += base->siblings[i].kind != SIBLING_COUNTER;
    }
    return out;
}

/* A write that does not leave more versions than there were is welcome as long as it fits. */
static enum status check_siblings(const struct replica_context *context,
                                  const struct remainder *after, const struct cell *base)
{
    bool above = after->count > 1 && (after->count > context->siblings_max ||
                                      after->value_bytes > SIBLINGS_BYTES_MAX);
    bool fits = after->count <= CELL_SIBLINGS_MAX &&
                (after->count < 2 || after->value_bytes <= CELL_VALUES_BYTES_MAX);
    if (after->dots > VERSION_VECTOR_ENTRIES_MAX)
        return STATUS_TOO_LARGE;
    return (above && after->count > base->count) || !fits ? STATUS_SIBLING_LIMIT : STATUS_OK;
}

/* A bound for append_delivery(), before the cell is made. */
static size_t delivery_bytes(const struct replica_mint *mint, const struct remainder *after)
{
    enum { DOT_BYTES_MAX = 48, SIBLING_BYTES_MAX = 64 };
    return mint->key.length + after->value_bytes + after->versions * SIBLING_BYTES_MAX +
           after->dots * DOT_BYTES_MAX;
}

/* The new version, or the two of them, beside what they do not replace. */
static void mint_cell(const struct replica_mint *mint, const struct evaluated *evaluated,
                      const struct cell *base, struct replica_context *context, struct cell *out,
                      struct dot *dot)
{
    const struct register_effect *effect = &evaluated->effect;
    const struct version_vector *replaced = replaced_by(mint, base);
    hybrid_time above = cell_time_max(base);
    struct sibling string = {
        .kind = effect->kind, .expire_at_ms = effect->expire_at_ms, .value = effect->value};
    struct sibling counter = {.kind = SIBLING_COUNTER, .value = buffer_slice(&evaluated->state)};
    struct sibling *const made[] = {effect->replaces ? &string : NULL,
                                    counter.value.length > 0 ? &counter : NULL};
    *dot = evaluated->dot;
    dot->sequence--;
    if (mint->observed_time > above)
        above = mint->observed_time;
    *out = (struct cell){0};
    for (uint32_t i = 0; i < base->count; i++)
        if (stays(evaluated, replaced, &base->siblings[i]))
            cell_insert(out, &base->siblings[i]);
    version_vector_join(&out->context, &base->context);
    if (mint->observed != NULL)
        version_vector_join(&out->context, mint->observed);
    for (unsigned i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (made[i] == NULL)
            continue;
        dot->sequence++;
        made[i]->dot = *dot;
        made[i]->time = above = hybrid_clock_next(context->clock, context->wall_ms, above);
        cell_insert(out, made[i]);
    }
}

static void note_siblings(const struct replica_mint *mint, const struct cell *after,
                          struct replica_context *context)
{
    if (after->count <= context->siblings_warn)
        return;
    context->siblings_warned++;
    context->warned_position = ring_position(mint->key, mint->keyspace, context->position_seed);
}

static void append_delivery(const struct replica_mint *mint, const struct cell *cell,
                            struct buffer *deliveries)
{
    struct buffer encoded = {0};
    cell_encode(cell, true, &encoded);
    struct cell_delivery delivery = {.keyspace = mint->keyspace,
                                     .key = mint->key,
                                     .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, deliveries);
    buffer_deinit(&encoded);
}

enum status replica_mint(struct replica *replica, const struct replica_mint *mint,
                         bool evaluate_only, struct replica_context *context,
                         struct replica_minted *out, struct buffer *old, struct buffer *deliveries)
{
    struct local_cell local = {0};
    struct cell base = {0};
    struct cell after = {0};
    struct clock new_dots = {0};
    struct evaluated evaluated = {0};
    struct register_effect *effect = &evaluated.effect;
    uint32_t losses = 0;
    *out = (struct replica_minted){0};
    enum status status = local_cell_load(context, mint->keyspace, mint->key, &local);
    if (status == STATUS_OK)
        status = mint_base(replica, mint, &local, context, &base, &losses);
    if (status == STATUS_OK)
        status = check_observed(replica, mint, &base, context);
    if (status == STATUS_OK)
        status = evaluate(replica, mint, &base, context, &evaluated);
    if (status == STATUS_OK && effect->write) {
        struct remainder left = remainder_of(mint, &base, &evaluated);
        status = check_siblings(context, &left, &base);
        out->delivery_bytes = delivery_bytes(mint, &left);
    }
    if (status != STATUS_OK)
        goto done;
    out->written = effect->write;
    out->number = effect->number;
    out->had_old = effect->has_old;
    if (evaluate_only)
        goto done;
    if (effect->has_old)
        buffer_append_slice(old, effect->old);
    if (effect->write) {
        context->lww_losses += losses;
        mint_cell(mint, &evaluated, &base, context, &after, &out->dot);
        add_unseen_live_dots(replica, &after, &new_dots);
        size_t offset = deliveries->length;
        append_delivery(mint, &after, deliveries);
        note_siblings(mint, &after, context);
        assert(deliveries->length - offset <= out->delivery_bytes);
        replica_record_event(replica, mint->keyspace, mint->key, &local.cell, &after, &new_dots,
                             context);
    }
done:
    evaluated_deinit(&evaluated);
    clock_deinit(&new_dots);
    cell_deinit(&after);
    cell_deinit(&base);
    local_cell_deinit(&local);
    return status;
}

void replica_note_source(struct replica *replica, node_id from)
{
    assert(replica->state == REPLICA_REBUILDING);
    for (uint8_t i = 0; i < replica->rebuilt_from_count; i++)
        if (replica->rebuilt_from[i] == from)
            return;
    if (replica->rebuilt_from_count < CHECKPOINT_PEERS_MAX)
        replica->rebuilt_from[replica->rebuilt_from_count++] = from;
}

void replica_activate(struct replica *replica)
{
    assert(replica->state == REPLICA_REBUILDING);
    replica->state = REPLICA_ACTIVE;
    replica->rebuilt_from_count = 0;
    replica->changes++; /* its clock counts from now on */
}

uint64_t replica_count(const struct replica *replica, keyspace_id keyspace)
{
    for (uint16_t i = 0; i < replica->count_count; i++)
        if (replica->counts[i].keyspace == keyspace)
            return replica->counts[i].count;
    return 0;
}

uint64_t replica_count_all(const struct replica *replica)
{
    uint64_t count = 0;
    for (uint16_t i = 0; i < replica->count_count; i++)
        count += replica->counts[i].count;
    return count;
}

void replica_checkpoint(struct replica *replica, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct checkpoint_record record = {.state = replica->state,
                                       .tag = replica->tag,
                                       .adopt_epoch = replica->actor.adopt_epoch,
                                       .log_position = replica->log_position,
                                       .digest = replica->digest,
                                       .count_count = replica->count_count,
                                       .rebuilt_from_count = replica->rebuilt_from_count,
                                       .garbage_count = replica->garbage_count,
                                       .garbage_first = replica->garbage_first,
                                       .garbage_last = replica->garbage_last,
                                       .filled = replica->filled,
                                       .log_first = replica->log_first,
                                       .log_bytes = replica->log_bytes,
                                       .trimmed = replica->trimmed,
                                       .clock = replica->clock};
    memcpy(record.counts, replica->counts, sizeof record.counts);
    memcpy(record.rebuilt_from, replica->rebuilt_from, sizeof record.rebuilt_from);
    record_checkpoint_name(replica->partition, &name);
    checkpoint_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    replica->checkpoint_position = replica->log_position;
    buffer_deinit(&name);
    buffer_deinit(&value);
}

static void adopt_checkpoint(struct replica *replica, struct checkpoint_record *record)
{
    replica->state = record->state;
    replica->tag = record->tag;
    replica->actor.adopt_epoch = record->adopt_epoch;
    replica->log_position = replica->checkpoint_position = record->log_position;
    replica->digest = record->digest;
    replica->count_count = record->count_count;
    memcpy(replica->counts, record->counts, sizeof replica->counts);
    replica->rebuilt_from_count = record->rebuilt_from_count;
    memcpy(replica->rebuilt_from, record->rebuilt_from, sizeof replica->rebuilt_from);
    replica->garbage_count = record->garbage_count;
    replica->garbage_first = record->garbage_first;
    replica->garbage_last = record->garbage_last;
    replica->filled = record->filled;
    replica->log_first = record->log_first;
    replica->log_bytes = record->log_bytes;
    replica->trimmed = record->trimmed;
    record->trimmed = (struct clock){0};
    replica->clock = record->clock;
    record->clock = (struct clock){0};
}

static enum status replay_log(struct replica *replica, struct replica_context *context)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    record_log_name(replica->partition, replica->log_position + 1, &name);
    for (port->seek(iterator, buffer_slice(&name)); status == STATUS_OK && port->valid(iterator);
         port->next(iterator)) {
        partition_id partition;
        uint64_t position;
        struct log_record record;
        status = record_log_name_decode(port->key(iterator), &partition, &position);
        if (status == STATUS_NOT_FOUND || (status == STATUS_OK && partition != replica->partition)) {
            status = STATUS_OK;
            break;
        }
        if (status == STATUS_OK)
            status = position == replica->log_position + 1 ? STATUS_OK : STATUS_CORRUPT;
        if (status != STATUS_OK)
            break;
        status = log_record_decode(port->value(iterator), &record);
        if (status == STATUS_OK)
            absorb_log_record(replica, &record,
                              port->key(iterator).length + port->value(iterator).length);
        clock_deinit(&record.dots);
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status;
}

enum status replica_open(struct replica *replica, const struct replica_open_params *params,
                         struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct checkpoint_record record = {0};
    *replica = (struct replica){
        .partition = params->partition, .tag = params->tag, .log_first = 1, .garbage_first = 1};
    replica->actor = (struct actor){.node = params->self,
                                    .storage_incarnation = params->storage_incarnation,
                                    .boot_epoch = params->boot_epoch,
                                    .adopt_epoch = params->tag.epoch};
    record_checkpoint_name(params->partition, &name);
    enum status status = context->port->get(context->port->context, buffer_slice(&name), &value);
    if (status == STATUS_NOT_FOUND) {
        replica->state = params->rebuild ? REPLICA_REBUILDING : REPLICA_ACTIVE;
        replica->filled = !params->rebuild;
        replica_checkpoint(replica, context);
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = checkpoint_record_decode(buffer_slice(&value), &record);
        if (status == STATUS_OK && ring_tag_compare(record.tag, params->tag) > 0)
            status = STATUS_CORRUPT;
        if (status == STATUS_OK) {
            adopt_checkpoint(replica, &record);
            status = replay_log(replica, context);
        }
        if (status == STATUS_OK)
            status = replica_load_whole(replica, context);
        clock_deinit(&record.trimmed);
        clock_deinit(&record.clock);
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    if (status != STATUS_OK)
        replica_deinit(replica);
    return status;
}

void replica_deinit(struct replica *replica)
{
    clock_deinit(&replica->whole.clock);
    clock_deinit(&replica->trimmed);
    clock_deinit(&replica->clock);
}

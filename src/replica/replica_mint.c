/*
 * replica_mint.c - a new version of a cell: evaluated, limited, made and recorded.
 */
#include <assert.h>

#include "causal/counter_write.h"
#include "causal/past.h"
#include "replica/replica_cells.h"
#include "ring/position.h"

/*
 * What the mutation is evaluated against: the local cell, and what the read quorum adds to it.
 * Without that it is the local one itself; else it is made in `own`, which the caller releases.
 */
static enum status mint_base(struct replica *replica, const struct replica_mint *mint,
                             const struct local_cell *local, struct replica_context *context,
                             struct cell *own, const struct cell **base, uint32_t *losses)
{
    struct cell read = {0};
    enum status status = STATUS_OK;
    *losses = 0;
    if (mint->read_cell.length == 0 && mint->past == NULL) {
        *base = &local->cell;
        return STATUS_OK;
    }
    *base = own;
    if (mint->read_cell.length == 0)
        cell_copy(&local->cell, own);
    else
        status = replica_decode_cell(mint->read_cell, &read);
    if (status == STATUS_OK && replica_cell_is_too_far_ahead(&read, context))
        status = STATUS_CLOCK_SKEW;
    if (status == STATUS_OK && mint->read_cell.length > 0) {
        cell_filter_seen(&read, &replica->clock, local->present ? &local->cell : NULL);
        *losses = cell_merge(&local->cell, &read, mint->policy, own);
    }
    if (status == STATUS_OK && mint->past != NULL)
        cell_drop_past(own, mint->past);
    cell_deinit(&read);
    return status;
}

/* The vector of what the new version replaces, as replica.h says; NULL: nothing. */
static const struct version_vector *replaced_by(const struct replica_mint *mint,
                                                const struct cell *base)
{
    if (mint->policy == MERGE_SIBLINGS && mint->observed != NULL)
        return mint->observed;
    bool read = (mint->read_cell.length > 0 && !mint->blind) || mutation_reads(mint->mutation);
    return mint->policy != MERGE_SIBLINGS || read ? &base->context : NULL;
}

/* The value that the mutation is told of; false: none. `text` takes one that had to be made. */
static bool seen_by(const struct replica_mint *mint, const struct cell *base, uint64_t now_ms,
                    struct buffer *text, struct sibling *out)
{
    const struct sibling *newest = NULL;
    if (mint->mutation->operation != REGISTER_DELETE || mint->policy != MERGE_SIBLINGS)
        return cell_shown(base, now_ms, text, out);
    const struct version_vector *replaced = replaced_by(mint, base);
    for (uint32_t i = 0; i < base->count; i++) {
        const struct sibling *sibling = &base->siblings[i];
        if (sibling_is_visible(sibling, now_ms) && version_vector_covers(replaced, &sibling->dot) &&
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

struct dot replica_next_dot(const struct replica *replica)
{
    return (struct dot){.actor = replica->actor,
                        .sequence = clock_highest(&replica->clock, &replica->actor) + 1}; /* R4 */
}

static enum status evaluate(const struct replica *replica, const struct replica_mint *mint,
                            const struct cell *base, const struct replica_context *context,
                            struct evaluated *out)
{
    struct register_effect *effect = &out->effect;
    struct sibling shown;
    if (mint->policy == MERGE_SIBLINGS && mint->mutation->operation == REGISTER_INCREMENT)
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
                                  .settled_ms = context->settled_ms,
                                  .id = mint->id};
    return status == STATUS_OK ? counter_write(&count, effect, &out->state) : status;
}

/* Whether the context can be taken: its time, and R4 for `next`, the dot that comes. */
static enum status check_observed(const struct replica *replica, const struct replica_mint *mint,
                                  const struct cell *base, const struct dot *next,
                                  const struct replica_context *context)
{
    uint64_t minted = next->sequence - 1;
    if (hybrid_time_too_far_ahead(mint->observed_time, context->wall_ms,
                                  context->max_clock_skew_ms))
        return STATUS_CLOCK_SKEW;
    if (version_vector_get(&base->context, &replica->actor) > minted ||
        (mint->observed != NULL && version_vector_get(mint->observed, &replica->actor) > minted))
        return STATUS_CORRUPT;
    return STATUS_OK;
}

/* Whether a version is left beside the new ones; `own`: the context of its cell. */
static bool stays(const struct evaluated *evaluated, const struct version_vector *replaced,
                  const struct version_vector *own, const struct sibling *sibling)
{
    if (sibling->kind == SIBLING_CUT || sibling->kind == SIBLING_DEADLINE)
        return true;
    if (sibling->kind == SIBLING_COUNTER)
        return evaluated->state.length == 0;
    if (evaluated->effect.replaces && replaced == own)
        return false; /* a context covers all versions beside it */
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
        if (!stays(evaluated, replaced, &base->context, &base->siblings[i]))
            continue;
        out.value_bytes += base->siblings[i].value.length;
        out.versions++;
        out.count += !sibling_is_beside(base->siblings[i].kind);
    }
    return out;
}

/* A write that does not leave more versions than there were is welcome as long as it fits. */
static enum status check_siblings(const struct replica_context *context,
                                  const struct remainder *after, const struct cell *base)
{
    bool above = after->count > 1 &&
                 (after->count > context->siblings_max || after->value_bytes > SIBLINGS_BYTES_MAX);
    bool fits = after->count <= CELL_SIBLINGS_MAX &&
                (after->count < 2 || after->value_bytes <= CELL_VALUES_BYTES_MAX);
    if (after->dots > VERSION_VECTOR_ENTRIES_MAX)
        return STATUS_TOO_LARGE;
    return (above && after->count > base->count) || !fits ? STATUS_SIBLING_LIMIT : STATUS_OK;
}

/* A bound for replica_append_delivery(), before the cell is made. */
static size_t delivery_bytes(const struct replica_mint *mint, const struct remainder *after)
{
    enum { DOT_BYTES_MAX = 48, SIBLING_BYTES_MAX = 64 + SIBLING_REQUEST_BYTES_MAX };
    return mint->key.length + after->value_bytes + after->versions * SIBLING_BYTES_MAX +
           after->dots * DOT_BYTES_MAX;
}

/* The new version, or the two of them, beside what they do not replace. `out` is empty. */
static void mint_cell(const struct replica_mint *mint, const struct evaluated *evaluated,
                      const struct cell *base, struct replica_context *context, struct cell *out,
                      struct dot *dot)
{
    const struct register_effect *effect = &evaluated->effect;
    const struct version_vector *replaced = replaced_by(mint, base);
    hybrid_time above = cell_time_max(base);
    struct sibling string = {.kind = effect->kind,
                             .sketch = effect->sketch,
                             .expire_at_ms = effect->expire_at_ms,
                             .value = effect->value,
                             .request = mint->stamp};
    struct sibling counter = {
        .kind = SIBLING_COUNTER, .value = buffer_slice(&evaluated->state), .request = mint->stamp};
    struct sibling *const made[] = {effect->replaces ? &string : NULL,
                                    counter.value.length > 0 ? &counter : NULL};
    *dot = evaluated->dot;
    dot->sequence--;
    if (mint->observed_time > above)
        above = mint->observed_time;
    for (uint32_t i = 0; i < base->count; i++)
        if (stays(evaluated, replaced, &base->context, &base->siblings[i]))
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

void replica_append_delivery(keyspace_id keyspace, struct slice key, const struct cell *cell,
                             struct buffer *deliveries)
{
    uint8_t room[RECORD_ROOM_BYTES];
    struct buffer encoded = buffer_on(room, sizeof room);
    cell_encode(cell, true, &encoded);
    struct cell_delivery delivery = {
        .keyspace = keyspace, .key = key, .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, deliveries);
    buffer_deinit(&encoded);
}

/* The new version for the other owners, and for this one. */
static void record_minted(struct replica *replica, const struct replica_mint *mint,
                          const struct cell *before, const struct cell *after,
                          struct replica_context *context, struct buffer *deliveries)
{
    uint8_t room[RECORD_ROOM_BYTES];
    struct buffer encoded = buffer_on(room, sizeof room);
    struct clock_room dots_room;
    struct clock new_dots = clock_on(&dots_room);
    cell_encode(after, true, &encoded);
    struct cell_delivery delivery = {
        .keyspace = mint->keyspace, .key = mint->key, .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, deliveries);
    replica_add_unseen_dots(replica, after, &new_dots);
    replica_record_event(replica, mint->keyspace, mint->key, before, after, buffer_slice(&encoded),
                         &new_dots, context);
    clock_deinit(&new_dots);
    buffer_deinit(&encoded);
}

enum status replica_mint(struct replica *replica, const struct replica_mint *mint,
                         bool evaluate_only, struct replica_context *context,
                         struct replica_minted *out, struct buffer *old, struct buffer *deliveries)
{
    struct local_cell local;
    struct cell own_base = {0};
    const struct cell *base = &own_base;
    struct cell_room after_room;
    struct cell after = cell_on(&after_room);
    struct evaluated evaluated = {.dot = replica_next_dot(replica)};
    struct register_effect *effect = &evaluated.effect;
    uint32_t losses = 0;
    *out = (struct replica_minted){0};
    enum status status = local_cell_load(context, mint->keyspace, mint->key, &local);
    if (status == STATUS_OK)
        status = mint_base(replica, mint, &local, context, &own_base, &base, &losses);
    if (status == STATUS_OK)
        status = check_observed(replica, mint, base, &evaluated.dot, context);
    if (status == STATUS_OK)
        status = evaluate(replica, mint, base, context, &evaluated);
    if (status == STATUS_OK && effect->write) {
        struct remainder left = remainder_of(mint, base, &evaluated);
        status = check_siblings(context, &left, base);
        out->delivery_bytes = delivery_bytes(mint, &left);
        if (status == STATUS_OK &&
            mint->delivery_bytes + out->delivery_bytes > MESSAGE_PAYLOAD_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    if (status != STATUS_OK)
        goto done;
    out->written = effect->write;
    out->number = effect->number;
    out->had_old = effect->has_old;
    if (evaluate_only)
        goto done;
    out->had_string = cell_is_live(base);
    out->had_counter = cell_has_counter(base);
    if (effect->has_old)
        buffer_append_slice(old, effect->old);
    context->ids_wait = context->ids_wait || effect->ids_wait;
    if (effect->write) {
        context->ids_folded += effect->folded;
        context->lww_losses += losses;
        mint_cell(mint, &evaluated, base, context, &after, &out->dot);
        size_t offset = deliveries->length;
        record_minted(replica, mint, &local.cell, &after, context, deliveries);
        note_siblings(mint, &after, context);
        assert(deliveries->length - offset <= out->delivery_bytes);
    }
done:
    evaluated_deinit(&evaluated);
    cell_deinit(&after);
    cell_deinit(&own_base);
    local_cell_deinit(&local);
    return status;
}

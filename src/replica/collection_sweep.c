/*
 * collection_sweep.c - what a delete of a collection killed, or its end, becomes tombstones, bit by
 * bit.
 *
 * A small collection is swept in one step. Of the large ones one at a time keeps its place
 * between steps (`replica->sweep`, `ended`); a restart begins it again, among the tombstones.
 */
#include "causal/cut.h"
#include "causal/past.h"
#include "replica/collection.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_cells.h"
#include "ring/element_key.h"
#include "ring/position.h"

struct walk {
    struct replica *replica;
    keyspace_id elements;
    const struct past *past;
    struct past names; /* what of it elements have that are in no cut */
    struct replica_context *context;
    struct sweep_budget *budget;
    bool makes; /* D2, D4 */
    bool clean; /* D3, so far */
};

static bool is_left_to(const struct replica *replica, const struct stability *stability,
                       const struct cell *head)
{
    for (uint32_t i = 0; i < head->count; i++)
        if ((head->siblings[i].kind == SIBLING_CUT || head->siblings[i].kind == SIBLING_DEADLINE) &&
            stability_stands_in(stability, replica->actor.node, head->siblings[i].dot.actor.node))
            return true;
    return false;
}

static bool has_dead_version(const struct cell *cell, const struct past *past)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind != SIBLING_TOMBSTONE && past_has(past, &cell->siblings[i]))
            return true;
    return false;
}

/* One tombstone for what is dead; what is alive stays beside it. */
static void bury(struct walk *walk, struct slice name, const struct past *past,
                 const struct cell *before)
{
    struct cell after;
    struct clock new_dots = {0};
    struct sibling tombstone = {
        .kind = SIBLING_TOMBSTONE,
        .dot = replica_next_dot(walk->replica),
        .time =
            hybrid_clock_next(walk->context->clock, walk->context->wall_ms, cell_time_max(before))};
    cell_copy(before, &after);
    cell_drop_past(&after, past);
    cell_insert(&after, &tombstone);
    clock_add(&new_dots, &tombstone.dot);
    replica_record_event(walk->replica, walk->elements, name, before, &after, slice_make(NULL, 0),
                         &new_dots, walk->context);
    walk->budget->made++;
    clock_deinit(&new_dots);
    cell_deinit(&after);
}

/* As the present group shows it, which is newer than what the walk is over. */
static enum status visit(struct walk *walk, struct slice record_name)
{
    struct cell_name name;
    struct element_key parts;
    struct local_cell local = {0};
    enum status status = record_cell_name_decode(record_name, &name);
    if (status == STATUS_OK)
        status = element_key_decode(name.key, &parts);
    if (status != STATUS_OK)
        return status;
    const struct past *past = collection_type_is_shown(parts.type) ? walk->past : &walk->names;
    if (past_is_empty(past))
        return STATUS_OK;
    status = local_cell_load(walk->context, name.keyspace, name.key, &local);
    if (status == STATUS_OK && local.present && has_dead_version(&local.cell, past)) {
        if (walk->makes)
            bury(walk, name.key, past, &local.cell);
        else
            walk->clean = false;
    }
    local_cell_deinit(&local);
    return status;
}

static bool begins_with(struct slice name, struct slice prefix)
{
    return name.length >= prefix.length &&
           slice_equal(slice_make(name.data, prefix.length), prefix);
}

/* `from` gets the name to go on from; it is empty when all were met. */
static enum status walk_on(struct walk *walk, struct slice prefix, struct buffer *from)
{
    const struct store_port *port = walk->context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer next = {0};
    enum status status = STATUS_OK;
    for (port->seek(iterator, buffer_slice(from)); status == STATUS_OK && port->valid(iterator);
         port->next(iterator)) {
        if (!begins_with(port->key(iterator), prefix))
            break;
        if (walk->budget->elements == 0) {
            buffer_append_slice(&next, port->key(iterator));
            break;
        }
        walk->budget->elements--;
        status = visit(walk, port->key(iterator));
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_clear(from);
    buffer_append_slice(from, buffer_slice(&next));
    buffer_deinit(&next);
    return status;
}

/* Where the sweep of this collection goes on; the start when it is not the one that is kept. */
static bool resume(const struct sweep_place *place, struct slice prefix, struct buffer *from)
{
    bool known = slice_equal(buffer_slice(&place->prefix), prefix);
    buffer_append_slice(from, known ? buffer_slice(&place->next) : prefix);
    return known;
}

static void keep_place(struct sweep_place *place, struct slice prefix, bool known,
                       const struct walk *walk, const struct buffer *from)
{
    bool over = from->length == 0 || !walk->clean;
    if (known && over)
        buffer_clear(&place->prefix);
    if (over || (!known && place->prefix.length > 0))
        return;
    buffer_clear(&place->prefix);
    buffer_append_slice(&place->prefix, prefix);
    buffer_clear(&place->next);
    buffer_append_slice(&place->next, buffer_slice(from));
}

/*
 * A delete covers what its quorum had seen, and some of that may have been lost with its maker
 * before anybody else had it. Nobody can be sent it any more, so nobody is waited for.
 */
static void leave_out_lost(const struct replica *replica, const struct stability *stability,
                           struct clock *cut)
{
    struct clock absent, there;
    clock_difference(cut, &replica->clock, &absent);
    if (absent.count > 0 &&
        stability_is_lost(stability, &replica->actor, &replica->clock, &absent)) {
        clock_difference(cut, &absent, &there);
        clock_deinit(cut);
        *cut = there;
    }
    clock_deinit(&absent);
}

/*
 * A walk sees what is committed, so all that a cut covers must have been in the clock when an
 * earlier group ended.
 */
static bool is_settled(struct replica *replica, const struct clock *cut,
                       const struct replica_context *context)
{
    struct sweep_place *place = &replica->sweep;
    if (place->settling_group != context->groups || place->settling.count == 0) {
        clock_deinit(&place->settled);
        place->settled = place->settling;
        clock_copy(&replica->clock, &place->settling);
        place->settling_group = context->groups;
    }
    return clock_descends(&place->settled, cut);
}

/* Go on in the elements of the key; `done`: all were met, and nothing dead is left. */
static enum status sweep_on(struct walk *walk, struct slice key, keyspace_id keyspace,
                            struct sweep_place *place, bool *done)
{
    struct buffer elements = {0}, prefix = {0}, from = {0};
    walk->names.floor_ms = walk->past->floor_ms;
    element_key_prefix(key, &elements);
    record_cell_name(ring_position(key, keyspace, walk->context->position_seed), walk->elements,
                     buffer_slice(&elements), &prefix);
    bool known = resume(place, buffer_slice(&prefix), &from);
    enum status status = walk_on(walk, buffer_slice(&prefix), &from);
    if (status == STATUS_OK) {
        keep_place(place, buffer_slice(&prefix), known, walk, &from);
        *done = from.length == 0 && walk->clean;
    }
    buffer_deinit(&from);
    buffer_deinit(&prefix);
    buffer_deinit(&elements);
    return status;
}

static struct walk walk_of(struct replica *replica, keyspace_id keyspace, const struct past *past,
                           struct replica_context *context, struct sweep_budget *budget, bool makes)
{
    return (struct walk){.replica = replica,
                         .elements = keyspace_of_elements(keyspace),
                         .past = past,
                         .context = context,
                         .budget = budget,
                         .makes = makes,
                         .clean = true};
}

/* What was swept once is looked at again: an event that its maker had lost may have come since. */
enum status replica_sweep(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell *head, const struct stability *stability,
                          struct replica_context *context, struct sweep_budget *budget, bool *done)
{
    struct past past = {0};
    struct walk walk = walk_of(replica, keyspace, &past, context, budget,
                               context->may_mint && is_left_to(replica, stability, head));
    enum status status = STATUS_OK;
    *done = false;
    past_join(&past, head, 0);
    leave_out_lost(replica, stability, &past.cut);
    if (is_settled(replica, &past.cut, context) && stability_everywhere(stability, &past.cut) &&
        budget->elements > 0)
        status = sweep_on(&walk, key, keyspace, &replica->sweep, done);
    past_deinit(&past);
    return status;
}

/* ---- what an end has reached ---------------------------------------------------------------- */

/* As is_settled(): all of before that time was here when an earlier group ended. */
static bool is_settled_time(struct replica *replica, uint64_t floor_ms, uint64_t safe_ms,
                            const struct replica_context *context)
{
    struct sweep_place *place = &replica->ended;
    if (place->settling_group != context->groups || place->settling_ms == 0) {
        place->settled_ms = place->settling_ms;
        place->settling_ms = safe_ms;
        place->settling_group = context->groups;
    }
    return floor_ms < place->settled_ms;
}

/* L5: the tombstones came before it, so who has it, and all before, has them. */
static void say_swept(struct replica *replica, keyspace_id keyspace, struct slice key,
                      const struct cell *head, struct deadline deadline,
                      struct replica_context *context)
{
    struct cell after = {0};
    struct clock new_dots = {0};
    struct buffer value = {0};
    deadline.swept = true;
    deadline_encode(&deadline, &value);
    struct sibling made = {
        .kind = SIBLING_DEADLINE,
        .expire_at_ms = deadline.expire_at_ms,
        .dot = replica_next_dot(replica),
        .time = hybrid_clock_next(context->clock, context->wall_ms, cell_time_max(head)),
        .value = buffer_slice(&value)};
    for (uint32_t i = 0; i < head->count; i++)
        if (head->siblings[i].kind != SIBLING_DEADLINE)
            cell_insert(&after, &head->siblings[i]);
    version_vector_join(&after.context, &head->context);
    cell_insert(&after, &made);
    clock_add(&new_dots, &made.dot);
    replica_record_event(replica, keyspace, key, head, &after, slice_make(NULL, 0), &new_dots,
                         context);
    clock_deinit(&new_dots);
    cell_deinit(&after);
    buffer_deinit(&value);
}

enum status replica_sweep_ended(struct replica *replica, keyspace_id keyspace, struct slice key,
                                const struct cell *head, uint64_t safe_ms,
                                const struct stability *stability, struct replica_context *context,
                                struct sweep_budget *budget, bool *finished)
{
    struct deadline deadline;
    struct walk walk;
    bool done = false;
    cell_deadline(head, safe_ms - 1, &deadline);
    struct past past = {.floor_ms = deadline.floor_ms};
    *finished = keyspace_is_dropped(context, keyspace) || !is_left_to(replica, stability, head);
    if (*finished || !context->may_mint ||
        !is_settled_time(replica, deadline.floor_ms, safe_ms, context) || budget->elements == 0)
        return STATUS_OK;
    walk = walk_of(replica, keyspace, &past, context, budget, true);
    enum status status = sweep_on(&walk, key, keyspace, &replica->ended, &done);
    if (status == STATUS_OK && done)
        say_swept(replica, keyspace, key, head, deadline, context);
    *finished = status == STATUS_OK && done;
    return status;
}

void sweep_place_deinit(struct sweep_place *place)
{
    buffer_deinit(&place->prefix);
    buffer_deinit(&place->next);
    clock_deinit(&place->settled);
    clock_deinit(&place->settling);
}

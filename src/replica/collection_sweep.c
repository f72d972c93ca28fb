/*
 * collection_sweep.c - what a delete of a collection killed becomes tombstones, bit by bit.
 *
 * A small collection is swept in one step. Of the large ones one at a time keeps its place
 * between steps (`replica->sweep`); a restart begins it again, among the tombstones.
 */
#include "causal/cut.h"
#include "replica/collection.h"
#include "replica/replica_cells.h"
#include "ring/element_key.h"
#include "ring/position.h"

struct walk {
    struct replica *replica;
    keyspace_id elements;
    const struct clock *cut;
    struct replica_context *context;
    struct sweep_budget *budget;
    bool makes; /* D2 */
    bool clean; /* D3, so far */
};

static bool is_left_to(const struct replica *replica, const struct stability *stability,
                       const struct cell *head)
{
    for (uint32_t i = 0; i < head->count; i++)
        if (head->siblings[i].kind == SIBLING_CUT &&
            stability_stands_in(stability, replica->actor.node, head->siblings[i].dot.actor.node))
            return true;
    return false;
}

static bool has_dead_version(const struct cell *cell, const struct clock *cut)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_STRING && clock_has(cut, &cell->siblings[i].dot))
            return true;
    return false;
}

/* One tombstone for what is dead; what is alive stays beside it. */
static void bury(struct walk *walk, struct slice name, const struct cell *before)
{
    struct cell after;
    struct clock new_dots = {0};
    struct sibling tombstone = {
        .kind = SIBLING_TOMBSTONE,
        .dot = replica_next_dot(walk->replica),
        .time =
            hybrid_clock_next(walk->context->clock, walk->context->wall_ms, cell_time_max(before))};
    cell_copy(before, &after);
    cell_drop_cut(&after, walk->cut);
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
    if (status == STATUS_OK && !collection_type_is_shown(parts.type))
        return STATUS_OK; /* it is in no cut */
    if (status == STATUS_OK)
        status = local_cell_load(walk->context, name.keyspace, name.key, &local);
    if (status == STATUS_OK && local.present && has_dead_version(&local.cell, walk->cut)) {
        if (walk->makes)
            bury(walk, name.key, &local.cell);
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
static bool resume(const struct replica *replica, struct slice prefix, struct buffer *from)
{
    bool known = slice_equal(buffer_slice(&replica->sweep.prefix), prefix);
    buffer_append_slice(from, known ? buffer_slice(&replica->sweep.next) : prefix);
    return known;
}

static void keep_place(struct replica *replica, struct slice prefix, bool known,
                       const struct walk *walk, const struct buffer *from)
{
    struct sweep_place *place = &replica->sweep;
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

enum status replica_sweep(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell *head, const struct stability *stability,
                          struct replica_context *context, struct sweep_budget *budget, bool *done)
{
    struct clock cut = {0};
    struct buffer elements = {0}, prefix = {0}, from = {0};
    struct walk walk = {.replica = replica,
                        .elements = keyspace_of_elements(keyspace),
                        .cut = &cut,
                        .context = context,
                        .budget = budget,
                        .makes = context->may_mint && is_left_to(replica, stability, head),
                        .clean = true};
    enum status status = STATUS_OK;
    *done = false;
    cell_join_cuts(head, &cut);
    leave_out_lost(replica, stability, &cut);
    if (is_settled(replica, &cut, context) && stability_everywhere(stability, &cut) &&
        budget->elements > 0) {
        element_key_prefix(key, &elements);
        record_cell_name(ring_position(key, keyspace, context->position_seed), walk.elements,
                         buffer_slice(&elements), &prefix);
        bool known = resume(replica, buffer_slice(&prefix), &from);
        status = walk_on(&walk, buffer_slice(&prefix), &from);
        if (status == STATUS_OK) {
            keep_place(replica, buffer_slice(&prefix), known, &walk, &from);
            *done = from.length == 0 && walk.clean;
        }
    }
    buffer_deinit(&from);
    buffer_deinit(&prefix);
    buffer_deinit(&elements);
    clock_deinit(&cut);
    return status;
}

void sweep_place_deinit(struct sweep_place *place)
{
    buffer_deinit(&place->prefix);
    buffer_deinit(&place->next);
    clock_deinit(&place->settled);
    clock_deinit(&place->settling);
}

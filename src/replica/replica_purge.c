/*
 * replica_purge.c - what is deleted everywhere leaves the disk.
 *
 * Garbage records stand in the order of the events that left garbage, and that is nearly the
 * order in which it becomes stable. A walk begins at the oldest one that is left, never in what
 * was deleted before, and ends where nothing is ripe any more. Each record has the context that
 * its cell had; when the cell has another one by now, a later record speaks for it.
 *
 * What a step changes is no event, so it has no log record: its sums go into a checkpoint in the
 * same batch.
 */
#include <assert.h>

#include "causal/cut.h"
#include "causal/deadline.h"
#include "replica/collection.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_cells.h"

struct purge_walk {
    struct replica *replica;
    const struct stability *stability;
    struct replica_context *context;
    struct purge_outcome *out;
    struct sweep_budget sweeps;
    bool sweeping;       /* one made tombstones, and has more to look at */
    uint64_t first_left; /* position of the first record that stays; 0: none so far */
    uint32_t unripe;     /* in a row */
    bool changed;
};

static void purge_cell(struct purge_walk *walk, const struct garbage_record *record,
                       const struct cell *cell)
{
    struct cell after;
    cell_without_garbage(cell, &after);
    struct cell_change change =
        replica_put_cell(walk->replica, record->keyspace, record->key, cell, &after, walk->context);
    assert(change.digest_delta == 0 && change.count_delta == 0 && change.garbage_delta == -1);
    replica_count_change(walk->replica, record->keyspace, record->key, &change, walk->context);
    walk->out->purged++;
    cell_deinit(&after);
}

static void drop_record(struct purge_walk *walk, struct slice name)
{
    store_batch_delete(walk->context->batch, name);
    walk->changed = true;
}

static void note_unripe(struct purge_walk *walk, uint64_t position,
                        const struct garbage_record *record)
{
    if (walk->first_left == 0)
        walk->first_left = position;
    if (stability_covers(walk->stability, &record->context)) {
        walk->out->waiting++;
    } else {
        walk->out->unstable++;
        if (walk->out->holder == 0)
            walk->out->holder = stability_holder(walk->stability, &record->context);
    }
    walk->unripe++;
}

/* `finished` false: the record stays until a later step. */
static enum status sweep_first(struct purge_walk *walk, uint64_t position,
                               const struct garbage_record *record, const struct cell *head,
                               bool *finished)
{
    struct replica *replica = walk->replica;
    uint32_t made = walk->sweeps.made;
    *finished = true;
    if ((!cell_has_cut(head) && !cell_has_deadline(head)) ||
        keyspace_is_dropped(walk->context, record->keyspace))
        return STATUS_OK; /* elements of a dropped keyspace go by themselves (K4) */
    enum status status = replica_sweep(replica, record->keyspace, record->key, head,
                                       walk->stability, walk->context, &walk->sweeps, finished);
    walk->out->buried += walk->sweeps.made - made;
    walk->changed = walk->changed || walk->sweeps.made > made;
    if (status == STATUS_OK && !*finished) {
        if (walk->first_left == 0)
            walk->first_left = position;
        walk->out->waiting++;
        walk->unripe++;
        walk->sweeping = walk->sweeping || (walk->sweeps.elements == 0 && walk->sweeps.made > made);
    }
    return status;
}

static enum status visit(struct purge_walk *walk, struct slice name, uint64_t position,
                         struct slice bytes)
{
    struct garbage_record record;
    struct local_cell local = {0};
    enum status status = garbage_record_decode(bytes, &record);
    if (status == STATUS_OK && !stability_is_ripe(walk->stability, &record.context)) {
        note_unripe(walk, position, &record);
    } else if (status == STATUS_OK) {
        status = local_cell_load(walk->context, record.keyspace, record.key, &local);
        bool current = status == STATUS_OK && local.present && cell_has_garbage(&local.cell) &&
                       version_vector_equal(&local.cell.context, &record.context);
        bool finished = true;
        if (current)
            status = sweep_first(walk, position, &record, &local.cell, &finished);
        if (status == STATUS_OK && finished) {
            walk->unripe = 0;
            if (current)
                purge_cell(walk, &record, &local.cell);
            drop_record(walk, name);
        }
    }
    local_cell_deinit(&local);
    version_vector_deinit(&record.context);
    return status;
}

/* Walks up from the first record; `past` gets the position behind the last one seen. */
static enum status walk_up(struct purge_walk *walk, uint32_t budget, uint64_t *past)
{
    const struct store_port *port = walk->context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    record_garbage_name(walk->replica->partition, walk->replica->garbage_first, &name);
    for (port->seek(iterator, buffer_slice(&name)); port->valid(iterator); port->next(iterator)) {
        partition_id partition;
        uint64_t position;
        status = record_garbage_name_decode(port->key(iterator), &partition, &position);
        if (status == STATUS_NOT_FOUND ||
            (status == STATUS_OK && partition != walk->replica->partition)) {
            status = STATUS_OK;
            break;
        }
        walk->out->more = budget == 0;
        if (status != STATUS_OK || walk->out->more || walk->unripe == PURGE_UNSTABLE_MAX)
            break;
        status = visit(walk, port->key(iterator), position, port->value(iterator));
        if (status != STATUS_OK)
            break;
        *past = position + 1;
        budget--;
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status;
}

enum status replica_purge(struct replica *replica, const struct stability *stability,
                          uint32_t budget, struct replica_context *context,
                          struct purge_outcome *out)
{
    struct purge_walk walk = {.replica = replica,
                              .stability = stability,
                              .context = context,
                              .out = out,
                              .sweeps = {.elements = SWEEP_ELEMENTS_MAX}};
    uint64_t past = replica->garbage_first;
    if (replica->state != REPLICA_ACTIVE)
        return STATUS_OK; /* what it has may be older than what all others have */
    enum status status = walk_up(&walk, budget, &past);
    out->more = out->more || walk.sweeping;
    if (walk.changed) { /* also when a later record could not be read */
        replica->garbage_first = walk.first_left != 0 ? walk.first_left : past;
        replica_checkpoint(replica, context);
    }
    return status;
}

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

#include "replica/replica_cells.h"

struct purge_walk {
    struct replica *replica;
    const struct stability *stability;
    struct replica_context *context;
    struct purge_outcome *out;
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
        if (status == STATUS_OK) {
            walk->unripe = 0;
            if (local.present && cell_has_garbage(&local.cell) &&
                version_vector_equal(&local.cell.context, &record.context))
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
    struct purge_walk walk = {
        .replica = replica, .stability = stability, .context = context, .out = out};
    uint64_t past = replica->garbage_first;
    if (replica->state != REPLICA_ACTIVE)
        return STATUS_OK; /* what it has may be older than what all others have */
    enum status status = walk_up(&walk, budget, &past);
    if (walk.changed) { /* also when a later record could not be read */
        replica->garbage_first = walk.first_left != 0 ? walk.first_left : past;
        replica_checkpoint(replica, context);
    }
    return status;
}

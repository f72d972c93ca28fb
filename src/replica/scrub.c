#include "replica/scrub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "replica/expiry.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_tree.h"
#include "replica/score_index.h"
#include "ring/position.h"

struct scrub {
    struct buffer next; /* name: all cells below it were met */
    bool done;
    struct sum_tree tree;
    struct replica_counts counts;
    struct buffer unindexed; /* names that replica/expiry.h misses */
    struct buffer unordered; /* cells that replica/score_index.h does */
    uint64_t cells;
};

static void scrub_free(struct scrub *scrub)
{
    if (scrub == NULL)
        return;
    buffer_deinit(&scrub->next);
    buffer_deinit(&scrub->unindexed);
    buffer_deinit(&scrub->unordered);
    sum_tree_deinit(&scrub->tree);
    free(scrub);
}

void replica_scrub_abandon(struct replica *replica)
{
    scrub_free(replica->scrub);
    replica->scrub = NULL;
}

bool replica_scrub_runs(const struct replica *replica)
{
    return replica->scrub != NULL;
}

bool replica_scrub_has_met_all(const struct replica *replica)
{
    return replica->scrub != NULL && replica->scrub->done;
}

void replica_scrub_begin(struct replica *replica, struct replica_context *context)
{
    replica_scrub_abandon(replica);
    replica->scrub = memory_new(1, sizeof *replica->scrub);
    sum_tree_init(&replica->scrub->tree, sum_tree_bits_for(replica->tree.root.count));
    record_cell_bound(replica_position_first(replica, context), &replica->scrub->next);
}

void replica_scrub_note(struct replica *replica, struct slice name, uint64_t position,
                        keyspace_id keyspace, uint64_t hash_delta, int count_delta,
                        const struct replica_context *context)
{
    struct scrub *scrub = replica->scrub;
    if (scrub == NULL || (!scrub->done && slice_compare(name, buffer_slice(&scrub->next)) >= 0))
        return;
    sum_tree_add(&scrub->tree, replica_tree_offset(context, position), hash_delta, count_delta);
    replica_counts_add(&scrub->counts, keyspace_counted_as(context, keyspace), count_delta);
}

/* Take one record into account. STATUS_NOT_FOUND: it is behind the end of the partition. */
static enum status visit(struct replica *replica, struct slice name, struct slice record,
                         struct replica_context *context)
{
    struct scrub *scrub = replica->scrub;
    struct cell_name parts;
    struct slice encoded;
    struct cell cell = {0};
    enum status status = record_cell_name_decode(name, &parts);
    if (status == STATUS_OK && parts.position > replica_position_last(replica, context))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK &&
        parts.position != ring_position(parts.key, parts.keyspace, context->position_seed))
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = record_cell_open(record, &encoded);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    status = reader_end(&reader);
    for (uint32_t i = 0; status == STATUS_OK && i < cell.count; i++)
        if (!clock_has(&replica->clock, &cell.siblings[i].dot))
            status = STATUS_CORRUPT; /* R2 */
    if (status == STATUS_OK)
        status = expiry_index_missing(replica, parts.keyspace, parts.key, &cell, context,
                                      &scrub->unindexed);
    if (status == STATUS_OK)
        status = score_index_missing(parts.position, parts.keyspace, parts.key, &cell, context,
                                     &scrub->unordered);
    if (status == STATUS_OK) {
        bool live = cell_is_live(&cell);
        sum_tree_add(&scrub->tree, replica_tree_offset(context, parts.position),
                     replica_cell_hash(context, parts.keyspace, parts.key, &cell), live);
        replica_counts_add(&scrub->counts, keyspace_counted_as(context, parts.keyspace), live);
        scrub->cells++;
    }
    cell_deinit(&cell);
    return status;
}

/* Walk on from scrub->next. Leaves there the name of the first record that was not met. */
static enum status walk(struct replica *replica, uint32_t cells_max, uint64_t bytes_max,
                        struct replica_context *context, struct scrub_step *out)
{
    const struct store_port *port = context->port;
    struct scrub *scrub = replica->scrub;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = STATUS_OK;
    for (port->seek(iterator, buffer_slice(&scrub->next)); port->valid(iterator);
         port->next(iterator)) {
        struct slice name = port->key(iterator);
        struct slice record = port->value(iterator);
        if (out->cells > 0 && (out->cells >= cells_max || out->bytes >= bytes_max)) {
            buffer_clear(&scrub->next);
            buffer_append_slice(&scrub->next, name);
            break;
        }
        status = visit(replica, name, record, context);
        if (status != STATUS_OK)
            break;
        out->cells++;
        out->bytes += name.length + record.length;
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        scrub->done = status == STATUS_NOT_FOUND || !port->valid(iterator);
        status = port->error(iterator);
    }
    port->iterator_free(iterator);
    return status;
}

enum status replica_scrub_step(struct replica *replica, uint32_t cells_max, uint64_t bytes_max,
                               struct replica_context *context, struct scrub_step *out)
{
    assert(replica->scrub != NULL);
    *out = (struct scrub_step){0};
    enum status status = STATUS_OK;
    if (!replica->scrub->done)
        status = walk(replica, cells_max, bytes_max, context, out);
    out->done = status == STATUS_OK && replica->scrub->done;
    if (status != STATUS_OK)
        replica_scrub_abandon(replica);
    return status;
}

/* Compared where both have ranges: at the depth of the shallower one. */
static uint32_t leaves_that_differ(const struct sum_tree *a, const struct sum_tree *b)
{
    uint8_t bits = a->bits < b->bits ? a->bits : b->bits;
    uint32_t count = 0;
    for (uint32_t i = 0; i < UINT32_C(1) << bits; i++)
        count += !tree_node_equal(sum_tree_node(a, bits, i), sum_tree_node(b, bits, i));
    return count;
}

void replica_scrub_finish(struct replica *replica, struct replica_context *context,
                          struct scrub_result *out)
{
    struct scrub *scrub = replica->scrub;
    assert(scrub != NULL && scrub->done);
    *out = (struct scrub_result){.cells = scrub->cells,
                                 .live = scrub->tree.root.count,
                                 .leaves_wrong = leaves_that_differ(&replica->tree, &scrub->tree)};
    if (out->leaves_wrong > 0)
        cell_cache_forget_stored(context->cache);
    replica_tree_replace(replica, &scrub->tree, context);
    replica->counts = scrub->counts;
    replica->scrubbed_ms = context->wall_ms;
    expiry_index_put(replica, buffer_slice(&scrub->unindexed), context);
    score_index_renew(buffer_slice(&scrub->unordered), context);
    replica_scrub_abandon(replica);
    replica_checkpoint(replica, context);
}

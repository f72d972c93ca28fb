/*
 * store_lineage.c - the store's count of its commits, its lives, and what it keeps of others'.
 *
 * The count is put into each batch once. Witnesses are kept for others and are nothing that this
 * node must not lose, so a batch of them alone does not count: two idle nodes that remember
 * each other would else make each other write for ever.
 */
#include "node/store_side_state.h"

#include <assert.h>

static enum status get(const struct store_side *side, void (*name_of)(struct buffer *),
                       struct buffer *value)
{
    struct buffer name = {0};
    name_of(&name);
    enum status status = side->port->get(side->port->context, buffer_slice(&name), value);
    buffer_deinit(&name);
    return status;
}

static void put(struct buffer *batch, const struct buffer *name, const struct buffer *value)
{
    store_batch_put(batch, buffer_slice(name), buffer_slice(value));
}

static enum status read_lives(struct store_side *side, struct lineage *out)
{
    struct buffer value = {0};
    enum status status = get(side, record_lineage_name, &value);
    if (status == STATUS_OK)
        status = lineage_record_decode(buffer_slice(&value), out);
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK; /* a new store */
    buffer_clear(&value);
    if (status == STATUS_OK)
        status = get(side, record_commits_name, &value);
    if (status == STATUS_OK)
        status = commits_record_decode(buffer_slice(&value), &out->commits);
    else if (status == STATUS_NOT_FOUND && out->count == 0)
        status = STATUS_OK;
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_CORRUPT; /* lives without a commit */
    buffer_deinit(&value);
    return status;
}

static void begin_life(struct lineage *lineage, uint64_t id)
{
    if (lineage->count > 0 && lineage->lives[lineage->count - 1].id == id)
        return; /* only opened again */
    if (lineage->count == LINEAGE_LIVES_MAX) {
        for (uint8_t i = 1; i < LINEAGE_LIVES_MAX; i++)
            lineage->lives[i - 1] = lineage->lives[i];
        lineage->count--;
    }
    lineage->lives[lineage->count++] = (struct lineage_life){.id = id, .opened = lineage->commits};
}

enum status store_lineage_open(struct store_side *side, struct buffer *batch)
{
    struct lineage lineage = {0};
    struct buffer name = {0}, value = {0};
    side->commit_counted = false;
    if (side->unsynced)
        return STATUS_OK;
    enum status status = read_lives(side, &lineage);
    if (status != STATUS_OK)
        return status;
    uint8_t known = lineage.count;
    uint64_t last = known > 0 ? lineage.lives[known - 1].id : 0;
    lineage.storage_incarnation = side->storage_incarnation;
    begin_life(&lineage, side->life);
    side->lineage = lineage;
    if (known > 0 && last == side->life)
        return STATUS_OK;
    record_lineage_name(&name);
    lineage_record_encode(&lineage, &value);
    put(batch, &name, &value);
    store_lineage_count(side, batch);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return STATUS_OK;
}

void store_lineage_count(struct store_side *side, struct buffer *batch)
{
    uint8_t name_room[32], value_room[32];
    struct buffer name = buffer_on(name_room, sizeof name_room);
    struct buffer value = buffer_on(value_room, sizeof value_room);
    if (side->unsynced || side->commit_counted)
        return;
    side->commit_counted = true;
    record_commits_name(&name);
    commits_record_encode(side->lineage.commits + 1, &value);
    put(batch, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

static void tell(const struct store_side *side, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_STORE_COMMITS, 0, 0);
    buffer_put_varint(out, side->lineage.commits);
    frame_finish_inside(out, offset);
}

void store_lineage_committed(struct store_side *side, struct buffer *out)
{
    if (!side->commit_counted)
        return;
    side->commit_counted = false;
    side->lineage.commits++;
    tell(side, out);
}

void store_lineage_failed(struct store_side *side)
{
    side->commit_counted = false;
}

/* Witnesses stand together; append them behind the lineage. */
static enum status append_witnesses(const struct store_side *side, struct buffer *out)
{
    const struct store_port *port = side->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    record_witness_name(0, &name);
    size_t prefix = name.length - 4;
    for (port->seek(iterator, buffer_slice(&name)); status == STATUS_OK && port->valid(iterator);
         port->next(iterator)) {
        struct lineage_witness witness;
        struct slice key = port->key(iterator);
        if (key.length != name.length ||
            !slice_equal(slice_make(key.data, prefix), slice_make(name.data, prefix)))
            break;
        status = witness_record_decode(port->value(iterator), &witness);
        if (status == STATUS_OK)
            lineage_witness_encode(&witness, out);
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status;
}

enum status store_lineage_tell(const struct store_side *side, struct buffer *out)
{
    struct buffer body = {0};
    lineage_encode(&side->lineage, &body);
    enum status status = append_witnesses(side, &body);
    if (status == STATUS_OK) {
        size_t offset = frame_start(out, MESSAGE_STORE_LINEAGE, 0, 0);
        buffer_append_slice(out, buffer_slice(&body));
        frame_finish_inside(out, offset);
    }
    buffer_deinit(&body);
    return status;
}

void store_handle_witness(struct store_side *side, const struct frame *frame,
                          struct store_output *out)
{
    struct lineage_witness witness;
    struct reader reader = reader_make(frame->body);
    struct buffer name = {0}, value = {0};
    (void)side;
    lineage_witness_decode(&reader, &witness);
    enum status status = reader_end(&reader);
    assert(status == STATUS_OK); /* own loop side */
    record_witness_name(witness.node, &name);
    witness_record_encode(&witness, &value);
    put(&out->batch, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

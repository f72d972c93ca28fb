#include "ring/ring_steps.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void put_set(const struct node_set *set, struct buffer *out)
{
    buffer_put_u8(out, set->count);
    for (uint8_t i = 0; i < set->count; i++)
        buffer_put_varint(out, set->nodes[i]);
}

static node_id read_node(struct reader *reader)
{
    return (node_id)reader_varint_max(reader, UINT32_MAX);
}

static void read_set(struct reader *reader, struct node_set *out)
{
    uint8_t count = reader_u8(reader);
    *out = (struct node_set){0};
    if (count > RING_REPLICAS_MAX)
        reader->failed = true;
    for (uint8_t i = 0; i < count && !reader->failed; i++)
        node_set_add(out, read_node(reader));
    if (out->count != count)
        reader->failed = true; /* one that is named twice would count twice */
}

void ring_step_encode(const struct ring_step *step, uint8_t owner_count, struct buffer *out)
{
    buffer_put_u8(out, step->kind);
    buffer_put_varint(out, step->partition);
    buffer_put_varint(out, step->from.epoch);
    buffer_put_u8(out, step->from.phase);
    switch ((enum ring_step_kind)step->kind) {
    case RING_STEP_BEGIN:
        for (uint8_t i = 0; i < owner_count; i++)
            buffer_put_varint(out, step->owners[i]);
        break;
    case RING_STEP_SWITCH:
    case RING_STEP_FINISH:
        put_set(&step->evidence.complete, out);
        put_set(&step->evidence.goes_by, out);
        break;
    case RING_STEP_ABORT:
        break;
    case RING_STEP_LOST:
        buffer_put_varint(out, step->node);
        break;
    }
}

void ring_step_decode(struct reader *reader, uint8_t owner_count, struct ring_step *out)
{
    assert(owner_count <= RING_OWNERS_MAX);
    *out = (struct ring_step){.kind = reader_u8(reader)};
    out->partition = (partition_id)reader_varint_max(reader, PARTITION_COUNT_MAX - 1);
    out->from.epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->from.phase = reader_u8(reader);
    if (out->from.phase > RING_SWITCHED)
        reader->failed = true;
    switch (out->kind) {
    case RING_STEP_BEGIN:
        for (uint8_t i = 0; i < owner_count; i++)
            out->owners[i] = read_node(reader);
        break;
    case RING_STEP_SWITCH:
    case RING_STEP_FINISH:
        read_set(reader, &out->evidence.complete);
        read_set(reader, &out->evidence.goes_by);
        break;
    case RING_STEP_ABORT:
        break;
    case RING_STEP_LOST:
        out->node = read_node(reader);
        break;
    default:
        reader->failed = true;
    }
}

static enum status take(struct ring *ring, const struct ring_step *step,
                        char reason[RING_REASON_MAX])
{
    partition_id partition = step->partition;
    if (partition >= ring->partition_count) {
        snprintf(reason, RING_REASON_MAX, "there is no partition %u", partition);
        return STATUS_INVALID;
    }
    switch ((enum ring_step_kind)step->kind) {
    case RING_STEP_BEGIN:
        return ring_begin(ring, partition, step->from, step->owners, reason);
    case RING_STEP_SWITCH:
        return ring_switch(ring, partition, step->from, &step->evidence, reason);
    case RING_STEP_FINISH:
        return ring_finish(ring, partition, step->from, &step->evidence, reason);
    case RING_STEP_ABORT:
        return ring_abort(ring, partition, step->from, reason);
    case RING_STEP_LOST:
        return ring_declare_lost(ring, partition, step->from, step->node, reason);
    }
    return STATUS_INVALID;
}

static enum status take_all(struct ring *ring, struct slice steps, uint32_t *taken,
                            char reason[RING_REASON_MAX])
{
    struct reader reader = reader_make(steps);
    *taken = 0;
    while (reader_left(&reader) > 0) {
        struct ring_step step;
        ring_step_decode(&reader, ring->owner_count, &step);
        if (reader.failed) {
            snprintf(reason, RING_REASON_MAX, "the steps of a ring change cannot be read");
            return STATUS_CORRUPT;
        }
        enum status status = take(ring, &step, reason);
        if (status == STATUS_STALE_TAG && step.kind != RING_STEP_BEGIN)
            continue; /* done, or given up: by somebody else */
        if (status == STATUS_STALE_TAG)
            snprintf(reason, RING_REASON_MAX,
                     "partition %u is not as it was when this was planned: plan again",
                     step.partition);
        if (status != STATUS_OK)
            return status;
        ++*taken;
    }
    return STATUS_OK;
}

enum status ring_steps_apply(struct ring *ring, struct slice steps, uint32_t *taken,
                             char reason[RING_REASON_MAX])
{
    struct ring *next = ring_copy(ring);
    enum status status = take_all(next, steps, taken, reason);
    if (status == STATUS_OK) {
        struct ring was = *ring;
        *ring = *next;
        *next = was;
    }
    ring_free(next);
    return status;
}

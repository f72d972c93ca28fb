/*
 * store_key_state.c - what this node has of one key, for whoever wants it explained.
 *
 * Answered when the group is committed, as pulls are: then the clock and the disk are of one
 * moment, and a version that the clock has and the cell neither shows nor covers was lost.
 */
#include "node/store_elements.h"
#include "node/store_hint_read.h"
#include "node/store_side_state.h"
#include "ring/position.h"
#include "wire/message_hint_read.h"
#include "wire/message_key_state.h"
#include "wire/record.h"

/* What an answer borrows. */
struct key_state_bytes {
    struct buffer clock, cell, hint;
};

/* The cell without its values; `cell` is released by the caller. */
static enum status take_versions(struct slice encoded, struct cell *cell, struct buffer *out)
{
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, cell);
    enum status status = reader_end(&reader);
    if (status == STATUS_OK)
        cell_encode_versions(cell, 0, out);
    return status;
}

static enum status look_at_replica(struct store_side *side,
                                   const struct message_key_state *question, uint64_t position,
                                   struct key_state_bytes *bytes,
                                   struct message_key_state_result *out)
{
    enum status status;
    struct slice encoded;
    struct cell cell = {0};
    struct buffer name = {0}, record = {0};
    const struct replica *replica = store_own_replica(side, question->partition, &status);
    out->held = replica != NULL;
    if (replica == NULL)
        return STATUS_OK; /* others have it */
    out->replica_state = replica->state;
    clock_encode(&replica->clock, &bytes->clock);
    record_cell_name(position, question->keyspace, question->key, &name);
    status = side->port->get(side->port->context, buffer_slice(&name), &record);
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(&record), &encoded);
    if (status == STATUS_OK)
        status = take_versions(encoded, &cell, &bytes->cell);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status =
            store_collection_of(side->port, side->ring->seed, question->keyspace, question->key,
                                &cell, true, side->context.wall_ms, &out->collection);
    out->clock = buffer_slice(&bytes->clock);
    out->cell = buffer_slice(&bytes->cell);
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
    return status;
}

static enum status look_at_hint(const struct store_side *side,
                                const struct message_key_state *question,
                                struct key_state_bytes *bytes, struct message_key_state_result *out)
{
    struct buffer value = {0};
    struct cell cell = {0};
    struct message_hint_read_result hint = {0};
    struct message_hint_read read = {.address = {.partition = question->partition},
                                     .keyspace = question->keyspace,
                                     .key = question->key};
    enum status status = store_find_hint(side->port, side->ring, &read, &value, &hint);
    if (status == STATUS_OK && hint.intended_count > 0)
        status = take_versions(hint.delivery.cell, &cell, &bytes->hint);
    if (status == STATUS_OK) {
        out->intended_count = hint.intended_count;
        for (uint8_t i = 0; i < hint.intended_count; i++)
            out->intended[i] = hint.intended[i];
        out->hint = buffer_slice(&bytes->hint);
    }
    cell_deinit(&cell);
    buffer_deinit(&value);
    return status;
}

static enum status look(struct store_side *side, const struct message_key_state *question,
                        struct key_state_bytes *bytes, struct message_key_state_result *out)
{
    if (question->key.length > RECORD_KEY_BYTES_MAX || keyspace_has_elements(question->keyspace))
        return STATUS_INVALID;
    uint64_t position = ring_position(question->key, question->keyspace, side->ring->seed);
    if (ring_partition_of_position(position, side->ring->partition_count) != question->partition)
        return STATUS_INVALID;
    enum status status = look_at_replica(side, question, position, bytes, out);
    if (status == STATUS_OK)
        status = look_at_hint(side, question, bytes, out);
    bool fits = bytes->clock.length + bytes->cell.length + bytes->hint.length <=
                (size_t)MESSAGE_PAYLOAD_BYTES_MAX;
    return status == STATUS_OK && !fits ? STATUS_TOO_LARGE : status;
}

void store_reply_key_state(const struct frame *frame, const struct message_key_state_result *result,
                           struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_KEY_STATE_RESULT, frame->request, 0);
    message_key_state_result_encode(result, out);
    frame_finish_inside(out, offset);
}

void store_answer_key_state(struct store_side *side, const struct frame *frame, struct buffer *out)
{
    struct message_key_state question;
    struct message_key_state_result result = {0};
    struct key_state_bytes bytes = {0};
    enum status status = message_key_state_decode(frame->body, &question);
    if (status == STATUS_OK)
        status = look(side, &question, &bytes, &result);
    if (status != STATUS_OK)
        result = (struct message_key_state_result){.status = status};
    store_reply_key_state(frame, &result, out);
    buffer_deinit(&bytes.clock);
    buffer_deinit(&bytes.cell);
    buffer_deinit(&bytes.hint);
}

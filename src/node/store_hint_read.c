#include "node/store_hint_read.h"

#include "causal/cell.h"
#include "causal/clock.h"
#include "ring/position.h"
#include "wire/record.h"
#include "wire/record_hint.h"

/* Both parts are sound: else the hint store will set the record aside when it meets it. */
static enum status check_record(const struct hint_record *record)
{
    struct reader cells = reader_make(record->cell), dots = reader_make(record->dots);
    struct cell cell = {0};
    struct clock clock = {0};
    cell_decode(&cells, &cell);
    clock_decode(&dots, &clock);
    enum status status = reader_end(&cells) == STATUS_OK ? reader_end(&dots) : STATUS_CORRUPT;
    cell_deinit(&cell);
    clock_deinit(&clock);
    return status;
}

enum status store_find_hint(const struct store_port *port, const struct ring *ring,
                            const struct message_hint_read *read, struct buffer *value,
                            struct message_hint_read_result *out)
{
    struct buffer name = {0};
    struct hint_record record;
    struct hint_name hint = {.partition = read->address.partition,
                             .position = ring_position(read->key, read->keyspace, ring->seed),
                             .keyspace = read->keyspace,
                             .key = read->key};
    if (read->key.length > RECORD_KEY_BYTES_MAX ||
        ring_partition_of_position(hint.position, ring->partition_count) != hint.partition)
        return STATUS_INVALID;
    record_hint_name(RECORD_HINT_CELL, &hint, &name);
    enum status status = port->get(port->context, buffer_slice(&name), value);
    buffer_deinit(&name);
    if (status == STATUS_OK)
        status = hint_record_decode(buffer_slice(value), &record);
    if (status == STATUS_OK)
        status = check_record(&record);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    for (uint8_t i = 0; i < record.intended_count; i++)
        out->intended[out->intended_count++] = record.intended[i];
    out->delivery = (struct cell_delivery){
        .keyspace = read->keyspace, .key = read->key, .cell = record.cell, .dots = record.dots};
    return STATUS_OK;
}

void store_read_hint(const struct store_port *port, const struct ring *ring,
                     const struct frame *frame, struct buffer *replies)
{
    struct message_hint_read read;
    struct message_hint_read_result result = {0};
    struct buffer value = {0};
    result.status = message_hint_read_decode(frame->body, &read);
    if (result.status == STATUS_OK)
        result.status = store_find_hint(port, ring, &read, &value, &result);
    size_t offset = frame_start(replies, MESSAGE_HINT_READ_RESULT, frame->request, 0);
    message_hint_read_result_encode(&result, replies);
    frame_finish_inside(replies, offset);
    buffer_deinit(&value);
}

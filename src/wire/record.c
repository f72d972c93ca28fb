#include "wire/record.h"

#include <assert.h>

#include "ring/element_key.h"
#include "wire/message.h"

void record_cell_bound(uint64_t position, struct buffer *out)
{
    buffer_put_u8(out, RECORD_CELL);
    buffer_put_u64(out, position);
}

void record_cell_name(uint64_t position, keyspace_id keyspace, struct slice key, struct buffer *out)
{
    assert(key.length <= RECORD_KEY_BYTES_MAX);
    record_cell_bound(position, out);
    buffer_put_u16(out, keyspace);
    if (!keyspace_has_elements(keyspace))
        buffer_put_u16(out, (uint16_t)key.length);
    buffer_append_slice(out, key); /* an element's begins with the length of its key */
}

void record_log_name(partition_id partition, uint64_t log_position, struct buffer *out)
{
    buffer_put_u8(out, RECORD_LOG);
    buffer_put_u16(out, partition);
    buffer_put_u64(out, log_position);
}

void record_meta_bound(partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_META);
    buffer_put_u16(out, partition);
}

void record_checkpoint_name(partition_id partition, struct buffer *out)
{
    record_meta_bound(partition, out);
    buffer_put_u8(out, 'c');
}

void record_dropping_name(partition_id partition, struct buffer *out)
{
    record_meta_bound(partition, out);
    buffer_put_u8(out, 'd');
}

void record_garbage_name(partition_id partition, uint64_t log_position, struct buffer *out)
{
    buffer_put_u8(out, RECORD_GARBAGE);
    buffer_put_u16(out, partition);
    buffer_put_u64(out, log_position);
}

void record_ceiling_name(struct buffer *out)
{
    buffer_put_u8(out, RECORD_CEILING);
}

enum status record_cell_name_decode(struct slice name, struct cell_name *out)
{
    struct reader reader = reader_make(name);
    if (name.length == 0 || reader_u8(&reader) != RECORD_CELL)
        return STATUS_NOT_FOUND;
    out->position = reader_u64(&reader);
    out->keyspace = reader_u16(&reader);
    if (keyspace_has_elements(out->keyspace)) {
        struct element_key parts;
        out->key = reader_take(&reader, reader_left(&reader));
        if (element_key_decode(out->key, &parts) != STATUS_OK)
            return STATUS_CORRUPT;
    } else {
        out->key = reader_take(&reader, reader_u16(&reader));
    }
    return reader_end(&reader);
}

enum status record_meta_decode(struct slice name, partition_id *partition)
{
    struct reader reader = reader_make(name);
    if (name.length == 0 || reader_u8(&reader) != RECORD_META)
        return STATUS_NOT_FOUND;
    *partition = reader_u16(&reader);
    return reader.failed ? STATUS_CORRUPT : STATUS_OK;
}

static enum status decode_position_name(struct slice name, uint8_t type, partition_id *partition,
                                        uint64_t *log_position)
{
    struct reader reader = reader_make(name);
    if (name.length == 0 || reader_u8(&reader) != type)
        return STATUS_NOT_FOUND;
    *partition = reader_u16(&reader);
    *log_position = reader_u64(&reader);
    return reader_end(&reader);
}

enum status record_log_name_decode(struct slice name, partition_id *partition,
                                   uint64_t *log_position)
{
    return decode_position_name(name, RECORD_LOG, partition, log_position);
}

enum status record_garbage_name_decode(struct slice name, partition_id *partition,
                                       uint64_t *log_position)
{
    return decode_position_name(name, RECORD_GARBAGE, partition, log_position);
}

void record_cell_encode(const struct cell *cell, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    cell_encode(cell, true, out);
}

void record_cell_wrap(struct slice encoded, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_append_slice(out, encoded);
}

enum status record_cell_open(struct slice record, struct slice *cell)
{
    if (record.length < 1 || record.data[0] != RECORD_VERSION)
        return STATUS_CORRUPT;
    *cell = slice_make(record.data + 1, record.length - 1);
    return STATUS_OK;
}

void ceiling_record_encode(hybrid_time ceiling, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u64(out, ceiling);
}

enum status ceiling_record_decode(struct slice bytes, hybrid_time *out)
{
    struct reader reader = reader_make(bytes);
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    *out = reader_u64(&reader);
    return reader_end(&reader);
}

void log_record_encode(const struct log_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_varint(out, record->written_ms);
    buffer_put_u16(out, record->keyspace);
    buffer_put_bytes(out, record->key);
    /* All three in one byte: 9 * left + 3 * (garbage + 1) + count + 1. */
    buffer_put_u8(out, (uint8_t)(9 * record->left_garbage + 3 * (record->garbage_delta + 1) +
                                 record->count_delta + 1));
    buffer_put_u64(out, record->digest_delta);
    clock_encode(&record->dots, out);
}

enum status log_record_decode(struct slice bytes, struct log_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct log_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->written_ms = reader_varint(&reader);
    out->keyspace = reader_u16(&reader);
    out->key = reader_bytes(&reader);
    uint8_t deltas = reader_u8(&reader);
    if (deltas >= 18)
        return STATUS_CORRUPT;
    out->count_delta = (int8_t)(deltas % 3 - 1);
    out->garbage_delta = (int8_t)(deltas / 3 % 3 - 1);
    out->left_garbage = deltas >= 9;
    out->digest_delta = reader_u64(&reader);
    clock_decode(&reader, &out->dots);
    return reader_end(&reader);
}

void garbage_record_encode(const struct garbage_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u16(out, record->keyspace);
    buffer_put_bytes(out, record->key);
    version_vector_encode(&record->context, out);
}

enum status garbage_record_decode(struct slice bytes, struct garbage_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct garbage_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->keyspace = reader_u16(&reader);
    out->key = reader_bytes(&reader);
    version_vector_decode(&reader, &out->context);
    return reader_end(&reader);
}

void checkpoint_record_encode(const struct checkpoint_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u8(out, record->state);
    buffer_put_u32(out, record->tag.epoch);
    buffer_put_u8(out, record->tag.phase);
    buffer_put_u32(out, record->adopt_epoch);
    buffer_put_u64(out, record->log_position);
    buffer_put_u64(out, record->digest);
    buffer_put_u16(out, record->count_count);
    for (uint16_t i = 0; i < record->count_count; i++) {
        buffer_put_u16(out, record->counts[i].keyspace);
        buffer_put_varint(out, record->counts[i].count);
    }
    buffer_put_u8(out, record->rebuilt_from_count);
    for (uint8_t i = 0; i < record->rebuilt_from_count; i++)
        buffer_put_u32(out, record->rebuilt_from[i]);
    buffer_put_varint(out, record->garbage_count);
    buffer_put_varint(out, record->garbage_first);
    buffer_put_varint(out, record->garbage_last);
    buffer_put_varint(out, record->log_first);
    buffer_put_varint(out, record->log_bytes);
    clock_encode(&record->trimmed, out);
    clock_encode(&record->clock, out);
}

enum status checkpoint_record_decode(struct slice bytes, struct checkpoint_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct checkpoint_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->state = reader_u8(&reader);
    out->tag.epoch = reader_u32(&reader);
    out->tag.phase = reader_u8(&reader);
    if (out->state == REPLICA_ABSENT || out->state > REPLICA_ACTIVE ||
        out->tag.phase > RING_SWITCHED)
        return STATUS_CORRUPT;
    out->adopt_epoch = reader_u32(&reader);
    out->log_position = reader_u64(&reader);
    out->digest = reader_u64(&reader);
    out->count_count = reader_u16(&reader);
    if (out->count_count > CHECKPOINT_KEYSPACES_MAX)
        return STATUS_CORRUPT;
    for (uint16_t i = 0; i < out->count_count; i++) {
        out->counts[i].keyspace = reader_u16(&reader);
        out->counts[i].count = reader_varint(&reader);
    }
    out->rebuilt_from_count = reader_u8(&reader);
    if (out->rebuilt_from_count > CHECKPOINT_PEERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->rebuilt_from_count; i++)
        out->rebuilt_from[i] = reader_u32(&reader);
    out->garbage_count = reader_varint(&reader);
    out->garbage_first = reader_varint(&reader);
    out->garbage_last = reader_varint(&reader);
    out->log_first = reader_varint(&reader);
    out->log_bytes = reader_varint(&reader);
    clock_decode(&reader, &out->trimmed);
    clock_decode(&reader, &out->clock);
    return reader_end(&reader);
}

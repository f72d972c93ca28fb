#include "wire/record_hint.h"

#include <assert.h>

#include "wire/record.h"

void record_hint_bound(uint8_t kind, partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_HINT);
    buffer_put_u8(out, kind);
    buffer_put_u16(out, partition);
}

void record_hint_name(uint8_t kind, const struct hint_name *name, struct buffer *out)
{
    assert(name->key.length <= RECORD_KEY_BYTES_MAX);
    record_hint_bound(kind, name->partition, out);
    buffer_put_u64(out, name->position);
    buffer_put_u16(out, name->keyspace);
    buffer_put_u16(out, (uint16_t)name->key.length);
    buffer_append_slice(out, name->key);
}

enum status record_hint_name_decode(uint8_t kind, struct slice name, struct hint_name *out)
{
    struct reader reader = reader_make(name);
    if (name.length < 2 || reader_u8(&reader) != RECORD_HINT || reader_u8(&reader) != kind)
        return STATUS_NOT_FOUND;
    out->partition = reader_u16(&reader);
    out->position = reader_u64(&reader);
    out->keyspace = reader_u16(&reader);
    out->key = reader_take(&reader, reader_u16(&reader));
    return reader_end(&reader);
}

void record_hint_name_aside(struct slice name, struct buffer *out)
{
    assert(name.length >= 2 && name.data[0] == RECORD_HINT && name.data[1] == RECORD_HINT_CELL);
    buffer_put_u8(out, RECORD_HINT);
    buffer_put_u8(out, RECORD_HINT_ASIDE);
    buffer_append(out, name.data + 2, name.length - 2);
}

void hint_record_encode(const struct hint_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u8(out, record->intended_count);
    for (uint8_t i = 0; i < record->intended_count; i++)
        buffer_put_u32(out, record->intended[i]);
    buffer_put_varint(out, record->first_ms);
    buffer_put_bytes(out, record->dots);
    buffer_put_bytes(out, record->cell);
}

enum status hint_record_decode(struct slice bytes, struct hint_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct hint_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->intended_count = reader_u8(&reader);
    if (out->intended_count == 0 || out->intended_count > RING_OWNERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->intended_count; i++) {
        out->intended[i] = reader_u32(&reader);
        if (i > 0 && out->intended[i] <= out->intended[i - 1])
            return STATUS_CORRUPT;
    }
    out->first_ms = reader_varint(&reader);
    out->dots = reader_bytes(&reader);
    out->cell = reader_bytes(&reader);
    return reader_end(&reader);
}

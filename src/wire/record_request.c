#include "wire/record_request.h"

#include <assert.h>

#include "wire/record.h"

static void decode_id(struct reader *reader, struct slice id, struct request_identity *out)
{
    out->id = id;
    if (id.length == 0 || id.length > REQUEST_ID_BYTES_MAX)
        reader->failed = true;
}

void request_stamp_encode(const struct request_stamp *stamp, struct buffer *out)
{
    assert(stamp->identity.id.length <= REQUEST_ID_BYTES_MAX);
    buffer_put_varint(out, stamp->identity.part);
    buffer_put_u64(out, stamp->identity.digest);
    buffer_put_u16(out, stamp->entry_count);
    buffer_put_varint(out, stamp->expire_at_ms);
    buffer_put_bytes(out, stamp->identity.id);
}

_Static_assert(5 + 8 + 2 + 10 + 1 + (int)REQUEST_ID_BYTES_MAX <= (int)REQUEST_STAMP_BYTES_MAX,
               "a bound for what a version carries");

void request_stamp_decode(struct reader *reader, struct request_stamp *out)
{
    *out = (struct request_stamp){0};
    out->identity.part = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->identity.digest = reader_u64(reader);
    out->entry_count = reader_u16(reader);
    out->expire_at_ms = reader_varint(reader);
    decode_id(reader, reader_bytes(reader), &out->identity);
    if (out->entry_count == 0)
        reader->failed = true;
}

void request_dot_encode(uint16_t entry, const struct dot *dot, struct buffer *out)
{
    buffer_put_varint(out, entry);
    dot_encode(dot, out);
}

void request_dot_decode(struct reader *reader, uint16_t *entry, struct dot *out)
{
    *entry = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    dot_decode(reader, out);
}

void request_record_encode(const struct request_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    request_stamp_encode(&record->stamp, out);
    buffer_put_u16(out, record->dot_count);
    buffer_put_bytes(out, record->dots);
    buffer_put_u64(out, (uint64_t)record->length);
    buffer_put_bytes(out, record->result);
}

enum status request_record_decode(struct slice bytes, struct request_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct request_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    request_stamp_decode(&reader, &out->stamp);
    out->dot_count = reader_u16(&reader);
    out->dots = reader_bytes(&reader);
    out->length = (int64_t)reader_u64(&reader);
    out->result = reader_bytes(&reader);
    struct reader dots = reader_make(out->dots);
    for (uint16_t i = 0; i < out->dot_count && !dots.failed; i++) {
        struct dot dot;
        uint16_t entry;
        request_dot_decode(&dots, &entry, &dot);
        if (entry >= out->stamp.entry_count)
            dots.failed = true;
    }
    if (out->length < -1 || reader_end(&dots) != STATUS_OK)
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void request_owner_encode(const struct request_identity *identity, struct buffer *out)
{
    buffer_put_u32(out, identity->part);
    buffer_append_slice(out, identity->id);
}

static void decode_owner(struct reader *reader, struct request_identity *out)
{
    *out = (struct request_identity){.part = reader_u32(reader)};
    decode_id(reader, reader_take(reader, reader_left(reader)), out);
}

enum status request_owner_decode(struct slice bytes, struct request_identity *out)
{
    struct reader reader = reader_make(bytes);
    decode_owner(&reader, out);
    return reader_end(&reader);
}

void record_request_bound(partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_REQUEST);
    buffer_put_u8(out, 'r');
    buffer_put_u16(out, partition);
}

void record_request_name(partition_id partition, const struct request_identity *identity,
                         struct buffer *out)
{
    record_request_bound(partition, out);
    request_owner_encode(identity, out);
}

void record_request_expiry_bound(uint64_t expire_at_ms, struct buffer *out)
{
    buffer_put_u8(out, RECORD_REQUEST);
    buffer_put_u8(out, 'e');
    buffer_put_u64(out, expire_at_ms);
}

void record_request_expiry_name(uint64_t expire_at_ms, partition_id partition,
                                const struct request_identity *identity, struct buffer *out)
{
    record_request_expiry_bound(expire_at_ms, out);
    buffer_put_u16(out, partition);
    request_owner_encode(identity, out);
}

enum status record_request_expiry_decode(struct slice name, uint64_t *expire_at_ms,
                                         partition_id *partition, struct request_identity *identity)
{
    struct reader reader = reader_make(name);
    if (reader_u8(&reader) != RECORD_REQUEST || reader_u8(&reader) != 'e')
        return STATUS_NOT_FOUND;
    *expire_at_ms = reader_u64(&reader);
    *partition = reader_u16(&reader);
    decode_owner(&reader, identity);
    return reader_end(&reader);
}

void record_request_dot_bound(partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_REQUEST);
    buffer_put_u8(out, 'd');
    buffer_put_u16(out, partition);
}

void record_request_dot_name(partition_id partition, const struct dot *dot, struct buffer *out)
{
    record_request_dot_bound(partition, out);
    dot_encode(dot, out);
}

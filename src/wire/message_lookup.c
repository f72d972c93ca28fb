#include "wire/message_lookup.h"

void message_lookup_encode(const struct message_lookup *lookup, struct buffer *out)
{
    replica_address_encode(&lookup->address, out);
    buffer_put_u64(out, lookup->identity.digest);
    buffer_put_varint(out, lookup->identity.part);
    buffer_put_bytes(out, lookup->identity.id);
    buffer_put_u16(out, lookup->keyspace);
    buffer_put_varint(out, lookup->value_bytes_max);
    buffer_put_u16(out, lookup->key_count);
    buffer_append_slice(out, lookup->keys);
}

enum status message_lookup_decode(struct slice body, struct message_lookup *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_lookup){0};
    replica_address_decode(&reader, &out->address);
    out->identity.digest = reader_u64(&reader);
    out->identity.part = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->identity.id = reader_bytes(&reader);
    out->keyspace = reader_u16(&reader);
    out->value_bytes_max = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->key_count = reader_u16(&reader);
    out->keys = reader_take(&reader, reader_left(&reader));
    struct reader keys = reader_make(out->keys);
    for (uint16_t i = 0; i < out->key_count && !keys.failed; i++)
        reader_bytes(&keys);
    if (out->identity.id.length == 0 || out->identity.id.length > REQUEST_ID_BYTES_MAX ||
        reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    return reader_end(&keys);
}

void message_lookup_result_encode(const struct message_lookup_result *result, struct buffer *out)
{
    buffer_put_u8(out, result->state);
    buffer_put_bytes(out, result->record);
    buffer_put_bytes(out, result->covered);
    buffer_append_slice(out, result->read);
}

enum status message_lookup_result_decode(struct slice body, struct message_lookup_result *out)
{
    struct reader reader = reader_make(body);
    struct message_read_result read;
    struct request_record record;
    *out = (struct message_lookup_result){0};
    out->state = reader_u8(&reader);
    out->record = reader_bytes(&reader);
    out->covered = reader_bytes(&reader);
    out->read = reader_take(&reader, reader_left(&reader));
    if (reader_end(&reader) != STATUS_OK || out->state >= REQUEST_STATE_COUNT ||
        (out->state == REQUEST_NOT_KNOWN) != (out->record.length == 0) ||
        (out->record.length > 0 && request_record_decode(out->record, &record) != STATUS_OK) ||
        message_read_result_decode(out->read, &read) != STATUS_OK)
        return STATUS_CORRUPT;
    for (size_t i = 0; i < out->covered.length; i++)
        if (out->covered.data[i] > 1)
            return STATUS_CORRUPT;
    return out->covered.length == read.cell_count ? STATUS_OK : STATUS_CORRUPT;
}

void mint_lookup_encode(const struct mint_lookup *lookup, struct buffer *out)
{
    buffer_put_bytes(out, lookup->record);
    buffer_put_u16(out, lookup->vector_count);
    buffer_append_slice(out, lookup->vectors);
}

enum status mint_lookup_decode(struct slice bytes, struct mint_lookup *out)
{
    struct reader reader = reader_make(bytes);
    struct request_record record;
    *out = (struct mint_lookup){0};
    out->record = reader_bytes(&reader);
    out->vector_count = reader_u16(&reader);
    out->vectors = reader_take(&reader, reader_left(&reader));
    struct reader vectors = reader_make(out->vectors);
    for (uint16_t i = 0; i < out->vector_count && !vectors.failed; i++) {
        struct version_vector vector;
        version_vector_decode(&vectors, &vector);
        version_vector_deinit(&vector);
    }
    if (reader_end(&reader) != STATUS_OK || reader_end(&vectors) != STATUS_OK)
        return STATUS_CORRUPT;
    return out->record.length == 0 ? STATUS_OK : request_record_decode(out->record, &record);
}

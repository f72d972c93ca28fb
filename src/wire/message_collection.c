#include "wire/message_collection.h"

#include "ring/element_key.h"
#include "wire/message_parts.h"

void message_elements_encode(const struct message_elements *elements, struct buffer *out)
{
    replica_address_encode(&elements->address, out);
    buffer_put_u16(out, elements->keyspace);
    buffer_put_u8(out, elements->type);
    buffer_put_u64(out, elements->place);
    buffer_put_u32(out, elements->limit);
    buffer_append_slice(out, elements->key);
}

enum status message_elements_decode(struct slice body, struct message_elements *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->type = reader_u8(&reader);
    out->place = reader_u64(&reader);
    out->limit = reader_u32(&reader);
    out->key = reader_take(&reader, reader_left(&reader));
    if (out->type == COLLECTION_NONE || out->type >= COLLECTION_TYPE_END ||
        keyspace_has_elements(out->keyspace) || !element_key_fits(out->key, slice_make(NULL, 0)))
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void element_entry_encode(const struct element_entry *entry, struct buffer *out)
{
    buffer_put_u64(out, entry->place);
    buffer_put_bytes(out, entry->element);
    buffer_put_bytes(out, entry->cell);
}

void element_entry_decode(struct reader *reader, struct element_entry *out)
{
    out->place = reader_u64(reader);
    out->element = reader_bytes(reader);
    out->cell = reader_bytes(reader);
}

void message_elements_result_encode(const struct message_elements_result *result,
                                    struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->done);
    buffer_put_u8(out, result->type);
    buffer_put_u64(out, result->next_place);
    buffer_put_bytes(out, result->head);
    buffer_put_u32(out, result->entry_count);
    buffer_append_slice(out, result->entries);
}

enum status message_elements_result_decode(struct slice body, struct message_elements_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    uint8_t done = reader_u8(&reader);
    out->done = done == 1;
    out->type = reader_u8(&reader);
    out->next_place = reader_u64(&reader);
    out->head = reader_bytes(&reader);
    out->entry_count = reader_u32(&reader);
    out->entries = reader_take(&reader, reader_left(&reader));
    struct reader entries = reader_make(out->entries);
    for (uint32_t i = 0; i < out->entry_count && !entries.failed; i++) {
        struct element_entry entry;
        element_entry_decode(&entries, &entry);
    }
    if (done > 1 || out->type >= COLLECTION_TYPE_END || reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    return reader_end(&entries);
}

void message_collection_clock_encode(const struct message_collection_clock *clock,
                                     struct buffer *out)
{
    replica_address_encode(&clock->address, out);
    buffer_put_u16(out, clock->keyspace);
    buffer_append_slice(out, clock->key);
}

enum status message_collection_clock_decode(struct slice body, struct message_collection_clock *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->key = reader_take(&reader, reader_left(&reader));
    if (keyspace_has_elements(out->keyspace) || out->key.length > ELEMENT_KEY_BYTES_MAX)
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void message_collection_clock_result_encode(const struct message_collection_clock_result *result,
                                            struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_bytes(out, result->head);
    buffer_put_bytes(out, result->clock);
}

enum status message_collection_clock_result_decode(struct slice body,
                                                   struct message_collection_clock_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->head = reader_bytes(&reader);
    out->clock = reader_bytes(&reader);
    return reader_end(&reader);
}

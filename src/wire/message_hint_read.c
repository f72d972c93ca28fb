#include "wire/message_hint_read.h"

#include "wire/message_parts.h"

void message_hint_read_encode(const struct message_hint_read *read, struct buffer *out)
{
    replica_address_encode(&read->address, out);
    buffer_put_u16(out, read->keyspace);
    buffer_put_bytes(out, read->key);
}

enum status message_hint_read_decode(struct slice body, struct message_hint_read *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->key = reader_bytes(&reader);
    return reader_end(&reader);
}

void message_hint_read_result_encode(const struct message_hint_read_result *result,
                                     struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->intended_count);
    for (uint8_t i = 0; i < result->intended_count; i++)
        buffer_put_u32(out, result->intended[i]);
    if (result->intended_count > 0)
        cell_delivery_encode(&result->delivery, out);
}

enum status message_hint_read_result_decode(struct slice body, struct message_hint_read_result *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_hint_read_result){.status = get_status(&reader)};
    out->intended_count = reader_u8(&reader);
    if (out->intended_count > RING_OWNERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->intended_count; i++)
        out->intended[i] = reader_u32(&reader);
    if (out->intended_count > 0)
        cell_delivery_decode(&reader, &out->delivery);
    return reader_end(&reader);
}

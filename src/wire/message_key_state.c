#include "wire/message_key_state.h"

#include "wire/message_parts.h"

void message_key_state_encode(const struct message_key_state *question, struct buffer *out)
{
    buffer_put_u16(out, question->keyspace);
    buffer_put_u16(out, question->partition);
    buffer_put_bytes(out, question->key);
}

enum status message_key_state_decode(struct slice body, struct message_key_state *out)
{
    struct reader reader = reader_make(body);
    out->keyspace = reader_u16(&reader);
    out->partition = reader_u16(&reader);
    out->key = reader_bytes(&reader);
    return reader_end(&reader);
}

void message_key_state_result_encode(const struct message_key_state_result *result,
                                     struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->held);
    if (result->held) {
        buffer_put_u8(out, result->replica_state);
        buffer_put_u8(out, result->collection);
        buffer_put_bytes(out, result->clock);
        buffer_put_bytes(out, result->cell);
    }
    buffer_put_u8(out, result->intended_count);
    for (uint8_t i = 0; i < result->intended_count; i++)
        buffer_put_u32(out, result->intended[i]);
    if (result->intended_count > 0)
        buffer_put_bytes(out, result->hint);
}

enum status message_key_state_result_decode(struct slice body, struct message_key_state_result *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_key_state_result){.status = get_status(&reader)};
    out->held = get_bool(&reader);
    if (out->held) {
        out->replica_state = reader_u8(&reader);
        out->collection = reader_u8(&reader);
        out->clock = reader_bytes(&reader);
        out->cell = reader_bytes(&reader);
    }
    out->intended_count = reader_u8(&reader);
    if (out->intended_count > RING_OWNERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->intended_count; i++)
        out->intended[i] = reader_u32(&reader);
    if (out->intended_count > 0)
        out->hint = reader_bytes(&reader);
    return reader_end(&reader);
}

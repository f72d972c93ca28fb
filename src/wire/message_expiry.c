#include "wire/message_expiry.h"

void message_expiry_step_encode(const struct message_expiry_step *step, struct buffer *out)
{
    buffer_put_u8(out, step->goes_on);
}

enum status message_expiry_step_decode(struct slice body, struct message_expiry_step *out)
{
    struct reader reader = reader_make(body);
    uint8_t goes_on = reader_u8(&reader);
    out->goes_on = goes_on == 1;
    return goes_on > 1 ? STATUS_CORRUPT : reader_end(&reader);
}

void message_expiry_state_encode(const struct message_expiry_state *state, struct buffer *out)
{
    buffer_put_u8(out, state->more);
    buffer_put_varint(out, state->dropped);
    buffer_put_varint(out, state->waiting);
    buffer_put_u8(out, state->go_soon);
    buffer_put_varint(out, state->lag_ms);
    buffer_put_u8(out, state->holder_count);
    for (uint8_t i = 0; i < state->holder_count; i++) {
        buffer_put_u32(out, state->holders[i].node);
        buffer_put_varint(out, state->holders[i].partitions);
    }
}

enum status message_expiry_state_decode(struct slice body, struct message_expiry_state *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_expiry_state){0};
    uint8_t more = reader_u8(&reader);
    out->more = more == 1;
    out->dropped = reader_varint(&reader);
    out->waiting = reader_varint(&reader);
    uint8_t go_soon = reader_u8(&reader);
    out->go_soon = go_soon == 1;
    out->lag_ms = reader_varint(&reader);
    out->holder_count = reader_u8(&reader);
    if (more > 1 || go_soon > 1 || out->holder_count > EXPIRY_HOLDERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->holder_count; i++) {
        out->holders[i].node = reader_u32(&reader);
        out->holders[i].partitions = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    }
    return reader_end(&reader);
}

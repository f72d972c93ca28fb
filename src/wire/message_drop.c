#include "wire/message_drop.h"

void message_drop_state_encode(const struct message_drop_state *state, struct buffer *out)
{
    buffer_put_u8(out, state->more);
    buffer_put_u8(out, state->waits);
    buffer_put_varint(out, state->removed);
    buffer_put_varint(out, state->hints);
    buffer_put_varint(out, state->keys_left);
}

enum status message_drop_state_decode(struct slice body, struct message_drop_state *out)
{
    struct reader reader = reader_make(body);
    uint8_t more = reader_u8(&reader);
    uint8_t waits = reader_u8(&reader);
    *out = (struct message_drop_state){.more = more == 1, .waits = waits == 1};
    out->removed = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->hints = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->keys_left = reader_varint(&reader);
    return more > 1 || waits > 1 ? STATUS_CORRUPT : reader_end(&reader);
}

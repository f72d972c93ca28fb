#include "wire/message_drain.h"

void message_drain_encode(const struct message_drain *drain, struct buffer *out)
{
    buffer_put_varint(out, drain->number);
    buffer_put_u8(out, drain->drains);
}

enum status message_drain_decode(struct slice body, struct message_drain *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    uint8_t drains = reader_u8(&reader);
    out->drains = drains == 1;
    return drains > 1 || out->number == 0 ? STATUS_CORRUPT : reader_end(&reader);
}

void message_drain_heard_encode(const struct message_drain_heard *heard, struct buffer *out)
{
    buffer_put_varint(out, heard->number);
}

enum status message_drain_heard_decode(struct slice body, struct message_drain_heard *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    return reader_end(&reader);
}

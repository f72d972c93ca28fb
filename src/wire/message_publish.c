#include "wire/message_publish.h"

void message_publish_encode(const struct message_publish *message, struct buffer *out)
{
    buffer_put_u8(out, message->sharded);
    buffer_put_bytes(out, message->channel);
    buffer_put_bytes(out, message->message);
}

enum status message_publish_decode(struct slice body, struct message_publish *out)
{
    struct reader reader = reader_make(body);
    uint8_t sharded = reader_u8(&reader);
    if (sharded > 1)
        reader.failed = true;
    *out = (struct message_publish){.sharded = sharded == 1};
    out->channel = reader_bytes(&reader);
    out->message = reader_bytes(&reader);
    return reader_end(&reader);
}

void message_publish_taken_encode(const struct message_publish_taken *taken, struct buffer *out)
{
    buffer_put_varint(out, taken->bytes);
}

enum status message_publish_taken_decode(struct slice body, struct message_publish_taken *out)
{
    struct reader reader = reader_make(body);
    out->bytes = reader_varint(&reader);
    return reader_end(&reader);
}

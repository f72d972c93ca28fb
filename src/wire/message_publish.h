/*
 * message_publish.h - bodies of what nodes tell each other of published messages.
 *
 * As wire/message.h says of encoders and decoders.
 */
#ifndef WIRE_MESSAGE_PUBLISH_H
#define WIRE_MESSAGE_PUBLISH_H

#include "wire/message.h"

/* MESSAGE_PUBLISH. It is given to who listens there, and sent on to nobody. */
struct message_publish {
    bool sharded;
    struct slice channel, message;
};

/* MESSAGE_PUBLISH_TAKEN: how many bytes of such bodies have come over this link so far. */
struct message_publish_taken {
    uint64_t bytes;
};

void message_publish_encode(const struct message_publish *message, struct buffer *out);
MUST_USE enum status message_publish_decode(struct slice body, struct message_publish *out);

void message_publish_taken_encode(const struct message_publish_taken *taken, struct buffer *out);
MUST_USE enum status message_publish_taken_decode(struct slice body,
                                                  struct message_publish_taken *out);

#endif

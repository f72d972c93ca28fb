/*
 * message_drain.h - bodies of what a node that is to be stopped tells the others.
 *
 * MESSAGE_DRAIN says whether the sender drains, and is answered with MESSAGE_DRAIN_HEARD. Words are
 * numbered by their sender: the one with the highest number on a link counts, and a link that goes
 * down takes all that was said over it away. As wire/message.h says of encoders, decoders and
 * replies.
 */
#ifndef WIRE_MESSAGE_DRAIN_H
#define WIRE_MESSAGE_DRAIN_H

#include "wire/message.h"

struct message_drain {
    uint64_t number; /* not 0 */
    bool drains;
};

void message_drain_encode(const struct message_drain *drain, struct buffer *out);
MUST_USE enum status message_drain_decode(struct slice body, struct message_drain *out);

struct message_drain_heard {
    uint64_t number; /* of the word that was heard */
};

void message_drain_heard_encode(const struct message_drain_heard *heard, struct buffer *out);
MUST_USE enum status message_drain_heard_decode(struct slice body, struct message_drain_heard *out);

#endif

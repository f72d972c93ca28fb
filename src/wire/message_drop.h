/*
 * message_drop.h - bodies of what the two sides of a node tell each other of dropped keyspaces.
 *
 * As wire/message.h says of encoders, decoders and replies. MESSAGE_DROP_STEP has an empty body: go
 * on removing what is left of them. It is answered with MESSAGE_DROP_STATE, which also comes
 * unasked when the store was opened and when drops became known.
 */
#ifndef WIRE_MESSAGE_DROP_H
#define WIRE_MESSAGE_DROP_H

#include "wire/message.h"

struct message_drop_state {
    bool more;          /* another step has something to do at once */
    bool waits;         /* this one failed: try again later */
    uint32_t removed;   /* cells, by this step */
    uint32_t hints;     /* likewise */
    uint64_t keys_left; /* live cells on the disk, of all partitions that this node owns */
};

void message_drop_state_encode(const struct message_drop_state *state, struct buffer *out);
MUST_USE enum status message_drop_state_decode(struct slice body, struct message_drop_state *out);

#endif

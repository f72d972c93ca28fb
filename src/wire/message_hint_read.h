/*
 * message_hint_read.h - MESSAGE_HINT_READ: what a fallback keeps of one key, asked by a sloppy
 * read.
 *
 * The answer has the hint as it would be handed off, and names the owners that it is
 * kept for. It comes from committed state, as the answer to MESSAGE_READ does.
 */
#ifndef WIRE_MESSAGE_HINT_READ_H
#define WIRE_MESSAGE_HINT_READ_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"
#include "wire/message.h"

struct message_hint_read {
    struct replica_address address;
    keyspace_id keyspace;
    struct slice key;
};

void message_hint_read_encode(const struct message_hint_read *read, struct buffer *out);
MUST_USE enum status message_hint_read_decode(struct slice body, struct message_hint_read *out);

struct message_hint_read_result {
    enum status status;
    uint8_t intended_count; /* 0: nothing is kept of the key, and there is no delivery */
    node_id intended[RING_OWNERS_MAX];
    struct cell_delivery delivery;
};

void message_hint_read_result_encode(const struct message_hint_read_result *result,
                                     struct buffer *out);
MUST_USE enum status message_hint_read_result_decode(struct slice body,
                                                     struct message_hint_read_result *out);

#endif

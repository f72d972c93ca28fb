/*
 * message_key_state.h - what one node has of one key: asked by its own loop side, to be explained.
 *
 * As wire/message.h says of encoders, decoders and replies. The answer comes from the committed
 * state and from the clock of the replica at that moment; values stay where they are. Any node is
 * asked: one that owns nothing of the partition may keep a hint of the key.
 */
#ifndef WIRE_MESSAGE_KEY_STATE_H
#define WIRE_MESSAGE_KEY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"

struct message_key_state {
    keyspace_id keyspace; /* of keys */
    partition_id partition;
    struct slice key;
};

void message_key_state_encode(const struct message_key_state *question, struct buffer *out);
MUST_USE enum status message_key_state_decode(struct slice body, struct message_key_state *out);

struct message_key_state_result {
    enum status status; /* not OK: nothing below is known */
    bool held;          /* this node has a replica of the partition */
    /* Of a replica that is held: */
    uint8_t replica_state; /* enum replica_state */
    uint8_t collection;    /* enum collection_type: the key has such elements here */
    struct slice clock;    /* encoded (causal/clock.h) */
    struct slice cell;     /* encoded, versions alone; empty: the key has none here */
    /* Of a hint that is kept for owners elsewhere: */
    uint8_t intended_count; /* 0: there is none */
    node_id intended[RING_OWNERS_MAX];
    struct slice hint; /* encoded, versions alone */
};

void message_key_state_result_encode(const struct message_key_state_result *result,
                                     struct buffer *out);
MUST_USE enum status message_key_state_result_decode(struct slice body,
                                                     struct message_key_state_result *out);

#endif

/*
 * message_expiry.h - bodies of what the two sides of a node tell each other of expired values.
 *
 * As wire/message.h says of encoders, decoders and replies.
 */
#ifndef WIRE_MESSAGE_EXPIRY_H
#define WIRE_MESSAGE_EXPIRY_H

#include "wire/message.h"

/* MESSAGE_EXPIRY_STEP: drop what may be dropped; answered with MESSAGE_EXPIRY_STATE. */
struct message_expiry_step {
    bool goes_on; /* with the round under way; else a new one begins */
};

void message_expiry_step_encode(const struct message_expiry_step *step, struct buffer *out);
MUST_USE enum status message_expiry_step_decode(struct slice body, struct message_expiry_step *out);

enum { EXPIRY_HOLDERS_MAX = 32 }; /* the first ones; more are not told */

/* A node that keeps the safe time from rising, and in how many partitions of this node. */
struct expiry_holder {
    node_id node;
    uint32_t partitions;
};

/* MESSAGE_EXPIRY_STATE: all replicas of the node together. */
struct message_expiry_state {
    bool more;        /* something was left only because the step was long enough */
    uint64_t dropped; /* by this step */
    uint64_t waiting; /* expired values on the disk; of one partition only some are counted */
    bool go_soon;     /* some of them wait for nobody who cannot be heard */
    uint64_t lag_ms;  /* how far the safe time is behind the wall clock, at most, where some wait */
    uint8_t holder_count; /* where some wait */
    struct expiry_holder holders[EXPIRY_HOLDERS_MAX];
};

void message_expiry_state_encode(const struct message_expiry_state *state, struct buffer *out);
MUST_USE enum status message_expiry_state_decode(struct slice body,
                                                 struct message_expiry_state *out);

#endif

/*
 * message_ring.h - bodies about partitions that move.
 *
 * As wire/message.h says of encoders, decoders and replies. MESSAGE_RING_ASK has an empty body:
 * "what do you say of your replicas of partitions that move?" MESSAGE_RING_TOLD answers it:
 *
 *     varint  storage incarnation, copies that are being dropped, seq of the register, hints, count
 *     count times { varint partition - the one before, varint epoch, u8 phase, u8 flags }
 *
 * MESSAGE_RING_NEWS has an empty body and no answer: "what I say of them has changed". Whoever
 * drives may ask at once; when it is lost, the next round finds the same.
 *
 * MESSAGE_HOLDINGS_STEP, loop side -> store side, has an empty body: go on taking replicas in and
 * dropping copies. MESSAGE_HOLDINGS_STATE answers it, and comes unasked when partitions have got
 * other owners, or the store was opened, and there is something to do.
 */
#ifndef WIRE_MESSAGE_RING_H
#define WIRE_MESSAGE_RING_H

#include "ring/ring_evidence.h"
#include "wire/message.h"

void message_ring_told_encode(const struct ring_testimony *testimony, struct buffer *out);
/* Release `out` with ring_testimony_deinit(), also after a failure. */
MUST_USE enum status message_ring_told_decode(struct slice body, struct ring_testimony *out);

struct message_holdings_state {
    bool more;         /* another step has something to do at once */
    bool waits;        /* this one failed: try again later */
    uint32_t dropping; /* copies that are leaving the disk */
    uint32_t dropped;  /* records, by this step */
};

void message_holdings_state_encode(const struct message_holdings_state *state, struct buffer *out);
MUST_USE enum status message_holdings_state_decode(struct slice body,
                                                   struct message_holdings_state *out);

#endif

/*
 * message_ring.h - bodies about partitions that move.
 *
 * As wire/message.h says of encoders, decoders and replies. MESSAGE_RING_ASK has an empty body:
 * "what do you say of your replicas of partitions that move?" MESSAGE_RING_TOLD answers it:
 *
 *     varint  storage incarnation, count
 *     count times { varint partition - the one before, varint epoch, u8 phase, u8 flags }
 */
#ifndef WIRE_MESSAGE_RING_H
#define WIRE_MESSAGE_RING_H

#include "ring/ring_evidence.h"
#include "wire/message.h"

void message_ring_told_encode(const struct ring_testimony *testimony, struct buffer *out);
/* Release `out` with ring_testimony_deinit(), also after a failure. */
MUST_USE enum status message_ring_told_decode(struct slice body, struct ring_testimony *out);

#endif

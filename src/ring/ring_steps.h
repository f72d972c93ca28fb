/*
 * ring_steps.h - steps of several partitions as one change of the ring, and their bytes.
 *
 * Whoever drives a change gathers what can go on and proposes it at once, for the register takes
 * one change at a time. A step says from which tag it goes, so it can be applied to whatever value
 * it meets: what somebody else did meanwhile is left out.
 *
 *     { u8 kind, varint partition, varint epoch, u8 phase, and by kind
 *       BEGIN            owner_count x varint node: N
 *       SWITCH, FINISH   nodes that are complete, nodes that go by the tag: { u8 count, varint node
 * } LOST             varint node }
 */
#ifndef RING_RING_STEPS_H
#define RING_RING_STEPS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"
#include "ring/ring_change.h"

/* The numbers are stored and sent: none ever changes. */
enum ring_step_kind {
    RING_STEP_BEGIN = 1,
    RING_STEP_SWITCH = 2,
    RING_STEP_FINISH = 3,
    RING_STEP_ABORT = 4,
    RING_STEP_LOST = 5
};

struct ring_step {
    uint8_t kind; /* enum ring_step_kind */
    partition_id partition;
    struct ring_tag from;
    node_id owners[RING_OWNERS_MAX]; /* BEGIN */
    struct ring_evidence evidence;   /* SWITCH, FINISH */
    node_id node;                    /* LOST */
};

/* Appended to `out`; `owner_count` is that of the ring. */
void ring_step_encode(const struct ring_step *step, uint8_t owner_count, struct buffer *out);
/* Sets `reader->failed` when the bytes are no step. */
void ring_step_decode(struct reader *reader, uint8_t owner_count, struct ring_step *out);

/*
 * All of them, in their order; `taken` is how many were not left out. The ring is changed in place.
 * STATUS_CORRUPT: the bytes are no steps. STATUS_STALE_TAG: a partition that was to begin has
 * moved on, so the plan is no longer true. STATUS_INVALID: one step may not be taken. In all these
 * cases `reason` has one sentence for the operator, and the ring is as it was.
 */
MUST_USE enum status ring_steps_apply(struct ring *ring, struct slice steps, uint32_t *taken,
                                      char reason[RING_REASON_MAX]);

#endif

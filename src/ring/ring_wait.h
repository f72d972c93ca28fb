/*
 * ring_wait.h - what a partition that moves waits for, so that an operator can see and help.
 *
 * A pure function of what whoever drives has heard in one round: of all that is missing, the first
 * thing in the order of the rules of ring_change.h.
 */
#ifndef RING_RING_WAIT_H
#define RING_RING_WAIT_H

#include "base/bytes.h"
#include "ring/ring.h"
#include "ring/ring_change.h"
#include "ring/ring_work.h"

enum ring_wait_kind {
    RING_WAIT_NOTHING,    /* it can go on */
    RING_WAIT_SILENT,     /* for what `node` has to say, which does not answer */
    RING_WAIT_INCOMPLETE, /* until `node` has all that it is to have */
    RING_WAIT_BEHIND,     /* until `node` goes by the tag, and its requests from before are over */
    RING_WAIT_TURN,       /* to begin: others come first at `node`, which takes part in so many */
    RING_WAIT_PAUSED,     /* to begin: the plan is paused */
    RING_WAIT_STEWARD,    /* to end: until another one is a steward in the place of `node` */
    RING_WAIT_HINTS       /* to end: until `node` has handed over the hints that it keeps */
};

struct ring_wait {
    uint8_t kind; /* enum ring_wait_kind */
    node_id node; /* 0: none */
};

/* Of a partition that moves; `heard` are the replicas that have said something in this round. */
struct ring_wait ring_wait_of(const struct ring *ring, partition_id partition,
                              const struct ring_evidence *evidence, const struct node_set *heard);
/* Of one that is still to begin. */
struct ring_wait ring_wait_to_begin(const struct ring *ring, const struct ring_work *work,
                                    const struct ring_target *target);
/* One sentence, without its full stop. */
void ring_wait_print(struct ring_wait wait, struct buffer *out);

#endif

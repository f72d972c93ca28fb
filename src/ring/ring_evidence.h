/*
 * ring_evidence.h - what a node says of its replicas of partitions that move, for who drives them.
 *
 *   complete   its replica may be counted on (T3); an owner that is not read yet may be
 *   quiet      it goes by the tag, and has no request of its own under way from before (T4)
 *
 * Whoever drives a change asks every replica, and notes what it says under the tag by which it goes
 * in the evidence for the next step (ring_change.h). It is true of the store that the node has now:
 * a node that comes with another one says all of it anew, so what was noted under another
 * incarnation is forgotten.
 *
 * Who leaves says besides that it keeps no hints, and by which value of the register it goes: by
 * one in which it is leaving, it is given none any more.
 * Source: tests/models/ring_change.py, T3, T4, T8.
 */
#ifndef RING_RING_EVIDENCE_H
#define RING_RING_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "ring/ring.h"
#include "ring/ring_change.h"

enum ring_holding_flags {
    RING_HOLDING_COMPLETE = 1,
    RING_HOLDING_QUIET = 2,
    RING_HOLDING_FLAGS = 3 /* all that are known */
};

/* One partition that moves, as the node knows it. */
struct ring_holding {
    partition_id partition;
    struct ring_tag tag; /* by which it goes, on its disk too */
    uint8_t flags;       /* enum ring_holding_flags */
};

/* Plain but for `holdings`: ring_testimony_deinit(). */
struct ring_testimony {
    uint16_t storage_incarnation;
    uint32_t dropping; /* copies that are leaving its disk */
    uint64_t seq;      /* of the register's value by which it goes */
    uint64_t hints;    /* cells that it keeps for others */
    uint32_t count;
    uint32_t capacity;
    struct ring_holding *holdings; /* by partition, ascending */
};

void ring_testimony_add(struct ring_testimony *testimony, const struct ring_holding *holding);
void ring_testimony_deinit(struct ring_testimony *testimony);
/* NULL: it says nothing of the partition. */
const struct ring_holding *ring_testimony_of(const struct ring_testimony *testimony,
                                             partition_id partition);

/* What `node` says counts under the tag that the partition has in `ring`; false: it does not. */
bool ring_evidence_note(struct ring_evidence *evidence, const struct ring *ring, node_id node,
                        const struct ring_holding *holding);

#endif

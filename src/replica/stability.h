/*
 * stability.h - what all owners of a partition durably have, as far as one replica was told.
 *
 * Every owner reports the clock of what is synced at it. A cell whose whole context lies within
 * what everybody has can lose its tombstones, and its context, for good: whatever brings an
 * old version again, however late, meets a clock that has seen it. Nothing expires by a timer,
 * and an owner that cannot be heard holds everything back.
 *
 *   G1  stable is what lies within the base of every owner's clock. Of an actor that will not
 *       mint again only those numbers count that somebody has: the others were lost with its
 *       memory, and no base ever reaches over such a hole. A context may cover them all the same,
 *       through a write that had observed them
 *   G2  a vector of what is stable is taken only while the own clock holds all that every
 *       owner reported: under last-writer-wins a tombstone also beats rivals that it never
 *       observed, and they must have come before it goes (C7 of causal/README.md)
 *   G3  it is acted on (ripe) only when it has stood for as long as the longest request: a slow
 *       read may not join an answer from before the purge with one from after it
 *   G6  and only when every member, owner or not, has said after that wait that it keeps no
 *       hints: a hint may hold the last copy of an event that no owner knows of any more, and
 *       under last-writer-wins the tombstone would have beaten it. No hint of an event from
 *       before the vector is stored later than that, for no request lasts longer
 *
 * A report counts for the life in which its owner made it. The link that brings it is younger
 * than all that earlier lives of that owner sent to this node, so no copy of an event which
 * that owner has lost can still come from there (tests/models/stability.py).
 * Source: reference "algorithms" 3.4; Goncalves et al., DAIS 2015.
 */
#ifndef REPLICA_STABILITY_H
#define REPLICA_STABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "causal/clock.h"
#include "causal/hybrid_time.h"
#include "causal/version_vector.h"
#include "ring/transition.h"

/* What one other owner said last; zero clock until it is heard. */
struct stability_owner {
    node_id node;
    bool heard;
    struct actor actor; /* under which it mints now */
    struct clock clock; /* of what is synced there */
    hybrid_time closed; /* it makes nothing any more that is at or below, and has nothing such
                           that is not in the clock (replica/safe_time.h); 0: unknown */
};

/* What was stable when it was taken. */
struct stable_vector {
    struct version_vector known; /* UINT64_MAX: an actor of whom everybody has all that is left */
    struct version_vector held;  /* by anybody at all: the highest numbers */
    /* Under which the owners, this one too, minted then: their earlier names mint no more. */
    struct actor actors[RING_REPLICAS_MAX];
    uint8_t actor_count;
};

/*
 * All zero but for the owners, which stability_init() sets. While the partition moves these are all
 * replicas, the joining and the leaving owners too (T6 of tests/models/ring_change.py).
 */
struct stability {
    uint8_t owner_count; /* the others */
    struct stability_owner owners[RING_REPLICAS_MAX];
    bool has_coming, has_ripe;
    uint64_t resets; /* how often something that was known became unknown */
    uint64_t coming_since_us;
    struct stable_vector coming; /* stable, and not yet for long enough */
    struct stable_vector ripe;
};

void stability_init(struct stability *stability, const node_id *owners, uint8_t count,
                    node_id self);
void stability_deinit(struct stability *stability);

/* `clock` is copied. False when the node is no other owner. */
bool stability_report(struct stability *stability, node_id from, const struct actor *actor,
                      const struct clock *clock);
/* It cannot be heard any more: nothing is stable before it is heard again. */
void stability_forget(struct stability *stability, node_id node);
/* The own clock may have lost something: what was stable under it is not known any more. */
void stability_reset(struct stability *stability);

/*
 * Take a new vector if there is reason to, and let the one before ripen after `wait_us`. `self`
 * is the actor under which this replica mints. At `hint_free_us` or later each other member said
 * that it keeps no hints; 0: not all have. True while a vector is on its way to ripen.
 */
bool stability_advance(struct stability *stability, const struct actor *self,
                       const struct clock *clock, uint64_t now_us, uint64_t wait_us,
                       uint64_t hint_free_us);
bool stability_is_ripe(const struct stability *stability, const struct version_vector *context);
/* Whether it lies within what is stable, ripe or not. */
bool stability_covers(const struct stability *stability, const struct version_vector *context);

/* Whether all owners have these dots: then no log needs them. */
bool stability_everywhere(const struct stability *stability, const struct clock *dots);
/*
 * Whether these dots were lost with the memory of who made them: he makes no more under that name,
 * and neither `clock`, the own one, nor that of any owner has one of them. `self` as above.
 */
bool stability_is_lost(const struct stability *stability, const struct actor *self,
                       const struct clock *clock, const struct clock *dots);
/* G2: whether every owner is heard, and `clock` holds all that each reported. */
bool stability_holds_all(const struct stability *stability, const struct clock *clock);
/*
 * Whether `self` does what is left to `node`: it is that node, or this is no owner any more and
 * `self` is the owner with the least id.
 */
bool stability_stands_in(const struct stability *stability, node_id self, node_id node);
/* The first owner that holds back `context`; 0: none does. */
node_id stability_holder(const struct stability *stability, const struct version_vector *context);

#endif

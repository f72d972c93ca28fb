/*
 * clock.h - exactly which events one replica has absorbed.
 *
 * For each actor a base (everything up to it) and the ranges above it. A dot is
 * in the clock when its effect is in the replica's state or was superseded there.
 * Source: Goncalves et al., "Concise server-wide causality management for
 * eventually consistent data stores", DAIS 2015; one clock per partition here.
 */
#ifndef CAUSAL_CLOCK_H
#define CAUSAL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/dot.h"
#include "causal/version_vector.h"

struct clock_range {
    uint64_t first;
    uint64_t last;
};

struct clock_entry {
    struct actor actor;
    uint64_t base;              /* 1..base are all in */
    struct clock_range *ranges; /* ascending, disjoint, never touching base or each other */
    uint32_t range_count;
    uint32_t range_capacity;
    bool lent; /* `ranges` stands in a room */
};

/* All zero is the empty clock. Entries ascend by actor. Release with clock_deinit(). */
struct clock {
    struct clock_entry *entries;
    uint32_t count;
    uint32_t capacity;
    bool lent;                 /* `entries` stands in the room that clock_on() was given */
    struct clock_range *spare; /* of that room, for the next entry; NULL: none is left */
};

/* Of one new event; uninitialised. */
struct clock_room {
    struct clock_entry entry;
    struct clock_range range;
};

/*
 * An empty clock that begins in a room of the caller, as buffer_on() does: one dot costs no
 * allocation, what is larger moves out. A copy of the struct borrows from the room too.
 */
static inline struct clock clock_on(struct clock_room *room)
{
    struct clock clock = {
        .entries = &room->entry, .capacity = 1, .lent = true, .spare = &room->range};
    return clock;
}

void clock_deinit(struct clock *clock);
void clock_copy(const struct clock *from, struct clock *to);
bool clock_has(const struct clock *clock, const struct dot *dot);
/* Add one dot; true when it was new. */
bool clock_add(struct clock *clock, const struct dot *dot);
void clock_add_range(struct clock *clock, const struct actor *actor, struct clock_range range);
/* The actor's highest sequence that is in, 0 when none. */
uint64_t clock_highest(const struct clock *clock, const struct actor *actor);
/* Whether every entry of the vector lies within the actor's base. */
bool clock_covers_vector(const struct clock *clock, const struct version_vector *vector);
/* Whether `a` holds everything that `b` holds. */
bool clock_descends(const struct clock *a, const struct clock *b);
bool clock_equal(const struct clock *a, const struct clock *b);
void clock_join(struct clock *into, const struct clock *from);
/* out = what `have` holds and `lack` does not. `out` is written from empty. */
void clock_difference(const struct clock *have, const struct clock *lack, struct clock *out);
uint64_t clock_dot_count(const struct clock *clock);
/* Equal clocks have equal hashes. */
uint64_t clock_hash(const struct clock *clock);

void clock_encode(const struct clock *clock, struct buffer *out);
/* Fails the reader on what breaks the rules above; `out` is then empty. */
void clock_decode(struct reader *reader, struct clock *out);

#endif

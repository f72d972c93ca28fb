/*
 * deadline.h - until when the elements of a key live, kept in the cell of the key.
 *
 * A deadline is a version of kind SIBLING_DEADLINE: its `expire_at_ms` is the end, 0 for none, and
 * the value says the rest. Nothing happens when it passes: whoever reads finds dead what was
 * written before it, by the time of each version, so all owners find the same.
 *
 *   L1  an element is dead when it was written before the floor of any deadline in the cell, or
 *       before the end of the winner, once that has come. The winner counts since the latest time
 *   L2  a writer judges by the time of what it writes: what is written after an end saw it pass
 *   L3  a new deadline has as its floor all that its writer finds dead
 *   L4  who adds the first element of a new life lifts the end of the old one
 *   L5  past the safe time the dead are swept (replica/collection.h). The version that says so
 *       counts since the one that it replaces: it does not undo an EXPIRE that it has not seen
 *   L6  one that says nothing any more is garbage, and goes as every tombstone does
 *
 *     value    floor_ms(8) since(8) swept(1)
 *
 * Source: reference "algorithms" 8.6; unlike there an end that has passed stays as a floor, because
 * the next deadline takes its place; tests/models/deadlines.py.
 */
#ifndef CAUSAL_DEADLINE_H
#define CAUSAL_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/cell.h"

/* The answer to an expiry that has passed already: who asked removes the key instead. */
enum { DEADLINE_HAS_PASSED = 2 };

/* What the deadlines of a cell say together, at one time. */
struct deadline {
    uint64_t floor_ms;     /* what was written before is dead; 0: nothing is */
    uint64_t expire_at_ms; /* the end that is to come; 0: none */
    hybrid_time since;
    bool swept; /* nothing below the floor is left at any owner, or it is on its way to become so */
};

bool cell_has_deadline(const struct cell *cell);
/* Of a SIBLING_DEADLINE: whether its parts are well formed. */
bool deadline_is_sound(const struct sibling *sibling);
void cell_deadline(const struct cell *cell, uint64_t now_ms, struct deadline *out);
/* Append the value of a new version that takes the place of all that gave `deadline`. */
void deadline_encode(const struct deadline *deadline, struct buffer *value);
/* L6; `sibling` is one of the cell. */
bool deadline_is_garbage(const struct cell *cell, const struct sibling *sibling);
/* L5: whether something of before `safe_ms` is to be swept, or said to be. */
bool deadline_wants_sweep(const struct cell *cell, uint64_t safe_ms);
/* The next time above `after_ms` past which L5 may have something to do; 0: none. */
uint64_t deadline_next_ms(const struct sibling *sibling, uint64_t after_ms);

#endif

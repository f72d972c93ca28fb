/*
 * garbage.h - what of a cell is nothing but a memory, and may go once it is stable.
 *
 * A tombstone is, and a cut once what it removed is gone (replica/collection.h); so are increments
 * that are all reset, unless the reset still takes something off another version that counts the
 * same slot or id; increments from before the expiry of a value that is its own tombstone
 * (expired.h); a deadline that says nothing any more (deadline.h); and all of a cell that is not
 * live but for its deadline, slots, ids and context included. Slots are named by the event that
 * opened them (counter.h), so no late copy is taken for the state of a new one.
 *
 * Owners collect at their own pace. So what is garbage shows nothing and is in no hash: two owners
 * that differ in it are equal.
 */
#ifndef CAUSAL_GARBAGE_H
#define CAUSAL_GARBAGE_H

#include <stdbool.h>

#include "causal/cell.h"

bool cell_has_garbage(const struct cell *cell);
/*
 * What stays of the cell when its garbage goes; `out` is overwritten, borrows values and has no
 * context but its own dots. It has no garbage.
 */
void cell_without_garbage(const struct cell *cell, struct cell *out);

#endif

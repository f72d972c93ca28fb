/*
 * cut.h - what deletes of a whole collection removed, kept in the cell of its key.
 *
 * A cut is an exact clock: the events that the delete's read quorum had seen. An element is dead
 * when all its live versions are in a cut; one whose event was on its way lives on. So a delete
 * costs the same whatever it removes, and removes what was observed and nothing else. A vector of
 * highest numbers in its place would also cover events that nobody there had seen.
 *
 * What an element counts is in no cut: a sum that goes on after the delete holds what the delete
 * had seen, so to remove a version is not to reset its part of the sum. Whoever deletes resets the
 * fields that count one by one; their names are elements of a type of their own, which are in no
 * cut either (COLLECTION_HASH_COUNTS of ring/element_key.h).
 *
 * Cuts are versions of kind SIBLING_CUT. They merge as siblings under every policy, and each
 * holds all that its maker saw of the others, as counting versions do: what is cut is the join of
 * those that are live.
 *
 * Source: Goncalves et al., DAIS 2015 (exact clocks); reference "algorithms" 8.3, modelled in
 * tests/models/collections.py (rule E1).
 */
#ifndef CAUSAL_CUT_H
#define CAUSAL_CUT_H

#include <stdbool.h>

#include "base/status.h"
#include "causal/cell.h"
#include "causal/clock.h"

enum { CUT_BYTES_MAX = 1 << 20 };

bool cell_has_cut(const struct cell *cell);
/* Whether the value of a SIBLING_CUT is well formed. */
bool cut_is_sound(struct slice value);
/* Join what the cell's cuts hold into `clock`. */
void cell_join_cuts(const struct cell *cell, struct clock *clock);
/*
 * Whether all that the cell has ever covered is in the cut, and nothing counts: then it adds
 * nothing to a merge whose result the cut is applied to.
 */
bool cut_has_all(const struct clock *cut, const struct cell *cell);
/* Remove the versions that are in the cut, but for what counts; the context goes on covering them.
 */
void cell_drop_cut(struct cell *cell, const struct clock *cut);

#endif

/*
 * past.h - which elements of a key are dead: what deletes removed, and what its end has reached.
 *
 * Both stand in the cell of the key: cuts (cut.h) and deadlines (deadline.h). A version of an
 * element is dead when it is in a cut, or was written before the floor. What counts is in no cut,
 * but an end takes it along: whoever writes after it has left out what it found dead (L2 of
 * deadline.h), so no sum of before goes on.
 */
#ifndef CAUSAL_PAST_H
#define CAUSAL_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/cell.h"
#include "causal/clock.h"

/* All zero: nothing is dead. */
struct past {
    struct clock cut;
    uint64_t floor_ms;
};

void past_deinit(struct past *past);
/* Join what the cell of the key says at `now_ms`. */
void past_join(struct past *past, const struct cell *head, uint64_t now_ms);
/* The same, without cuts: of the names of elements that count. */
void past_join_floor(struct past *past, const struct cell *head, uint64_t now_ms);
bool past_is_empty(const struct past *past);
/* Whether it was written before the floor. */
bool past_has_time(const struct past *past, hybrid_time time);
bool past_has(const struct past *past, const struct sibling *sibling);
/*
 * Whether all that the cell has ever covered is dead: then it adds nothing to a merge whose result
 * the past is applied to. What supersedes a version is of a later time, so of the floor the
 * versions that are left tell.
 */
bool past_has_all(const struct past *past, const struct cell *cell);
/* Remove the versions that are dead; the context goes on covering them. */
void cell_drop_past(struct cell *cell, const struct past *past);

#endif

/*
 * placement_checker.h - judges a placed ring from its table alone, by other means than the
 * planner's.
 *
 * Shares are found with floating point and bisection, optimality by looking for
 * an improving cycle, so that a mistake of the planner is not repeated here.
 */
#ifndef TESTS_UNIT_RING_PLACEMENT_CHECKER_H
#define TESTS_UNIT_RING_PLACEMENT_CHECKER_H

#include <stdint.h>

#include "ring/planner.h"
#include "ring/ring.h"

/*
 * Fails the test unless: the ring is valid; no rack holds more copies of a
 * partition than it must; each node is within one copy of its exact share; each
 * position of a row is dealt evenly; and the report says what the table says.
 */
void check_placement(const struct ring *ring, const struct ring *before,
                     const struct planner_report *report);

/*
 * Fails the test when the same shares and rack limits could be had with fewer
 * moves from `before`. Bellman-Ford: for small rings only.
 */
void check_moves_are_fewest(const struct ring *ring, const struct ring *before);

/* Copies of `ring` whose node did not own that partition in `before`. */
uint32_t count_new_copies(const struct ring *ring, const struct ring *before);

#endif

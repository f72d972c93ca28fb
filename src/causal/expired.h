/*
 * expired.h - what is left of a cell when values in it have expired.
 *
 * A value that nobody can see or extend any more becomes its own tombstone: the same dot, time
 * and expiry, without the value. So it goes on to beat what it beat before, it is collected as
 * any tombstone is (C6 and C7 of README.md), and where a copy of both meets, the tombstone stays.
 * Counting versions from before the expiry go with it (N5), because no reader counts them.
 *
 * The tombstone keeps the time of expiry for late counting versions of before: as long as it
 * stands they are not counted either, and they are collected with it (garbage.h).
 */
#ifndef CAUSAL_EXPIRED_H
#define CAUSAL_EXPIRED_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/cell.h"

/* Whether the string has expired at `now_ms`. */
bool sibling_is_expired(const struct sibling *sibling, uint64_t now_ms);
/*
 * When the newest string of the cell expired, if none is visible at `now_ms`; also one that is
 * its own tombstone by now. Counting versions made earlier count no more. 0: they do.
 */
uint64_t cell_expired_at_ms(const struct cell *cell, uint64_t now_ms);
/* A counting version that no reader counts; `expired_at_ms` is of its cell. */
bool sibling_counts_no_more(const struct sibling *sibling, uint64_t expired_at_ms);
/*
 * out = the cell when all that has expired by `now_ms` became tombstones; written from empty,
 * borrows from `cell`. False: that is the cell itself, and `out` is empty.
 */
bool cell_expire(const struct cell *cell, uint64_t now_ms, struct cell *out);
/*
 * The next expiry of a value in the cell above `after_ms`, or time at which elements may have to be
 * swept; 0: none. They are its index (replica/expiry.h).
 */
uint64_t cell_next_expiry_ms(const struct cell *cell, uint64_t after_ms);

#endif

/*
 * counter.h - increments that merge: what INCR and its like add to the value of a key.
 *
 * A key's value is its string, as a number, plus the increments that no later write has
 * seen. They are one more version in the key's cell, of kind SIBLING_COUNTER, whose value
 * is the whole state below; a write that adds or resets joins all those versions that it
 * sees into one. Versions of kind SIBLING_COUNTER merge as siblings do whatever the
 * policy, and what the cell counts is the join of those that are live.
 *
 *   slot   increments of one actor: sums of what it added and took away, and of how much
 *          of both has been reset. Only its actor raises the sums, anybody raises the
 *          resets, and the join is the maximum of each, so an increment that a reset has
 *          not seen survives it exactly.
 *   run    increments with a request id, each kept by name: however many coordinators carry
 *          out one request, it counts once. Ids with one prefix and numbers in a row
 *          ("job-1", "job-2", ...) share a run.
 *
 *   folded increments with ids that carry their time, once that is long past: one sum, and no ids
 *          (counter_fold.h)
 *
 * A slot is named by the event that opened it, never by its actor alone: after it was
 * purged, a late copy cannot be taken for the state of a new one.
 *
 * Source: Almeida, Baquero, "Scalable Eventually Consistent Counters", and Baquero et al.,
 * "The Problem with Embedded CRDT Counters and a Solution", PaPoC 2016; reference
 * "algorithms" 8.5 and A.6. Unlike these, all is one cell, because a counter has few
 * slots: reading one costs a plain GET.
 */
#ifndef CAUSAL_COUNTER_H
#define CAUSAL_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "causal/cell.h"
#include "causal/decimal.h"
#include "causal/dot.h"
#include "causal/version_vector.h"

enum {
    COUNTER_SLOTS_MAX = 4096,
    COUNTER_RUNS_MAX = 1024, /* of one key, not folded; more ids are refused */
    REQUEST_ID_BYTES_MAX = 64
};

struct counter_slot {
    struct dot id;
    uint64_t events, reset_events; /* increments; 0 added is one too */
    decimal up, down, reset_up, reset_down;
};

struct counter_run {
    struct slice prefix; /* borrowed */
    uint64_t first, last;
    decimal amount; /* of each; 0 once it is reset */
    bool reset;
    struct dot dot; /* of the event that counted it, the last of its actor; all zero unless the ids
                       carry their time (counter_fold.h) */
};

struct counter_folded {
    uint64_t cut_ms; /* ids of a time below it are here, and nowhere else; 0: none are */
    uint64_t events; /* 0: all were reset */
    decimal up, down;
    struct version_vector basis; /* the newest dots of these events */
};

/*
 * All zero counts nothing. Slots ascend by id, runs by prefix and number, and do not touch. No run
 * that can be folded is of a time below the cut.
 */
struct counter {
    struct counter_folded folded;
    struct version_vector resets; /* the newest dots of ids that were reset, folded or not */
    struct counter_slot *slots;
    uint32_t slot_count;
    struct counter_run *runs;
    uint32_t run_count;
};

void counter_deinit(struct counter *counter);

/*
 * Join what the value of a SIBLING_COUNTER holds; prefixes borrow from it.
 * STATUS_CORRUPT: it is not well formed; the counter is as it was.
 */
MUST_USE enum status counter_join(struct counter *counter, struct slice value);
/* Join the counting versions made from `from_ms` on and before `until_ms`, of a decoded cell. */
void counter_join_cell(struct counter *counter, const struct cell *cell, uint64_t from_ms,
                       uint64_t until_ms);
void counter_encode(const struct counter *counter, struct buffer *out);

/* Whether there is an increment that was not reset. */
bool counter_is_active(const struct counter *counter);
/* The sum of what was not reset, cut to the range of decimals. */
decimal counter_total(const struct counter *counter);
void counter_reset(struct counter *counter);
/*
 * One more increment. `dot` is its event: its actor's slot takes it, or a new one of this
 * name. With a request id, borrowed, `known` says that it was counted before, and nothing changes.
 * STATUS_ID_CONFLICT: the id came with another amount. STATUS_ID_LIMIT: COUNTER_RUNS_MAX.
 * STATUS_TOO_LARGE: COUNTER_SLOTS_MAX.
 */
MUST_USE enum status counter_add(struct counter *counter, const struct dot *dot, decimal amount,
                                 struct slice id, bool *known);

/* ---- a cell with counting versions ---- */

bool cell_has_counter(const struct cell *cell);
/* Whether the cell holds a value, expired or not: a string, or increments not reset. */
bool cell_is_live(const struct cell *cell);
/*
 * What a reader is shown at `now_ms`: the newest visible string, with what the cell counts
 * added to it if it is a number, or joined with the others if it is a sketch. `text` is cleared and
 * takes a value that had to be made. Once the string has expired, increments made before that count
 * no more.
 */
bool cell_shown(const struct cell *cell, uint64_t now_ms, struct buffer *text, struct sibling *out);

#endif

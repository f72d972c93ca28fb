/*
 * store_clock.h - the times that a store side issues: never back, never unbounded, also over
 * restarts.
 *
 * A hybrid clock in memory would start again from the wall clock, which may have
 * been set back while the process was away. So the store holds a ceiling, and
 *
 *   T1  no time above the durable ceiling leaves the store side
 *   T2  a store side begins at the durable ceiling: all it issues is above what any
 *       earlier life of this store issued or took from others
 *   T3  no time is issued that lies more than max_clock_skew_ms ahead of the wall clock,
 *       because the other owners would refuse it
 *   T4  all that is issued after store_clock_promise() is later than what that returned, and no
 *       expiry is judged by an earlier wall clock; in this life of the store and in every later
 *       one. So a promise stays max_clock_skew_ms below the durable ceiling, where by T2 and T3
 *       the next life cannot go, and 2 * max_clock_skew_ms behind the wall clock, where a new
 *       store in the place of a lost one cannot go unless its clock is fenced
 *
 * The ceiling stands up to 2 s ahead and is renewed in the batch of a group when less than
 * 1 s is left of it; an idle store writes nothing. A time above it that was issued all the
 * same, such as the first one after an idle hour, waits for the batch that raises the
 * ceiling: its answer is `late` instead of `early` (store_side.h). A clean end leaves
 * the exact time. After any other one T2 and T3 together keep a node from minting
 * for up to 2 s - max_clock_skew_ms, and longer when the wall clock went back.
 *
 * The loop side says what it thinks of the wall clock (MESSAGE_CLOCK). A clock that moved
 * since then by more than half of max_clock_skew_ms is in doubt: it mints nothing before the
 * loop side has looked at it again, and until then time goes on from where it was, lest the
 * jump gets into the ceiling or the log. A skewed one is replaced by what the others
 * agree on, so that a replica goes on to take their writes.
 * Source: reference "algorithms" 3.6 and 11.1; tests/models/safe_time.py has T4.
 */
#ifndef NODE_STORE_CLOCK_H
#define NODE_STORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "causal/hybrid_time.h"
#include "node/event.h"
#include "replica/store_port.h"
#include "wire/message.h"

enum { STORE_CLOCK_AHEAD_MS = 2000, STORE_CLOCK_RENEW_MS = 1000 };

/* All zero but for the limit is a clock before its first opening. */
struct store_clock {
    uint32_t max_skew_ms;
    struct hybrid_clock hybrid;
    hybrid_time ceiling; /* durable */
    hybrid_time coming;  /* in the batch of the present group; 0: none */
    hybrid_time closed;  /* the last promise of T4; 0: none by this process */
    bool is_told;
    struct message_clock told;
};

/*
 * Read the ceiling. A clock that has run before keeps its time: only a new process is in doubt.
 * STATUS_CORRUPT, STATUS_IO: nothing may be minted.
 */
MUST_USE enum status store_clock_open(struct store_clock *clock, const struct store_port *port);

/* The time that expiry, max_clock_skew_ms and the ceiling go by; never before a promise. */
uint64_t store_clock_wall_ms(const struct store_clock *clock, struct instant now);

/* STATUS_CLOCK_SKEW: nothing may be minted now, by T3 or because the wall clock is in doubt. */
MUST_USE enum status store_clock_may_mint(const struct store_clock *clock, struct instant now);
/* When T3 lets go, by the wall clock. */
uint64_t store_clock_mint_from_ms(const struct store_clock *clock);

/* T1: whether all times issued so far may leave before the batch is durable. */
bool store_clock_is_covered(const struct store_clock *clock);
/* Put a new ceiling into the batch if the durable one is nearly reached. */
void store_clock_renew(struct store_clock *clock, uint64_t wall_ms, struct buffer *batch);

/*
 * T4. The closed time: nothing at or below it is issued any more. It does not rise before the
 * wall clock was looked at, unless this node is `alone` and has nobody to compare it with. In an
 * idle store it stands still with the ceiling (store_clock_renew()).
 */
hybrid_time store_clock_promise(struct store_clock *clock, struct instant now, bool alone);

void store_clock_committed(struct store_clock *clock);
void store_clock_failed(struct store_clock *clock);
/* Put the exact time into the last batch. */
void store_clock_close(struct store_clock *clock, struct buffer *batch);

#endif

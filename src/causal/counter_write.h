/*
 * counter_write.h - what a write makes of the increments that its cell holds.
 */
#ifndef CAUSAL_COUNTER_WRITE_H
#define CAUSAL_COUNTER_WRITE_H

#include <stdint.h>

#include "causal/counter.h"
#include "causal/register.h"

struct counter_write {
    const struct cell *cell;     /* that the write sees */
    const struct sibling *shown; /* of it: cell_shown(); NULL: nothing */
    struct dot dot;              /* the first that is free: of the string, or of the increments */
    uint64_t now_ms;
    uint64_t settled_ms; /* of the partition (replica/settled_time.h); 0: unknown */
    struct slice id;     /* empty: none */
};

/*
 * Complete `effect` of register_mutate() for a cell that counts, or begins to. `state`,
 * cleared first, takes the value of the new SIBLING_COUNTER, which replaces all that the cell
 * has; it stays empty when those stay. Of two new versions the string has the lower dot.
 *
 * What makes a new state also folds the ids of which none can come any more (counter_fold.h).
 * An increment with a request id that was counted adds nothing, and answers with the
 * present value; it writes what it has seen once more, so that its acknowledgement is a write's.
 * One that finds an expired string begins anew: a tombstone for that, and a reset of what was
 * counted before.
 *
 * STATUS_ID_CONFLICT, STATUS_ID_LIMIT, STATUS_TOO_LARGE: as counter_add(). STATUS_REQUEST_TOO_OLD,
 * STATUS_REQUEST_AHEAD: as request_time_check(), of an id that is not known here.
 */
MUST_USE enum status counter_write(const struct counter_write *write,
                                   struct register_effect *effect, struct buffer *state);

#endif

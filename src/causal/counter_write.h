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
    struct slice id; /* empty: none */
};

/*
 * Complete `effect` of register_mutate() for a cell that counts, or begins to. `state`,
 * cleared first, takes the value of the new SIBLING_COUNTER, which replaces all that the cell
 * has; it stays empty when those stay. Of two new versions the string has the lower dot.
 *
 * An increment with a request id that was counted writes nothing, and answers with the
 * present value. One that finds an expired string begins anew: a tombstone for that, and a
 * reset of what was counted before.
 *
 * STATUS_ID_CONFLICT, STATUS_ID_LIMIT, STATUS_TOO_LARGE: as counter_add().
 */
MUST_USE enum status counter_write(const struct counter_write *write,
                                   struct register_effect *effect, struct buffer *state);

#endif

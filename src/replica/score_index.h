/*
 * score_index.h - the members of sorted sets in the order of their scores, at one replica.
 *
 * A member is a cell as any element; its score is what the cell shows. The index is made from the
 * cells alone, record by record in their batches, and never sent: what a walk over it is good for
 * is judged where the answers of several owners meet (coordinator/order.h).
 *
 *   Z1  a cell has a record for the score of each string version in it, not only of the one that
 *       it shows: which of them stands may be known to another owner alone
 *   Z2  a record says which version has the score. Where it takes more than that one, because of
 *       rivals or of what counts, it says to look at the cell
 *   Z3  a cell that counts has a record that says so, and its score is the one it shows here;
 *       what it shows where increments of other owners meet may be any other
 *   Z4  a record whose cell gives it no reason is left over from damage; who looks at the cell is
 *       not misled. A scrub makes those that are missing
 *
 * Source: reference "algorithms" 8.4 ("ranges by local Z index").
 */
#ifndef REPLICA_SCORE_INDEX_H
#define REPLICA_SCORE_INDEX_H

#include "replica/replica.h"

/* The records of a cell that changes, whatever it is. For replica_put_cell() alone. */
void score_index_cell(uint64_t position, keyspace_id keyspace, struct slice name,
                      const struct cell *before, const struct cell *after,
                      struct replica_context *context);
/*
 * Z4: append to `names` keyspace and name of a stored cell of which a record is not there.
 * STATUS_CORRUPT, STATUS_IO.
 */
MUST_USE enum status score_index_missing(uint64_t position, keyspace_id keyspace, struct slice name,
                                         const struct cell *cell,
                                         const struct replica_context *context,
                                         struct buffer *names);
/* Within a group: make them as the cells are now; one that cannot be read is left to the next. */
void score_index_renew(struct slice names, struct replica_context *context);

#endif

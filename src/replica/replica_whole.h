/*
 * replica_whole.h - a partition sent whole, to an owner that lacks more than the log reaches back:
 * it was away for long, or its store was lost.
 *
 * The answerer sends all its cells in the order of their names, then its records of requests with
 * ids, a page at a time. A page is one view, a later page a later view: so each key comes as it
 * was at some moment after the first page, and what is in the clock of the first page has had its
 * effect in all of them. The asker merges cells as it merges any delivery.
 *
 *   W1  the answerer's first clock is joined with the last page and not before: it would turn
 *       "not come yet" into "seen and gone" (K2 of causal/README.md)
 *   W2  the requests come before the clock is joined, so Q1 of replica_requests.h holds: what was
 *       made for an id enters the clock no sooner than its record
 *   W3  an answerer whose clock no longer holds the first one has lost something: begin anew
 *   W4  absence is never a delete. Nothing that the asker holds goes because it did not come:
 *       what was purged elsewhere cannot be here, as long as its collection waited for this
 *       replica's report and for all hints (G1-G6 of stability.h)
 *
 * The place is stored in the batch of each page, so a restart of either side costs a page at most.
 * Source: reference "algorithms" A.3, 7.3; tests/models/stability.py.
 */
#ifndef REPLICA_REPLICA_WHOLE_H
#define REPLICA_REPLICA_WHOLE_H

#include "replica/replica.h"
#include "wire/message_partition.h"

/* The bytes that a page is put into; all zero before. */
struct whole_page {
    struct message_partition_page page; /* its slices borrow from the buffers */
    struct buffer next, clock, deliveries, requests;
};

void whole_page_deinit(struct whole_page *page);

/*
 * What the partition holds from `pull->from` on, from the committed state, until `page_bytes` are
 * full. `first` is set when the page is the first one: the log from here on will be needed.
 * STATUS_CORRUPT: the pull does not decode. STATUS_CORRUPT, STATUS_IO: a record could not be read.
 * STATUS_NOT_FOUND: the log tells the asker all that it lacks.
 */
MUST_USE enum status replica_whole_answer(const struct replica *replica,
                                          const struct message_partition_pull *pull,
                                          size_t page_bytes, struct replica_context *context,
                                          struct whole_page *out, bool *first);

/* Where to go on with this source. The place is borrowed until the replica changes. */
struct slice replica_whole_place(const struct replica *replica, node_id source);

/*
 * Take such a page: begin, apply its deliveries as any others, end. The first begins anew when the
 * source is another one or has lost something (W3), and is false when the page does not go on
 * where the last one ended. The last keeps the requests and stores the place or, when all has
 * come, joins the clock; not when a cell of the page was refused, for it has not come.
 */
bool replica_whole_begin(struct replica *replica, node_id from,
                         const struct message_partition_page *page, const struct clock *clock);
/* STATUS_CORRUPT, STATUS_IO: what the store has could not be read. */
MUST_USE enum status replica_whole_end(struct replica *replica,
                                       const struct message_partition_page *page,
                                       struct replica_context *context);

/* The one that is under way, when the replica is opened. STATUS_CORRUPT, STATUS_IO. */
MUST_USE enum status replica_whole_load(struct replica *replica, struct replica_context *context);

#endif

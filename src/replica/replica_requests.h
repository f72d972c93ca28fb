/*
 * replica_requests.h - requests with ids: carried out once, however often and wherever they come.
 *
 *   Q1  an event in the clock that was made for a request with an id => the request's record
 *       is here, with at least this event, until the window has passed
 *
 * Records travel with what they tell of: with replication and log sync in the delivery, with
 * everything else in the stamp of a live version. A record from a stamp alone knows one
 * event and no answer; a full one replaces it. So that an id is not here proves that
 * it is not part of a cell, as long as the clock covers all of the cell's context.
 *
 * Whoever joins clocks in another way than by deliveries must bring the records too.
 * Source: reference "algorithms" 4.6; tests/models/request_ids.py.
 */
#ifndef REPLICA_REPLICA_REQUESTS_H
#define REPLICA_REPLICA_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "replica/replica.h"
#include "wire/message_lookup.h"
#include "wire/record_request.h"

/* Append the record of a request to `out`. STATUS_NOT_FOUND: not known, or its window is over. */
MUST_USE enum status replica_find_request(const struct replica *replica,
                                          const struct request_identity *identity,
                                          struct replica_context *context, struct buffer *out);
/*
 * Whether all of the record's effect is in this replica's state: events that the clock has, or
 * the context of their key's cell covers. `contexts` has one for each entry of the request.
 */
enum request_state replica_request_state(const struct replica *replica,
                                         const struct request_record *record,
                                         const struct version_vector *contexts,
                                         uint16_t entry_count);
/* Remember a request, unless as much or more is known of it; into the batch of the group. */
MUST_USE enum status replica_keep_request(const struct replica *replica,
                                          const struct request_record *record,
                                          struct replica_context *context);
/* Q1, after a delivery was merged: its records, and the stamps of its versions. */
MUST_USE enum status replica_absorb_requests(const struct replica *replica,
                                             const struct cell_delivery *delivery,
                                             struct replica_context *context);
/* Append, as bytes, the records of the requests that these events were made for. */
MUST_USE enum status replica_requests_of(const struct replica *replica, const struct clock *dots,
                                         struct replica_context *context, struct buffer *out);

/* Count what the store remembers; once, when it was opened. */
MUST_USE enum status requests_open(struct replica_context *context);
/* Forget at most `budget` requests whose window is over; into the batch of the group. */
MUST_USE enum status requests_purge(struct replica_context *context, uint32_t budget);

#endif

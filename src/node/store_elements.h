/*
 * store_elements.h - reads of collections from committed state; part of store_read.c's path.
 */
#ifndef NODE_STORE_ELEMENTS_H
#define NODE_STORE_ELEMENTS_H

#include "base/bytes.h"
#include "base/status.h"
#include "replica/store_port.h"
#include "ring/ring.h"
#include "wire/frame.h"
#include "wire/message.h"

/*
 * Of which type the key has a live element, as this store knows it; COLLECTION_NONE: of none, or
 * the key shows a string, unless `hidden` ones are wanted too. Of very many dead ones in a row it
 * is taken that a live one follows.
 */
MUST_USE enum status store_collection_of(const struct store_port *port, uint64_t seed,
                                         keyspace_id keyspace, struct slice key,
                                         const struct cell *head, bool hidden, uint64_t wall_ms,
                                         uint8_t *type);

/*
 * MESSAGE_READ of named elements: append a cell for each name, all of one moment; `type` as above,
 * of the key that is named first.
 */
MUST_USE enum status store_read_named(const struct store_port *port, const struct ring *ring,
                                      const struct message_read *read, uint64_t wall_ms,
                                      struct buffer *cells, uint8_t *type);
/*
 * Append the cell of the key, as the iterator shows it, to `head` as bytes, and decode it; `cell`
 * is released by the caller. STATUS_INVALID: it does not lie in that partition.
 */
MUST_USE enum status store_read_head(const struct store_port *port, struct store_iterator *iterator,
                                     const struct ring *ring, const struct replica_address *address,
                                     keyspace_id keyspace, struct slice key, struct buffer *head,
                                     struct cell *cell);
/* MESSAGE_ELEMENTS. */
void store_read_elements(const struct store_port *port, const struct ring *ring,
                         const struct frame *frame, uint64_t wall_ms, struct buffer *replies);

#endif

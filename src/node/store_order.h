/*
 * store_order.h - walks in the order of scores, from committed state; part of store_read.c's path.
 */
#ifndef NODE_STORE_ORDER_H
#define NODE_STORE_ORDER_H

#include "base/bytes.h"
#include "replica/store_port.h"
#include "ring/ring.h"
#include "wire/frame.h"

/* MESSAGE_ORDER: a page of the score index (replica/score_index.h), the key's cell; one view. */
void store_read_order(const struct store_port *port, const struct ring *ring,
                      const struct frame *frame, uint64_t wall_ms, struct buffer *replies);

#endif

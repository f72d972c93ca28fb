/*
 * store_hint_read.h - what this node keeps of one key for owners, from committed state.
 */
#ifndef NODE_STORE_HINT_READ_H
#define NODE_STORE_HINT_READ_H

#include "base/bytes.h"
#include "replica/store_port.h"
#include "ring/ring.h"
#include "wire/frame.h"

/* Answer a MESSAGE_HINT_READ; may run on any thread, as store_side_read(). */
void store_read_hint(const struct store_port *port, const struct ring *ring,
                     const struct frame *frame, struct buffer *replies);

#endif

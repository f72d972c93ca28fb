/*
 * store_hint_read.h - what this node keeps of one key for owners, from committed state.
 */
#ifndef NODE_STORE_HINT_READ_H
#define NODE_STORE_HINT_READ_H

#include "base/bytes.h"
#include "replica/store_port.h"
#include "ring/ring.h"
#include "wire/frame.h"
#include "wire/message_hint_read.h"

/*
 * What is kept of the key; STATUS_OK and no owner in `out` when that is nothing. `out` borrows from
 * `value` and from the question.
 */
MUST_USE enum status store_find_hint(const struct store_port *port, const struct ring *ring,
                                     const struct message_hint_read *read, struct buffer *value,
                                     struct message_hint_read_result *out);
/* Answer a MESSAGE_HINT_READ; may run on any thread, as store_side_read(). */
void store_read_hint(const struct store_port *port, const struct ring *ring,
                     const struct frame *frame, struct buffer *replies);

#endif

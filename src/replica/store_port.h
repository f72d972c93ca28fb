/*
 * store_port.h - what the core needs of a store: an ordered map of bytes with
 * atomic batches. src/store/ implements it with LevelDB, the simulator in memory.
 *
 * Reads are synchronous and see what was committed. They may be slow, so only
 * the store side (replica/, node/store_side.h) calls them, never the loop side.
 * Every failure is told: an unreadable record is never "not found".
 */
#ifndef REPLICA_STORE_PORT_H
#define REPLICA_STORE_PORT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

struct store_iterator; /* owned by the implementation */

struct store_port {
    void *context;
    /*
     * Append the value of `key` to `out`.
     * STATUS_NOT_FOUND: surely absent. STATUS_CORRUPT, STATUS_IO: unknown.
     */
    enum status (*get)(void *context, struct slice key, struct buffer *out);
    /* An iterator over one unchanging view, before the first key. Never NULL. */
    struct store_iterator *(*iterator_new)(void *context);
    void (*iterator_free)(struct store_iterator *iterator);
    /* Move to the first key >= `key` (seek), or the last key < `key` (seek_before). */
    void (*seek)(struct store_iterator *iterator, struct slice key);
    void (*seek_before)(struct store_iterator *iterator, struct slice key);
    void (*next)(struct store_iterator *iterator);
    void (*previous)(struct store_iterator *iterator);
    /* Whether it stands on a record; false at either end and after a failure. */
    bool (*valid)(const struct store_iterator *iterator);
    /* Borrowed until the iterator moves. */
    struct slice (*key)(const struct store_iterator *iterator);
    struct slice (*value)(const struct store_iterator *iterator);
    /* STATUS_OK, or why the walk must not be trusted. Ask after every walk. */
    enum status (*error)(const struct store_iterator *iterator);
};

/*
 * A batch is a buffer of operations in their order, applied all or nothing:
 *   1, key length (varint), key, value length (varint), value      put
 *   2, key length (varint), key                                    delete
 */
enum store_operation { STORE_PUT = 1, STORE_DELETE = 2 };

void store_batch_put(struct buffer *batch, struct slice key, struct slice value);
void store_batch_delete(struct buffer *batch, struct slice key);
/*
 * Walks a batch: false at its end. `value` is empty for a delete. Asserts that the batch is well
 * formed.
 */
bool store_batch_next(struct reader *reader, enum store_operation *operation, struct slice *key,
                      struct slice *value);

#endif

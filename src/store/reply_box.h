/*
 * reply_box.h - frames on their way from the store's threads to the loop thread.
 *
 * The first frames that are put into an empty box wake the loop once; what comes
 * before it looks costs no further wake-up.
 */
#ifndef STORE_REPLY_BOX_H
#define STORE_REPLY_BOX_H

#include <pthread.h>

#include "base/bytes.h"

struct reply_box {
    pthread_mutex_t lock;
    struct buffer frames;
    void (*wake)(void *context); /* any thread; never under the lock */
    void *wake_context;
};

void reply_box_init(struct reply_box *box, void (*wake)(void *context), void *wake_context);
void reply_box_deinit(struct reply_box *box);

/* Append `frames` and clear it. */
void reply_box_put(struct reply_box *box, struct buffer *frames);

/* Append all that is in the box to `out`. */
void reply_box_take(struct reply_box *box, struct buffer *out);

#endif

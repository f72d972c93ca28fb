#include "store/reply_box.h"

#include <stdbool.h>

void reply_box_init(struct reply_box *box, void (*wake)(void *context), void *wake_context)
{
    *box = (struct reply_box){.wake = wake, .wake_context = wake_context};
    pthread_mutex_init(&box->lock, NULL);
}

void reply_box_deinit(struct reply_box *box)
{
    buffer_deinit(&box->frames);
    pthread_mutex_destroy(&box->lock);
}

void reply_box_put(struct reply_box *box, struct buffer *frames)
{
    if (frames->length == 0)
        return;
    pthread_mutex_lock(&box->lock);
    bool first = box->frames.length == 0;
    buffer_append_slice(&box->frames, buffer_slice(frames));
    pthread_mutex_unlock(&box->lock);
    buffer_clear(frames);
    if (first)
        box->wake(box->wake_context);
}

void reply_box_take(struct reply_box *box, struct buffer *out)
{
    pthread_mutex_lock(&box->lock);
    if (out->length == 0) {
        struct buffer empty = *out;
        *out = box->frames;
        box->frames = empty;
    } else {
        buffer_append_slice(out, buffer_slice(&box->frames));
        buffer_clear(&box->frames);
    }
    pthread_mutex_unlock(&box->lock);
}

/*
 * frame_queue.h - a bounded queue of frames between threads.
 *
 * Any number of threads push, any number take. A taker gets what has gathered,
 * up to its bounds, in one call under one lock, and sleeps only when there
 * is nothing. Frames leave in the order in which they came.
 */
#ifndef STORE_FRAME_QUEUE_H
#define STORE_FRAME_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

struct frame_queue;
struct store_histogram; /* store/store_metrics.h */

struct frame_queue *frame_queue_new(size_t frames_max, size_t bytes_max);
void frame_queue_free(struct frame_queue *queue); /* nobody may be waiting; NULL is fine */

/*
 * Count in `waited_us` how long the first frame of each take has waited. Of those that a take
 * leaves behind only the time since then is known. Before the queue is used; `waited_us` outlives
 * it.
 */
void frame_queue_measure(struct frame_queue *queue, struct store_histogram *waited_us);

/*
 * Copy `frame` to the end. A frame larger than `bytes_max` fits an empty queue.
 * STATUS_OVERLOADED: full. STATUS_NOT_READY: closed.
 */
MUST_USE enum status frame_queue_push(struct frame_queue *queue, struct slice frame);

/*
 * Append waiting frames to `out`, each as buffer_put_bytes() does, and return how many:
 * at most `frames_max`, and as many as fit `bytes_max`, but at least one. Waits up to
 * `wait_ms` for the first one; 0 when none came or the queue is closed and empty.
 */
size_t frame_queue_take(struct frame_queue *queue, size_t frames_max, size_t bytes_max,
                        unsigned wait_ms, struct buffer *out);

/* Refuse further frames and wake every taker; what is queued can still be taken. */
void frame_queue_close(struct frame_queue *queue);
/* Closed and empty: no frame will ever come again. */
bool frame_queue_done(struct frame_queue *queue);

/* How full it is now. */
void frame_queue_size(struct frame_queue *queue, size_t *frames, size_t *bytes);

#endif

/*
 * frame_queue.c - a list of chunks, so that neither a push nor a take moves what others queued.
 *
 * A frame lies whole in one chunk, behind its length. One emptied chunk is
 * kept for the next need, so a queue in steady use allocates nothing.
 */
#include "store/frame_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "store/clock.h"
#include "store/store_metrics.h"

enum { CHUNK_BYTES = 256 << 10 };

struct chunk {
    struct chunk *next;
    size_t capacity;
    size_t start; /* of the first frame not yet taken */
    size_t end;
    uint8_t bytes[];
};

struct frame_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    size_t frames_max;
    size_t bytes_max;
    size_t frames; /* I: the chunks hold exactly these */
    size_t bytes;
    struct chunk *first;
    struct chunk *last;
    struct chunk *spare;
    unsigned waiting;
    bool closed;
    struct store_histogram *waited_us; /* NULL: not measured */
    uint64_t first_us;                 /* since when the first frame is known to wait */
};

struct frame_queue *frame_queue_new(size_t frames_max, size_t bytes_max)
{
    struct frame_queue *queue = memory_new(1, sizeof *queue);
    pthread_condattr_t attributes;
    queue->frames_max = frames_max;
    queue->bytes_max = bytes_max;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return queue;
}

void frame_queue_free(struct frame_queue *queue)
{
    if (queue == NULL)
        return;
    assert(queue->waiting == 0);
    while (queue->first != NULL) {
        struct chunk *next = queue->first->next;
        free(queue->first);
        queue->first = next;
    }
    free(queue->spare);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void frame_queue_measure(struct frame_queue *queue, struct store_histogram *waited_us)
{
    queue->waited_us = waited_us;
}

static struct chunk *add_chunk(struct frame_queue *queue, size_t need)
{
    struct chunk *chunk = queue->spare;
    if (chunk != NULL && need <= chunk->capacity) {
        queue->spare = NULL;
    } else {
        size_t capacity = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        chunk = memory_new(1, sizeof *chunk + capacity);
        chunk->capacity = capacity;
    }
    chunk->next = NULL;
    chunk->start = 0;
    chunk->end = 0;
    if (queue->last == NULL)
        queue->first = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
    return chunk;
}

static void drop_first_chunk(struct frame_queue *queue)
{
    struct chunk *chunk = queue->first;
    queue->first = chunk->next;
    if (queue->first == NULL)
        queue->last = NULL;
    if (queue->spare == NULL && chunk->capacity == CHUNK_BYTES)
        queue->spare = chunk;
    else
        free(chunk);
}

enum status frame_queue_push(struct frame_queue *queue, struct slice frame)
{
    enum status status = STATUS_OK;
    size_t need = frame.length + sizeof frame.length;
    bool wakes = false;
    pthread_mutex_lock(&queue->lock);
    if (queue->closed) {
        status = STATUS_NOT_READY;
    } else if (queue->frames > 0 && (queue->frames >= queue->frames_max ||
                                     queue->bytes + frame.length > queue->bytes_max)) {
        status = STATUS_OVERLOADED;
    } else {
        struct chunk *chunk = queue->last;
        if (chunk == NULL || chunk->capacity - chunk->end < need)
            chunk = add_chunk(queue, need);
        memcpy(chunk->bytes + chunk->end, &frame.length, sizeof frame.length);
        if (frame.length > 0)
            memcpy(chunk->bytes + chunk->end + sizeof frame.length, frame.data, frame.length);
        chunk->end += need;
        if (queue->frames == 0 && queue->waited_us != NULL)
            queue->first_us = clock_mono_us();
        queue->frames++;
        queue->bytes += frame.length;
        wakes = queue->waiting > 0;
    }
    pthread_mutex_unlock(&queue->lock);
    if (wakes) /* with the lock held it would wake only to wait for the lock */
        pthread_cond_signal(&queue->filled);
    return status;
}

/* Two readings of the clock for all that is taken together. */
static void note_wait(struct frame_queue *queue)
{
    if (queue->frames == 0 || queue->waited_us == NULL)
        return;
    uint64_t now_us = clock_mono_us();
    store_histogram_add(queue->waited_us, now_us - queue->first_us);
    queue->first_us = now_us;
}

static void wait_for_frames(struct frame_queue *queue, unsigned wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    queue->waiting++;
    while (queue->frames == 0 && !queue->closed &&
           pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == 0)
        continue;
    queue->waiting--;
}

size_t frame_queue_take(struct frame_queue *queue, size_t frames_max, size_t bytes_max,
                        unsigned wait_ms, struct buffer *out)
{
    size_t taken = 0;
    size_t taken_bytes = 0;
    pthread_mutex_lock(&queue->lock);
    if (queue->frames == 0 && !queue->closed && wait_ms > 0)
        wait_for_frames(queue, wait_ms);
    note_wait(queue);
    while (queue->frames > 0 && taken < frames_max) {
        struct chunk *chunk = queue->first;
        size_t length;
        memcpy(&length, chunk->bytes + chunk->start, sizeof length);
        if (taken > 0 && taken_bytes + length > bytes_max)
            break;
        buffer_put_bytes(out, slice_make(chunk->bytes + chunk->start + sizeof length, length));
        chunk->start += sizeof length + length;
        queue->frames--;
        queue->bytes -= length;
        taken++;
        taken_bytes += length;
        if (chunk->start == chunk->end)
            drop_first_chunk(queue);
    }
    /* What is left is for a taker that still sleeps. */
    bool wakes = queue->frames > 0 && queue->waiting > 0;
    pthread_mutex_unlock(&queue->lock);
    if (wakes)
        pthread_cond_signal(&queue->filled);
    return taken;
}

void frame_queue_close(struct frame_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

bool frame_queue_done(struct frame_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool done = queue->closed && queue->frames == 0;
    pthread_mutex_unlock(&queue->lock);
    return done;
}

void frame_queue_size(struct frame_queue *queue, size_t *frames, size_t *bytes)
{
    pthread_mutex_lock(&queue->lock);
    *frames = queue->frames;
    *bytes = queue->bytes;
    pthread_mutex_unlock(&queue->lock);
}

/*
 * memory.h - the client's allocations, which may fail, and a buffer on top of them.
 *
 * Unlike base/memory.h: a library has no right to end the process of its user.
 */
#ifndef CLIENT_MEMORY_H
#define CLIENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ringdb_memory {
    void *(*resize)(void *context, void *old, size_t bytes); /* 0 bytes: free */
    void *context;
};

/* The C library's when `resize` is NULL. */
struct ringdb_memory ringdb_memory_make(void *(*resize)(void *, void *, size_t), void *context);
/* NULL: there is none; what `old` points at stays. */
MUST_USE void *ringdb_memory_resize(const struct ringdb_memory *memory, void *old, size_t bytes);
/* Zeroed; NULL: there is none. */
MUST_USE void *ringdb_memory_new(const struct ringdb_memory *memory, size_t bytes);
void ringdb_memory_free(const struct ringdb_memory *memory, void *block); /* accepts NULL */
/* A copy with a NUL behind; NULL: there is none. */
MUST_USE char *ringdb_memory_text(const struct ringdb_memory *memory, const char *text);

/* Bytes in a queue: appended at the end, consumed from the front. All zero is the empty one. */
struct ringdb_queue {
    uint8_t *data;
    size_t start, end, capacity;
};

void ringdb_queue_deinit(struct ringdb_queue *queue, const struct ringdb_memory *memory);
/* Where `extra` more bytes go; NULL: no memory, and nothing has changed. */
MUST_USE uint8_t *ringdb_queue_reserve(struct ringdb_queue *queue,
                                       const struct ringdb_memory *memory, size_t extra);

static inline size_t ringdb_queue_length(const struct ringdb_queue *queue)
{
    return queue->end - queue->start;
}

static inline const uint8_t *ringdb_queue_data(const struct ringdb_queue *queue)
{
    return queue->data + queue->start;
}

/* O(1). */
void ringdb_queue_consume(struct ringdb_queue *queue, size_t length);

#endif

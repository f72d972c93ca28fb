#include "client/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_BYTES_MIN = 4096 };

static void *resize_by_library(void *context, void *old, size_t bytes)
{
    (void)context;
    if (bytes > 0)
        return realloc(old, bytes);
    free(old);
    return NULL;
}

struct ringdb_memory ringdb_memory_make(void *(*resize)(void *, void *, size_t), void *context)
{
    return (struct ringdb_memory){.resize = resize == NULL ? resize_by_library : resize,
                                  .context = context};
}

void *ringdb_memory_resize(const struct ringdb_memory *memory, void *old, size_t bytes)
{
    assert(bytes > 0);
    return memory->resize(memory->context, old, bytes);
}

void *ringdb_memory_new(const struct ringdb_memory *memory, size_t bytes)
{
    void *block = ringdb_memory_resize(memory, NULL, bytes);
    if (block != NULL)
        memset(block, 0, bytes);
    return block;
}

void ringdb_memory_free(const struct ringdb_memory *memory, void *block)
{
    if (block != NULL)
        memory->resize(memory->context, block, 0);
}

char *ringdb_memory_text(const struct ringdb_memory *memory, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = ringdb_memory_resize(memory, NULL, bytes);
    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}

void ringdb_queue_deinit(struct ringdb_queue *queue, const struct ringdb_memory *memory)
{
    ringdb_memory_free(memory, queue->data);
    *queue = (struct ringdb_queue){0};
}

uint8_t *ringdb_queue_reserve(struct ringdb_queue *queue, const struct ringdb_memory *memory,
                              size_t extra)
{
    size_t length = ringdb_queue_length(queue);
    if (queue->capacity - queue->end >= extra)
        return queue->data + queue->end;
    /* Moving is paid for by what was consumed since the last move. */
    if (queue->start >= length && queue->capacity - length >= extra) {
        memmove(queue->data, queue->data + queue->start, length);
        queue->start = 0;
        queue->end = length;
        return queue->data + length;
    }
    if (extra > SIZE_MAX / 4 - queue->end)
        return NULL;
    size_t wanted = queue->capacity * 2 > QUEUE_BYTES_MIN ? queue->capacity * 2 : QUEUE_BYTES_MIN;
    while (wanted < queue->end + extra)
        wanted *= 2;
    uint8_t *data = ringdb_memory_resize(memory, queue->data, wanted);
    if (data == NULL)
        return NULL;
    queue->data = data;
    queue->capacity = wanted;
    return data + queue->end;
}

void ringdb_queue_consume(struct ringdb_queue *queue, size_t length)
{
    assert(length <= ringdb_queue_length(queue));
    queue->start += length;
    if (queue->start == queue->end)
        queue->start = queue->end = 0;
}

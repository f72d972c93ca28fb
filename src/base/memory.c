#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: could not get %zu x %zu bytes; ending the process\n", count,
            size);
    _Exit(70);
}

void *memory_new(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    if (memory == NULL)
        out_of_memory(count, size);
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        out_of_memory(count, size);
    size_t bytes = count * size;
    void *memory = realloc(old, bytes == 0 ? 1 : bytes);
    if (memory == NULL)
        out_of_memory(count, size);
    return memory;
}

void *memory_copy(const void *bytes, size_t length)
{
    uint8_t *copy = memory_new(length + 1, 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

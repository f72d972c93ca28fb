#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 1024 }; /* what glibc keeps for each thread */

static void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: could not get %zu x %zu bytes; ending the process\n", count,
            size);
    _Exit(70);
}

void *memory_new(size_t count, size_t size)
{
    void *memory;
    /* glibc's calloc() passes over the blocks that a thread has just freed; malloc() takes them. */
    if (count <= SMALL_BYTES && size <= SMALL_BYTES && count * size <= SMALL_BYTES) {
        size_t bytes = count * size == 0 ? 1 : count * size;
        memory = malloc(bytes);
        /* Else compilers make calloc() of it again, or clear by words what they know is small. */
        __asm__("" : "+r"(memory), "+r"(bytes));
        if (memory != NULL)
            memset(memory, 0, bytes);
    } else {
        memory = calloc(count, size);
    }
    if (memory == NULL)
        out_of_memory(count, size);
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(count, size);
    if (bytes == 0)
        bytes = 1;
    void *memory = old == NULL ? malloc(bytes) : realloc(old, bytes);
    if (memory == NULL)
        out_of_memory(count, size);
    return memory;
}

void *memory_copy(const void *bytes, size_t length)
{
    uint8_t *copy = memory_resize(NULL, length + 1, 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = 0;
    return copy;
}

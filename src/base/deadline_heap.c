#include "base/deadline_heap.h"

#include <stdlib.h>

#include "base/memory.h"

void deadline_heap_deinit(struct deadline_heap *heap)
{
    free(heap->items);
    *heap = (struct deadline_heap){0};
}

static bool is_before(const struct deadline *a, const struct deadline *b)
{
    return a->when_us != b->when_us ? a->when_us < b->when_us : a->id < b->id;
}

void deadline_heap_add(struct deadline_heap *heap, uint64_t when_us, uint64_t id)
{
    struct deadline added = {.when_us = when_us, .id = id};
    if (when_us == UINT64_MAX)
        return;
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->items = memory_resize(heap->items, heap->capacity, sizeof *heap->items);
    }
    size_t hole = heap->count++;
    while (hole > 0 && is_before(&added, &heap->items[(hole - 1) / 2])) {
        heap->items[hole] = heap->items[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap->items[hole] = added;
}

bool deadline_heap_take(struct deadline_heap *heap, uint64_t now_us, uint64_t *id)
{
    if (heap->count == 0 || heap->items[0].when_us > now_us)
        return false;
    *id = heap->items[0].id;
    struct deadline last = heap->items[--heap->count];
    size_t hole = 0;
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!is_before(&heap->items[child], &last))
            break;
        heap->items[hole] = heap->items[child];
        hole = child;
    }
    if (heap->count > 0)
        heap->items[hole] = last;
    return true;
}

uint64_t deadline_heap_next_us(const struct deadline_heap *heap)
{
    return heap->count == 0 ? UINT64_MAX : heap->items[0].when_us;
}

#include "client/due_heap.h"

#include <assert.h>

#include "client/call.h"

void ringdb_due_heap_deinit(struct ringdb_due_heap *heap, const struct ringdb_memory *memory)
{
    ringdb_memory_free(memory, heap->items);
    *heap = (struct ringdb_due_heap){0};
}

bool ringdb_due_heap_reserve(struct ringdb_due_heap *heap, const struct ringdb_memory *memory)
{
    if (heap->count < heap->capacity)
        return true;
    size_t capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
    struct call **items = ringdb_memory_resize(memory, heap->items, capacity * sizeof *heap->items);
    if (items == NULL)
        return false;
    heap->items = items;
    heap->capacity = capacity;
    return true;
}

static void put(struct ringdb_due_heap *heap, size_t index, struct call *call)
{
    heap->items[index] = call;
    call->heap_index = index;
}

/* Move `call`, whose place would be `index`, to where it belongs. */
static void settle(struct ringdb_due_heap *heap, size_t index, struct call *call)
{
    while (index > 0 && heap->items[(index - 1) / 2]->due_us > call->due_us) {
        put(heap, index, heap->items[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->items[child + 1]->due_us < heap->items[child]->due_us)
            child++;
        if (heap->items[child]->due_us >= call->due_us)
            break;
        put(heap, index, heap->items[child]);
        index = child;
    }
    put(heap, index, call);
}

void ringdb_due_heap_add(struct ringdb_due_heap *heap, struct call *call)
{
    assert(heap->count < heap->capacity);
    size_t index = heap->count++;
    settle(heap, index, call);
}

void ringdb_due_heap_remove(struct ringdb_due_heap *heap, struct call *call)
{
    size_t index = call->heap_index;
    assert(index < heap->count && heap->items[index] == call);
    struct call *last = heap->items[--heap->count];
    if (last != call)
        settle(heap, index, last);
}

struct call *ringdb_due_heap_first(const struct ringdb_due_heap *heap)
{
    return heap->count == 0 ? NULL : heap->items[0];
}

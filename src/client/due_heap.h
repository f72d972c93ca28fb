/*
 * due_heap.h - which call is due next: a binary heap of calls that know their place in it.
 *
 * So a call that has its answer leaves at once, and the heap holds what is under way and no more.
 */
#ifndef CLIENT_DUE_HEAP_H
#define CLIENT_DUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "client/memory.h"

struct call; /* client/call.h */

/* All zero is the empty heap. */
struct ringdb_due_heap {
    struct call **items;
    size_t count, capacity;
};

void ringdb_due_heap_deinit(struct ringdb_due_heap *heap, const struct ringdb_memory *memory);
/* Make room for one more. False: no memory. */
MUST_USE bool ringdb_due_heap_reserve(struct ringdb_due_heap *heap,
                                      const struct ringdb_memory *memory);
/* By its due_us; there is room. O(log n), as the other two. */
void ringdb_due_heap_add(struct ringdb_due_heap *heap, struct call *call);
void ringdb_due_heap_remove(struct ringdb_due_heap *heap, struct call *call);
/* NULL when empty; the call stays. */
struct call *ringdb_due_heap_first(const struct ringdb_due_heap *heap);

#endif

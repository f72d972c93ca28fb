/*
 * deadline_heap.h - what is due next: a binary heap of times and ids.
 *
 * Entries are never removed early: whoever takes one checks whether its id is
 * still there and still due, so cancelling costs nothing. Equal times come out in
 * the order of their ids.
 */
#ifndef BASE_DEADLINE_HEAP_H
#define BASE_DEADLINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t when_us;
    uint64_t id;
};

/* All zero is the empty heap. */
struct deadline_heap {
    struct deadline *items;
    size_t count;
    size_t capacity;
};

void deadline_heap_deinit(struct deadline_heap *heap);
/* O(log n). UINT64_MAX means never and is not stored. */
void deadline_heap_add(struct deadline_heap *heap, uint64_t when_us, uint64_t id);
/* Take the earliest entry if it is due at `now_us`. */
bool deadline_heap_take(struct deadline_heap *heap, uint64_t now_us, uint64_t *id);
/* UINT64_MAX when empty. */
uint64_t deadline_heap_next_us(const struct deadline_heap *heap);

#endif

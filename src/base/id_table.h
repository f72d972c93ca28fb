/*
 * id_table.h - what stands under a number, for numbers that are given once.
 *
 * An array of slots, at most half of them taken; an id is looked for from its own slot on, until
 * one is free. What is removed draws those behind it nearer, so nothing marks where it was, and a
 * table that is emptied and filled all the time neither grows nor allocates.
 * Source: Knuth, "Sorting and Searching", 6.4, algorithms L and R.
 */
#ifndef BASE_ID_TABLE_H
#define BASE_ID_TABLE_H

#include <stdint.h>

struct id_slot {
    uint64_t id; /* 0: free */
    void *item;
};

/* All zero is empty. Items are borrowed. Release with id_table_deinit(). */
struct id_table {
    struct id_slot *slots;
    uint32_t count;
    uint32_t capacity; /* a power of two; 0 before the first item */
};

void id_table_deinit(struct id_table *table);
/* `id` is not 0, and not in the table; `item` is not NULL. */
void id_table_put(struct id_table *table, uint64_t id, void *item);
/* NULL: nothing stands under it. */
void *id_table_find(const struct id_table *table, uint64_t id);
/* It is in the table. */
void id_table_remove(struct id_table *table, uint64_t id);

#endif

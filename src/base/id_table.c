#include "base/id_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { CAPACITY_MIN = 16 };

void id_table_deinit(struct id_table *table)
{
    free(table->slots);
    *table = (struct id_table){0};
}

/* Numbers that count up are spread by a multiplication (Knuth, 6.4). */
static uint32_t home_of(const struct id_table *table, uint64_t id)
{
    return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (table->capacity - 1);
}

/* The slot of the id, or the free one where it would stand. */
static uint32_t place_of(const struct id_table *table, uint64_t id)
{
    uint32_t at = home_of(table, id);
    while (table->slots[at].id != 0 && table->slots[at].id != id)
        at = (at + 1) & (table->capacity - 1);
    return at;
}

static void grow(struct id_table *table)
{
    struct id_table larger = {.count = table->count,
                              .capacity =
                                  table->capacity == 0 ? CAPACITY_MIN : table->capacity * 2};
    larger.slots = memory_new(larger.capacity, sizeof *larger.slots);
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i].id != 0)
            larger.slots[place_of(&larger, table->slots[i].id)] = table->slots[i];
    free(table->slots);
    *table = larger;
}

void id_table_put(struct id_table *table, uint64_t id, void *item)
{
    assert(id != 0 && item != NULL);
    if (table->count >= table->capacity / 2)
        grow(table);
    struct id_slot *slot = &table->slots[place_of(table, id)];
    assert(slot->id == 0);
    *slot = (struct id_slot){.id = id, .item = item};
    table->count++;
}

void *id_table_find(const struct id_table *table, uint64_t id)
{
    if (table->count == 0 || id == 0)
        return NULL;
    return table->slots[place_of(table, id)].item; /* NULL in a free one */
}

void id_table_remove(struct id_table *table, uint64_t id)
{
    uint32_t mask = table->capacity - 1;
    assert(table->count > 0);
    uint32_t hole = place_of(table, id);
    assert(table->slots[hole].id == id);
    /* What was put further on because this slot was taken must still be found from its home. */
    for (uint32_t at = (hole + 1) & mask; table->slots[at].id != 0; at = (at + 1) & mask) {
        uint32_t from_home = (at - home_of(table, table->slots[at].id)) & mask;
        if (from_home < ((at - hole) & mask))
            continue; /* its home lies behind the hole */
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct id_slot){0};
    table->count--;
}

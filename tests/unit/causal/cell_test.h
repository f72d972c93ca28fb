/*
 * cell_test.h - cells for tests: siblings that are functional in their dot, and
 * cells with any context.
 */
#ifndef TESTS_CELL_TEST_H
#define TESTS_CELL_TEST_H

#include "causal_test.h"

#include "causal/cell.h"

static inline struct sibling string_of(struct dot dot, hybrid_time time, const char *text)
{
    return (struct sibling){
        .dot = dot, .time = time, .kind = SIBLING_STRING, .value = slice_text(text)};
}

static inline struct sibling tombstone_of(struct dot dot, hybrid_time time)
{
    return (struct sibling){.dot = dot, .time = time, .kind = SIBLING_TOMBSTONE};
}

/* Everything but the dot follows from the dot, as in a real history. */
static inline struct sibling sibling_of(struct dot dot)
{
    enum { SKETCH_BYTES = 20 };
    static const uint8_t sketches[3][SKETCH_BYTES] = {
        {'H', 'Y', 'L', 'L', 1, [15] = 0x80, [16] = 0x81, 0x7f, 0xfc, 0},
        {'H', 'Y', 'L', 'L', 1, [15] = 0x80, [16] = 0x00, 0x80, 0x7f, 0xfd},
        {'H', 'Y', 'L', 'L', 1, [15] = 0x80, [16] = 0x00, 0x00, 0x7f, 0xfd}};
    static const char *const texts[] = {"", "a", "value", "a longer value of some bytes"};
    struct random random = random_make(dot.actor.node * 1000 + dot.sequence);
    if (random_chance(&random, 1, 3))
        return tombstone_of(dot, 1 + random_below(&random, 6));
    if (random_chance(&random, 1, 4)) { /* two registers of 1, or one, or none; the rest zeros */
        struct sibling sketch = string_of(dot, 1 + random_below(&random, 6), "");
        sketch.value = slice_make(sketches[random_below(&random, 3)], SKETCH_BYTES);
        sketch.sketch = true;
        return sketch;
    }
    struct sibling sibling =
        string_of(dot, 1 + random_below(&random, 6), texts[random_below(&random, 4)]);
    sibling.expire_at_ms = random_chance(&random, 1, 3) ? random_u64(&random) : 0;
    return sibling;
}

/* Any cell that obeys the rules of cell.h, whether or not a history leads to it. */
static inline void random_cell(struct random *random, node_id actors, uint64_t sequences,
                               struct cell *cell)
{
    *cell = (struct cell){0};
    for (node_id node = 1; node <= actors; node++) {
        uint64_t covered = random_below(random, sequences + 1);
        if (covered == 0)
            continue;
        struct dot highest = dot_of(node, covered);
        version_vector_raise(&cell->context, &highest);
        for (uint64_t sequence = 1; sequence <= covered; sequence++) {
            struct sibling sibling = sibling_of(dot_of(node, sequence));
            if (random_chance(random, 1, 3))
                cell_insert(cell, &sibling);
        }
    }
}

static inline bool same_cell(const struct cell *a, const struct cell *b)
{
    if (!cell_same_version(a, b))
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct sibling *x = &a->siblings[i];
        const struct sibling *y = &b->siblings[i];
        if (x->time != y->time || x->kind != y->kind || x->sketch != y->sketch ||
            x->expire_at_ms != y->expire_at_ms || !slice_equal(x->value, y->value))
            return false;
    }
    return true;
}

#endif

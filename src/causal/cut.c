#include "causal/cut.h"

#include <assert.h>

#include "causal/counter.h"

bool cell_has_cut(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_CUT)
            return true;
    return false;
}

bool cut_is_sound(struct slice value)
{
    struct clock clock = {0};
    struct reader reader = reader_make(value);
    clock_decode(&reader, &clock);
    bool sound = reader_end(&reader) == STATUS_OK && clock.count > 0;
    clock_deinit(&clock);
    return sound && value.length <= CUT_BYTES_MAX;
}

void cell_join_cuts(const struct cell *cell, struct clock *clock)
{
    for (uint32_t i = 0; i < cell->count; i++) {
        struct clock cut = {0};
        if (cell->siblings[i].kind != SIBLING_CUT)
            continue;
        struct reader reader = reader_make(cell->siblings[i].value);
        clock_decode(&reader, &cut);
        assert(reader_end(&reader) == STATUS_OK); /* checked by the cell's decoder */
        clock_join(clock, &cut);
        clock_deinit(&cut);
    }
}

bool cut_has_all(const struct clock *cut, const struct cell *cell)
{
    return !cell_has_counter(cell) &&
           clock_covers_vector(cut, &cell->context); /* which covers the versions, C1 */
}

void cell_drop_cut(struct cell *cell, const struct clock *cut)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_COUNTER || !clock_has(cut, &cell->siblings[i].dot))
            cell->siblings[kept++] = cell->siblings[i];
    cell->count = kept;
}

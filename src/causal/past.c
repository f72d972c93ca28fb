#include "causal/past.h"

#include "causal/cut.h"
#include "causal/deadline.h"

void past_deinit(struct past *past)
{
    clock_deinit(&past->cut);
    *past = (struct past){0};
}

void past_join_floor(struct past *past, const struct cell *head, uint64_t now_ms)
{
    struct deadline deadline;
    cell_deadline(head, now_ms, &deadline);
    if (deadline.floor_ms > past->floor_ms)
        past->floor_ms = deadline.floor_ms;
}

void past_join(struct past *past, const struct cell *head, uint64_t now_ms)
{
    cell_join_cuts(head, &past->cut);
    past_join_floor(past, head, now_ms);
}

bool past_is_empty(const struct past *past)
{
    return past->cut.count == 0 && past->floor_ms == 0;
}

bool past_has_time(const struct past *past, hybrid_time time)
{
    return hybrid_time_ms(time) < past->floor_ms;
}

bool past_has(const struct past *past, const struct sibling *sibling)
{
    return past_has_time(past, sibling->time) ||
           (sibling->kind != SIBLING_COUNTER && clock_has(&past->cut, &sibling->dot));
}

bool past_has_all(const struct past *past, const struct cell *cell)
{
    bool before = cell->count > 0;
    for (uint32_t i = 0; i < cell->count && before; i++)
        before = past_has_time(past, cell->siblings[i].time);
    return before || cut_has_all(&past->cut, cell);
}

void cell_drop_past(struct cell *cell, const struct past *past)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        if (!past_has(past, &cell->siblings[i]))
            cell->siblings[kept++] = cell->siblings[i];
    cell->count = kept;
}

#include "causal/garbage.h"

#include <assert.h>

#include "causal/counter.h"
#include "causal/deadline.h"
#include "causal/expired.h"

/* ---- counting versions --------------------------------------------------------------------- */

static bool slot_is_reset(const struct counter_slot *slot)
{
    return slot->events == slot->reset_events;
}

static bool slots_equal(const struct counter_slot *a, const struct counter_slot *b)
{
    return dot_compare(&a->id, &b->id) == 0 && a->events == b->events &&
           a->reset_events == b->reset_events && a->up == b->up && a->down == b->down &&
           a->reset_up == b->reset_up && a->reset_down == b->reset_down;
}

static bool same_slots(const struct counter *a, const struct counter *b)
{
    uint32_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < a->slot_count && slot_is_reset(&a->slots[i]))
            i++;
        while (j < b->slot_count && slot_is_reset(&b->slots[j]))
            j++;
        if (i == a->slot_count || j == b->slot_count)
            return i == a->slot_count && j == b->slot_count;
        if (!slots_equal(&a->slots[i], &b->slots[j]))
            return false;
    }
}

static bool same_runs(const struct counter *a, const struct counter *b)
{
    uint32_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < a->run_count && a->runs[i].reset)
            i++;
        while (j < b->run_count && b->runs[j].reset)
            j++;
        if (i == a->run_count || j == b->run_count)
            return i == a->run_count && j == b->run_count;
        const struct counter_run *x = &a->runs[i], *y = &b->runs[j];
        if (!slice_equal(x->prefix, y->prefix) || x->first != y->first || x->last != y->last ||
            x->amount != y->amount)
            return false;
    }
}

static void join(struct counter *counter, const struct sibling *sibling)
{
    enum status status = counter_join(counter, sibling->value);
    assert(status == STATUS_OK); /* cell_decode() has looked */
}

static bool is_reset(const struct sibling *sibling)
{
    struct counter counter = {0};
    join(&counter, sibling);
    bool reset = !counter_is_active(&counter);
    counter_deinit(&counter);
    return reset;
}

static bool same_folded(const struct counter *a, const struct counter *b)
{
    return a->folded.events == b->folded.events && a->folded.up == b->folded.up &&
           a->folded.down == b->folded.down;
}

/* Whether the cell counts the same without that version. */
static bool counts_without(const struct cell *cell, const struct sibling *sibling)
{
    struct counter with = {0}, without = {0};
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *other = &cell->siblings[i];
        if (other->kind != SIBLING_COUNTER)
            continue;
        join(&with, other);
        if (dot_compare(&other->dot, &sibling->dot) != 0)
            join(&without, other);
    }
    bool same =
        same_slots(&with, &without) && same_runs(&with, &without) && same_folded(&with, &without);
    counter_deinit(&with);
    counter_deinit(&without);
    return same;
}

/*
 * One after the other: of two resets of the same slot the second may be needed when the first
 * has gone. What was needed before stays needed.
 */
static void drop_resets(struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count;) {
        const struct sibling *sibling = &cell->siblings[i];
        if (sibling->kind != SIBLING_COUNTER || !is_reset(sibling) ||
            !counts_without(cell, sibling)) {
            i++;
            continue;
        }
        struct cell rest = {0};
        for (uint32_t j = 0; j < cell->count; j++)
            if (j != i)
                cell_insert(&rest, &cell->siblings[j]);
        cell_deinit(cell);
        *cell = rest;
    }
}

/* ---- cells --------------------------------------------------------------------------------- */

/* Nearly all cells: one string or a few of them. */
static bool is_strings(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind != SIBLING_STRING)
            return false;
    return cell->count > 0;
}

static bool stays(const struct cell *cell, bool live, uint64_t expired_at_ms,
                  const struct sibling *sibling)
{
    switch ((enum sibling_kind)sibling->kind) {
    case SIBLING_DEADLINE:
        return !deadline_is_garbage(cell, sibling);
    case SIBLING_TOMBSTONE:
    case SIBLING_CUT:
        return false;
    default:
        return live && !sibling_counts_no_more(sibling, expired_at_ms);
    }
}

void cell_without_garbage(const struct cell *cell, struct cell *out)
{
    *out = (struct cell){0};
    bool live = cell_is_live(cell);
    uint64_t expired_at_ms = cell_expired_at_ms(cell, 0); /* of what is its own tombstone */
    for (uint32_t i = 0; i < cell->count; i++)
        if (stays(cell, live, expired_at_ms, &cell->siblings[i]))
            cell_insert(out, &cell->siblings[i]);
    drop_resets(out);
}

bool cell_has_garbage(const struct cell *cell)
{
    struct cell rest;
    if (is_strings(cell))
        return false;
    cell_without_garbage(cell, &rest);
    bool has = rest.count < cell->count || (rest.count == 0 && cell->context.count > 0);
    cell_deinit(&rest);
    return has;
}

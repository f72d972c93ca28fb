/*
 * cell.c - the one merge, and what is asked of a cell.
 *
 * The merge walks both sorted sibling lists once. A cell has one sibling nearly
 * always, so the usual merge costs a few compares, and no allocation in a room of the caller.
 *
 * A copy that was sent without values ends up beside a full copy of the same
 * dot; a value is functional in its dot, so the longer of the two is the value. A value
 * that expired everywhere and the tombstone that it became share a dot: the tombstone stays.
 *
 * Last-writer-wins is associative because a dropped sibling stays covered by the
 * context and because the time of a write is above every time its context covers
 * (hybrid_clock_next): so what supersedes the winner would win itself.
 */
#include "causal/cell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LINEAR_MAX = 8 };

void cell_deinit(struct cell *cell)
{
    version_vector_deinit(&cell->context);
    if (!cell->lent)
        free(cell->siblings);
    *cell = (struct cell){0};
}

void cell_copy(const struct cell *from, struct cell *to)
{
    *to = (struct cell){0};
    version_vector_copy(&from->context, &to->context);
    if (from->count == 0)
        return;
    to->siblings = memory_new(from->count, sizeof *to->siblings);
    to->capacity = from->count;
    memcpy(to->siblings, from->siblings, from->count * sizeof *from->siblings);
    to->count = from->count;
}

/* The first sibling whose dot is not below `dot`; count when there is none. */
static uint32_t lower_bound(const struct cell *cell, const struct dot *dot)
{
    uint32_t low = 0;
    uint32_t high = cell->count;
    while (high - low > LINEAR_MAX) {
        uint32_t middle = low + (high - low) / 2;
        if (dot_compare(&cell->siblings[middle].dot, dot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < high && dot_compare(&cell->siblings[low].dot, dot) < 0)
        low++;
    return low;
}

const struct sibling *cell_find(const struct cell *cell, const struct dot *dot)
{
    uint32_t index = lower_bound(cell, dot);
    if (index == cell->count || dot_compare(&cell->siblings[index].dot, dot) != 0)
        return NULL;
    return &cell->siblings[index];
}

void cell_reserve(struct cell *cell, uint32_t capacity)
{
    if (capacity <= cell->capacity)
        return;
    struct sibling *old = cell->lent ? NULL : cell->siblings;
    struct sibling *grown = memory_resize(old, capacity, sizeof *grown);
    if (cell->lent && cell->count > 0)
        memcpy(grown, cell->siblings, cell->count * sizeof *grown);
    cell->siblings = grown;
    cell->capacity = capacity;
    cell->lent = false;
}

void cell_insert(struct cell *cell, const struct sibling *sibling)
{
    assert(sibling->kind < SIBLING_KIND_COUNT);
    assert(sibling->kind != SIBLING_TOMBSTONE || sibling->value.length == 0);
    assert(sibling->kind != SIBLING_COUNTER || sibling->expire_at_ms == 0);
    uint32_t index = lower_bound(cell, &sibling->dot);
    if (index < cell->count && dot_compare(&cell->siblings[index].dot, &sibling->dot) == 0)
        return;
    struct sibling inserted = *sibling; /* it may stand in the array that moves */
    if (cell->count == cell->capacity)
        cell_reserve(cell, cell->capacity < 2 ? 2 : cell->capacity * 2);
    memmove(&cell->siblings[index + 1], &cell->siblings[index],
            (cell->count - index) * sizeof *cell->siblings);
    cell->siblings[index] = inserted;
    cell->count++;
    version_vector_raise(&cell->context, &inserted.dot);
}

static void append_unless_covered(const struct sibling *sibling, const struct cell *other,
                                  struct cell *out)
{
    if (!version_vector_covers(&other->context, &sibling->dot))
        out->siblings[out->count++] = *sibling;
}

/* Values are functional in the dot, but one that has expired may be its own tombstone. */
static const struct sibling *fuller(const struct sibling *a, const struct sibling *b)
{
    if (a->kind != b->kind)
        return a->kind == SIBLING_TOMBSTONE ? a : b;
    return a->omitted_bytes == 0 ? a : b;
}

static void merge_siblings(const struct cell *a, const struct cell *b, struct cell *out)
{
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < a->count || j < b->count) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : dot_compare(&a->siblings[i].dot, &b->siblings[j].dot);
        if (order < 0) {
            append_unless_covered(&a->siblings[i++], b, out);
        } else if (order > 0) {
            append_unless_covered(&b->siblings[j++], a, out);
        } else {
            out->siblings[out->count++] = *fuller(&a->siblings[i], &b->siblings[j]);
            i++;
            j++;
        }
    }
}

/* Of the strings and tombstones leave the winner alone; how many values went. */
static uint32_t keep_winner(struct cell *cell)
{
    const struct sibling *winner = NULL;
    uint32_t values = 0, kept = 0;
    if (cell->count < 2)
        return 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        if (!sibling_is_beside(sibling->kind) && (winner == NULL || sibling->time >= winner->time))
            winner = sibling;
        values += sibling->kind == SIBLING_STRING;
    }
    if (winner != NULL)
        values -= winner->kind == SIBLING_STRING;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        if (sibling_is_beside(sibling->kind) || sibling == winner)
            cell->siblings[kept++] = *sibling;
        if (sibling == winner)
            winner = NULL; /* it may have moved */
    }
    cell->count = kept;
    return values;
}

uint32_t cell_merge(const struct cell *a, const struct cell *b, enum merge_policy policy,
                    struct cell *out)
{
    *out = (struct cell){0};
    return cell_merge_on(a, b, policy, out);
}

uint32_t cell_merge_on(const struct cell *a, const struct cell *b, enum merge_policy policy,
                       struct cell *out)
{
    assert(out != a && out != b);
    assert(out->count == 0 && out->context.count == 0);
    /* Room for both at once: the joins then allocate nothing. */
    version_vector_reserve(&out->context, a->context.count + b->context.count);
    version_vector_join(&out->context, &a->context);
    version_vector_join(&out->context, &b->context);
    cell_reserve(out, a->count + b->count);
    merge_siblings(a, b, out);
    return policy == MERGE_LWW ? keep_winner(out) : 0;
}

bool cell_overwrites(const struct cell *incoming, const struct cell *local)
{
    /* What stands in `local` is covered then; and what `local` covers would be dropped. */
    return incoming->count == 1 && version_vector_descends(&incoming->context, &local->context) &&
           !version_vector_covers(&local->context, &incoming->siblings[0].dot);
}

void cell_filter_seen(struct cell *incoming, const struct clock *seen, const struct cell *local)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < incoming->count; i++) {
        const struct dot *dot = &incoming->siblings[i].dot;
        bool live = local != NULL && cell_find(local, dot) != NULL;
        if (live || !clock_has(seen, dot))
            incoming->siblings[kept++] = incoming->siblings[i];
    }
    incoming->count = kept;
}

void cell_drop_observed(struct cell *cell, const struct version_vector *observed)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        if (!version_vector_covers(observed, &cell->siblings[i].dot))
            cell->siblings[kept++] = cell->siblings[i];
    cell->count = kept;
}

const struct sibling *cell_winner(const struct cell *cell)
{
    const struct sibling *winner = NULL;
    /* Siblings ascend by dot, so at equal times the later one has the higher dot. */
    for (uint32_t i = 0; i < cell->count; i++)
        if (winner == NULL || cell->siblings[i].time >= winner->time)
            winner = &cell->siblings[i];
    return winner;
}

bool sibling_is_visible(const struct sibling *sibling, uint64_t now_ms)
{
    return sibling->kind == SIBLING_STRING &&
           (sibling->expire_at_ms == 0 || sibling->expire_at_ms > now_ms);
}

const struct sibling *cell_visible(const struct cell *cell, uint64_t now_ms)
{
    const struct sibling *newest = NULL;
    /* A value that is concurrent with a delete or with one that has expired outlives it. */
    for (uint32_t i = 0; i < cell->count; i++)
        if (sibling_is_visible(&cell->siblings[i], now_ms) &&
            (newest == NULL || cell->siblings[i].time >= newest->time))
            newest = &cell->siblings[i];
    return newest;
}

bool cell_fits(const struct cell *cell)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        bytes += cell->siblings[i].value.length;
    return cell->count <= CELL_SIBLINGS_MAX && cell->context.count <= VERSION_VECTOR_ENTRIES_MAX &&
           (cell->count < 2 || bytes <= CELL_VALUES_BYTES_MAX);
}

bool cell_has_requests(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].request.length > 0)
            return true;
    return false;
}

bool cell_omits_values(const struct cell *cell)
{
    return cell_omitted_bytes(cell) > 0;
}

uint64_t cell_omitted_bytes(const struct cell *cell)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        bytes += cell->siblings[i].omitted_bytes;
    return bytes;
}

bool cell_same_version(const struct cell *a, const struct cell *b)
{
    if (a->count != b->count || !version_vector_equal(&a->context, &b->context))
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (dot_compare(&a->siblings[i].dot, &b->siblings[i].dot) != 0)
            return false;
    return true;
}

hybrid_time cell_time_max(const struct cell *cell)
{
    const struct sibling *winner = cell_winner(cell);
    return winner == NULL ? 0 : winner->time;
}

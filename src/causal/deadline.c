#include "causal/deadline.h"

#include <assert.h>

enum { VALUE_BYTES = 17 };

struct parts {
    uint64_t floor_ms;
    hybrid_time since;
    bool swept;
};

static bool decode(struct slice value, struct parts *out)
{
    struct reader reader = reader_make(value);
    out->floor_ms = reader_u64(&reader);
    out->since = reader_u64(&reader);
    uint8_t swept = reader_u8(&reader);
    out->swept = swept == 1;
    return reader_end(&reader) == STATUS_OK && swept <= 1;
}

/* Of a version that the cell's decoder has looked at. */
static struct parts parts_of(const struct sibling *sibling)
{
    struct parts parts;
    bool sound = decode(sibling->value, &parts);
    assert(sound);
    return parts;
}

bool deadline_is_sound(const struct sibling *sibling)
{
    struct parts parts;
    return sibling->value.length == VALUE_BYTES && decode(sibling->value, &parts) &&
           parts.since != 0 && parts.since <= sibling->time && (!parts.swept || parts.floor_ms > 0);
}

bool cell_has_deadline(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_DEADLINE)
            return true;
    return false;
}

/* Siblings ascend by dot, so of two that count since one time the higher dot wins. */
static const struct sibling *winner_of(const struct cell *cell)
{
    const struct sibling *winner = NULL;
    hybrid_time since = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        if (sibling->kind != SIBLING_DEADLINE || parts_of(sibling).since < since)
            continue;
        winner = sibling;
        since = parts_of(sibling).since;
    }
    return winner;
}

void cell_deadline(const struct cell *cell, uint64_t now_ms, struct deadline *out)
{
    const struct sibling *winner = winner_of(cell);
    uint64_t swept_ms = 0;
    *out = (struct deadline){0};
    if (winner == NULL)
        return;
    for (uint32_t i = 0; i < cell->count; i++) {
        if (cell->siblings[i].kind != SIBLING_DEADLINE)
            continue;
        struct parts parts = parts_of(&cell->siblings[i]);
        if (parts.floor_ms > out->floor_ms)
            out->floor_ms = parts.floor_ms;
        if (parts.swept && parts.floor_ms > swept_ms)
            swept_ms = parts.floor_ms;
    }
    out->since = parts_of(winner).since;
    out->expire_at_ms = winner->expire_at_ms;
    if (out->expire_at_ms != 0 && out->expire_at_ms <= now_ms) {
        if (out->expire_at_ms > out->floor_ms)
            out->floor_ms = out->expire_at_ms;
        out->expire_at_ms = 0;
    }
    out->swept = out->floor_ms > 0 && swept_ms == out->floor_ms;
}

void deadline_encode(const struct deadline *deadline, struct buffer *value)
{
    buffer_put_u64(value, deadline->floor_ms);
    buffer_put_u64(value, deadline->since);
    buffer_put_u8(value, deadline->swept);
}

static bool is_done(const struct sibling *sibling)
{
    struct parts parts = parts_of(sibling);
    return parts.floor_ms == 0 || parts.swept;
}

/* The winner hides the ends of the others, so it goes last or with all of them. */
bool deadline_is_garbage(const struct cell *cell, const struct sibling *sibling)
{
    if (!is_done(sibling))
        return false;
    if (sibling != winner_of(cell))
        return true;
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_DEADLINE && !is_done(&cell->siblings[i]))
            return false;
    return sibling->expire_at_ms == 0;
}

bool deadline_wants_sweep(const struct cell *cell, uint64_t safe_ms)
{
    struct deadline deadline;
    if (safe_ms == 0)
        return false;
    cell_deadline(cell, safe_ms - 1, &deadline);
    /* Two may have said so of one deadline, the one before and the other after its end. */
    bool said = deadline.swept && winner_of(cell)->expire_at_ms == deadline.expire_at_ms;
    return deadline.floor_ms != 0 && deadline.floor_ms < safe_ms && !said;
}

uint64_t deadline_next_ms(const struct sibling *sibling, uint64_t after_ms)
{
    uint64_t end_ms = sibling->expire_at_ms, floor_ms = parts_of(sibling).floor_ms;
    if (end_ms <= after_ms)
        end_ms = 0;
    if (is_done(sibling) || floor_ms <= after_ms)
        floor_ms = 0;
    return end_ms == 0 ? floor_ms : floor_ms == 0 || end_ms < floor_ms ? end_ms : floor_ms;
}

#include "causal/expired.h"

#include "causal/counter.h"
#include "causal/deadline.h"

bool sibling_is_expired(const struct sibling *sibling, uint64_t now_ms)
{
    return sibling->kind == SIBLING_STRING && !sibling_is_visible(sibling, now_ms);
}

uint64_t cell_expired_at_ms(const struct cell *cell, uint64_t now_ms)
{
    uint64_t latest = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        if (sibling_is_visible(sibling, now_ms))
            return 0;
        if (!sibling_is_beside(sibling->kind) && sibling->expire_at_ms > latest)
            latest = sibling->expire_at_ms;
    }
    return latest;
}

bool sibling_counts_no_more(const struct sibling *sibling, uint64_t expired_at_ms)
{
    return sibling->kind == SIBLING_COUNTER && hybrid_time_ms(sibling->time) < expired_at_ms;
}

bool cell_expire(const struct cell *cell, uint64_t now_ms, struct cell *out)
{
    uint64_t expired_at_ms = cell_expired_at_ms(cell, now_ms);
    bool changes = false;
    *out = (struct cell){0};
    for (uint32_t i = 0; i < cell->count && !changes; i++)
        changes = sibling_is_expired(&cell->siblings[i], now_ms) ||
                  sibling_counts_no_more(&cell->siblings[i], expired_at_ms);
    if (!changes)
        return false;
    version_vector_copy(&cell->context, &out->context);
    for (uint32_t i = 0; i < cell->count; i++) {
        struct sibling sibling = cell->siblings[i];
        if (sibling_counts_no_more(&sibling, expired_at_ms))
            continue;
        if (sibling_is_expired(&sibling, now_ms)) {
            sibling.kind = SIBLING_TOMBSTONE;
            sibling.sketch = false;
            sibling.value = slice_make(NULL, 0);
            sibling.omitted_bytes = 0;
        }
        cell_insert(out, &sibling);
    }
    return true;
}

uint64_t cell_next_expiry_ms(const struct cell *cell, uint64_t after_ms)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        uint64_t at_ms = sibling->kind == SIBLING_STRING     ? sibling->expire_at_ms
                         : sibling->kind == SIBLING_DEADLINE ? deadline_next_ms(sibling, after_ms)
                                                             : 0;
        if (at_ms > after_ms && (next == 0 || at_ms < next))
            next = at_ms;
    }
    return next;
}

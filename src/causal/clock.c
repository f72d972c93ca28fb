/*
 * clock.c - for each actor a base and disjoint ranges above it, all sorted.
 *
 * Seen from outside an entry is a list of *spans*: [1, base] when the base is not
 * 0, then the ranges. Set operations run over spans and append their result in
 * ascending order; append_span() alone decides what becomes base, what extends
 * the last range and what is a new one, so the result is canonical by construction.
 * Touching is tested as `first - 1 <= end`: `end + 1` would overflow for the
 * highest sequence, which a peer's bytes may hold.
 *
 * Encoding: varint count, then for each entry actor, varint base, varint number
 * of ranges, and for each range two varints: how far its first lies above the
 * lowest that would not touch what is before it, and last - first.
 */
#include "causal/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { LINEAR_MAX = 8, ENTRY_BYTES_MIN = 7, RANGE_BYTES_MIN = 2 };

/* ---- entries ---- */

void clock_deinit(struct clock *clock)
{
    for (uint32_t i = 0; i < clock->count; i++)
        if (!clock->entries[i].lent)
            free(clock->entries[i].ranges);
    if (!clock->lent)
        free(clock->entries);
    *clock = (struct clock){0};
}

/* An array that grows, and moves out of a room. */
static void *grow(void *old, bool lent, uint32_t count, uint32_t capacity, size_t size)
{
    void *grown = memory_resize(lent ? NULL : old, capacity, size);
    if (lent && count > 0)
        memcpy(grown, old, count * size);
    return grown;
}

static void reserve_entries(struct clock *clock, uint32_t capacity)
{
    if (capacity <= clock->capacity)
        return;
    clock->entries =
        grow(clock->entries, clock->lent, clock->count, capacity, sizeof *clock->entries);
    clock->capacity = capacity;
    clock->lent = false;
}

static void reserve_ranges(struct clock_entry *entry, uint32_t capacity)
{
    if (capacity <= entry->range_capacity)
        return;
    entry->ranges =
        grow(entry->ranges, entry->lent, entry->range_count, capacity, sizeof *entry->ranges);
    entry->range_capacity = capacity;
    entry->lent = false;
}

static void copy_entry(const struct clock_entry *from, struct clock_entry *to)
{
    *to = (struct clock_entry){.actor = from->actor, .base = from->base};
    if (from->range_count == 0)
        return;
    reserve_ranges(to, from->range_count);
    memcpy(to->ranges, from->ranges, from->range_count * sizeof *from->ranges);
    to->range_count = from->range_count;
}

void clock_copy(const struct clock *from, struct clock *to)
{
    *to = (struct clock){0};
    if (from->count == 0)
        return;
    reserve_entries(to, from->count);
    for (uint32_t i = 0; i < from->count; i++)
        copy_entry(&from->entries[i], &to->entries[i]);
    to->count = from->count;
}

/* The first entry whose actor is not below `actor`; count when there is none. */
static uint32_t lower_bound(const struct clock *clock, const struct actor *actor)
{
    uint32_t low = 0;
    uint32_t high = clock->count;
    while (high - low > LINEAR_MAX) {
        uint32_t middle = low + (high - low) / 2;
        if (actor_compare(&clock->entries[middle].actor, actor) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < high && actor_compare(&clock->entries[low].actor, actor) < 0)
        low++;
    return low;
}

static const struct clock_entry *find_entry(const struct clock *clock, const struct actor *actor)
{
    for (uint32_t i = 0; i < clock->count && i < LINEAR_MAX; i++)
        if (actor_equal(&clock->entries[i].actor, actor))
            return &clock->entries[i];
    if (clock->count <= LINEAR_MAX)
        return NULL;
    uint32_t index = lower_bound(clock, actor);
    if (index == clock->count || actor_compare(&clock->entries[index].actor, actor) != 0)
        return NULL;
    return &clock->entries[index];
}

static struct clock_entry *find_or_insert_entry(struct clock *clock, const struct actor *actor)
{
    const struct clock_entry *found = find_entry(clock, actor);
    if (found != NULL)
        return &clock->entries[found - clock->entries];
    uint32_t index = lower_bound(clock, actor);
    if (clock->count == clock->capacity)
        reserve_entries(clock, clock->capacity < 4 ? 4 : clock->capacity * 2);
    memmove(&clock->entries[index + 1], &clock->entries[index],
            (clock->count - index) * sizeof *clock->entries);
    clock->count++;
    clock->entries[index] = (struct clock_entry){.actor = *actor};
    if (clock->spare != NULL) {
        clock->entries[index].ranges = clock->spare;
        clock->entries[index].range_capacity = 1;
        clock->entries[index].lent = true;
        clock->spare = NULL;
    }
    return &clock->entries[index];
}

/* ---- spans ---- */

static uint32_t span_count(const struct clock_entry *entry)
{
    return (entry->base > 0) + entry->range_count;
}

static struct clock_range span_at(const struct clock_entry *entry, uint32_t index)
{
    if (entry->base > 0) {
        if (index == 0)
            return (struct clock_range){.first = 1, .last = entry->base};
        index--;
    }
    return entry->ranges[index];
}

/* Append a span whose first is above or equal to the first of every span before. */
static void append_span(struct clock_entry *entry, struct clock_range span)
{
    uint64_t *end =
        entry->range_count > 0 ? &entry->ranges[entry->range_count - 1].last : &entry->base;
    if (span.first - 1 <= *end) {
        if (*end < span.last)
            *end = span.last;
        return;
    }
    if (entry->range_count == entry->range_capacity)
        reserve_ranges(entry, entry->range_capacity < 2 ? 2 : entry->range_capacity * 2);
    entry->ranges[entry->range_count++] = span;
}

/* The first range whose last is not below `sequence`; range_count when there is none. */
static uint32_t range_lower_bound(const struct clock_entry *entry, uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = entry->range_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entry->ranges[middle].last < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool entry_has_span(const struct clock_entry *entry, struct clock_range span)
{
    if (span.last <= entry->base)
        return true;
    uint32_t index = range_lower_bound(entry, span.first);
    return index < entry->range_count && entry->ranges[index].first <= span.first &&
           span.last <= entry->ranges[index].last;
}

static bool entry_descends(const struct clock_entry *a, const struct clock_entry *b)
{
    for (uint32_t i = 0; i < span_count(b); i++)
        if (!entry_has_span(a, span_at(b, i)))
            return false;
    return true;
}

static void remove_ranges(struct clock_entry *entry, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    memmove(&entry->ranges[from], &entry->ranges[to],
            (entry->range_count - to) * sizeof *entry->ranges);
    entry->range_count -= to - from;
}

static void add_to_base(struct clock_entry *entry, uint64_t last)
{
    uint32_t reached = 0;
    if (entry->base < last)
        entry->base = last;
    for (; reached < entry->range_count && entry->ranges[reached].first - 1 <= entry->base;
         reached++)
        if (entry->base < entry->ranges[reached].last)
            entry->base = entry->ranges[reached].last;
    remove_ranges(entry, 0, reached);
}

static void add_span(struct clock_entry *entry, struct clock_range span)
{
    if (span.first - 1 <= entry->base) {
        add_to_base(entry, span.last);
        return;
    }
    uint32_t from = range_lower_bound(entry, span.first - 1); /* may end just before the span */
    uint32_t to = from;
    for (; to < entry->range_count && entry->ranges[to].first - 1 <= span.last; to++) {
        if (span.first > entry->ranges[to].first)
            span.first = entry->ranges[to].first;
        if (span.last < entry->ranges[to].last)
            span.last = entry->ranges[to].last;
    }
    if (from < to) {
        entry->ranges[from] = span;
        remove_ranges(entry, from + 1, to);
        return;
    }
    if (entry->range_count == entry->range_capacity)
        reserve_ranges(entry, entry->range_capacity < 2 ? 2 : entry->range_capacity * 2);
    memmove(&entry->ranges[from + 1], &entry->ranges[from],
            (entry->range_count - from) * sizeof *entry->ranges);
    entry->ranges[from] = span;
    entry->range_count++;
}

static void join_entry(struct clock_entry *into, const struct clock_entry *from)
{
    if (entry_descends(into, from))
        return;
    if (span_count(from) == 1) { /* as a new event is */
        add_span(into, span_at(from, 0));
        return;
    }
    struct clock_entry joined = {.actor = into->actor};
    reserve_ranges(&joined, into->range_count + from->range_count);
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < span_count(into) || j < span_count(from)) {
        if (j == span_count(from) ||
            (i < span_count(into) && span_at(into, i).first <= span_at(from, j).first))
            append_span(&joined, span_at(into, i++));
        else
            append_span(&joined, span_at(from, j++));
    }
    if (!into->lent)
        free(into->ranges);
    *into = joined;
}

/* Append to `out` what of `span` lies outside the spans of `lack`. */
static void subtract_spans(struct clock_range span, const struct clock_entry *lack,
                           struct clock_entry *out)
{
    if (span.first <= lack->base) {
        if (span.last <= lack->base)
            return;
        span.first = lack->base + 1;
    }
    for (uint32_t i = range_lower_bound(lack, span.first); i < lack->range_count; i++) {
        const struct clock_range *hole = &lack->ranges[i];
        if (hole->first > span.last)
            break;
        if (hole->first > span.first)
            append_span(out, (struct clock_range){.first = span.first, .last = hole->first - 1});
        if (hole->last >= span.last)
            return;
        span.first = hole->last + 1;
    }
    append_span(out, span);
}

/* ---- the clock ---- */

bool clock_has(const struct clock *clock, const struct dot *dot)
{
    assert(dot->sequence > 0);
    const struct clock_entry *entry = find_entry(clock, &dot->actor);
    return entry != NULL && entry_has_span(entry, (struct clock_range){.first = dot->sequence,
                                                                       .last = dot->sequence});
}

bool clock_add(struct clock *clock, const struct dot *dot)
{
    assert(dot->sequence > 0);
    struct clock_range span = {.first = dot->sequence, .last = dot->sequence};
    struct clock_entry *entry = find_or_insert_entry(clock, &dot->actor);
    if (entry_has_span(entry, span))
        return false;
    add_span(entry, span);
    return true;
}

void clock_add_range(struct clock *clock, const struct actor *actor, struct clock_range range)
{
    assert(range.first > 0);
    assert(range.first <= range.last);
    struct clock_entry *entry = find_or_insert_entry(clock, actor);
    if (!entry_has_span(entry, range))
        add_span(entry, range);
}

uint64_t clock_highest(const struct clock *clock, const struct actor *actor)
{
    const struct clock_entry *entry = find_entry(clock, actor);
    if (entry == NULL)
        return 0;
    return entry->range_count > 0 ? entry->ranges[entry->range_count - 1].last : entry->base;
}

bool clock_covers_vector(const struct clock *clock, const struct version_vector *vector)
{
    for (uint32_t i = 0, j = 0; j < vector->count; j++) {
        const struct dot *dot = &vector->entries[j];
        while (i < clock->count && actor_compare(&clock->entries[i].actor, &dot->actor) < 0)
            i++;
        if (i == clock->count || actor_compare(&clock->entries[i].actor, &dot->actor) != 0 ||
            clock->entries[i].base < dot->sequence)
            return false;
    }
    return true;
}

bool clock_descends(const struct clock *a, const struct clock *b)
{
    for (uint32_t i = 0, j = 0; j < b->count; j++) {
        while (i < a->count && actor_compare(&a->entries[i].actor, &b->entries[j].actor) < 0)
            i++;
        if (i == a->count || actor_compare(&a->entries[i].actor, &b->entries[j].actor) != 0 ||
            !entry_descends(&a->entries[i], &b->entries[j]))
            return false;
    }
    return true;
}

static bool entry_equal(const struct clock_entry *a, const struct clock_entry *b)
{
    if (actor_compare(&a->actor, &b->actor) != 0 || a->base != b->base ||
        a->range_count != b->range_count)
        return false;
    for (uint32_t i = 0; i < a->range_count; i++)
        if (a->ranges[i].first != b->ranges[i].first || a->ranges[i].last != b->ranges[i].last)
            return false;
    return true;
}

bool clock_equal(const struct clock *a, const struct clock *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!entry_equal(&a->entries[i], &b->entries[i]))
            return false;
    return true;
}

/* How many actors of `from` are not in `into`. */
static uint32_t count_missing(const struct clock *into, const struct clock *from)
{
    uint32_t missing = 0;
    for (uint32_t i = 0, j = 0; j < from->count; j++) {
        const struct actor *actor = &from->entries[j].actor;
        while (i < into->count && actor_compare(&into->entries[i].actor, actor) < 0)
            i++;
        missing += i == into->count || actor_compare(&into->entries[i].actor, actor) != 0;
    }
    return missing;
}

/* As version_vector_join(): from the back, so that entries move once and in place. */
void clock_join(struct clock *into, const struct clock *from)
{
    if (from->count == 1) { /* as of one event */
        join_entry(find_or_insert_entry(into, &from->entries[0].actor), &from->entries[0]);
        return;
    }
    uint32_t missing = count_missing(into, from);
    uint32_t i = into->count;
    uint32_t j = from->count;
    uint32_t write = into->count + missing;
    reserve_entries(into, write);
    into->count = write;
    while (j > 0) {
        const struct clock_entry *entry = &from->entries[j - 1];
        int order = i == 0 ? -1 : actor_compare(&into->entries[i - 1].actor, &entry->actor);
        if (order < 0) {
            copy_entry(entry, &into->entries[--write]);
            j--;
            continue;
        }
        if (order == 0) {
            join_entry(&into->entries[i - 1], entry);
            j--;
        }
        into->entries[--write] = into->entries[--i];
    }
    assert(write == i); /* what is left of `into` already stands in its place */
}

void clock_difference(const struct clock *have, const struct clock *lack, struct clock *out)
{
    *out = (struct clock){0};
    for (uint32_t i = 0, j = 0; i < have->count; i++) {
        const struct clock_entry *entry = &have->entries[i];
        while (j < lack->count && actor_compare(&lack->entries[j].actor, &entry->actor) < 0)
            j++;
        struct clock_entry none = {.actor = entry->actor};
        const struct clock_entry *other = &none;
        if (j < lack->count && actor_compare(&lack->entries[j].actor, &entry->actor) == 0)
            other = &lack->entries[j];
        struct clock_entry rest = {.actor = entry->actor};
        for (uint32_t k = 0; k < span_count(entry); k++)
            subtract_spans(span_at(entry, k), other, &rest);
        if (span_count(&rest) == 0)
            continue;
        reserve_entries(out, have->count);
        out->entries[out->count++] = rest;
    }
}

uint64_t clock_dot_count(const struct clock *clock)
{
    uint64_t dots = 0;
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct clock_entry *entry = &clock->entries[i];
        dots += entry->base;
        for (uint32_t k = 0; k < entry->range_count; k++)
            dots += entry->ranges[k].last - entry->ranges[k].first + 1;
    }
    return dots;
}

/* ---- bytes ---- */

void clock_encode(const struct clock *clock, struct buffer *out)
{
    buffer_put_varint(out, clock->count);
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct clock_entry *entry = &clock->entries[i];
        assert(i == 0 || actor_compare(&entry[-1].actor, &entry->actor) < 0);
        assert(span_count(entry) > 0);
        actor_encode(&entry->actor, out);
        buffer_put_varint(out, entry->base);
        buffer_put_varint(out, entry->range_count);
        uint64_t end = entry->base;
        for (uint32_t k = 0; k < entry->range_count; k++) {
            const struct clock_range *range = &entry->ranges[k];
            assert(range->first <= range->last && range->first > end && range->first - end >= 2);
            buffer_put_varint(out, range->first - end - 2);
            buffer_put_varint(out, range->last - range->first);
            end = range->last;
        }
    }
}

uint64_t clock_hash(const struct clock *clock)
{
    struct buffer bytes = {0};
    clock_encode(clock, &bytes); /* canonical: equal clocks, equal bytes */
    uint64_t hash = hash64(buffer_slice(&bytes), 0);
    buffer_deinit(&bytes);
    return hash;
}

static void decode_range(struct reader *reader, struct clock_entry *entry, uint64_t *end)
{
    uint64_t gap = reader_varint(reader);
    uint64_t length = reader_varint(reader);
    if (*end >= UINT64_MAX - 1 || gap > UINT64_MAX - 2 - *end ||
        length > UINT64_MAX - (*end + 2 + gap)) {
        reader->failed = true;
        return;
    }
    struct clock_range range = {.first = *end + 2 + gap, .last = *end + 2 + gap + length};
    entry->ranges[entry->range_count++] = range;
    *end = range.last;
}

static void decode_entry(struct reader *reader, struct clock_entry *entry)
{
    *entry = (struct clock_entry){0};
    actor_decode(reader, &entry->actor);
    entry->base = reader_varint(reader);
    uint64_t ranges = reader_varint_max(reader, UINT32_MAX);
    if (ranges > reader_left(reader) / RANGE_BYTES_MIN || (entry->base == 0 && ranges == 0))
        reader->failed = true;
    if (reader->failed || ranges == 0)
        return;
    reserve_ranges(entry, (uint32_t)ranges);
    uint64_t end = entry->base;
    while (entry->range_count < ranges && !reader->failed)
        decode_range(reader, entry, &end);
}

void clock_decode(struct reader *reader, struct clock *out)
{
    *out = (struct clock){0};
    uint64_t count = reader_varint_max(reader, UINT32_MAX);
    if (count > reader_left(reader) / ENTRY_BYTES_MIN)
        reader->failed = true;
    if (reader->failed || count == 0)
        return;
    reserve_entries(out, (uint32_t)count);
    while (out->count < count && !reader->failed) {
        struct clock_entry *entry = &out->entries[out->count++];
        decode_entry(reader, entry);
        if (out->count > 1 && actor_compare(&entry[-1].actor, &entry->actor) >= 0)
            reader->failed = true;
    }
    if (reader->failed)
        clock_deinit(out);
}

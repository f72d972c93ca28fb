/*
 * version_vector.c - a sorted array of dots, one for each actor.
 *
 * A context has one actor or three, so a search walks while few entries are left
 * and halves the rest only above that; join() works from the back, in place.
 */
#include "causal/version_vector.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LINEAR_MAX = 8, DOT_BYTES_MIN = 6 };

void version_vector_deinit(struct version_vector *vector)
{
    if (!vector->lent)
        free(vector->entries);
    *vector = (struct version_vector){0};
}

void version_vector_reserve(struct version_vector *vector, uint32_t capacity)
{
    if (capacity <= vector->capacity)
        return;
    struct dot *old = vector->lent ? NULL : vector->entries;
    struct dot *grown = memory_resize(old, capacity, sizeof *grown);
    if (vector->lent && vector->count > 0)
        memcpy(grown, vector->entries, vector->count * sizeof *grown);
    vector->entries = grown;
    vector->capacity = capacity;
    vector->lent = false;
}

void version_vector_copy(const struct version_vector *from, struct version_vector *to)
{
    *to = (struct version_vector){0};
    if (from->count == 0)
        return;
    version_vector_reserve(to, from->count);
    memcpy(to->entries, from->entries, from->count * sizeof *from->entries);
    to->count = from->count;
}

/* The first entry whose actor is not below `actor`; count when there is none. */
static uint32_t lower_bound(const struct version_vector *vector, const struct actor *actor)
{
    uint32_t low = 0;
    uint32_t high = vector->count;
    while (high - low > LINEAR_MAX) {
        uint32_t middle = low + (high - low) / 2;
        if (actor_compare(&vector->entries[middle].actor, actor) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < high && actor_compare(&vector->entries[low].actor, actor) < 0)
        low++;
    return low;
}

static bool is_at(const struct version_vector *vector, uint32_t index, const struct actor *actor)
{
    return index < vector->count && actor_equal(&vector->entries[index].actor, actor);
}

uint64_t version_vector_get(const struct version_vector *vector, const struct actor *actor)
{
    for (uint32_t i = 0; i < vector->count && i < LINEAR_MAX; i++)
        if (actor_equal(&vector->entries[i].actor, actor))
            return vector->entries[i].sequence;
    if (vector->count <= LINEAR_MAX)
        return 0;
    uint32_t index = lower_bound(vector, actor);
    return is_at(vector, index, actor) ? vector->entries[index].sequence : 0;
}

void version_vector_raise(struct version_vector *vector, const struct dot *dot)
{
    assert(dot->sequence > 0);
    uint32_t index = lower_bound(vector, &dot->actor);
    if (is_at(vector, index, &dot->actor)) {
        if (vector->entries[index].sequence < dot->sequence)
            vector->entries[index].sequence = dot->sequence;
        return;
    }
    if (vector->count == vector->capacity)
        version_vector_reserve(vector, vector->capacity < 2 ? 2 : vector->capacity * 2);
    memmove(&vector->entries[index + 1], &vector->entries[index],
            (vector->count - index) * sizeof *vector->entries);
    vector->entries[index] = *dot;
    vector->count++;
}

/* How many actors of `from` are not in `into`. */
static uint32_t count_missing(const struct version_vector *into, const struct version_vector *from)
{
    uint32_t missing = 0;
    for (uint32_t i = 0, j = 0; j < from->count; j++) {
        while (i < into->count &&
               actor_compare(&into->entries[i].actor, &from->entries[j].actor) < 0)
            i++;
        missing += !is_at(into, i, &from->entries[j].actor);
    }
    return missing;
}

void version_vector_join(struct version_vector *into, const struct version_vector *from)
{
    uint32_t missing = count_missing(into, from);
    uint32_t i = into->count;
    uint32_t j = from->count;
    uint32_t write = into->count + missing;
    version_vector_reserve(into, write);
    into->count = write;
    while (j > 0) {
        const struct dot *dot = &from->entries[j - 1];
        int order = i == 0 ? -1 : actor_compare(&into->entries[i - 1].actor, &dot->actor);
        if (order > 0) {
            into->entries[--write] = into->entries[--i];
            continue;
        }
        struct dot joined = *dot;
        if (order == 0 && into->entries[--i].sequence > joined.sequence)
            joined.sequence = into->entries[i].sequence;
        into->entries[--write] = joined;
        j--;
    }
    assert(write == i); /* what is left of `into` already stands in its place */
}

bool version_vector_covers(const struct version_vector *vector, const struct dot *dot)
{
    return dot->sequence <= version_vector_get(vector, &dot->actor);
}

bool version_vector_descends(const struct version_vector *a, const struct version_vector *b)
{
    for (uint32_t i = 0, j = 0; j < b->count; j++) {
        while (i < a->count && actor_compare(&a->entries[i].actor, &b->entries[j].actor) < 0)
            i++;
        if (!is_at(a, i, &b->entries[j].actor) || a->entries[i].sequence < b->entries[j].sequence)
            return false;
    }
    return true;
}

bool version_vector_equal(const struct version_vector *a, const struct version_vector *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (dot_compare(&a->entries[i], &b->entries[i]) != 0)
            return false;
    return true;
}

void version_vector_encode(const struct version_vector *vector, struct buffer *out)
{
    assert(vector->count <= VERSION_VECTOR_ENTRIES_MAX);
    buffer_put_varint(out, vector->count);
    for (uint32_t i = 0; i < vector->count; i++) {
        assert(i == 0 ||
               actor_compare(&vector->entries[i - 1].actor, &vector->entries[i].actor) < 0);
        dot_encode(&vector->entries[i], out);
    }
}

void version_vector_decode(struct reader *reader, struct version_vector *out)
{
    *out = (struct version_vector){0};
    version_vector_decode_on(reader, out);
}

void version_vector_decode_on(struct reader *reader, struct version_vector *out)
{
    assert(out->count == 0);
    uint64_t count = reader_varint_max(reader, VERSION_VECTOR_ENTRIES_MAX);
    if (count > reader_left(reader) / DOT_BYTES_MIN)
        reader->failed = true;
    if (reader->failed || count == 0)
        return;
    version_vector_reserve(out, (uint32_t)count);
    while (out->count < count && !reader->failed) {
        struct dot *dot = &out->entries[out->count];
        dot_decode(reader, dot);
        if (out->count > 0 && actor_compare(&dot[-1].actor, &dot->actor) >= 0)
            reader->failed = true;
        out->count++;
    }
    if (reader->failed)
        version_vector_deinit(out);
}

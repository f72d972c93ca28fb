/*
 * version_vector.h - for each actor, the highest sequence number that is covered.
 *
 * The context of a cell: it covers every event *on that cell* up to the number.
 */
#ifndef CAUSAL_VERSION_VECTOR_H
#define CAUSAL_VERSION_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/dot.h"

enum { VERSION_VECTOR_ENTRIES_MAX = 65535 }; /* accepted by the decoder */

/* All zero is the empty vector. Entries ascend by actor. Release with version_vector_deinit(). */
struct version_vector {
    struct dot *entries;
    uint32_t count;
    uint32_t capacity;
    bool lent; /* `entries` is the array that version_vector_on() was given */
};

/*
 * An empty vector that begins in an array of the caller, as buffer_on() does: few entries cost no
 * allocation, more of them move out. A copy of the struct borrows that array too.
 */
static inline struct version_vector version_vector_on(struct dot *room, uint32_t room_count)
{
    struct version_vector vector = {.entries = room, .capacity = room_count, .lent = true};
    return vector;
}

void version_vector_deinit(struct version_vector *vector);
/* Make room for `capacity` entries in all. */
void version_vector_reserve(struct version_vector *vector, uint32_t capacity);
void version_vector_copy(const struct version_vector *from, struct version_vector *to);
/* 0 when the actor is not there. */
uint64_t version_vector_get(const struct version_vector *vector, const struct actor *actor);
/* Raise the actor's entry to at least the dot's sequence. */
void version_vector_raise(struct version_vector *vector, const struct dot *dot);
/* Pointwise maximum into `into`. */
void version_vector_join(struct version_vector *into, const struct version_vector *from);
bool version_vector_covers(const struct version_vector *vector, const struct dot *dot);
/* Whether every entry of `b` is covered by `a`. */
bool version_vector_descends(const struct version_vector *a, const struct version_vector *b);
bool version_vector_equal(const struct version_vector *a, const struct version_vector *b);

void version_vector_encode(const struct version_vector *vector, struct buffer *out);
/*
 * `out` is empty, and all zero or made by version_vector_on(). Fails the reader when entries do not
 * ascend or are too many; `out` is then empty.
 */
void version_vector_decode_on(struct reader *reader, struct version_vector *out);
/* The same, and `out` is written from all zero. */
void version_vector_decode(struct reader *reader, struct version_vector *out);

#endif

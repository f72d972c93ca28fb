/*
 * canonical.h - the claim about every decoder of wire/, causal/ and ring/: it takes one form only.
 *
 * What decodes encodes to the same bytes, so that a digest of bytes is a digest of meaning; and an
 * encoder's own conditions hold for whatever a decoder has let through. A target chooses a decoder
 * by the first byte of its input and gives it the rest, in memory of exactly that size.
 */
#ifndef TESTS_FUZZ_CANONICAL_H
#define TESTS_FUZZ_CANONICAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/status.h"

struct canonical_row {
    const char *name;
    void (*check)(struct slice bytes);
};

static inline void canonical_compare(struct slice bytes, struct buffer *again)
{
    if (!slice_equal(bytes, buffer_slice(again)))
        abort();
    buffer_deinit(again);
}

/* NAME_decode(bytes, &decoded) of a struct; RELEASE(&decoded) always. */
#define CANONICAL_STRUCT(name, type, release)                                                      \
    static void check_##name(struct slice bytes)                                                   \
    {                                                                                              \
        type decoded;                                                                              \
        memset(&decoded, 0, sizeof decoded);                                                       \
        enum status status = name##_decode(bytes, &decoded);                                       \
        if (status == STATUS_OK) {                                                                 \
            struct buffer again = {0};                                                             \
            name##_encode(&decoded, &again);                                                       \
            canonical_compare(bytes, &again);                                                      \
        }                                                                                          \
        release(&decoded);                                                                         \
    }

/* NAME_decode(reader, &decoded) of an item of a list; ENCODE(&decoded, &again). */
#define CANONICAL_ITEM(name, type, encode, release)                                                \
    static void check_##name(struct slice bytes)                                                   \
    {                                                                                              \
        type decoded;                                                                              \
        memset(&decoded, 0, sizeof decoded);                                                       \
        struct reader reader = reader_make(bytes);                                                 \
        name##_decode(&reader, &decoded);                                                          \
        if (reader_end(&reader) == STATUS_OK) {                                                    \
            struct buffer again = {0};                                                             \
            encode(&decoded, &again);                                                              \
            canonical_compare(bytes, &again);                                                      \
        }                                                                                          \
        release(&decoded);                                                                         \
    }

#define CANONICAL_NOTHING_HELD(decoded) ((void)(decoded))
#define CANONICAL_ROW(name)                                                                        \
    {                                                                                              \
#name, check_##name                                                                        \
    }

/* The copy ends where the memory ends, so that the address sanitizer sees a byte read too far. */
static inline int canonical_run(const struct canonical_row *rows, size_t count, const uint8_t *data,
                                size_t size)
{
    if (size == 0)
        return 0;
    size_t length = size - 1;
    uint8_t *copy = malloc(length + (length == 0));
    if (copy == NULL)
        abort();
    if (length > 0)
        memcpy(copy, data + 1, length);
    rows[data[0] % count].check(slice_make(copy, length));
    free(copy);
    return 0;
}

#endif

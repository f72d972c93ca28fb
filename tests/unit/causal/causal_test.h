/*
 * causal_test.h - what the tests of src/causal/ share: short names for dots, and
 * the three attacks that every decoder must stand.
 */
#ifndef TESTS_CAUSAL_TEST_H
#define TESTS_CAUSAL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/random.h"
#include "causal/dot.h"

static inline struct actor actor_of(node_id node)
{
    return (struct actor){
        .node = node, .storage_incarnation = 1, .boot_epoch = 1, .adopt_epoch = 1};
}

static inline struct dot dot_of(node_id node, uint64_t sequence)
{
    return (struct dot){.actor = actor_of(node), .sequence = sequence};
}

/* Decode `bytes`; when all of them were accepted, encode the result to `again`. */
typedef bool (*recode_function)(struct slice bytes, struct buffer *again);

/* Decode from memory of the exact size, so that a sanitizer sees a read beyond the end. */
static inline bool stands(recode_function recode, const uint8_t *bytes, size_t length)
{
    struct buffer again = {0};
    uint8_t *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    if (length > 0)
        memcpy(exact, bytes, length);
    bool accepted = recode(slice_make(exact, length), &again);
    if (accepted)
        assert_true(slice_equal(buffer_slice(&again), slice_make(exact, length)));
    free(exact);
    buffer_deinit(&again);
    return accepted;
}

static inline void assert_round_trip(recode_function recode, const struct buffer *bytes)
{
    assert_true(stands(recode, bytes->data, bytes->length));
}

static inline void assert_every_truncation_fails(recode_function recode, const struct buffer *bytes)
{
    for (size_t length = 0; length < bytes->length; length++)
        assert_false(stands(recode, bytes->data, length));
}

/* A changed byte may decode to something else, but never to what has other bytes. */
static inline void assert_every_flip_fails_or_stays_canonical(recode_function recode,
                                                              const struct buffer *bytes)
{
    uint8_t *changed = memory_copy(bytes->data, bytes->length);
    for (size_t i = 0; i < bytes->length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            changed[i] ^= (uint8_t)(1u << bit);
            stands(recode, changed, bytes->length);
            changed[i] ^= (uint8_t)(1u << bit);
        }
    }
    free(changed);
}

/* Small bytes mostly, so that counts and lengths get past the first check. */
static inline void assert_random_bytes_stand(recode_function recode, uint64_t seed, unsigned rounds)
{
    struct random random = random_make(seed);
    unsigned accepted = 0;
    for (unsigned round = 0; round < rounds; round++) {
        uint8_t bytes[64];
        size_t length = random_below(&random, sizeof bytes + 1);
        uint64_t bound = random_chance(&random, 1, 4) ? 256 : 4;
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)random_below(&random, bound);
        accepted += stands(recode, bytes, length);
    }
    assert_true(accepted < rounds);
}

#endif

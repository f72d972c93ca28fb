/*
 * fuzz_token.c - no text but one that was given out is taken for a context, and any is refused
 * in words.
 *
 * Two claims. Of the raw input: it is refused, for nobody here can guess a MAC. Of the input as
 * what a token is made of: it is taken only for its own key, and says what was put in; the same
 * text with one bit changed is refused.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/context_token.h"
#include "ringd/message_mac.h"

#include "../unit/ring/ring_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool taken(const struct context_place *place, struct slice text,
                  struct version_vector *vector, hybrid_time *time)
{
    const char *why = NULL;
    enum status status = context_token_decode(place, text, vector, time, &why);
    assert(status == STATUS_OK || (status == STATUS_INVALID && why != NULL && vector->count == 0));
    return status == STATUS_OK;
}

static void claim_refused(const struct context_place *place, struct slice text)
{
    struct version_vector vector;
    hybrid_time time;
    assert(!taken(place, text, &vector, &time));
    version_vector_deinit(&vector);
}

static void check_made(const struct context_place *place, struct slice input)
{
    struct reader reader = reader_make(input);
    uint16_t at = reader_u16(&reader);
    hybrid_time time = reader_u64(&reader), read_time;
    struct version_vector vector, read;
    struct buffer token = {0};
    version_vector_decode(&reader, &vector);
    if (reader_end(&reader) == STATUS_OK && vector.count <= CONTEXT_ENTRIES_MAX) {
        context_token_encode(place, &vector, time, &token);
        assert(taken(place, buffer_slice(&token), &read, &read_time));
        assert(read_time == time);
        struct buffer before = {0}, after = {0};
        version_vector_encode(&vector, &before);
        version_vector_encode(&read, &after);
        assert(slice_equal(buffer_slice(&before), buffer_slice(&after)));
        buffer_deinit(&before);
        buffer_deinit(&after);
        version_vector_deinit(&read);
        struct context_place other = *place;
        other.key = slice_text("another key");
        claim_refused(&other, buffer_slice(&token));
        token.data[at / 8u % token.length] ^= (uint8_t)(1u << at % 8u);
        claim_refused(place, buffer_slice(&token));
    }
    buffer_deinit(&token);
    version_vector_deinit(&vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ring *ring = fixture_small_ring();
    struct context_place place = {
        .ring = ring, .mac = message_mac, .keyspace = 0, .key = slice_text("key")};
    if (size > 0 && (data[0] & 1) == 0)
        claim_refused(&place, slice_make(data + 1, size - 1));
    else if (size > 0)
        check_made(&place, slice_make(data + 1, size - 1));
    ring_free(ring);
    return 0;
}

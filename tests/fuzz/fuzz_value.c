/*
 * fuzz_value.c - cells, clocks, key requests, rings and the register's value have one form only.
 *
 * Where a form ends in a checksum, the target makes it, else no damage behind it would be reached.
 */
#include "canonical.h"

#include "base/hash.h"
#include "causal/bits.h"
#include "causal/cell.h"
#include "causal/clock.h"
#include "causal/counter_state.h"
#include "causal/dot.h"
#include "causal/register.h"
#include "causal/version_vector.h"
#include "coordinator/key_request.h"
#include "membership/register_value.h"
#include "membership/users.h"
#include "ring/ring.h"
#include "ring/transition.h"

#include "../unit/ring/ring_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_cell(const struct cell *cell, struct buffer *out)
{
    if (!cell_fits(cell))
        abort(); /* whatever decodes can be kept and sent on */
    cell_encode(cell, true, out);
}

static void check_cell_versions(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct cell cell;
    cell_decode_versions(&reader, &cell);
    if (reader_end(&reader) == STATUS_OK && !cell_omits_values(&cell)) {
        struct buffer again = {0};
        cell_encode_versions(&cell, UINT32_MAX, &again);
        canonical_compare(bytes, &again);
    }
    cell_deinit(&cell);
}

/* Merging is idempotent for whatever decodes, and its result can be told apart from nothing. */
static void check_cell_merge(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct cell cell;
    cell_decode(&reader, &cell);
    if (reader_end(&reader) == STATUS_OK) {
        struct cell merged;
        struct buffer once = {0}, twice = {0};
        cell_merge(&cell, &cell, MERGE_SIBLINGS, &merged);
        cell_encode(&cell, true, &once);
        cell_encode(&merged, true, &twice);
        canonical_compare(buffer_slice(&once), &twice);
        buffer_deinit(&once);
        cell_deinit(&merged);
    }
    cell_deinit(&cell);
}

static void check_key_request(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct key_request request;
    struct key_contexts contexts = {0};
    memset(&request, 0, sizeof request);
    if (key_request_decode(&reader, &request, &contexts) == STATUS_OK &&
        reader_end(&reader) == STATUS_OK) {
        struct buffer again = {0};
        key_request_encode(&request, &again);
        canonical_compare(bytes, &again);
    }
    key_contexts_free(&contexts);
}

static void check_key_result(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct key_result result;
    memset(&result, 0, sizeof result);
    if (key_result_decode(&reader, &result) == STATUS_OK && reader_end(&reader) == STATUS_OK) {
        struct buffer again = {0};
        key_result_encode(&result, &again);
        canonical_compare(bytes, &again);
    }
    key_result_deinit(&result);
}

static void check_mutation(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct mutation mutation;
    memset(&mutation, 0, sizeof mutation);
    mutation_decode(&reader, &mutation);
    if (reader_end(&reader) != STATUS_OK)
        return;
    struct buffer again = {0};
    mutation_encode(&mutation, &again);
    canonical_compare(bytes, &again);
}

/* A program of BITFIELD that came from another node: only its own memory, and within the limit. */
static void check_bits(struct slice bytes)
{
    enum { VALUE_BYTES_MAX = 4096 };
    struct buffer value = {0}, results = {0};
    if (bits_run(bytes, VALUE_BYTES_MAX, &value, &results) == STATUS_OK &&
        value.length > VALUE_BYTES_MAX)
        abort();
    buffer_deinit(&value);
    buffer_deinit(&results);
}

static void add_checksum(struct buffer *bytes)
{
    buffer_put_u64(bytes, hash64(buffer_slice(bytes), 0));
}

static void check_ring(struct slice bytes)
{
    struct buffer whole = {0}, again = {0};
    struct ring *ring;
    buffer_append_slice(&whole, bytes);
    add_checksum(&whole);
    if (ring_decode(buffer_slice(&whole), &ring) == STATUS_OK) {
        ring_encode(ring, &again);
        canonical_compare(buffer_slice(&whole), &again);
        ring_free(ring);
    }
    buffer_deinit(&whole);
}

static void check_transitions(struct slice bytes)
{
    struct ring *ring = fixture_small_ring();
    struct buffer again = {0};
    if (ring_transitions_decode(bytes, ring) == STATUS_OK) {
        ring_transitions_encode(ring, &again);
        canonical_compare(bytes, &again);
    }
    ring_free(ring);
}

static void check_register_value(struct slice bytes)
{
    struct buffer whole = {0}, ring_bytes = {0}, again = {0};
    struct reader reader = reader_make(bytes);
    size_t head = reader_u8(&reader);
    struct register_value *value;
    if (head > reader_left(&reader))
        head = reader_left(&reader);
    buffer_append_slice(&whole, reader_take(&reader, head));
    struct ring *ring = fixture_small_ring();
    ring_encode(ring, &ring_bytes);
    buffer_put_bytes(&whole, buffer_slice(&ring_bytes));
    buffer_append_slice(&whole, reader_take(&reader, reader_left(&reader)));
    add_checksum(&whole);
    if (register_value_decode(buffer_slice(&whole), &value) == STATUS_OK) {
        register_value_encode(value, &again);
        canonical_compare(buffer_slice(&whole), &again);
        register_value_free(value);
    }
    ring_free(ring);
    buffer_deinit(&ring_bytes);
    buffer_deinit(&whole);
}

static void check_dot(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct dot dot;
    struct buffer again = {0};
    dot_decode(&reader, &dot);
    if (reader_end(&reader) != STATUS_OK)
        return;
    dot_encode(&dot, &again);
    canonical_compare(bytes, &again);
}

CANONICAL_ITEM(cell, struct cell, encode_cell, cell_deinit)
CANONICAL_ITEM(clock, struct clock, clock_encode, clock_deinit)
CANONICAL_ITEM(version_vector, struct version_vector, version_vector_encode, version_vector_deinit)
CANONICAL_ITEM(counter, struct counter, counter_encode, counter_deinit)
CANONICAL_STRUCT(user_set, struct user_set, user_set_deinit)

/* The order is that of the seeds' first bytes: new ones go to the end. */
static const struct canonical_row ROWS[] = {
    CANONICAL_ROW(cell),        CANONICAL_ROW(cell_versions),  CANONICAL_ROW(cell_merge),
    CANONICAL_ROW(clock),       CANONICAL_ROW(version_vector), CANONICAL_ROW(counter),
    CANONICAL_ROW(dot),         CANONICAL_ROW(key_request),    CANONICAL_ROW(key_result),
    CANONICAL_ROW(mutation),    CANONICAL_ROW(bits),           CANONICAL_ROW(ring),
    CANONICAL_ROW(transitions), CANONICAL_ROW(register_value), CANONICAL_ROW(user_set),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return canonical_run(ROWS, sizeof ROWS / sizeof *ROWS, data, size);
}

/*
 * test_key_request.c - requests and results on the wire: there and back, and damaged.
 */
#include "../causal/causal_test.h"

#include "coordinator/key_request.h"
#include "ring/element_key.h"

static bool recode_request(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct key_request request;
    struct key_contexts contexts;
    bool accepted = key_request_decode(&reader, &request, &contexts) == STATUS_OK;
    if (accepted)
        key_request_encode(&request, again);
    key_contexts_free(&contexts);
    return accepted;
}

static bool recode_result(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct key_result result;
    if (key_result_decode(&reader, &result) != STATUS_OK)
        return false;
    key_result_encode(&result, again);
    key_result_deinit(&result);
    return true;
}

static void attack(recode_function recode, struct buffer *bytes, uint64_t seed)
{
    assert_round_trip(recode, bytes);
    assert_every_truncation_fails(recode, bytes);
    assert_every_flip_fails_or_stays_canonical(recode, bytes);
    assert_random_bytes_stand(recode, seed, 3000);
    buffer_put_u8(bytes, 0);
    assert_false(stands(recode, bytes->data, bytes->length));
}

static struct key_request request_of(enum key_request_kind kind)
{
    return (struct key_request){.kind = (uint8_t)kind,
                                .keyspace = 9,
                                .partition = 300,
                                .options = {.level = LEVEL_EACH_QUORUM,
                                            .r = 1,
                                            .w = OWNERS_ALL,
                                            .dw = OWNERS_QUORUM,
                                            .timeout_ms = UINT32_MAX}};
}

static void a_write_comes_back_with_all_its_entries(void **state)
{
    struct version_vector context = {0};
    struct dot dot = dot_of(4, 77);
    struct buffer bytes = {0};
    struct key_request back;
    struct key_contexts contexts;
    (void)state;
    version_vector_raise(&context, &dot);
    struct key_entry entries[] = {
        {.key = slice_text("first"),
         .mutation = {.operation = REGISTER_SET,
                      .flags = MUTATION_IF_ABSENT,
                      .expire_at_ms = 1700000000000,
                      .value = slice_text("value")}},
        {.key = slice_text(""),
         .mutation = {.operation = REGISTER_SET_RANGE, .offset = 300, .value = slice_text("x")},
         .context = &context,
         .context_time = UINT64_MAX},
    };
    struct key_request request = request_of(KEY_WRITE);
    request.flags = KEY_ALL_OR_NOTHING;
    request.entry_count = 2;
    request.entries = entries;
    key_request_encode(&request, &bytes);
    struct reader reader = reader_make(buffer_slice(&bytes));
    assert_int_equal(key_request_decode(&reader, &back, &contexts), STATUS_OK);
    assert_int_equal(back.kind, KEY_WRITE);
    assert_int_equal(back.flags, KEY_ALL_OR_NOTHING);
    assert_int_equal(back.keyspace, 9);
    assert_int_equal(back.partition, 300);
    assert_int_equal(back.options.level, LEVEL_EACH_QUORUM);
    assert_int_equal(back.options.dw, OWNERS_QUORUM);
    assert_int_equal(back.options.timeout_ms, UINT32_MAX);
    assert_int_equal(back.entry_count, 2);
    assert_true(slice_equal(back.entries[0].key, slice_text("first")));
    assert_true(slice_equal(back.entries[0].mutation.value, slice_text("value")));
    assert_int_equal(back.entries[0].mutation.flags, MUTATION_IF_ABSENT);
    assert_null(back.entries[0].context);
    assert_int_equal(back.entries[1].mutation.offset, 300);
    assert_true(version_vector_covers(back.entries[1].context, &dot));
    assert_true(back.entries[1].context_time == UINT64_MAX);
    key_contexts_free(&contexts);
    attack(recode_request, &bytes, 1);
    version_vector_deinit(&context);
    buffer_deinit(&bytes);
}

static void the_other_kinds_come_back(void **state)
{
    static const struct key_entry entry = {.key = {(const uint8_t *)"key", 3}};
    static const struct key_entry elements[] = {
        {.key = {(const uint8_t *)"key", 3}},
        {.key = {(const uint8_t *)"f", 1}, .mutation = {.operation = REGISTER_DELETE}},
        {.key = {(const uint8_t *)"", 0}, .mutation = {.flags = MUTATION_IF_ABSENT}}};
    (void)state;
    for (int kind = KEY_READ; kind < KEY_REQUEST_KIND_COUNT; kind++) {
        struct buffer bytes = {0};
        struct key_request request = request_of((enum key_request_kind)kind);
        if (kind == KEY_WRITE)
            continue;
        if (kind == KEY_READ || kind == KEY_COVERAGE) {
            request.entry_count = 1;
            request.entries = &entry;
        }
        if (key_request_is_collection(&request)) {
            request.collection = COLLECTION_HASH;
            request.entry_count = kind == KEY_ELEMENTS_GET || kind == KEY_ELEMENTS_WRITE ? 3 : 1;
            request.entries = elements;
        }
        if (kind == KEY_SCAN || kind == KEY_ELEMENTS_WALK) {
            request.flags = KEY_WITH_VALUES;
            request.position = UINT64_MAX - 3;
            request.limit = SCAN_LIMIT_MAX;
        }
        if (kind == KEY_COVERAGE)
            request.dot = dot_of(3, 9);
        key_request_encode(&request, &bytes);
        attack(recode_request, &bytes, (uint64_t)kind);
        buffer_deinit(&bytes);
    }
}

/* Whoever coordinates it makes names of the elements. */
static void an_element_whose_name_is_too_long_is_refused(void **state)
{
    static const uint8_t zeros[UINT16_MAX];
    struct key_entry entries[] = {{.key = slice_make("key", 3)}, {.key = {zeros, 0}}};
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buffer bytes = {0};
        struct key_request request = request_of(KEY_ELEMENTS_GET);
        request.collection = COLLECTION_HASH;
        request.entry_count = 2;
        request.entries = entries;
        entries[1].key.length = ELEMENT_KEY_BYTES_MAX - ELEMENT_KEY_OVERHEAD - 3 + (size_t)over;
        key_request_encode(&request, &bytes);
        assert_int_equal(stands(recode_request, bytes.data, bytes.length), over == 0);
        buffer_deinit(&bytes);
    }
}

static void what_no_request_has_is_refused(void **state)
{
    struct key_request good = request_of(KEY_SCAN);
    struct buffer bytes = {0};
    (void)state;
    good.limit = SCAN_LIMIT_MAX;
    struct key_request bad[] = {good, good, good};
    bad[0].limit = SCAN_LIMIT_MAX + 1;
    bad[1].options.level = LEVEL_COUNT;
    bad[2].kind = KEY_REQUEST_KIND_COUNT;
    key_request_encode(&good, &bytes);
    assert_true(stands(recode_request, bytes.data, bytes.length));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buffer_clear(&bytes);
        key_request_encode(&bad[i], &bytes);
        assert_false(stands(recode_request, bytes.data, bytes.length));
    }
    buffer_deinit(&bytes);
}

static void a_result_comes_back_with_all_its_outcomes(void **state)
{
    struct key_outcome outcomes[] = {
        {.written = true, .number = INT64_MIN, .dot = dot_of(2, 5)},
        {.visible = true,
         .number = -1,
         .expire_at_ms = 77,
         .key = slice_text("key"),
         .value = slice_text("value"),
         .dot = dot_of(3, 8),
         .time = 99},
    };
    struct key_result result = {.status = STATUS_UNCERTAIN,
                                .acks = 1,
                                .needed = 2,
                                .outcome_count = 2,
                                .outcomes = outcomes,
                                .time = 100,
                                .next_position = 1ull << 63,
                                .scan_done = true,
                                .count = 1000,
                                .clock_digest = 3,
                                .content_digest = 4};
    struct buffer bytes = {0};
    struct key_result back;
    (void)state;
    version_vector_raise(&result.context, &outcomes[0].dot);
    key_result_encode(&result, &bytes);
    struct reader reader = reader_make(buffer_slice(&bytes));
    assert_int_equal(key_result_decode(&reader, &back), STATUS_OK);
    assert_int_equal(back.status, STATUS_UNCERTAIN);
    assert_int_equal(back.acks, 1);
    assert_int_equal(back.needed, 2);
    assert_int_equal(back.outcome_count, 2);
    assert_true(back.outcomes[0].written);
    assert_true(back.outcomes[0].number == INT64_MIN);
    assert_int_equal(dot_compare(&back.outcomes[0].dot, &outcomes[0].dot), 0);
    assert_true(back.outcomes[1].visible);
    assert_int_equal(back.outcomes[1].expire_at_ms, 77);
    assert_true(slice_equal(back.outcomes[1].value, slice_text("value")));
    assert_true(version_vector_equal(&back.context, &result.context));
    assert_int_equal(dot_compare(&back.outcomes[1].dot, &outcomes[1].dot), 0);
    assert_int_equal(back.outcomes[1].time, 99);
    assert_int_equal(back.time, 100);
    assert_true(back.next_position == 1ull << 63);
    assert_true(back.scan_done);
    assert_int_equal(back.count, 1000);
    key_result_deinit(&back);
    version_vector_deinit(&result.context);
    attack(recode_result, &bytes, 2);
    buffer_deinit(&bytes);
}

/* One outcome stands where the caller says, and nothing of it is released; more are allocated. */
static void one_outcome_stands_in_the_place_of_the_caller(void **state)
{
    (void)state;
    for (uint16_t count = 0; count <= 2; count++) {
        struct key_outcome outcomes[2] = {{.number = 7, .value = slice_text("value")}};
        struct key_result result = {.outcome_count = count, .outcomes = outcomes}, back;
        struct key_outcome one = {.written = true, .visible = true};
        struct buffer bytes = {0};
        key_result_encode(&result, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        assert_int_equal(key_result_decode_on(&reader, &one, &back), STATUS_OK);
        assert_int_equal(back.outcome_count, count);
        assert_int_equal(back.outcomes == &one, count == 1);
        for (uint16_t i = 0; i < count; i++) {
            assert_int_equal(back.outcomes[i].number, outcomes[i].number);
            assert_true(slice_equal(back.outcomes[i].value, outcomes[i].value));
            assert_false(back.outcomes[i].written || back.outcomes[i].visible);
        }
        key_result_deinit(&back);
        buffer_deinit(&bytes);
    }
}

static void a_failed_result_has_its_counts_and_nothing_else(void **state)
{
    struct key_result failed = key_result_failed(STATUS_UNAVAILABLE, 1, 2);
    struct buffer bytes = {0};
    (void)state;
    assert_int_equal(failed.outcome_count, 0);
    key_result_encode(&failed, &bytes);
    attack(recode_result, &bytes, 3);
    buffer_deinit(&bytes);
}

/* They are counted after the result was encoded, and written over what it said. */
static void the_acks_of_an_encoded_result_can_be_changed(void **state)
{
    struct key_result result = {.status = STATUS_OK, .acks = 1, .needed = 1}, back;
    struct buffer bytes = {0};
    (void)state;
    key_result_encode(&result, &bytes);
    key_result_set_acks(&bytes, 3, 2, 1);
    struct reader reader = reader_make(buffer_slice(&bytes));
    assert_int_equal(key_result_decode(&reader, &back), STATUS_OK);
    assert_int_equal(back.status, STATUS_OK);
    assert_int_equal(back.acks, 3);
    assert_int_equal(back.needed, 2);
    assert_int_equal(back.hints, 1);
    assert_int_equal(back.outcome_count, 0);
    key_result_deinit(&back);
    buffer_deinit(&bytes);
}

/* The count is read before the outcomes: it must not make the decoder reserve what is not there. */
static void a_count_beyond_the_bytes_is_refused(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    buffer_append(&bytes, "\0\1\1", 3);
    buffer_put_varint(&bytes, UINT16_MAX);
    assert_false(stands(recode_result, bytes.data, bytes.length));
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_comes_back_with_all_its_entries),
        cmocka_unit_test(the_other_kinds_come_back),
        cmocka_unit_test(an_element_whose_name_is_too_long_is_refused),
        cmocka_unit_test(what_no_request_has_is_refused),
        cmocka_unit_test(a_result_comes_back_with_all_its_outcomes),
        cmocka_unit_test(one_outcome_stands_in_the_place_of_the_caller),
        cmocka_unit_test(a_failed_result_has_its_counts_and_nothing_else),
        cmocka_unit_test(the_acks_of_an_encoded_result_can_be_changed),
        cmocka_unit_test(a_count_beyond_the_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

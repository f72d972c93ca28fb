/*
 * test_message_expiry.c - bodies and records about expiry come back as they went, or are refused.
 */
#include "../causal/cell_test.h"

#include "wire/message_expiry.h"
#include "wire/record_expiry.h"

static bool recode_step(struct slice bytes, struct buffer *again)
{
    struct message_expiry_step step;
    if (message_expiry_step_decode(bytes, &step) != STATUS_OK)
        return false;
    message_expiry_step_encode(&step, again);
    return true;
}

static bool recode_state(struct slice bytes, struct buffer *again)
{
    struct message_expiry_state state;
    if (message_expiry_state_decode(bytes, &state) != STATUS_OK)
        return false;
    message_expiry_state_encode(&state, again);
    return true;
}

static bool recode_name(struct slice bytes, struct buffer *again)
{
    struct expiry_name name;
    if (record_expiry_name_decode(bytes, &name) != STATUS_OK)
        return false;
    record_expiry_name(&name, again);
    return true;
}

static void check(recode_function recode, const struct buffer *bytes)
{
    struct buffer again = {0};
    assert_true(recode(buffer_slice(bytes), &again));
    assert_true(slice_equal(buffer_slice(bytes), buffer_slice(&again)));
    assert_every_flip_fails_or_stays_canonical(recode, bytes);
    assert_every_truncation_fails(recode, bytes);
    buffer_deinit(&again);
}

static void every_body_comes_back_as_it_went_or_is_refused(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    message_expiry_step_encode(&(struct message_expiry_step){.goes_on = true}, &bytes);
    check(recode_step, &bytes);
    buffer_clear(&bytes);
    message_expiry_state_encode(
        &(struct message_expiry_state){
            .more = true,
            .dropped = 300,
            .waiting = 70000,
            .lag_ms = 1500,
            .holder_count = 2,
            .holders = {{.node = 2, .partitions = 7}, {.node = 9, .partitions = 300}}},
        &bytes);
    check(recode_state, &bytes);
    buffer_deinit(&bytes);
}

static void more_holders_than_there_is_room_for_are_refused(void **state)
{
    struct buffer bytes = {0};
    struct message_expiry_state decoded, message = {.holder_count = EXPIRY_HOLDERS_MAX};
    (void)state;
    message_expiry_state_encode(&message, &bytes);
    assert_int_equal(message_expiry_state_decode(buffer_slice(&bytes), &decoded), STATUS_OK);
    bytes.data[5] = EXPIRY_HOLDERS_MAX + 1;
    for (int i = 0; i < 5; i++)
        buffer_put_u8(&bytes, 0);
    assert_int_equal(message_expiry_state_decode(buffer_slice(&bytes), &decoded), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void a_record_name_comes_back_as_it_went_or_is_refused(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    record_expiry_name(&(struct expiry_name){.partition = 300,
                                             .expire_at_ms = 1750000000123,
                                             .keyspace = 7,
                                             .key = slice_text("user:1")},
                       &bytes);
    check(recode_name, &bytes);
    buffer_deinit(&bytes);
}

/* What is due first is met first, and never that of another partition. */
static void names_sort_by_partition_and_then_by_time(void **state)
{
    static const struct expiry_name sorted[] = {
        {.partition = 1, .expire_at_ms = 255, .keyspace = 9},
        {.partition = 1, .expire_at_ms = 256, .keyspace = 0},
        {.partition = 1, .expire_at_ms = UINT64_C(1) << 40, .keyspace = 0},
        {.partition = 256, .expire_at_ms = 1, .keyspace = 0}};
    struct buffer names[4] = {{0}}, bound = {0};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        record_expiry_name(&sorted[i], &names[i]);
        assert_true(i == 0 ||
                    slice_compare(buffer_slice(&names[i - 1]), buffer_slice(&names[i])) < 0);
    }
    record_expiry_bound(256, &bound);
    assert_true(slice_compare(buffer_slice(&names[2]), buffer_slice(&bound)) < 0);
    assert_true(slice_compare(buffer_slice(&bound), buffer_slice(&names[3])) < 0);
    for (unsigned i = 0; i < 4; i++)
        buffer_deinit(&names[i]);
    buffer_deinit(&bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_as_it_went_or_is_refused),
        cmocka_unit_test(more_holders_than_there_is_room_for_are_refused),
        cmocka_unit_test(a_record_name_comes_back_as_it_went_or_is_refused),
        cmocka_unit_test(names_sort_by_partition_and_then_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_message_ring.c - bodies about partitions that move come back as they went, or are refused.
 */
#include "../causal/cell_test.h"

#include "wire/message_ring.h"

static bool recode_told(struct slice bytes, struct buffer *again)
{
    struct ring_testimony testimony;
    enum status status = message_ring_told_decode(bytes, &testimony);
    if (status == STATUS_OK)
        message_ring_told_encode(&testimony, again);
    ring_testimony_deinit(&testimony);
    return status == STATUS_OK;
}

static bool recode_state(struct slice bytes, struct buffer *again)
{
    struct message_holdings_state state;
    if (message_holdings_state_decode(bytes, &state) != STATUS_OK)
        return false;
    message_holdings_state_encode(&state, again);
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
    static const struct ring_holding holdings[] = {
        {.partition = 0, .tag = {1, RING_JOINT}, .flags = RING_HOLDING_COMPLETE},
        {.partition = 1, .tag = {300, RING_SWITCHED}, .flags = RING_HOLDING_FLAGS},
        {.partition = PARTITION_COUNT_MAX - 1, .tag = {2, RING_JOINT}}};
    struct ring_testimony testimony = {
        .storage_incarnation = 3, .dropping = 200, .seq = 70000, .hints = 9};
    struct buffer bytes = {0};
    (void)state;
    message_ring_told_encode(&testimony, &bytes);
    check(recode_told, &bytes);
    buffer_clear(&bytes);
    for (unsigned i = 0; i < sizeof holdings / sizeof holdings[0]; i++)
        ring_testimony_add(&testimony, &holdings[i]);
    message_ring_told_encode(&testimony, &bytes);
    check(recode_told, &bytes);
    buffer_clear(&bytes);
    message_holdings_state_encode(
        &(struct message_holdings_state){.more = true, .dropping = 7, .dropped = 512}, &bytes);
    check(recode_state, &bytes);
    buffer_deinit(&bytes);
    ring_testimony_deinit(&testimony);
}

static void a_partition_that_cannot_be_is_refused(void **state)
{
    struct buffer bytes = {0};
    struct ring_testimony testimony;
    (void)state;
    buffer_put_varint(&bytes, 1);
    for (int i = 0; i < 3; i++)
        buffer_put_varint(&bytes, 0); /* nothing is dropped, no seq, no hints */
    buffer_put_varint(&bytes, 2);
    for (int i = 0; i < 2; i++) {
        buffer_put_varint(&bytes, PARTITION_COUNT_MAX - 1); /* the second lies behind it */
        buffer_put_varint(&bytes, 1);
        buffer_put_u8(&bytes, RING_JOINT);
        buffer_put_u8(&bytes, 0);
    }
    assert_int_equal(message_ring_told_decode(buffer_slice(&bytes), &testimony), STATUS_CORRUPT);
    ring_testimony_deinit(&testimony);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_as_it_went_or_is_refused),
        cmocka_unit_test(a_partition_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

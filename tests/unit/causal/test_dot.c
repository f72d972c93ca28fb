#include "causal/dot.h"

#include "causal_test.h"

static void actors_are_ordered_by_each_field(void **state)
{
    (void)state;
    const struct actor low = {
        .node = 2, .storage_incarnation = 2, .kind = 2, .boot_epoch = 2, .adopt_epoch = 2};
    struct actor high[5] = {low, low, low, low, low};
    high[0].node++;
    high[1].storage_incarnation++;
    high[2].kind++;
    high[3].boot_epoch++;
    high[4].adopt_epoch++;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(actor_compare(&low, &high[i]) < 0);
        assert_true(actor_compare(&high[i], &low) > 0);
        assert_int_equal(actor_compare(&high[i], &high[i]), 0);
        if (i > 0) /* an earlier field weighs more */
            assert_true(actor_compare(&high[i - 1], &high[i]) > 0);
    }
}

static void dots_are_ordered_by_actor_then_sequence(void **state)
{
    (void)state;
    struct dot a = dot_of(1, UINT64_MAX);
    struct dot b = dot_of(2, 1);
    struct dot c = dot_of(2, 2);
    assert_true(dot_compare(&a, &b) < 0);
    assert_true(dot_compare(&c, &b) > 0);
    assert_true(dot_compare(&c, &a) > 0);
    assert_int_equal(dot_compare(&c, &c), 0);
}

static bool recode_dot(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct dot dot;
    dot_decode(&reader, &dot);
    if (reader_end(&reader) != STATUS_OK)
        return false;
    dot_encode(&dot, again);
    return true;
}

static void a_young_dot_takes_six_bytes(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    struct dot dot = dot_of(5, 100);
    dot_encode(&dot, &bytes);
    assert_int_equal(bytes.length, 6);
    buffer_deinit(&bytes);
}

static void encoded_dots_come_back(void **state)
{
    (void)state;
    const struct dot dots[] = {
        dot_of(1, 1),
        {.actor =
             {.node = 300, .storage_incarnation = 200, .boot_epoch = 1 << 20, .adopt_epoch = 9},
         .sequence = 1234567},
        {.actor = {UINT32_MAX, UINT16_MAX, UINT16_MAX, UINT32_MAX, UINT32_MAX},
         .sequence = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
        struct buffer bytes = {0};
        dot_encode(&dots[i], &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        struct dot back;
        dot_decode(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_int_equal(dot_compare(&back, &dots[i]), 0);
        assert_every_truncation_fails(recode_dot, &bytes);
        assert_every_flip_fails_or_stays_canonical(recode_dot, &bytes);
        buffer_deinit(&bytes);
    }
    assert_random_bytes_stand(recode_dot, 1, 20000);
}

static void sequence_zero_and_wide_fields_fail_and_leave_zero(void **state)
{
    (void)state;
    const uint64_t bad[][6] = {
        {1, 1, 0, 1, 1, 0},
        {(uint64_t)UINT32_MAX + 1, 1, 0, 1, 1, 1},
        {1, UINT16_MAX + 1, 0, 1, 1, 1},
        {1, 1, UINT16_MAX + 1, 1, 1, 1},
        {1, 1, 0, (uint64_t)UINT32_MAX + 1, 1, 1},
        {1, 1, 0, 1, (uint64_t)UINT32_MAX + 1, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer bytes = {0};
        for (unsigned field = 0; field < 6; field++)
            buffer_put_varint(&bytes, bad[i][field]);
        struct reader reader = reader_make(buffer_slice(&bytes));
        struct dot dot = dot_of(9, 9);
        dot_decode(&reader, &dot);
        assert_true(reader.failed);
        assert_int_equal(dot.sequence, 0);
        assert_int_equal(dot.actor.node, 0);
        buffer_deinit(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actors_are_ordered_by_each_field),
        cmocka_unit_test(dots_are_ordered_by_actor_then_sequence),
        cmocka_unit_test(a_young_dot_takes_six_bytes),
        cmocka_unit_test(encoded_dots_come_back),
        cmocka_unit_test(sequence_zero_and_wide_fields_fail_and_leave_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

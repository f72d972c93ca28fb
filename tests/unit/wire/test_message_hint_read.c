/*
 * test_message_hint_read.c - what a fallback is asked and answers: there and back, and every
 * damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/message_hint_read.h"

static void sample_result(uint8_t intended, struct buffer *out)
{
    struct message_hint_read_result result = {.intended_count = intended,
                                              .intended = {7, 70000, 9},
                                              .delivery = {.keyspace = 3,
                                                           .key = slice_text("k"),
                                                           .cell = slice_text("cell"),
                                                           .dots = slice_text("dots")}};
    message_hint_read_result_encode(&result, out);
}

static void the_question_comes_back_as_it_was(void **state)
{
    struct buffer body = {0};
    struct message_hint_read read = {.address = {.partition = 300, .tag = {.epoch = 7}},
                                     .keyspace = 5,
                                     .key = slice_text("key")};
    struct message_hint_read back;
    (void)state;
    message_hint_read_encode(&read, &body);
    assert_int_equal(message_hint_read_decode(buffer_slice(&body), &back), STATUS_OK);
    assert_int_equal(back.address.partition, 300);
    assert_int_equal(back.address.tag.epoch, 7);
    assert_int_equal(back.keyspace, 5);
    assert_true(slice_equal(back.key, read.key));
    for (size_t length = 0; length < body.length; length++)
        assert_int_equal(message_hint_read_decode(slice_make(body.data, length), &back),
                         STATUS_CORRUPT);
    buffer_put_u8(&body, 0);
    assert_int_equal(message_hint_read_decode(buffer_slice(&body), &back), STATUS_CORRUPT);
    buffer_deinit(&body);
}

static void the_answer_comes_back_as_it_was(void **state)
{
    struct message_hint_read_result back;
    (void)state;
    for (uint8_t intended = 0; intended <= 3; intended++) {
        struct buffer body = {0};
        sample_result(intended, &body);
        assert_int_equal(message_hint_read_result_decode(buffer_slice(&body), &back), STATUS_OK);
        assert_int_equal(back.status, STATUS_OK);
        assert_int_equal(back.intended_count, intended);
        assert_int_equal(back.delivery.key.length, intended > 0);
        if (intended > 1)
            assert_int_equal(back.intended[1], 70000);
        for (size_t length = 0; length < body.length; length++)
            assert_int_equal(message_hint_read_result_decode(slice_make(body.data, length), &back),
                             STATUS_CORRUPT);
        buffer_deinit(&body);
    }
}

static void no_more_owners_are_named_than_a_key_has(void **state)
{
    struct buffer body = {0};
    struct message_hint_read_result back;
    (void)state;
    sample_result(1, &body);
    body.data[1] = RING_OWNERS_MAX + 1;
    assert_int_equal(message_hint_read_result_decode(buffer_slice(&body), &back), STATUS_CORRUPT);
    buffer_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question_comes_back_as_it_was),
        cmocka_unit_test(the_answer_comes_back_as_it_was),
        cmocka_unit_test(no_more_owners_are_named_than_a_key_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

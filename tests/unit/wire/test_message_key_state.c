/*
 * test_message_key_state.c - what the own store has of a key: there and back, and every damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/message_key_state.h"

static void sample(bool held, uint8_t intended, struct buffer *out)
{
    struct message_key_state_result result = {.held = held,
                                              .replica_state = 2,
                                              .collection = 3,
                                              .clock = slice_text("clock"),
                                              .cell = slice_text("cell"),
                                              .intended_count = intended,
                                              .intended = {7, 70000, 9},
                                              .hint = slice_text("hint")};
    message_key_state_result_encode(&result, out);
}

static void the_question_comes_back_as_it_was(void **state)
{
    struct buffer body = {0};
    struct message_key_state back;
    struct message_key_state question = {.keyspace = 5, .partition = 300, .key = slice_text("key")};
    (void)state;
    message_key_state_encode(&question, &body);
    assert_int_equal(message_key_state_decode(buffer_slice(&body), &back), STATUS_OK);
    assert_int_equal(back.partition, 300);
    assert_int_equal(back.keyspace, 5);
    assert_true(slice_equal(back.key, question.key));
    for (size_t length = 0; length < body.length; length++)
        assert_int_equal(message_key_state_decode(slice_make(body.data, length), &back),
                         STATUS_CORRUPT);
    buffer_put_u8(&body, 0);
    assert_int_equal(message_key_state_decode(buffer_slice(&body), &back), STATUS_CORRUPT);
    buffer_deinit(&body);
}

static void the_answer_comes_back_as_it_was(void **state)
{
    (void)state;
    for (unsigned held = 0; held < 2; held++)
        for (uint8_t intended = 0; intended <= 3; intended++) {
            struct buffer body = {0};
            struct message_key_state_result back;
            sample(held == 1, intended, &body);
            assert_int_equal(message_key_state_result_decode(buffer_slice(&body), &back),
                             STATUS_OK);
            assert_int_equal(back.held, held);
            assert_int_equal(back.collection, held == 1 ? 3 : 0);
            assert_int_equal(back.cell.length, held == 1 ? 4 : 0);
            assert_int_equal(back.intended_count, intended);
            assert_int_equal(back.hint.length, intended > 0 ? 4 : 0);
            if (intended > 1)
                assert_int_equal(back.intended[1], 70000);
            for (size_t length = 0; length < body.length; length++)
                assert_int_equal(
                    message_key_state_result_decode(slice_make(body.data, length), &back),
                    STATUS_CORRUPT);
            buffer_deinit(&body);
        }
}

static void no_more_owners_are_named_than_a_key_has(void **state)
{
    struct buffer body = {0};
    struct message_key_state_result back;
    (void)state;
    sample(false, 1, &body);
    body.data[2] = RING_OWNERS_MAX + 1;
    assert_int_equal(message_key_state_result_decode(buffer_slice(&body), &back), STATUS_CORRUPT);
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

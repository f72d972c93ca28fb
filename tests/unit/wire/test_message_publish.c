/*
 * test_message_publish.c - bodies of published messages come back as they went, or are refused.
 */
#include "../causal/cell_test.h"

#include "wire/message_publish.h"

static bool recode_publish(struct slice bytes, struct buffer *again)
{
    struct message_publish message;
    bool good = message_publish_decode(bytes, &message) == STATUS_OK;
    if (good)
        message_publish_encode(&message, again);
    return good;
}

static bool recode_taken(struct slice bytes, struct buffer *again)
{
    struct message_publish_taken taken;
    bool good = message_publish_taken_decode(bytes, &taken) == STATUS_OK;
    if (good)
        message_publish_taken_encode(&taken, again);
    return good;
}

static void check(recode_function recode, struct buffer *bytes)
{
    struct buffer again = {0};
    assert_true(recode(buffer_slice(bytes), &again));
    assert_true(slice_equal(buffer_slice(bytes), buffer_slice(&again)));
    assert_every_flip_fails_or_stays_canonical(recode, bytes);
    assert_every_truncation_fails(recode, bytes);
    buffer_deinit(&again);
    buffer_clear(bytes);
}

static void every_body_comes_back_as_it_went_or_is_refused(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    message_publish_encode(&(struct message_publish){.sharded = true,
                                                     .channel = slice_text("news"),
                                                     .message = slice_text("hello")},
                           &bytes);
    check(recode_publish, &bytes);
    message_publish_encode(&(struct message_publish){.sharded = false}, &bytes);
    check(recode_publish, &bytes);
    message_publish_taken_encode(&(struct message_publish_taken){.bytes = UINT64_MAX}, &bytes);
    check(recode_taken, &bytes);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_as_it_went_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

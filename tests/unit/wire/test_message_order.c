/* test_message_order.c - questions and pages of scores, and records of the score index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "causal/score.h"
#include "wire/message_order.h"

static void assert_same(struct slice a, struct slice b)
{
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
}

static void questions_come_back_and_parts_of_them_do_not(void **state)
{
    const struct message_order order = {.address = {.partition = 3},
                                        .keyspace = 7,
                                        .reversed = true,
                                        .limit = 99,
                                        .key = slice_text("key"),
                                        .from = slice_text("12345678member")};
    struct message_order back;
    struct buffer body = {0};
    (void)state;
    message_order_encode(&order, &body);
    assert_int_equal(message_order_decode(buffer_slice(&body), &back), STATUS_OK);
    assert_true(back.keyspace == 7 && back.reversed && back.limit == 99);
    assert_same(back.key, order.key);
    assert_same(back.from, order.from);
    size_t fixed = body.length - order.from.length; /* what follows may be of any length */
    for (size_t length = 0; length < fixed; length++)
        assert_int_equal(message_order_decode(slice_make(body.data, length), &back),
                         STATUS_CORRUPT);
    buffer_deinit(&body);
}

static struct buffer page_of_two(void)
{
    struct buffer entries = {0}, body = {0};
    const struct order_entry looks = {.name = slice_text("12345678a"), .value = {.looks = true}};
    const struct order_entry stands = {
        .name = slice_text("12345679"),
        .value = {.dot = {.actor = {.node = 4, .boot_epoch = 2}, .sequence = 17}}};
    order_entry_encode(&looks, &entries);
    order_entry_encode(&stands, &entries);
    struct message_order_result result = {.counts = true,
                                          .type = 4,
                                          .head = slice_text("head"),
                                          .next = slice_text("next"),
                                          .entry_count = 2,
                                          .entries = buffer_slice(&entries)};
    message_order_result_encode(&result, &body);
    buffer_deinit(&entries);
    return body;
}

static void pages_come_back_and_parts_of_them_do_not(void **state)
{
    struct buffer body = page_of_two();
    struct message_order_result back;
    struct order_entry entry;
    (void)state;
    assert_int_equal(message_order_result_decode(buffer_slice(&body), &back), STATUS_OK);
    assert_true(back.counts && !back.done && back.type == 4 && back.entry_count == 2);
    assert_same(back.next, slice_text("next"));
    struct reader reader = reader_make(back.entries);
    order_entry_decode(&reader, &entry);
    assert_true(entry.value.looks);
    order_entry_decode(&reader, &entry);
    assert_false(entry.value.looks);
    assert_int_equal(entry.value.dot.sequence, 17);
    for (size_t length = 0; length < body.length; length++)
        assert_int_equal(message_order_result_decode(slice_make(body.data, length), &back),
                         STATUS_CORRUPT);
    buffer_deinit(&body);
}

/* Two scores of one key, and keys of which one is the beginning of the other. */
static void records_stand_in_the_order_of_scores(void **state)
{
    static const double scores[] = {-1e9, -1, 0, 0.5, 1, 2, 1e9};
    struct buffer before = {0}, name = {0}, prefix = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        struct order_name parts;
        buffer_clear(&name);
        record_order_prefix(42, 1, slice_text("key"), ORDER_SCORES, &name);
        buffer_put_u64(&name, score_to_order(scores[i]));
        buffer_append_slice(&name, slice_text("m"));
        assert_true(slice_compare(buffer_slice(&before), buffer_slice(&name)) < 0);
        assert_int_equal(record_order_decode(buffer_slice(&name), &parts), STATUS_OK);
        assert_true(parts.position == 42 && parts.keyspace == 1 && parts.tag == ORDER_SCORES);
        assert_same(parts.key, slice_text("key"));
        assert_int_equal(parts.rest.length, ORDER_SCORE_BYTES + 1);
        buffer_clear(&before);
        buffer_append_slice(&before, buffer_slice(&name));
    }
    record_order_prefix(42, 1, slice_text("ke"), ORDER_SCORES, &prefix);
    assert_true(memcmp(prefix.data, name.data, prefix.length) != 0);
    name.data[0] = 'D';
    struct order_name parts;
    assert_int_equal(record_order_decode(buffer_slice(&name), &parts), STATUS_NOT_FOUND);
    name.data[0] = RECORD_ORDER;
    assert_int_equal(record_order_decode(slice_make(name.data, 12), &parts), STATUS_CORRUPT);
    buffer_deinit(&before);
    buffer_deinit(&name);
    buffer_deinit(&prefix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_come_back_and_parts_of_them_do_not),
        cmocka_unit_test(pages_come_back_and_parts_of_them_do_not),
        cmocka_unit_test(records_stand_in_the_order_of_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

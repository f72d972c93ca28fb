/*
 * test_order.c - pages of a sorted set in the order of scores, from several owners.
 */
#include "request_driver.h"

#include <stdio.h>
#include <string.h>

#include "causal/score.h"
#include "coordinator/order.h"
#include "ring/element_key.h"
#include "wire/message_order.h"

/* One owner's page, as it is put together. */
struct page {
    struct buffer entries, head, next;
    uint32_t count;
    bool goes_on, counts;
};

static void put_name(double score, const char *member, struct buffer *out)
{
    buffer_put_u64(out, score_to_order(score));
    buffer_append_slice(out, slice_text(member));
}

/* By the version of that number; 0: it must be looked at. */
static void add(struct page *page, double score, const char *member, uint64_t version)
{
    struct buffer name = {0};
    put_name(score, member, &name);
    struct order_entry entry = {.name = buffer_slice(&name), .value = {.looks = version == 0}};
    if (version != 0)
        entry.value.dot = (struct dot){.actor = {.node = 1}, .sequence = version};
    order_entry_encode(&entry, &page->entries);
    page->count++;
    buffer_deinit(&name);
}

static void give(struct request_driver *driver, uint8_t owner, struct page *page)
{
    struct buffer body = {0}, empty = {0};
    cell_encode(&(struct cell){0}, true, &empty);
    struct message_order_result result = {.done = !page->goes_on,
                                          .counts = page->counts,
                                          .head = page->head.length > 0 ? buffer_slice(&page->head)
                                                                        : buffer_slice(&empty),
                                          .next = buffer_slice(&page->next),
                                          .entry_count = page->count,
                                          .entries = buffer_slice(&page->entries)};
    message_order_result_encode(&result, &body);
    driver_reply(driver, owner, MESSAGE_ORDER_RESULT, buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&empty);
    buffer_deinit(&page->entries);
    buffer_deinit(&page->head);
    buffer_deinit(&page->next);
    *page = (struct page){0};
}

static void ends_before(struct page *page, double score, const char *member)
{
    page->goes_on = true;
    put_name(score, member, &page->next);
}

/* A cell whose cut has all events up to `sequence`. */
static void put_cut(struct page *page, uint64_t sequence)
{
    struct clock clock = {0};
    struct buffer value = {0};
    struct cell cell = {0};
    struct dot dot = {.actor = {.node = 1}, .sequence = 1};
    clock_add_range(&clock, &dot.actor, (struct clock_range){1, sequence});
    clock_encode(&clock, &value);
    dot.sequence = 500;
    cell_insert(&cell,
                &(struct sibling){.dot = dot, .kind = SIBLING_CUT, .value = buffer_slice(&value)});
    cell_encode(&cell, true, &page->head);
    cell_deinit(&cell);
    clock_deinit(&clock);
    buffer_deinit(&value);
}

static struct key_request request_with(uint64_t reversed)
{
    static const struct key_entry entries[2] = {{.key = {(const uint8_t *)"k", 1}}};
    return (struct key_request){.kind = KEY_ELEMENTS_WALK,
                                .flags = KEY_ORDERED,
                                .collection = COLLECTION_ZSET,
                                .position = reversed,
                                .limit = 10,
                                .entry_count = 2,
                                .entries = entries};
}

static void start(struct request_driver *driver, uint64_t reversed)
{
    struct key_request request = request_with(reversed);
    driver_init(driver, "eu:3", 0);
    driver_start(driver, &request);
    assert_int_equal(driver_count_sent(driver, MESSAGE_ORDER), 2);
}

static void assert_outcome(const struct request_driver *driver, uint16_t index, double score,
                           const char *member, bool stands)
{
    struct buffer name = {0};
    put_name(score, member, &name);
    assert_true(index < driver->result.outcome_count);
    assert_true(slice_equal(driver->result.outcomes[index].key, buffer_slice(&name)));
    assert_int_equal(driver->result.outcomes[index].visible, stands);
    buffer_deinit(&name);
}

static void a_member_stands_where_all_have_it_by_one_version(void **state)
{
    struct request_driver driver;
    struct page one = {0}, two = {0};
    (void)state;
    start(&driver, 0);
    add(&one, 1, "a", 1);
    add(&one, 2, "b", 2); /* moved since, as the other one knows */
    add(&one, 3, "c", 3);
    add(&one, 4, "d", 4); /* set again to the same score */
    add(&one, 6, "f", 0); /* an owner cannot tell */
    add(&two, 1, "a", 1);
    add(&two, 3, "c", 3);
    add(&two, 4, "d", 9);
    add(&two, 5, "b", 8);
    add(&two, 6, "f", 0);
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 6);
    assert_outcome(&driver, 0, 1, "a", true);
    assert_outcome(&driver, 1, 2, "b", false);
    assert_outcome(&driver, 2, 3, "c", true);
    assert_outcome(&driver, 3, 4, "d", false);
    assert_outcome(&driver, 4, 5, "b", false);
    assert_outcome(&driver, 5, 6, "f", false);
    assert_true(driver.result.scan_done);
    driver_deinit(&driver);
}

/* Beyond the end of a page its owner may know more. */
static void a_page_ends_where_the_first_owner_does(void **state)
{
    for (uint64_t reversed = 0; reversed <= 1; reversed++) {
        struct request_driver driver;
        struct page one = {0}, two = {0};
        (void)state;
        start(&driver, reversed);
        ends_before(&one, 2, "b");
        if (reversed != 0) {
            for (int i = 3; i >= 2; i--)
                add(&one, i, i == 3 ? "c" : "b", (uint64_t)i);
            for (int i = 3; i >= 1; i--)
                add(&two, i, i == 3 ? "c" : i == 2 ? "b" : "a", (uint64_t)i);
        } else {
            add(&one, 1, "a", 1);
            for (int i = 1; i <= 3; i++)
                add(&two, i, i == 1 ? "a" : i == 2 ? "b" : "c", (uint64_t)i);
        }
        give(&driver, 0, &one);
        give(&driver, 1, &two);
        assert_true(driver.answered);
        assert_false(driver.result.scan_done);
        uint16_t last = driver.result.outcome_count - 1u;
        assert_int_equal(last, reversed != 0 ? 2 : 1);
        assert_int_equal(driver.result.outcomes[last].number, ORDER_GOES_ON);
        assert_outcome(&driver, last, 2, "b", false);
        assert_outcome(&driver, 0, reversed != 0 ? 3 : 1, reversed != 0 ? "c" : "a", true);
        driver_deinit(&driver);
    }
}

/* A delete that one owner knows removes from the answer, and is written back before it. */
static void what_a_cut_has_removed_is_not_named(void **state)
{
    struct request_driver driver;
    struct page one = {0}, two = {0};
    (void)state;
    start(&driver, 0);
    add(&one, 1, "a", 1);
    add(&one, 2, "b", 7);
    put_cut(&two, 5);
    add(&two, 2, "b", 7);
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_false(driver.answered);
    assert_non_null(driver_find_sent(&driver, 0, MESSAGE_REPLICATE));
    assert_null(driver_find_sent(&driver, 1, MESSAGE_REPLICATE));
    driver_replicated(&driver, 0, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 1);
    assert_outcome(&driver, 0, 2, "b", true);
    driver_deinit(&driver);
}

/* O2: sums of several owners may be in no index. */
static void what_counts_is_told_where_several_owners_meet(void **state)
{
    struct request_driver driver;
    struct page one = {0}, two = {.counts = true};
    (void)state;
    start(&driver, 0);
    add(&one, 1, "a", 1);
    add(&two, 1, "a", 1);
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_int_equal(driver.result.count, 1);
    driver_deinit(&driver);
    struct key_request request = request_with(0);
    request.options.r = 1;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add(&two, 1, "a", 0);
    two.counts = true;
    give(&driver, 0, &two);
    assert_true(driver.answered);
    assert_int_equal(driver.result.count, 0);
    driver_deinit(&driver);
}

/* Each is a refusal of the owner that sent it, and another one is asked. */
static void pages_out_of_order_are_not_taken(void **state)
{
    for (int flaw = 0; flaw < 4; flaw++) {
        struct request_driver driver;
        struct page bad = {0};
        (void)state;
        start(&driver, 0);
        add(&bad, 2, "b", 1);
        if (flaw == 0) {
            add(&bad, 1, "a", 1);
        } else if (flaw == 1) {
            add(&bad, 2, "b", 1); /* twice */
        } else if (flaw == 2) {
            ends_before(&bad, 2, "b"); /* names what is behind its end */
        } else {
            bad.goes_on = true; /* nowhere */
        }
        give(&driver, 1, &bad);
        assert_false(driver.answered);
        assert_non_null(driver_find_sent(&driver, 2, MESSAGE_ORDER));
        driver_deinit(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_stands_where_all_have_it_by_one_version),
        cmocka_unit_test(a_page_ends_where_the_first_owner_does),
        cmocka_unit_test(what_a_cut_has_removed_is_not_named),
        cmocka_unit_test(what_counts_is_told_where_several_owners_meet),
        cmocka_unit_test(pages_out_of_order_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

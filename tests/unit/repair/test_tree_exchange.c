/*
 * test_tree_exchange.c - the steps of one comparison, with both store sides made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "repair/tree_exchange.h"

struct fixture {
    struct tree_exchange exchange;
    struct tree_exchange_output out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tree_exchange_deinit(&f->exchange);
    buffer_deinit(&f->out.body);
    return 0;
}

/* What is wanted now; it is then taken as done. */
static void assert_wants(struct fixture *f, enum tree_exchange_want want, uint16_t type)
{
    assert_int_equal(f->out.want, want);
    if (want != TREE_EXCHANGE_OVER)
        assert_int_equal(f->out.type, type);
    f->out.want = TREE_EXCHANGE_NOTHING;
    buffer_clear(&f->out.body);
}

static void assert_asks_for(struct fixture *f, uint16_t type, uint8_t bits, uint32_t index)
{
    struct message_tree_ask ask;
    assert_int_equal(message_tree_ask_decode(buffer_slice(&f->out.body), &ask), STATUS_OK);
    assert_int_equal(ask.ask, type);
    assert_int_equal(ask.bits, bits);
    assert_int_equal(ask.index, index);
    assert_wants(f, TREE_EXCHANGE_ASK_STORE, MESSAGE_TREE_ASK);
}

static void give(struct fixture *f, uint16_t type, struct buffer *body)
{
    tree_exchange_frame(&f->exchange, type, buffer_slice(body), &f->out);
    buffer_deinit(body);
}

/* The own store side has made this question. */
static void made(struct fixture *f, uint16_t type)
{
    struct buffer body = {0};
    buffer_put_u8(&body, 1);
    give(f, type, &body);
    assert_wants(f, TREE_EXCHANGE_ASK_PEER, type);
}

static void begin(struct fixture *f)
{
    tree_exchange_begin(&f->exchange, &(struct tree_exchange_params){.partition = 7, .peer = 2},
                        &f->out);
    assert_asks_for(f, MESSAGE_TREE_ROOT, 0, 0);
    made(f, MESSAGE_TREE_ROOT);
}

static void root_answer(struct fixture *f, bool equal, uint8_t bits)
{
    struct buffer body = {0};
    message_tree_root_result_encode(
        &(struct message_tree_root_result){.equal = equal, .bits = bits}, &body);
    give(f, MESSAGE_TREE_ROOT_RESULT, &body);
}

static void nodes_answer(struct fixture *f, const uint32_t *differ, uint16_t count)
{
    struct buffer body = {0};
    struct message_tree_nodes_result result = {.count = count};
    for (uint16_t i = 0; i < count; i++)
        result.differ[i] = differ[i];
    message_tree_nodes_result_encode(&result, &body);
    give(f, MESSAGE_TREE_NODES_RESULT, &body);
}

/* A leaf that is listed, answered and applied. */
static void leaf(struct fixture *f, struct slice next, struct slice repair)
{
    struct buffer body = {0};
    made(f, MESSAGE_TREE_LEAF);
    buffer_put_u8(&body, 1);
    give(f, MESSAGE_TREE_LEAF_RESULT, &body);
    assert_wants(f, TREE_EXCHANGE_ASK_STORE, MESSAGE_TREE_APPLY);
    message_tree_applied_encode(
        &(struct message_tree_applied){.next = next, .repair = repair, .repaired = 1}, &body);
    give(f, MESSAGE_TREE_APPLIED, &body);
}

static void assert_over(struct fixture *f, enum status status, bool equal, bool complete)
{
    assert_wants(f, TREE_EXCHANGE_OVER, 0);
    assert_int_equal(f->exchange.result.status, status);
    assert_int_equal(f->exchange.result.equal, equal);
    assert_int_equal(f->exchange.result.complete, complete);
    tree_exchange_end(&f->exchange);
    assert_true(tree_exchange_is_idle(&f->exchange));
}

static void equal_roots_end_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    root_answer(f, true, 14);
    assert_over(f, STATUS_OK, true, true);
}

static void it_goes_down_256_wide_to_the_leaves_that_differ(void **state)
{
    struct fixture *f = *state;
    struct buffer body = {0};
    begin(f);
    root_answer(f, false, 14);
    assert_asks_for(f, MESSAGE_TREE_NODES, 8, 0);
    made(f, MESSAGE_TREE_NODES);
    nodes_answer(f, (uint32_t[]){3, 200}, 2);
    assert_asks_for(f, MESSAGE_TREE_NODES, 14, 3);
    made(f, MESSAGE_TREE_NODES);
    nodes_answer(f, (uint32_t[]){3 * 64 + 5}, 1);
    assert_asks_for(f, MESSAGE_TREE_NODES, 14, 200);
    made(f, MESSAGE_TREE_NODES);
    nodes_answer(f, (uint32_t[]){200 * 64}, 1);
    assert_asks_for(f, MESSAGE_TREE_LEAF, 14, 3 * 64 + 5);
    leaf(f, slice_text("page two"), slice_make(NULL, 0));
    assert_asks_for(f, MESSAGE_TREE_LEAF, 14, 3 * 64 + 5);
    leaf(f, slice_make(NULL, 0), slice_text("copies"));
    assert_wants(f, TREE_EXCHANGE_ASK_PEER, MESSAGE_TREE_REPAIR);
    message_tree_repaired_encode(&(struct message_tree_repaired){.repaired = 4}, &body);
    give(f, MESSAGE_TREE_REPAIRED, &body);
    assert_asks_for(f, MESSAGE_TREE_LEAF, 14, 200 * 64);
    leaf(f, slice_make(NULL, 0), slice_make(NULL, 0));
    assert_int_equal(f->exchange.result.leaves, 2);
    assert_int_equal(f->exchange.result.repaired, 3 + 4);
    assert_over(f, STATUS_OK, false, true);
}

static void a_single_leaf_is_listed_at_once(void **state)
{
    struct fixture *f = *state;
    begin(f);
    root_answer(f, false, 0);
    assert_asks_for(f, MESSAGE_TREE_LEAF, 0, 0);
    leaf(f, slice_make(NULL, 0), slice_make(NULL, 0));
    assert_over(f, STATUS_OK, false, true);
}

/* A peer that answers the same place again would be asked without end. */
static void a_listing_that_gets_no_further_ends_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    root_answer(f, false, 0);
    assert_asks_for(f, MESSAGE_TREE_LEAF, 0, 0);
    leaf(f, slice_text("m"), slice_make(NULL, 0));
    assert_asks_for(f, MESSAGE_TREE_LEAF, 0, 0);
    leaf(f, slice_text("m"), slice_make(NULL, 0));
    assert_over(f, STATUS_CORRUPT, false, false);
}

static void more_leaves_than_fit_leave_it_incomplete(void **state)
{
    struct fixture *f = *state;
    uint32_t differ[TREE_CHILDREN_MAX];
    begin(f);
    root_answer(f, false, 9);
    assert_asks_for(f, MESSAGE_TREE_NODES, 8, 0);
    made(f, MESSAGE_TREE_NODES);
    for (uint32_t i = 0; i < TREE_CHILDREN_MAX; i++)
        differ[i] = i;
    nodes_answer(f, differ, TREE_CHILDREN_MAX);
    for (uint32_t i = 0; i < TREE_CHILDREN_MAX; i++) {
        assert_asks_for(f, MESSAGE_TREE_NODES, 9, i);
        made(f, MESSAGE_TREE_NODES);
        nodes_answer(f, (uint32_t[]){2 * i, 2 * i + 1}, 2);
    }
    for (uint32_t i = 0; i < TREE_EXCHANGE_LEAVES_MAX; i++) {
        assert_wants(f, TREE_EXCHANGE_ASK_STORE, MESSAGE_TREE_ASK);
        leaf(f, slice_make(NULL, 0), slice_make(NULL, 0));
    }
    assert_over(f, STATUS_OK, false, false);
}

static void an_answer_to_another_question_ends_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    nodes_answer(f, (uint32_t[]){1}, 1);
    assert_over(f, STATUS_CORRUPT, false, false);
}

static void a_node_that_does_not_exist_ends_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    root_answer(f, false, 3);
    assert_asks_for(f, MESSAGE_TREE_NODES, 3, 0);
    made(f, MESSAGE_TREE_NODES);
    nodes_answer(f, (uint32_t[]){8}, 1);
    assert_over(f, STATUS_CORRUPT, false, false);
}

static void a_store_that_cannot_ask_ends_it(void **state)
{
    struct fixture *f = *state;
    struct buffer nothing = {0};
    tree_exchange_begin(&f->exchange, &(struct tree_exchange_params){.partition = 7, .peer = 2},
                        &f->out);
    assert_asks_for(f, MESSAGE_TREE_ROOT, 0, 0);
    give(f, MESSAGE_TREE_ROOT, &nothing);
    assert_over(f, STATUS_NOT_READY, false, false);
}

static void a_failure_from_outside_ends_it_once(void **state)
{
    struct fixture *f = *state;
    begin(f);
    tree_exchange_fail(&f->exchange, STATUS_TIMEOUT, &f->out);
    assert_over(f, STATUS_TIMEOUT, false, false);
    tree_exchange_fail(&f->exchange, STATUS_TIMEOUT, &f->out);
    assert_int_equal(f->out.want, TREE_EXCHANGE_NOTHING);
    root_answer(f, true, 0); /* late */
    assert_int_equal(f->out.want, TREE_EXCHANGE_NOTHING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_roots_end_it),
        TEST(it_goes_down_256_wide_to_the_leaves_that_differ),
        TEST(a_single_leaf_is_listed_at_once),
        TEST(a_listing_that_gets_no_further_ends_it),
        TEST(more_leaves_than_fit_leave_it_incomplete),
        TEST(an_answer_to_another_question_ends_it),
        TEST(a_node_that_does_not_exist_ends_it),
        TEST(a_store_that_cannot_ask_ends_it),
        TEST(a_failure_from_outside_ends_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

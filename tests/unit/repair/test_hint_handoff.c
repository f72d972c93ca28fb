/*
 * test_hint_handoff.c - when hints go to their owners, how fast, and what is dropped afterwards.
 *
 * The node is number 4; nodes 1, 2 and 3 own every partition. Store side and owners are the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "repair/hint_handoff.h"

enum { SELF = 4, WALL = 5000000, DELAY_MS = 1000, RATE = 8 << 20, TIMEOUT_MS = 2000 };

struct host {
    struct ring *ring;
    struct hint_handoff *handoff;
    struct hint_output out;
    uint64_t now_us;
};

static void init(struct host *host)
{
    *host = (struct host){.ring = fixture_ring("eu:3", 16), .now_us = 1000000};
    fixture_add_many(host->ring, 3, "eu", 3);
    fixture_place(host->ring, NULL);
    fixture_add(host->ring, 4, "eu", "d", 1); /* and owns nothing */
    host->handoff = hint_handoff_new(&(struct hint_handoff_params){.ring = host->ring,
                                                                   .self = SELF,
                                                                   .rate_bytes_max = RATE,
                                                                   .delay_ms = DELAY_MS,
                                                                   .timeout_ms = TIMEOUT_MS,
                                                                   .random_seed = 3});
}

static void deinit(struct host *host)
{
    hint_handoff_free(host->handoff);
    hint_output_deinit(&host->out);
    ring_free(host->ring);
}

static void hold(struct host *host, partition_id partition, node_id target, uint64_t cells)
{
    struct message_hint_counts counts = {
        .partition = partition, .cells = cells, .bytes = cells * 10};
    if (cells > 0) {
        counts.debt_count = 1;
        counts.debts[0] = (struct hint_debt){
            .target = target, .cells = cells, .bytes = cells * 10, .oldest_ms = WALL - 60000};
    }
    hint_handoff_counts(host->handoff, &counts, host->now_us);
}

static void up(struct host *host, node_id peer)
{
    hint_handoff_peer_up(host->handoff, peer, host->now_us);
}

static void tick(struct host *host)
{
    hint_handoff_tick(host->handoff, host->now_us, WALL + host->now_us / 1000, &host->out);
}

/* Let time pass until something is wanted or `ms` are over; what was wanted before is forgotten. */
static bool wait_for_action(struct host *host, uint64_t ms)
{
    uint64_t end_us = host->now_us + ms * 1000;
    hint_output_clear(&host->out);
    tick(host);
    while (host->out.count == 0) {
        uint64_t deadline_us = hint_handoff_deadline_us(host->handoff);
        if (deadline_us > end_us)
            break;
        assert_true(deadline_us > host->now_us);
        host->now_us = deadline_us;
        tick(host);
    }
    if (host->out.count == 0)
        host->now_us = end_us;
    return host->out.count > 0;
}

/* The one action that is wanted now; its output is taken away. */
static struct hint_action take(struct host *host, enum hint_want want)
{
    assert_int_equal(host->out.count, 1);
    struct hint_action action = host->out.actions[0];
    assert_int_equal(action.want, want);
    host->out.count = 0;
    return action;
}

static struct hint_answer answer_to(const struct hint_action *action, enum status status)
{
    return (struct hint_answer){
        .target = action->target, .serial = action->serial, .status = status};
}

/* A page of `count` hints, whose names are `first`, `first` + 1 ... */
static void give_page(struct host *host, const struct hint_action *action, unsigned first,
                      unsigned count, bool done)
{
    struct buffer marks = {0}, deliveries = {0}, body = {0};
    char name[16] = "";
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "Hc%05u", first + i);
        struct hint_mark mark = {
            .name = slice_text(name), .digest = first + i, .first_ms = WALL - 50000 + first + i};
        struct cell_delivery delivery = {
            .key = slice_text(name),
            .cell = slice_text("0123456789012345678901234567890123456789")};
        hint_mark_encode(&mark, &marks);
        cell_delivery_encode(&delivery, &deliveries);
    }
    struct message_hints_page page = {.done = done,
                                      .last = slice_text(name),
                                      .count = count,
                                      .marks = buffer_slice(&marks),
                                      .deliveries = buffer_slice(&deliveries)};
    message_hints_page_encode(&page, &body);
    struct hint_answer answer = answer_to(action, STATUS_OK);
    answer.body = buffer_slice(&body);
    hint_handoff_page(host->handoff, &answer, host->now_us, &host->out);
    buffer_deinit(&marks);
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
}

static void give_delivered(struct host *host, const struct hint_action *action, enum status status)
{
    struct hint_answer answer = answer_to(action, status);
    hint_handoff_delivered(host->handoff, &answer, host->now_us, &host->out);
}

static void give_dropped(struct host *host, const struct hint_action *action, uint32_t count)
{
    struct buffer body = {0};
    message_hints_dropped_encode(&(struct message_hints_dropped){.count = count}, &body);
    struct hint_answer answer = answer_to(action, STATUS_OK);
    answer.body = buffer_slice(&body);
    hint_handoff_dropped(host->handoff, &answer, host->now_us);
    buffer_deinit(&body);
}

static struct message_hints_scan scan_of(const struct host *host, const struct hint_action *action)
{
    struct message_hints_scan scan;
    assert_int_equal(message_hints_scan_decode(
                         slice_make(host->out.bodies.data + action->offset, action->length), &scan),
                     STATUS_OK);
    return scan;
}

static struct hint_lane_view view_of(const struct host *host, node_id target)
{
    struct hint_lane_view view;
    hint_handoff_view(host->handoff, target, host->now_us, &view);
    return view;
}

/* ---- the way of a page ---------------------------------------------------------------------- */

static void a_page_is_dropped_only_after_the_owner_has_it(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 3);
    assert_true(wait_for_action(&host, 5000));
    struct hint_action page = take(&host, HINT_WANT_PAGE);
    struct message_hints_scan scan = scan_of(&host, &page);
    assert_int_equal(scan.partition, 5);
    assert_int_equal(scan.target, 2);
    give_page(&host, &page, 1, 3, true);
    struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
    assert_int_equal(delivery.target, 2);
    struct message_replicate replicate;
    assert_int_equal(
        message_replicate_decode(
            slice_make(host.out.bodies.data + delivery.offset, delivery.length), &replicate),
        STATUS_OK);
    assert_int_equal(replicate.address.partition, 5);
    assert_int_equal(replicate.delivery_count, 3);
    give_delivered(&host, &delivery, STATUS_OK);
    struct hint_action drop = take(&host, HINT_WANT_DROP);
    give_dropped(&host, &drop, 3);
    hold(&host, 5, 2, 0);
    assert_int_equal(view_of(&host, 2).delivered_cells, 3);
    assert_int_equal(hint_handoff_deadline_us(host.handoff), UINT64_MAX);
    assert_false(wait_for_action(&host, 3600000)); /* idle is nothing */
    deinit(&host);
}

/* D1, D2: the answer to a page that was given up may come while the next one is under way. */
static void a_late_answer_counts_for_nothing(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 3);
    assert_true(wait_for_action(&host, 5000));
    struct hint_action page = take(&host, HINT_WANT_PAGE);
    give_page(&host, &page, 1, 3, true);
    struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
    host.now_us += TIMEOUT_MS * 1000;
    assert_true(wait_for_action(&host, 5000));
    struct hint_action again = take(&host, HINT_WANT_PAGE);
    give_page(&host, &again, 1, 3, true);
    struct hint_action second = take(&host, HINT_WANT_DELIVERY);
    give_delivered(&host, &delivery, STATUS_OK);
    give_page(&host, &page, 1, 3, true);
    assert_int_equal(host.out.count, 0);
    give_delivered(&host, &second, STATUS_OK);
    give_delivered(&host, &second, STATUS_OK);
    take(&host, HINT_WANT_DROP);
    deinit(&host);
}

static void partitions_are_taken_in_turn_and_pages_in_order(void **state)
{
    struct host host;
    unsigned seen[16] = {0};
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 3, 2, 4);
    hold(&host, 9, 2, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(wait_for_action(&host, 5000));
        struct hint_action page = take(&host, HINT_WANT_PAGE);
        struct message_hints_scan scan = scan_of(&host, &page);
        bool second = i % 2 == 1;
        assert_int_equal(scan.after.length, second ? 7 : 0);
        if (second)
            assert_memory_equal(scan.after.data, "Hc00002", 7);
        seen[scan.partition]++;
        give_page(&host, &page, second ? 3 : 1, 2, second);
        struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
        give_delivered(&host, &delivery, STATUS_OK);
        struct hint_action drop = take(&host, HINT_WANT_DROP);
        give_dropped(&host, &drop, 2);
    }
    assert_int_equal(seen[3], 2);
    assert_int_equal(seen[9], 2);
    deinit(&host);
}

/* ---- when ---------------------------------------------------------------------------------- */

/* Many come back to an owner that returns: they do not all begin at once. */
static void an_owner_that_returns_is_given_a_random_while(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct host host;
        init(&host);
        hint_handoff_free(host.handoff);
        host.handoff = hint_handoff_new(&(struct hint_handoff_params){.ring = host.ring,
                                                                      .self = SELF,
                                                                      .rate_bytes_max = RATE,
                                                                      .delay_ms = DELAY_MS,
                                                                      .timeout_ms = TIMEOUT_MS,
                                                                      .random_seed = seed});
        hold(&host, 5, 2, 3);
        assert_false(wait_for_action(&host, 5000));
        assert_int_equal(view_of(&host, 2).state, HINT_LANE_OUT_OF_REACH);
        uint64_t began_us = host.now_us;
        up(&host, 2);
        assert_true(wait_for_action(&host, DELAY_MS + 500));
        uint64_t waited_us = host.now_us - began_us;
        least = waited_us < least ? waited_us : least;
        most = waited_us > most ? waited_us : most;
        deinit(&host);
    }
    assert_true(least < DELAY_MS * 1000 / 4);
    assert_true(most > DELAY_MS * 1000 * 3 / 4);
    assert_true(most <= DELAY_MS * 1000);
}

static void an_owner_in_trouble_is_left_alone_until_it_is_well(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hint_handoff_peer_pressed(host.handoff, 2, true, host.now_us);
    hold(&host, 5, 2, 3);
    assert_false(wait_for_action(&host, 60000));
    assert_int_equal(view_of(&host, 2).state, HINT_LANE_PRESSED);
    hint_handoff_peer_pressed(host.handoff, 2, false, host.now_us);
    assert_true(wait_for_action(&host, 1000));
    take(&host, HINT_WANT_PAGE);
    deinit(&host);
}

static void the_pauses_after_refusals_double_and_end_with_success(void **state)
{
    struct host host;
    uint64_t before_us = 0;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 3);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t began_us = host.now_us;
        assert_true(wait_for_action(&host, 60000));
        uint64_t waited_us = host.now_us - began_us;
        if (i > 1)
            assert_true(waited_us >= before_us);
        assert_true(waited_us <= 31000000);
        before_us = waited_us;
        struct hint_action page = take(&host, HINT_WANT_PAGE);
        give_page(&host, &page, 1, 3, true);
        struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
        give_delivered(&host, &delivery, STATUS_OVERLOADED);
        assert_int_equal(host.out.count, 0);
        assert_int_equal(view_of(&host, 2).state, HINT_LANE_REFUSED);
        assert_int_equal(view_of(&host, 2).refusal, STATUS_OVERLOADED);
    }
    assert_true(before_us > 20000000);
    assert_true(wait_for_action(&host, 60000));
    struct hint_action page = take(&host, HINT_WANT_PAGE);
    give_page(&host, &page, 1, 3, true);
    struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
    give_delivered(&host, &delivery, STATUS_OK);
    assert_int_equal(view_of(&host, 2).state, HINT_LANE_DELIVERING);
    deinit(&host);
}

/* The lanes do not wait for each other. */
static void one_owner_that_is_slow_does_not_hold_up_another(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    up(&host, 3);
    hold(&host, 5, 2, 3);
    hold(&host, 6, 3, 3);
    unsigned seen = 0;
    while (seen != 3) {
        assert_true(wait_for_action(&host, 5000));
        for (uint32_t i = 0; i < host.out.count; i++)
            seen |= host.out.actions[i].target == 2 ? 1 : 2;
        if (seen == 1 || seen == 2) /* it never answers */
            assert_int_equal(host.out.count, 1);
    }
    deinit(&host);
}

/* ---- how fast ------------------------------------------------------------------------------ */

/* Pages go on for `ms`, each answered after `answer_ms`; bytes that were delivered. */
static uint64_t run_for(struct host *host, uint64_t ms, uint64_t answer_ms)
{
    uint64_t end_us = host->now_us + ms * 1000, bytes = 0;
    while (host->now_us < end_us && wait_for_action(host, 5000)) {
        struct hint_action page = take(host, HINT_WANT_PAGE);
        unsigned count = scan_of(host, &page).bytes_max / 50;
        give_page(host, &page, 1, count > 500 ? 500 : count, false);
        struct hint_action delivery = take(host, HINT_WANT_DELIVERY);
        bytes += delivery.length;
        host->now_us += answer_ms * 1000;
        give_delivered(host, &delivery, STATUS_OK);
        struct hint_action drop = take(host, HINT_WANT_DROP);
        give_dropped(host, &drop, count);
    }
    return bytes;
}

static void the_rate_rises_slowly_and_stays_below_its_limit(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 1000000);
    uint64_t first = view_of(&host, 2).rate_bytes;
    assert_true(first <= RATE / 100);
    run_for(&host, 60000, 1);
    assert_int_equal(view_of(&host, 2).rate_bytes, RATE);
    uint64_t bytes = run_for(&host, 10000, 1);
    assert_true(bytes <= (uint64_t)RATE * 10 + (256 << 10));
    deinit(&host);
}

static void a_slow_owner_is_sent_less(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 1000000);
    run_for(&host, 60000, 1);
    uint64_t quick = view_of(&host, 2).rate_bytes;
    run_for(&host, 10000, 900);
    assert_true(view_of(&host, 2).rate_bytes < quick / 8);
    deinit(&host);
}

/* ---- what is refused for what it is ---------------------------------------------------------- */

/* D3: one bad record is found by itself; those around it arrive, and it stays. */
static void a_record_that_is_refused_does_not_hold_up_the_others(void **state)
{
    struct host host;
    unsigned delivered = 0, refused = 0;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 3);
    assert_true(wait_for_action(&host, 5000));
    struct hint_action page = take(&host, HINT_WANT_PAGE);
    give_page(&host, &page, 1, 3, true);
    struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
    give_delivered(&host, &delivery, STATUS_TOO_LARGE);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(wait_for_action(&host, 1000));
        page = take(&host, HINT_WANT_PAGE);
        assert_int_equal(scan_of(&host, &page).count_max, 1);
        give_page(&host, &page, i, 1, i == 3);
        delivery = take(&host, HINT_WANT_DELIVERY);
        give_delivered(&host, &delivery, i == 2 ? STATUS_TOO_LARGE : STATUS_OK);
        if (i == 2) {
            refused++;
            assert_int_equal(host.out.count, 0);
            continue;
        }
        struct hint_action drop = take(&host, HINT_WANT_DROP);
        give_dropped(&host, &drop, 1);
        delivered++;
    }
    assert_int_equal(delivered, 2);
    assert_int_equal(refused, 1);
    hold(&host, 5, 2, 1);
    /* What is left is as old as the one that was refused. */
    assert_int_equal(view_of(&host, 2).oldest_ms, WALL - 50000 + 2);
    assert_true(wait_for_action(&host, 5000));
    page = take(&host, HINT_WANT_PAGE);
    assert_int_not_equal(scan_of(&host, &page).count_max, 1);
    deinit(&host);
}

/* A record that is refused each time is tried less and less often. */
static void what_is_always_refused_does_not_loop(void **state)
{
    struct host host;
    unsigned tries = 0;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 1);
    for (uint64_t end_us = host.now_us + 3600000000; host.now_us < end_us;) {
        if (!wait_for_action(&host, 3600000))
            break;
        struct hint_action page = take(&host, HINT_WANT_PAGE);
        give_page(&host, &page, 1, 1, true);
        struct hint_action delivery = take(&host, HINT_WANT_DELIVERY);
        give_delivered(&host, &delivery, STATUS_INVALID);
        tries++;
    }
    assert_true(tries > 5);
    assert_true(tries < 30);
    deinit(&host);
}

static void a_peer_that_goes_is_forgotten_and_begun_with_again(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    up(&host, 2);
    hold(&host, 5, 2, 3);
    assert_true(wait_for_action(&host, 5000));
    struct hint_action page = take(&host, HINT_WANT_PAGE);
    hint_handoff_peer_down(host.handoff, 2);
    give_page(&host, &page, 1, 3, true);
    assert_int_equal(host.out.count, 0);
    assert_false(wait_for_action(&host, 60000));
    up(&host, 2);
    assert_true(wait_for_action(&host, 5000));
    page = take(&host, HINT_WANT_PAGE);
    assert_int_equal(scan_of(&host, &page).after.length, 0);
    deinit(&host);
}

/* After a ring change this node may own what it kept for others: it gives it to itself. */
static void hints_for_this_node_itself_are_given_to_it(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    hint_handoff_free(host.handoff);
    host.handoff = hint_handoff_new(&(struct hint_handoff_params){
        .ring = host.ring, .self = 2, .rate_bytes_max = RATE, .timeout_ms = TIMEOUT_MS});
    hold(&host, 5, 2, 3);
    assert_true(wait_for_action(&host, 1000));
    assert_int_equal(take(&host, HINT_WANT_PAGE).target, 2);
    deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_dropped_only_after_the_owner_has_it),
        cmocka_unit_test(a_late_answer_counts_for_nothing),
        cmocka_unit_test(partitions_are_taken_in_turn_and_pages_in_order),
        cmocka_unit_test(an_owner_that_returns_is_given_a_random_while),
        cmocka_unit_test(an_owner_in_trouble_is_left_alone_until_it_is_well),
        cmocka_unit_test(the_pauses_after_refusals_double_and_end_with_success),
        cmocka_unit_test(one_owner_that_is_slow_does_not_hold_up_another),
        cmocka_unit_test(the_rate_rises_slowly_and_stays_below_its_limit),
        cmocka_unit_test(a_slow_owner_is_sent_less),
        cmocka_unit_test(a_record_that_is_refused_does_not_hold_up_the_others),
        cmocka_unit_test(what_is_always_refused_does_not_loop),
        cmocka_unit_test(a_peer_that_goes_is_forgotten_and_begun_with_again),
        cmocka_unit_test(hints_for_this_node_itself_are_given_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

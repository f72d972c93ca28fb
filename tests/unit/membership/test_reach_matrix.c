/* Reports of several nodes, carried by hand: what each comes to know of the others' paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "membership/reach_matrix.h"
#include "wire/message_reach.h"

enum { NODES = 5, SECOND = 1000000 };
static const uint64_t START = 1000 * (uint64_t)SECOND;

static struct ring *ring;
static struct reach_matrix *nodes[NODES + 1]; /* by id */

static struct reach_matrix *new_node(node_id self, uint64_t life)
{
    struct reach_matrix *matrix =
        reach_matrix_new(&(struct reach_matrix_params){.ring = ring, .self = self, .life = life});
    reach_matrix_start(matrix, START);
    return matrix;
}

static int begin(void **state)
{
    (void)state;
    ring = fixture_small_ring();
    for (node_id id = 1; id <= NODES; id++)
        nodes[id] = new_node(id, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (node_id id = 1; id <= NODES; id++)
        reach_matrix_free(nodes[id]);
    ring_free(ring);
    return 0;
}

static void set_path(node_id a, node_id b, bool reached, uint64_t now_us)
{
    reach_matrix_note(nodes[a], b, reached, now_us);
    reach_matrix_note(nodes[b], a, reached, now_us);
}

static void connect_all(void)
{
    for (node_id a = 1; a <= NODES; a++)
        for (node_id b = (node_id)(a + 1); b <= NODES; b++)
            set_path(a, b, true, START);
}

static struct buffer report(node_id from, node_id to, uint64_t now_us)
{
    struct buffer bytes = {0};
    reach_matrix_report(nodes[from], to, now_us, &bytes);
    return bytes;
}

/* What `from` reports, if the two reach each other. */
static void carry(node_id from, node_id to, uint64_t now_us)
{
    if (reach_matrix_between(nodes[from], from, to, now_us).reach != REACH_YES)
        return;
    struct buffer bytes = report(from, to, now_us);
    assert_int_equal(reach_matrix_take(nodes[to], buffer_slice(&bytes), now_us), STATUS_OK);
    buffer_deinit(&bytes);
}

/* Everybody renews and reports to all it reaches. */
static void round_of_reports(uint64_t now_us)
{
    for (node_id from = 1; from <= NODES; from++) {
        reach_matrix_renew(nodes[from], now_us);
        for (node_id to = 1; to <= NODES; to++)
            if (to != from)
                carry(from, to, now_us);
    }
}

static enum reach view(node_id of, node_id from, node_id to, uint64_t now_us)
{
    return reach_matrix_between(nodes[of], from, to, now_us).reach;
}

static size_t reports_in(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    size_t count = 0;
    for (; reader_left(&reader) > 0; count++) {
        struct reach_report one;
        struct reach_cell cell = {0};
        reach_report_decode(&reader, &one);
        for (uint32_t i = 0; i < one.count; i++)
            reach_cell_decode(&reader, cell.node, &cell);
        assert_false(reader.failed);
    }
    return count;
}

static void before_any_report_all_is_unknown_but_the_own_paths(void **state)
{
    (void)state;
    assert_int_equal(view(1, 2, 3, START), REACH_UNKNOWN);
    assert_int_equal(view(1, 2, 1, START), REACH_UNKNOWN);
    assert_int_equal(view(1, 1, 2, START), REACH_NO);
    assert_int_equal(view(1, 1, 1, START), REACH_YES);
    assert_int_equal(view(1, 1, 77, START), REACH_UNKNOWN);
    assert_true(reach_matrix_age_ms(nodes[1], 2, START) == UINT64_MAX);
    assert_int_equal(reach_matrix_age_ms(nodes[1], 1, START), 0);
}

static void where_all_reach_all_nobody_passes_on_anything(void **state)
{
    (void)state;
    connect_all();
    round_of_reports(START);
    for (node_id from = 1; from <= NODES; from++)
        for (node_id to = 1; to <= NODES; to++)
            assert_int_equal(view(3, from, to, START), REACH_YES);
    struct buffer bytes = report(3, 1, START);
    assert_int_equal(reports_in(buffer_slice(&bytes)), 1);
    buffer_deinit(&bytes);
}

static void reports_go_round_a_cut(void **state)
{
    uint64_t cut = START + 2 * SECOND, later = cut + 3 * SECOND;
    (void)state;
    connect_all();
    round_of_reports(START);
    set_path(1, 2, false, cut);
    round_of_reports(later);
    round_of_reports(later);
    struct reach_view missed = reach_matrix_between(nodes[1], 2, 1, later);
    assert_int_equal(missed.reach, REACH_NO);
    assert_int_equal(missed.since_ms, 3000);
    assert_int_equal(view(1, 2, 3, later), REACH_YES);
    assert_int_equal(view(5, 1, 2, later), REACH_NO);
    struct buffer to_cut = report(3, 1, later), to_whole = report(3, 4, later);
    assert_int_equal(reports_in(buffer_slice(&to_cut)), 2);
    assert_int_equal(reports_in(buffer_slice(&to_whole)), 1);
    buffer_deinit(&to_cut);
    buffer_deinit(&to_whole);
}

/* 1 hears 2 and 2 does not hear 1: the two rows differ, and both are kept. */
static void a_path_may_be_broken_one_way(void **state)
{
    (void)state;
    connect_all();
    reach_matrix_note(nodes[2], 1, false, START);
    round_of_reports(START);
    round_of_reports(START);
    assert_int_equal(view(4, 1, 2, START), REACH_YES);
    assert_int_equal(view(4, 2, 1, START), REACH_NO);
}

static void the_newest_report_counts_however_it_came(void **state)
{
    (void)state;
    connect_all();
    reach_matrix_renew(nodes[2], START);
    struct buffer old = report(2, 1, START);
    set_path(2, 3, false, START);
    reach_matrix_renew(nodes[2], START);
    struct buffer new = report(2, 1, START);
    assert_int_equal(reach_matrix_take(nodes[1], buffer_slice(&new), START), STATUS_OK);
    assert_int_equal(reach_matrix_take(nodes[1], buffer_slice(&old), START), STATUS_OK);
    assert_int_equal(view(1, 2, 3, START), REACH_NO);
    buffer_deinit(&old);
    buffer_deinit(&new);
}

static void after_a_restart_the_numbers_begin_again_and_count(void **state)
{
    (void)state;
    connect_all();
    for (int i = 0; i < 10; i++)
        round_of_reports(START);
    reach_matrix_free(nodes[2]);
    nodes[2] = new_node(2, 2);
    reach_matrix_note(nodes[2], 1, true, START);
    reach_matrix_renew(nodes[2], START);
    carry(2, 1, START);
    assert_int_equal(view(1, 2, 3, START), REACH_NO);
}

static void of_its_own_row_a_node_hears_nobody(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    connect_all();
    reach_report_encode(&(struct reach_report){.node = 1, .life = 99, .number = 1, .count = 1},
                        &bytes);
    reach_cell_encode(&(struct reach_cell){.node = 2}, 0, &bytes);
    assert_int_equal(reach_matrix_take(nodes[1], buffer_slice(&bytes), START), STATUS_OK);
    assert_int_equal(view(1, 1, 2, START), REACH_YES);
    buffer_deinit(&bytes);
}

static void what_is_too_old_says_nothing_and_is_passed_on_to_nobody(void **state)
{
    uint64_t last = START + (uint64_t)REACH_STALE_MS * 1000 - 1, stale = last + 1;
    (void)state;
    connect_all();
    round_of_reports(START);
    assert_int_equal(view(1, 2, 3, last), REACH_YES);
    assert_int_equal(view(1, 2, 3, stale), REACH_UNKNOWN);
    set_path(4, 2, false, START);
    carry(4, 1, START);
    set_path(4, 2, false, stale);
    reach_matrix_renew(nodes[4], stale);
    carry(4, 1, stale);
    struct buffer bytes = report(1, 4, stale);
    assert_int_equal(reports_in(buffer_slice(&bytes)), 1);
    buffer_deinit(&bytes);
}

/* The time on the way from node to node counts: it is no younger for having been passed on. */
static void an_age_is_carried_along(void **state)
{
    (void)state;
    connect_all();
    round_of_reports(START);
    set_path(1, 2, false, START);
    reach_matrix_renew(nodes[1], START);
    reach_matrix_renew(nodes[2], START);
    carry(2, 3, START);
    carry(1, 3, START);
    carry(3, 1, START + 4 * SECOND);
    assert_int_equal(reach_matrix_age_ms(nodes[1], 2, START + 4 * SECOND), 4000);
    assert_int_equal(reach_matrix_between(nodes[1], 2, 1, START + 4 * SECOND).since_ms, 4000);
}

static void damage_is_told_and_what_came_before_it_counts(void **state)
{
    (void)state;
    connect_all();
    set_path(2, 3, false, START);
    reach_matrix_renew(nodes[2], START);
    struct buffer bytes = report(2, 1, START);
    buffer_put_u8(&bytes, 0xff);
    assert_int_equal(reach_matrix_take(nodes[1], buffer_slice(&bytes), START), STATUS_CORRUPT);
    assert_int_equal(view(1, 2, 3, START), REACH_NO);
    buffer_deinit(&bytes);
}

static void a_report_of_no_member_is_left_out(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    reach_report_encode(&(struct reach_report){.node = 77, .life = 1, .number = 1}, &bytes);
    assert_int_equal(reach_matrix_take(nodes[1], buffer_slice(&bytes), START), STATUS_OK);
    assert_true(reach_matrix_age_ms(nodes[1], 77, START) == UINT64_MAX);
    buffer_deinit(&bytes);
}

static void who_joins_is_not_reached_until_it_is(void **state)
{
    (void)state;
    connect_all();
    round_of_reports(START);
    fixture_add(ring, 9, "eu", "r9", 1);
    reach_matrix_follow_ring(nodes[1], START + SECOND);
    assert_int_equal(view(1, 1, 9, START + SECOND), REACH_NO);
    assert_int_equal(view(1, 2, 9, START + SECOND), REACH_UNKNOWN);
    assert_int_equal(view(1, 2, 3, START + SECOND), REACH_YES);
    reach_matrix_note(nodes[1], 9, true, START + SECOND);
    assert_int_equal(view(1, 1, 9, START + SECOND), REACH_YES);
}

static void a_change_is_reported_soon_and_all_else_in_an_interval(void **state)
{
    (void)state;
    reach_matrix_renew(nodes[1], START);
    assert_true(reach_matrix_deadline_us(nodes[1]) == START + REACH_INTERVAL_MS * 1000);
    reach_matrix_note(nodes[1], 2, false, START); /* as before */
    assert_true(reach_matrix_deadline_us(nodes[1]) == START + REACH_INTERVAL_MS * 1000);
    reach_matrix_note(nodes[1], 2, true, START + SECOND);
    assert_true(reach_matrix_deadline_us(nodes[1]) == START + SECOND + REACH_SOON_MS * 1000);
    reach_matrix_note(nodes[1], 3, true, START + SECOND + 100);
    assert_true(reach_matrix_deadline_us(nodes[1]) == START + SECOND + REACH_SOON_MS * 1000);
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(before_any_report_all_is_unknown_but_the_own_paths),
        CLAIM(where_all_reach_all_nobody_passes_on_anything),
        CLAIM(reports_go_round_a_cut),
        CLAIM(a_path_may_be_broken_one_way),
        CLAIM(the_newest_report_counts_however_it_came),
        CLAIM(after_a_restart_the_numbers_begin_again_and_count),
        CLAIM(of_its_own_row_a_node_hears_nobody),
        CLAIM(what_is_too_old_says_nothing_and_is_passed_on_to_nobody),
        CLAIM(an_age_is_carried_along),
        CLAIM(damage_is_told_and_what_came_before_it_counts),
        CLAIM(a_report_of_no_member_is_left_out),
        CLAIM(who_joins_is_not_reached_until_it_is),
        CLAIM(a_change_is_reported_soon_and_all_else_in_an_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

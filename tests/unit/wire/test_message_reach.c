/* test_message_reach.c - reports come back whole, and what is none fails the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/message_reach.h"

static const struct reach_report REPORT = {
    .node = 300, .life = UINT64_MAX, .number = 4, .age_ms = 1500, .count = 3};
static const struct reach_cell CELLS[] = {
    {.node = 1, .reached = true},
    {.node = 299, .reached = false, .since_ms = 86400000},
    {.node = UINT32_MAX, .reached = true},
};

static struct buffer example(void)
{
    struct buffer bytes = {0};
    reach_report_encode(&REPORT, &bytes);
    for (uint32_t i = 0; i < REPORT.count; i++)
        reach_cell_encode(&CELLS[i], i == 0 ? 0 : CELLS[i - 1].node, &bytes);
    return bytes;
}

static bool decode(struct slice bytes, struct reach_report *report, struct reach_cell *cells)
{
    struct reader reader = reader_make(bytes);
    reach_report_decode(&reader, report);
    for (uint32_t i = 0; i < REPORT.count; i++)
        reach_cell_decode(&reader, i == 0 ? 0 : cells[i - 1].node, &cells[i]);
    return !reader.failed;
}

static void reports_come_back(void **state)
{
    struct buffer bytes = example();
    struct reach_report report;
    struct reach_cell cells[3];
    (void)state;
    assert_true(decode(buffer_slice(&bytes), &report, cells));
    assert_int_equal(report.node, REPORT.node);
    assert_true(report.life == REPORT.life && report.number == REPORT.number);
    assert_int_equal(report.age_ms, REPORT.age_ms);
    assert_int_equal(report.count, REPORT.count);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cells[i].node, CELLS[i].node);
        assert_int_equal(cells[i].reached, CELLS[i].reached);
        assert_int_equal(cells[i].since_ms, CELLS[i].since_ms);
    }
    buffer_deinit(&bytes);
}

static void a_report_that_is_cut_fails(void **state)
{
    struct buffer bytes = example();
    struct reach_report report;
    struct reach_cell cells[3];
    (void)state;
    for (size_t length = 0; length < bytes.length; length++)
        assert_false(decode(slice_make(bytes.data, length), &report, cells));
    buffer_deinit(&bytes);
}

static void no_more_cells_than_a_cluster_has_members(void **state)
{
    (void)state;
    for (uint32_t more = 0; more <= 1; more++) {
        struct buffer bytes = {0};
        struct reach_report report = {.node = 1, .count = REACH_CELLS_MAX + more};
        reach_report_encode(&report, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        reach_report_decode(&reader, &report);
        assert_int_equal(reader.failed, more == 1);
        buffer_deinit(&bytes);
    }
}

static void cells_go_up_and_stay_within_the_ids(void **state)
{
    static const uint64_t WRONG[] = {0, 1, 2 * (uint64_t)UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buffer bytes = {0};
        struct reach_cell cell;
        buffer_put_varint(&bytes, WRONG[i]);
        buffer_put_varint(&bytes, 0);
        struct reader reader = reader_make(buffer_slice(&bytes));
        reach_cell_decode(&reader, 1, &cell);
        assert_true(reader.failed);
        buffer_deinit(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_come_back),
        cmocka_unit_test(a_report_that_is_cut_fails),
        cmocka_unit_test(no_more_cells_than_a_cluster_has_members),
        cmocka_unit_test(cells_go_up_and_stay_within_the_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

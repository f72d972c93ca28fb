#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_histogram.h"
#include "base/metric.h"

struct values {
    uint64_t writes, bytes;
    uint32_t waited_ms;
    int64_t offset_ms;
    bool paused;
    uint16_t up, down;
};

#define PLACE(member)                                                                              \
    .kind = METRIC_KIND_OF(((struct values *)0)->member), .offset = offsetof(struct values, member)

static const struct metric table[] = {
    {.name = "x_writes_total",
     .labels = "",
     .help = "Writes.",
     .type = METRIC_COUNTER,
     PLACE(writes)},
    {.name = "x_size_bytes", .labels = "", .help = "Size.", .unit = METRIC_BYTES, PLACE(bytes)},
    {.name = NULL, .field = "only_in_info", PLACE(bytes)},
    {.name = "x_wait_seconds",
     .labels = "",
     .help = "Wait.",
     .unit = METRIC_MILLISECONDS,
     PLACE(waited_ms)},
    {.name = "x_offset_seconds",
     .labels = "",
     .help = "Offset.",
     .unit = METRIC_MILLISECONDS,
     PLACE(offset_ms)},
    {.name = "x_paused", .labels = "", .help = "Paused.", PLACE(paused)},
    {.name = "x_nodes", .labels = "state=\"up\"", .help = "Nodes.", PLACE(up)},
    {.name = "x_nodes", .labels = "state=\"down\"", .help = "Nodes.", PLACE(down)},
};

static const struct values values = {.writes = 7,
                                     .bytes = UINT64_MAX,
                                     .waited_ms = 1050,
                                     .offset_ms = -5,
                                     .paused = true,
                                     .up = 4,
                                     .down = 1};

static void assert_page(struct buffer *out, const char *expected)
{
    buffer_put_u8(out, 0);
    assert_string_equal((const char *)out->data, expected);
    buffer_deinit(out);
}

static void a_table_becomes_a_page(void **state)
{
    struct buffer out = {0};
    struct metric_page page = {.out = &out};
    (void)state;
    metric_page_table(&page, table, sizeof table / sizeof *table, &values);
    metric_page_end(&page);
    assert_page(&out, "# HELP x_writes_total Writes.\n# TYPE x_writes_total counter\n"
                      "x_writes_total 7\n"
                      "# HELP x_size_bytes Size.\n# TYPE x_size_bytes gauge\n"
                      "x_size_bytes 18446744073709551615\n"
                      "# HELP x_wait_seconds Wait.\n# TYPE x_wait_seconds gauge\n"
                      "x_wait_seconds 1.050\n"
                      "# HELP x_offset_seconds Offset.\n# TYPE x_offset_seconds gauge\n"
                      "x_offset_seconds -0.005\n"
                      "# HELP x_paused Paused.\n# TYPE x_paused gauge\nx_paused 1\n"
                      "# HELP x_nodes Nodes.\n# TYPE x_nodes gauge\n"
                      "x_nodes{state=\"up\"} 4\nx_nodes{state=\"down\"} 1\n");
}

/* The family of a counter has no _total there, its samples do; units are told; the end too. */
static void open_metrics_has_its_own_rules(void **state)
{
    struct buffer out = {0};
    struct metric_page page = {.out = &out, .open_metrics = true};
    (void)state;
    metric_page_table(&page, table, 2, &values);
    metric_page_end(&page);
    assert_page(&out, "# HELP x_writes Writes.\n# TYPE x_writes counter\nx_writes_total 7\n"
                      "# HELP x_size_bytes Size.\n# TYPE x_size_bytes gauge\n"
                      "# UNIT x_size_bytes bytes\nx_size_bytes 18446744073709551615\n# EOF\n");
}

static void a_histogram_is_cumulative_and_exact(void **state)
{
    struct buffer out = {0};
    struct metric_page page = {.out = &out};
    struct log_histogram histogram = {0};
    static const uint64_t times[] = {63, 64, 127, 128, 5000000};
    (void)state;
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++)
        log_histogram_add(&histogram, times[i]);
    metric_page_family(&page, "x_seconds", METRIC_HISTOGRAM, METRIC_MICROSECONDS, "Times.");
    metric_page_histogram(&page, "op=\"read\"", &histogram, 6, 8);
    assert_page(&out, "# HELP x_seconds Times.\n# TYPE x_seconds histogram\n"
                      "x_seconds_bucket{op=\"read\",le=\"0.000064\"} 1\n"
                      "x_seconds_bucket{op=\"read\",le=\"0.000128\"} 3\n"
                      "x_seconds_bucket{op=\"read\",le=\"0.000256\"} 4\n"
                      "x_seconds_bucket{op=\"read\",le=\"+Inf\"} 5\n"
                      "x_seconds_sum{op=\"read\"} 5.000382\n"
                      "x_seconds_count{op=\"read\"} 5\n");
}

/* A group of 4 is not "at most 3"; one of 3 is. */
static void bounds_of_whole_numbers_are_inclusive(void **state)
{
    struct buffer out = {0};
    struct metric_page page = {.out = &out, .open_metrics = true};
    struct log_histogram histogram = {0};
    (void)state;
    log_histogram_add(&histogram, 3);
    log_histogram_add(&histogram, 4);
    metric_page_family(&page, "x_group", METRIC_HISTOGRAM, METRIC_PLAIN, "Sizes.");
    metric_page_histogram(&page, "", &histogram, 2, 2);
    assert_page(&out, "# HELP x_group Sizes.\n# TYPE x_group histogram\n"
                      "x_group_bucket{le=\"3.0\"} 1\nx_group_bucket{le=\"+Inf\"} 2\n"
                      "x_group_sum 7\nx_group_count 2\n");
}

static void labels_are_escaped_and_whole(void **state)
{
    char labels[METRIC_LABELS_MAX] = "";
    char text[METRIC_LABELS_MAX];
    (void)state;
    metric_label(labels, "region", "a\"b\\c\nd");
    metric_label(labels, "rack", "r");
    assert_string_equal(labels, "region=\"a\\\"b\\\\c\\nd\",rack=\"r\"");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    metric_label(labels, "long", text);
    assert_string_equal(labels, "region=\"a\\\"b\\\\c\\nd\",rack=\"r\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_becomes_a_page),
        cmocka_unit_test(open_metrics_has_its_own_rules),
        cmocka_unit_test(a_histogram_is_cumulative_and_exact),
        cmocka_unit_test(bounds_of_whole_numbers_are_inclusive),
        cmocka_unit_test(labels_are_escaped_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

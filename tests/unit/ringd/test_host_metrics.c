#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "commands/metrics.h"
#include "ringd/host_metrics.h"

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static bool is_time(const struct metric *row)
{
    return row->unit == METRIC_SECONDS || row->unit == METRIC_MILLISECONDS ||
           row->unit == METRIC_MICROSECONDS;
}

static void check_name(const struct metric *row)
{
    char base[128];
    bool counts = row->type == METRIC_COUNTER;
    if (ends_with(row->name, "_total") != counts)
        fail_msg("%s: _total is for counters", row->name);
    snprintf(base, sizeof base, "%.*s", (int)(strlen(row->name) - (counts ? 6 : 0)), row->name);
    if (ends_with(base, "_bytes") != (row->unit == METRIC_BYTES) ||
        ends_with(base, "_seconds") != is_time(row))
        fail_msg("%s: the name does not tell the unit", row->name);
    if (strncmp(base, "ringd_", 6) != 0 && strncmp(base, "process_", 8) != 0)
        fail_msg("%s: an unknown prefix", row->name);
    if (strlen(row->help) < 5 || !ends_with(row->help, ".") || strchr(row->help, '\n') != NULL)
        fail_msg("%s: no sentence for help", row->name);
}

/* A family is one block; its rows differ in labels alone. */
static void check_family(const struct metric *table, size_t at)
{
    const struct metric *row = &table[at];
    for (size_t i = 0; i < at; i++) {
        const struct metric *other = &table[i];
        if (other->name == NULL || strcmp(other->name, row->name) != 0)
            continue;
        if (strcmp(table[at - 1].name == NULL ? "" : table[at - 1].name, row->name) != 0 ||
            strcmp(other->labels, row->labels) == 0 || strcmp(other->help, row->help) != 0 ||
            other->type != row->type || other->unit != row->unit)
            fail_msg("%s: its rows do not make one family", row->name);
    }
}

static void check_table(const struct metric *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].name == NULL) {
            assert_non_null(table[i].field);
            continue;
        }
        check_name(&table[i]);
        check_family(table, i);
        for (size_t j = 0; j < i && table[i].field != NULL; j++)
            if (table[j].field != NULL && strcmp(table[i].field, table[j].field) == 0)
                fail_msg("%s: two rows have this field", table[i].field);
    }
}

static void names_follow_the_rules(void **state)
{
    (void)state;
    check_table(METRICS_TABLE, METRICS_TABLE_COUNT);
    check_table(HOST_METRICS, HOST_METRICS_COUNT);
}

/* One page has both tables: a family in both would stand there twice. */
static void no_family_is_in_both_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOST_METRICS_COUNT; i++)
        for (size_t j = 0; j < METRICS_TABLE_COUNT; j++)
            if (HOST_METRICS[i].name != NULL && METRICS_TABLE[j].name != NULL)
                assert_string_not_equal(HOST_METRICS[i].name, METRICS_TABLE[j].name);
}

static void a_process_knows_itself(void **state)
{
    struct host_usage usage, later;
    volatile uint64_t work = 0;
    (void)state;
    host_usage_take(&usage);
    assert_true(usage.resident_bytes > 1 << 20);
    assert_true(usage.resident_bytes_max >= usage.resident_bytes / 2);
    assert_true(usage.descriptors >= 3 && usage.descriptors <= usage.descriptors_max);
    assert_true(usage.start_time_s > 1700000000);
    for (unsigned i = 0; i < 50000000; i++)
        work += i;
    assert_true(work > 0);
    host_usage_take(&later);
    assert_true(later.processor_us > usage.processor_us);
    assert_int_equal(later.start_time_s, usage.start_time_s);
}

/* Runs out in the past or not at all: the first is told, the second is no time. */
static void only_what_runs_out_is_told(void **state)
{
    struct buffer out = {0};
    struct metric_page page = {.out = &out};
    struct host_view view = {.tls = {.facts = {.clients_expire_s = 1700000000}}};
    (void)state;
    host_metrics_write(&view, &page);
    buffer_put_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_non_null(
        strstr(text, "\nringd_tls_expiry_timestamp_seconds{certificate=\"clients\"} 1700000000\n"));
    assert_null(strstr(text, "certificate=\"cluster\""));
    assert_null(strstr(text, "certificate=\"crl\""));
    buffer_deinit(&out);
}

static void every_stage_has_its_times(void **state)
{
    static const char *const names[] = {"parse", "queue", "merge", "get", "commit"};
    struct buffer out = {0};
    struct metric_page page = {.out = &out};
    struct host_view view = {.damage_times = 0};
    const struct log_histogram *times;
    (void)state;
    log_histogram_add(&view.loop.parse_us, 3);
    log_histogram_add(&view.store.get_us, 5);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(host_stage(&view, i, &times), names[i]);
    assert_null(host_stage(&view, sizeof names / sizeof *names, &times));
    host_metrics_write(&view, &page);
    buffer_put_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "\nringd_host_stage_seconds_count{stage=\"parse\"} 1\n"));
    assert_non_null(strstr(text, "\nringd_host_stage_seconds_count{stage=\"queue\"} 0\n"));
    assert_non_null(
        strstr(text, "ringd_host_stage_seconds_bucket{stage=\"get\",le=\"0.000004\"} 0\n"));
    assert_non_null(
        strstr(text, "ringd_host_stage_seconds_bucket{stage=\"get\",le=\"0.000008\"} 1\n"));
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rules),    cmocka_unit_test(no_family_is_in_both_tables),
        cmocka_unit_test(a_process_knows_itself),    cmocka_unit_test(only_what_runs_out_is_told),
        cmocka_unit_test(every_stage_has_its_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

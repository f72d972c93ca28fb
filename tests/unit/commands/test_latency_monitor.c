#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "commands/latency_monitor.h"

static void only_what_reaches_the_threshold_is_kept(void **state)
{
    struct latency_monitor monitor = {0};
    (void)state;
    latency_monitor_note(&monitor, LATENCY_COMMAND, UINT64_MAX, 1000);
    assert_int_equal(monitor.events[LATENCY_COMMAND].count, 0);
    monitor.threshold_ms = 5;
    latency_monitor_note(&monitor, LATENCY_COMMAND, 4999, 1000);
    assert_int_equal(monitor.events[LATENCY_COMMAND].count, 0);
    latency_monitor_note(&monitor, LATENCY_COMMAND, 5000, 1000);
    assert_int_equal(monitor.events[LATENCY_COMMAND].count, 1);
    assert_int_equal(monitor.events[LATENCY_FAST_COMMAND].count, 0);
}

static void of_a_second_the_worst_is_kept(void **state)
{
    struct latency_monitor monitor = {.threshold_ms = 1};
    const struct latency_event *event = &monitor.events[LATENCY_COMMAND];
    (void)state;
    latency_monitor_note(&monitor, LATENCY_COMMAND, 7000, 1000);
    latency_monitor_note(&monitor, LATENCY_COMMAND, 9000, 1999);
    latency_monitor_note(&monitor, LATENCY_COMMAND, 8000, 1999);
    latency_monitor_note(&monitor, LATENCY_COMMAND, 2000, 2000);
    assert_int_equal(event->count, 2);
    assert_int_equal(latency_event_sample(event, 0)->took_ms, 9);
    assert_int_equal(latency_event_sample(event, 0)->wall_s, 1);
    assert_int_equal(latency_event_sample(event, 1)->took_ms, 2);
    assert_int_equal(event->worst_ms, 9);
}

/* The oldest goes, and the worst is remembered even when its sample has gone. */
static void samples_are_bounded_and_in_order(void **state)
{
    struct latency_monitor monitor = {.threshold_ms = 1};
    const struct latency_event *event = &monitor.events[LATENCY_STAGE];
    (void)state;
    for (uint64_t second = 0; second < LATENCY_SAMPLES_MAX + 10; second++)
        latency_monitor_note(&monitor, LATENCY_STAGE, second == 0 ? 99000 : 2000, second * 1000);
    assert_int_equal(event->count, LATENCY_SAMPLES_MAX);
    for (uint32_t i = 0; i < event->count; i++)
        assert_int_equal(latency_event_sample(event, i)->wall_s, i + 10);
    assert_int_equal(event->worst_ms, 99);
    latency_event_reset(&monitor.events[LATENCY_STAGE]);
    assert_int_equal(event->count + event->worst_ms, 0);
}

static void names_are_found_again(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LATENCY_KIND_COUNT; kind++)
        assert_int_equal(latency_kind_find(slice_text(latency_kind_name(kind))), kind);
    assert_int_equal(latency_kind_find(slice_text("fork")), LATENCY_KIND_COUNT);
}

static void assert_report(const struct latency_monitor *monitor, const char *part)
{
    struct buffer out = {0};
    latency_monitor_report(monitor, &out);
    buffer_put_u8(&out, 0);
    if (strstr((const char *)out.data, part) == NULL)
        fail_msg("not in the report: %s\n%s", part, (const char *)out.data);
    buffer_deinit(&out);
}

static void the_report_says_what_was_slow_or_how_to_see_it(void **state)
{
    struct latency_monitor monitor = {0};
    (void)state;
    assert_report(&monitor, "CONFIG SET latency-monitor-threshold");
    monitor.threshold_ms = 100;
    assert_report(&monitor, "Nothing took 100 ms or longer");
    latency_monitor_note(&monitor, LATENCY_STAGE + REQUEST_STAGE_QUORUM, 100000, 5000);
    latency_monitor_note(&monitor, LATENCY_STAGE + REQUEST_STAGE_QUORUM, 300000, 14000);
    assert_report(&monitor, "quorum: slow in 2 s of 10 s, 200 ms in the mean of these, 300 ms");
    assert_report(&monitor, "ringd_store_commit_seconds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_reaches_the_threshold_is_kept),
        cmocka_unit_test(of_a_second_the_worst_is_kept),
        cmocka_unit_test(samples_are_bounded_and_in_order),
        cmocka_unit_test(names_are_found_again),
        cmocka_unit_test(the_report_says_what_was_slow_or_how_to_see_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

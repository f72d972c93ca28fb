/*
 * test_ring_gc.c - what RING.GC and INFO tell of garbage that waits. Seen from node 1.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

static void two_are_waited_for(void *context, struct gc_view *out)
{
    (void)context;
    *out = (struct gc_view){.tombstones = 10,
                            .waiting = 4,
                            .log_records = 500,
                            .log_bytes = 30000,
                            .partitions_wanted = 2,
                            .holder_count = 2,
                            .holders = {{.node = 2, .reason = GC_LACKS, .partitions = 7},
                                        {.node = 4, .reason = GC_MAY_HINT, .partitions = 3}}};
}

static void ring_gc_names_who_is_waited_for_why_and_since_when(void **state)
{
    struct harness *harness = *state;
    harness->environment.gc_view = two_are_waited_for;
    harness->statistics.tombstones_purged = 99;
    harness->now.mono_us = 90 * 1000000;
    harness->down[4] = true;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.GC");
    assert_int_equal(value_get(value, "tombstones")->integer, 10);
    assert_int_equal(value_get(value, "stable")->integer, 4);
    assert_int_equal(value_get(value, "collected")->integer, 99);
    assert_int_equal(value_get(value, "log_records")->integer, 500);
    assert_int_equal(value_get(value, "log_bytes")->integer, 30000);
    assert_int_equal(value_get(value, "partitions_wanted")->integer, 2);
    const struct resp_value *holders = value_get(value, "held_back_by");
    assert_int_equal(holders->element_count, 2);
    assert_int_equal(value_get(&holders->elements[0], "node")->integer, 2);
    assert_true(value_is(value_get(&holders->elements[0], "state"), "up"));
    assert_true(value_is(value_get(&holders->elements[0], "reason"), "lacks"));
    assert_int_equal(value_get(&holders->elements[0], "partitions")->integer, 7);
    assert_int_equal(value_get(&holders->elements[0], "seconds")->integer, 90);
    assert_true(value_is(value_get(&holders->elements[1], "state"), "down"));
    assert_true(value_is(value_get(&holders->elements[1], "reason"), "hints"));
    resp_value_free(value);
}

static void info_counts_what_waits(void **state)
{
    struct harness *harness = *state;
    harness->environment.gc_view = two_are_waited_for;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "INFO ring");
    const char *text = (const char *)value->text.data;
    assert_non_null(strstr(text, "\r\nring_tombstones:10\r\n"));
    assert_non_null(strstr(text, "\r\nring_tombstones_stable:4\r\n"));
    assert_non_null(strstr(text, "\r\nring_gc_held_back_by:2\r\n"));
    assert_non_null(strstr(text, "\r\nring_log_bytes:30000\r\n"));
    assert_non_null(strstr(text, "\r\nring_partitions_wanted:2\r\n"));
    resp_value_free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ring_gc_names_who_is_waited_for_why_and_since_when,
                                        harness_setup, harness_teardown),
        cmocka_unit_test_setup_teardown(info_counts_what_waits, harness_setup, harness_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

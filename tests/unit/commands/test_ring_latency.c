/*
 * test_ring_latency.c - what RING.LATENCY tells of the times that a node has kept.
 */
#include "commands/harness.h"

#include "node/request_times.h"

static int names_of_host; /* whose address the command must hand over */

static void only_what_was_asked_for_has_a_row_and_every_stage_has_one(void **state)
{
    struct harness *harness = *state;
    struct request_times times = {0};
    struct request_class reads = {.op = REQUEST_OP_READ, .level = LEVEL_ONE};
    struct request_class writes = {.op = REQUEST_OP_WRITE, .level = REQUEST_LEVEL_COUNTED};
    harness->environment.times = &times;
    for (uint64_t i = 1; i <= 1000; i++)
        request_times_answered(&times, reads, STATUS_OK, i);
    request_times_refused(&times, writes, STATUS_OVERLOADED);
    request_times_stage(&times, REQUEST_STAGE_MINT, 7);
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.LATENCY");
    const struct resp_value *requests = value_get(value, "requests");
    assert_int_equal(requests->element_count, 1); /* nothing has a time that was refused */
    const struct resp_value *row = &requests->elements[0];
    assert_true(value_is(value_get(row, "op"), "read"));
    assert_true(value_is(value_get(row, "level"), "one"));
    assert_int_equal(value_get(row, "count")->integer, 1000);
    assert_in_range(value_get(row, "p50_us")->integer, 500, 500 + 500 / 8);
    assert_in_range(value_get(row, "p99_us")->integer, 990, 1000);
    assert_int_equal(value_get(row, "max_us")->integer, 1000);
    const struct resp_value *stages = value_get(value, "stages");
    assert_int_equal(stages->element_count, REQUEST_STAGE_COUNT);
    assert_true(value_is(value_get(&stages->elements[REQUEST_STAGE_MINT], "stage"), "mint"));
    assert_int_equal(value_get(&stages->elements[REQUEST_STAGE_MINT], "p50_us")->integer, 7);
    assert_int_equal(value_get(&stages->elements[REQUEST_STAGE_QUORUM], "count")->integer, 0);
    resp_value_free(value);
    harness->environment.times = NULL;
    request_times_deinit(&times);
}

/* A node that keeps none has none to tell. */
static void without_times_there_is_nothing_to_tell(void **state)
{
    struct harness *harness = *state;
    harness->environment.times = NULL;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.LATENCY");
    assert_int_equal(value_get(value, "requests")->element_count, 0);
    assert_int_equal(value_get(value, "stages")->element_count, REQUEST_STAGE_COUNT);
    resp_value_free(value);
}

static const char *two_stages(void *host, unsigned index, struct log_histogram *out)
{
    static const char *const names[] = {"queue", "get"};
    assert_ptr_equal(host, &names_of_host);
    if (index >= 2)
        return NULL;
    *out = (struct log_histogram){0};
    for (unsigned i = 0; i <= index; i++)
        log_histogram_add(out, 5 + index);
    return names[index];
}

static void stages_of_the_host_follow_those_of_requests(void **state)
{
    struct harness *harness = *state;
    harness->environment.host = &names_of_host;
    harness->environment.host_stage = two_stages;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.LATENCY");
    const struct resp_value *stages = value_get(value, "stages");
    assert_int_equal(stages->element_count, REQUEST_STAGE_COUNT + 2);
    const struct resp_value *get = &stages->elements[REQUEST_STAGE_COUNT + 1];
    assert_true(value_is(value_get(get, "stage"), "get"));
    assert_int_equal(value_get(get, "count")->integer, 2);
    assert_int_equal(value_get(get, "max_us")->integer, 6);
    resp_value_free(value);
    harness->environment.host_stage = NULL;
    harness->environment.host = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_asked_for_has_a_row_and_every_stage_has_one,
                                        harness_setup, harness_teardown),
        cmocka_unit_test_setup_teardown(stages_of_the_host_follow_those_of_requests, harness_setup,
                                        harness_teardown),
        cmocka_unit_test_setup_teardown(without_times_there_is_nothing_to_tell, harness_setup,
                                        harness_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

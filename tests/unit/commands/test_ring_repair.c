/*
 * test_ring_repair.c - what RING.REPAIR STATUS tells, to its last field. Seen from node 1.
 */
#include "commands/harness.h"

static void some_work(void *context, struct instant now, struct repair_view *out)
{
    (void)context;
    (void)now;
    *out = (struct repair_view){.pairs = 1,
                                .replicas = 1,
                                .differences = {1, 2, 3, 4, 5},
                                .repaired = 6,
                                .scrubs = 7,
                                .scrub_cells = 8};
}

static void one_pair(void *context, struct instant now, uint32_t index,
                     struct repair_pair_view *out)
{
    (void)context;
    (void)now;
    assert_int_equal(index, 0);
    *out =
        (struct repair_pair_view){.peer = 2, .differences = {11, 12, 13, 14, 15}, .repaired = 16};
}

static void one_replica(void *context, struct instant now, uint32_t index,
                        struct repair_replica_view *out)
{
    (void)context;
    (void)now;
    assert_int_equal(index, 0);
    *out = (struct repair_replica_view){.cells = 17, .run_pending = true};
}

static int64_t number(const struct resp_value *map, const char *name)
{
    return value_get(map, name)->integer;
}

static void the_status_is_whole(void **state)
{
    struct harness *harness = *state;
    harness->environment.repair_view = some_work;
    harness->environment.repair_pair = one_pair;
    harness->environment.repair_replica = one_replica;
    struct client *client = harness_client(harness);
    struct resp_value *status = client_value(client, "RING.REPAIR STATUS");
    assert_int_equal(number(status, "behind"), 1);
    assert_int_equal(number(status, "expired"), 5);
    assert_int_equal(number(status, "repaired"), 6);
    assert_int_equal(number(value_get(status, "scrub"), "replicas"), 7);
    assert_int_equal(number(value_get(status, "scrub"), "cells"), 8);
    const struct resp_value *pairs = value_get(status, "pairs");
    const struct resp_value *replicas = value_get(status, "replicas");
    assert_int_equal(pairs->element_count, 1);
    assert_int_equal(number(&pairs->elements[0], "expired"), 15);
    assert_int_equal(number(&pairs->elements[0], "repaired"), 16);
    assert_int_equal(replicas->element_count, 1);
    assert_int_equal(number(&replicas->elements[0], "cells"), 17);
    assert_int_equal(number(&replicas->elements[0], "pending"), 1);
    resp_value_free(status);
    status = client_value(client, "PING");
    assert_true(value_is(status, "PONG"));
    resp_value_free(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_status_is_whole, harness_setup, harness_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

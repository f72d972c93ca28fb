/*
 * test_replica_trim.c - log records go when all owners have them, and beyond a size in any case.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "replica/replica_trim.h"

static void init_three(struct garbage_host hosts[3])
{
    for (unsigned i = 0; i < 3; i++)
        garbage_host_init(&hosts[i], (node_id)(i + 1));
}

static void deinit_three(struct garbage_host hosts[3])
{
    for (unsigned i = 0; i < 3; i++)
        garbage_host_deinit(&hosts[i]);
}

static uint32_t trim(struct garbage_host *host, struct trim_limits limits)
{
    uint32_t trimmed = 0;
    assert_int_equal(
        replica_trim(&host->replica, &host->stability, &limits, &host->context, &trimmed),
        STATUS_OK);
    garbage_host_commit(host);
    return trimmed;
}

static const struct trim_limits ROOMY = {
    .bytes_max = UINT64_MAX, .kept_from = UINT64_MAX, .budget = 10000};

static void write_many(struct garbage_host hosts[3], unsigned count, int keys)
{
    for (int i = 0; i < keys; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        garbage_host_write_all(hosts, count, (unsigned)i % 2, key, "v");
    }
}

static void a_record_stays_until_all_owners_have_it(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    assert_int_equal(trim(&hosts[0], ROOMY), 0); /* nobody has said anything */
    garbage_host_report(&hosts[0], &hosts[1]);
    assert_int_equal(trim(&hosts[0], ROOMY), 0);
    garbage_host_report_all(hosts, 3);
    write_many(hosts, 3, 5); /* nobody has said to have these */
    assert_int_equal(trim(&hosts[0], ROOMY), 10);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_report_all(hosts, 3);
    assert_int_equal(trim(&hosts[0], ROOMY), 5);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_LOG), 0);
    garbage_host_assert_sums(&hosts[0]);
    deinit_three(hosts);
}

/* Replaying begins at the checkpoint, so cutting what lies behind it must move that. */
static void a_trimmed_log_is_replayed_after_a_crash(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    garbage_host_report_all(hosts, 3);
    write_many(hosts, 3, 5);
    assert_int_equal(trim(&hosts[0], ROOMY), 10);
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_report_all(hosts, 3);
    assert_int_equal(trim(&hosts[0], ROOMY), 5);
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_write_all(hosts, 3, 0, "more", "v");
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    assert_true(clock_equal(&hosts[0].replica.clock, &hosts[1].replica.clock));
    deinit_three(hosts);
}

/* The present group's records are not on the disk yet, and may never be. */
static void what_is_not_committed_is_not_cut(void **state)
{
    struct garbage_host hosts[3];
    struct buffer delivery = {0};
    uint32_t trimmed = 0;
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 4);
    garbage_host_write(&hosts[0], "late", "v", MERGE_LWW, &delivery);
    struct trim_limits limits = {.bytes_max = 0, .kept_from = UINT64_MAX, .budget = 100};
    assert_int_equal(
        replica_trim(&hosts[0].replica, &hosts[0].stability, &limits, &hosts[0].context, &trimmed),
        STATUS_OK);
    assert_int_equal(trimmed, 4);
    garbage_host_assert_sums(&hosts[0]);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_LOG), 1);
    buffer_deinit(&delivery);
    deinit_three(hosts);
}

static void a_log_that_is_too_large_is_cut_all_the_same(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    uint64_t half = hosts[0].replica.log_bytes / 2;
    struct trim_limits limits = {.bytes_max = half, .kept_from = UINT64_MAX, .budget = 100};
    assert_in_range(trim(&hosts[0], limits), 9, 11);
    assert_true(hosts[0].replica.log_bytes <= half);
    garbage_host_assert_sums(&hosts[0]);
    deinit_three(hosts);
}

/* Who is sent the partition will need the log from the first page on. */
static void what_is_kept_for_somebody_is_cut_for_no_size(void **state)
{
    struct garbage_host hosts[3];
    struct trim_limits limits = {.bytes_max = 0, .kept_from = 15, .budget = 100};
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    assert_int_equal(trim(&hosts[0], limits), 14);
    assert_int_equal(hosts[0].replica.log_first, 15);
    assert_int_equal(trim(&hosts[0], limits), 0);
    limits.kept_from = UINT64_MAX;
    assert_int_equal(trim(&hosts[0], limits), 6);
    deinit_three(hosts);
}

static struct store_iterator *no_walk(void *context)
{
    (void)context;
    fail_msg("the log is walked over");
    return NULL;
}

/* Names of trimmed records stay in a store for long, and a walk has to pass each of them. */
static void who_lacks_nothing_costs_no_walk_over_the_log(void **state)
{
    struct garbage_host hosts[3];
    struct buffer deliveries = {0};
    struct sync_answer answer;
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    for (int trimmed = 0; trimmed < 2; trimmed++) {
        struct sync_question question = {.address = {.tag = {.epoch = 1}},
                                         .clock = hosts[1].replica.clock};
        struct store_port port = hosts[0].port;
        port.iterator_new = no_walk;
        hosts[0].context.port = &port;
        assert_int_equal(replica_sync_answer(&hosts[0].replica, &question, 0, 1 << 20,
                                             &hosts[0].context, &answer, &deliveries),
                         STATUS_OK);
        assert_true(answer.complete);
        assert_int_equal(answer.delivery_count, 0);
        hosts[0].context.port = &hosts[0].port;
        garbage_host_report_all(hosts, 3);
        trim(&hosts[0], ROOMY);
    }
    buffer_deinit(&deliveries);
    deinit_three(hosts);
}

static void a_step_is_bounded(void **state)
{
    struct garbage_host hosts[3];
    struct trim_limits limits = ROOMY;
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_report_all(hosts, 3);
    limits.budget = 7;
    assert_int_equal(trim(&hosts[0], limits), 7);
    assert_int_equal(trim(&hosts[0], limits), 7);
    assert_int_equal(trim(&hosts[0], limits), 6);
    assert_int_equal(trim(&hosts[0], limits), 0);
    deinit_three(hosts);
}

static void a_hole_in_the_log_is_corruption(void **state)
{
    struct garbage_host hosts[3];
    struct buffer name = {0}, batch = {0};
    uint32_t trimmed = 0;
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 5);
    record_log_name(0, 3, &name);
    store_batch_delete(&batch, buffer_slice(&name));
    memory_store_apply(&hosts[0].store, buffer_slice(&batch));
    struct trim_limits limits = {.bytes_max = 0, .kept_from = UINT64_MAX, .budget = 100};
    assert_int_equal(
        replica_trim(&hosts[0].replica, &hosts[0].stability, &limits, &hosts[0].context, &trimmed),
        STATUS_CORRUPT);
    assert_int_equal(trimmed, 2);
    buffer_deinit(&name);
    buffer_deinit(&batch);
    deinit_three(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_stays_until_all_owners_have_it),
        cmocka_unit_test(a_trimmed_log_is_replayed_after_a_crash),
        cmocka_unit_test(what_is_not_committed_is_not_cut),
        cmocka_unit_test(a_log_that_is_too_large_is_cut_all_the_same),
        cmocka_unit_test(what_is_kept_for_somebody_is_cut_for_no_size),
        cmocka_unit_test(who_lacks_nothing_costs_no_walk_over_the_log),
        cmocka_unit_test(a_step_is_bounded),
        cmocka_unit_test(a_hole_in_the_log_is_corruption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_replica_purge.c - what leaves the disk, what stays, and what may not come back.
 */
#include "garbage_host.h"

#include <stdio.h>

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

static void a_delete_that_everybody_has_leaves_nothing(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "k", "v");
    garbage_host_write_all(hosts, 3, 0, "k", NULL);
    uint64_t digest = hosts[0].replica.tree.root.hash;
    assert_int_equal(hosts[0].replica.garbage_count, 1);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_assert_sums(&hosts[0]);
    assert_int_equal(hosts[0].replica.garbage_count, 0);
    assert_int_equal(hosts[0].replica.tree.root.hash, digest);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_CELL), 0);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_GARBAGE), 0);
    deinit_three(hosts);
}

static void an_owner_without_the_delete_holds_it_back(void **state)
{
    struct garbage_host hosts[3];
    struct purge_outcome outcome = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "k", "v");
    garbage_host_write_all(hosts, 2, 0, "k", NULL);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(
        replica_purge(&hosts[0].replica, &hosts[0].stability, 100, &hosts[0].context, &outcome),
        STATUS_OK);
    assert_int_equal(outcome.purged, 0);
    assert_int_equal(outcome.unstable, 1);
    assert_int_equal(outcome.holder, 3);
    assert_int_equal(hosts[0].batch.length, 0);
    assert_true(garbage_host_has_cell(&hosts[0], "k"));
    deinit_three(hosts);
}

static void late_copies_of_any_age_have_no_effect(void **state)
{
    struct garbage_host hosts[3];
    struct buffer value = {0}, tombstone = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write(&hosts[0], "k", "v", MERGE_LWW, &value);
    garbage_host_write(&hosts[0], "k", NULL, MERGE_LWW, &tombstone);
    for (unsigned i = 1; i < 3; i++) {
        garbage_host_apply(&hosts[i], &value, MERGE_LWW);
        garbage_host_apply(&hosts[i], &tombstone, MERGE_LWW);
    }
    garbage_host_report_all(hosts, 3);
    for (unsigned i = 0; i < 3; i++) {
        garbage_host_commit(&hosts[i]);
        garbage_host_ripen(&hosts[i]);
        assert_int_equal(garbage_host_purge(&hosts[i]), 1);
        assert_false(garbage_host_apply(&hosts[i], &value, MERGE_LWW)); /* in the same group */
        garbage_host_commit(&hosts[i]);
        assert_false(garbage_host_apply(&hosts[i], &value, MERGE_LWW));
        assert_false(garbage_host_apply(&hosts[i], &tombstone, MERGE_LWW));
        assert_false(garbage_host_has_cell(&hosts[i], "k"));
        garbage_host_crash(&hosts[i]);
        assert_false(garbage_host_apply(&hosts[i], &value, MERGE_LWW));
        garbage_host_assert_value(&hosts[i], "k", "");
    }
    buffer_deinit(&value);
    buffer_deinit(&tombstone);
    deinit_three(hosts);
}

/* The delete names events of two owners, and one of them is not everywhere. */
static void a_cell_goes_as_a_whole_or_not_at_all(void **state)
{
    struct garbage_host hosts[3];
    struct buffer one = {0}, two = {0}, tombstone = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write(&hosts[1], "k", "x", MERGE_SIBLINGS, &one);
    garbage_host_write(&hosts[2], "k", "y", MERGE_SIBLINGS, &two);
    garbage_host_apply(&hosts[0], &one, MERGE_SIBLINGS);
    garbage_host_apply(&hosts[0], &two, MERGE_SIBLINGS);
    garbage_host_write(&hosts[0], "k", NULL, MERGE_LWW, &tombstone);
    garbage_host_apply(&hosts[1], &tombstone, MERGE_SIBLINGS);
    /* Owner 2 knows of y by the context alone, so its clock is not complete; owner 3 lacks x. */
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 0);
    garbage_host_apply(&hosts[1], &two, MERGE_SIBLINGS);
    garbage_host_apply(&hosts[2], &one, MERGE_SIBLINGS);
    garbage_host_apply(&hosts[2], &tombstone, MERGE_SIBLINGS);
    garbage_host_report_all(hosts, 3);
    garbage_host_commit(&hosts[0]);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    buffer_deinit(&one);
    buffer_deinit(&two);
    buffer_deinit(&tombstone);
    deinit_three(hosts);
}

static void a_value_beside_a_tombstone_stays(void **state)
{
    struct garbage_host hosts[3];
    struct buffer first = {0}, tombstone = {0}, other = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write(&hosts[1], "k", "old", MERGE_SIBLINGS, &first);
    garbage_host_write(&hosts[1], "k", NULL, MERGE_LWW, &tombstone);
    garbage_host_write(&hosts[2], "k", "new", MERGE_SIBLINGS, &other);
    for (unsigned i = 0; i < 3; i++) {
        garbage_host_apply(&hosts[i], &first, MERGE_SIBLINGS);
        garbage_host_apply(&hosts[i], &tombstone, MERGE_SIBLINGS);
        garbage_host_apply(&hosts[i], &other, MERGE_SIBLINGS);
        garbage_host_commit(&hosts[i]);
    }
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_assert_value(&hosts[0], "k", "new");
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_apply(&hosts[0], &first, MERGE_SIBLINGS);
    garbage_host_assert_value(&hosts[0], "k", "new");
    assert_int_equal(replica_count_all(&hosts[0].replica), 1);
    garbage_host_assert_sums(&hosts[0]);
    buffer_deinit(&first);
    buffer_deinit(&tombstone);
    buffer_deinit(&other);
    deinit_three(hosts);
}

static void a_key_that_was_written_again_is_left_alone(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "k", "v");
    garbage_host_write_all(hosts, 3, 0, "k", NULL);
    garbage_host_write_all(hosts, 3, 1, "k", "w");
    assert_int_equal(hosts[0].replica.garbage_count, 0);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 0);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_assert_value(&hosts[0], "k", "w");
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_GARBAGE), 0); /* the record did go */
    deinit_three(hosts);
}

/* The group sees its own purge: an old value may not be taken for the cell that is gone. */
static void a_write_after_a_purge_of_the_same_group_counts_right(void **state)
{
    struct garbage_host hosts[3];
    struct buffer delivery = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "k", "v");
    garbage_host_write_all(hosts, 3, 0, "k", NULL);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    assert_int_equal(garbage_host_purge(&hosts[0]), 0);
    garbage_host_write(&hosts[0], "k", "w", MERGE_LWW, &delivery);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_assert_value(&hosts[0], "k", "w");
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_assert_value(&hosts[0], "k", "w");
    buffer_deinit(&delivery);
    deinit_three(hosts);
}

static void a_purge_that_was_not_committed_did_not_happen(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "k", "v");
    garbage_host_write_all(hosts, 3, 0, "k", NULL);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    assert_int_equal(hosts[0].replica.garbage_count, 1);
    assert_true(garbage_host_has_cell(&hosts[0], "k"));
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    deinit_three(hosts);
}

static void a_step_is_as_long_as_it_may_be(void **state)
{
    enum { KEYS = 50, BUDGET = 20 };
    struct garbage_host hosts[3];
    uint32_t purged = 0, steps = 0;
    bool more = true;
    (void)state;
    init_three(hosts);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        garbage_host_write_all(hosts, 3, (unsigned)i % 3, key, "v");
        garbage_host_write_all(hosts, 3, (unsigned)i % 3, key, NULL);
    }
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    for (; more; steps++) {
        struct purge_outcome outcome = {0};
        assert_int_equal(replica_purge(&hosts[0].replica, &hosts[0].stability, BUDGET,
                                       &hosts[0].context, &outcome),
                         STATUS_OK);
        garbage_host_commit(&hosts[0]);
        assert_true(outcome.purged <= BUDGET);
        purged += outcome.purged;
        more = outcome.more;
    }
    assert_int_equal(purged, KEYS);
    assert_int_equal(steps, (KEYS + BUDGET - 1) / BUDGET);
    garbage_host_assert_sums(&hosts[0]);
    deinit_three(hosts);
}

/* The way out of order: what is ripe behind something that is not does go. */
static void one_that_waits_does_not_hold_up_others(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    garbage_host_write_all(hosts, 3, 0, "a", "v");
    garbage_host_write_all(hosts, 3, 1, "b", "v");
    garbage_host_write_all(hosts, 2, 0, "a", NULL); /* owner 3 does not get it */
    garbage_host_write_all(hosts, 3, 1, "b", NULL);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_assert_sums(&hosts[0]);
    assert_true(garbage_host_has_cell(&hosts[0], "a"));
    assert_false(garbage_host_has_cell(&hosts[0], "b"));
    garbage_host_crash(&hosts[0]);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_GARBAGE), 1);
    deinit_three(hosts);
}

static void a_replica_that_rebuilds_purges_nothing(void **state)
{
    struct garbage_host hosts[3];
    struct buffer value = {0}, tombstone = {0};
    (void)state;
    init_three(hosts);
    garbage_host_wipe(&hosts[0]);
    garbage_host_write(&hosts[1], "k", "v", MERGE_LWW, &value);
    garbage_host_write(&hosts[1], "k", NULL, MERGE_LWW, &tombstone);
    garbage_host_apply(&hosts[2], &value, MERGE_LWW);
    garbage_host_apply(&hosts[2], &tombstone, MERGE_LWW);
    garbage_host_apply(&hosts[0], &value, MERGE_LWW);
    garbage_host_apply(&hosts[0], &tombstone, MERGE_LWW);
    garbage_host_commit(&hosts[0]);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 0);
    replica_activate(&hosts[0].replica);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    buffer_deinit(&value);
    buffer_deinit(&tombstone);
    deinit_three(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delete_that_everybody_has_leaves_nothing),
        cmocka_unit_test(an_owner_without_the_delete_holds_it_back),
        cmocka_unit_test(late_copies_of_any_age_have_no_effect),
        cmocka_unit_test(a_cell_goes_as_a_whole_or_not_at_all),
        cmocka_unit_test(a_value_beside_a_tombstone_stays),
        cmocka_unit_test(a_key_that_was_written_again_is_left_alone),
        cmocka_unit_test(a_write_after_a_purge_of_the_same_group_counts_right),
        cmocka_unit_test(a_purge_that_was_not_committed_did_not_happen),
        cmocka_unit_test(a_step_is_as_long_as_it_may_be),
        cmocka_unit_test(one_that_waits_does_not_hold_up_others),
        cmocka_unit_test(a_replica_that_rebuilds_purges_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

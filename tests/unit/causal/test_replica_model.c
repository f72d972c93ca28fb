#include "replica_model.h"

#include "causal_test.h"

static struct marks assert_all_right(enum merge_policy policy, enum deviation deviation,
                                     uint64_t runs)
{
    struct marks marks = {0};
    for (uint64_t seed = 1; seed <= runs; seed++)
        if (replica_model_goes_wrong(seed, policy, deviation, &marks))
            fail_msg("policy %d deviation %d goes wrong with seed %d", (int)policy, (int)deviation,
                     (int)seed);
    assert_true(marks.filtered > runs / 10);
    assert_true(marks.purged > runs / 8);
    assert_true(marks.wiped > runs / 2);
    return marks;
}

static void assert_noticed(enum merge_policy policy, enum deviation deviation, uint64_t runs_max)
{
    struct marks marks = {0};
    for (uint64_t seed = 1; seed <= runs_max; seed++)
        if (replica_model_goes_wrong(seed, policy, deviation, &marks))
            return;
    fail_msg("deviation %d was not noticed in %d runs", (int)deviation, (int)runs_max);
}

static void siblings_are_neither_lost_nor_brought_back(void **state)
{
    (void)state;
    assert_all_right(MERGE_SIBLINGS, FAITHFUL, 1000);
}

static void the_last_writer_wins_everywhere(void **state)
{
    (void)state;
    assert_true(assert_all_right(MERGE_LWW, FAITHFUL, 1000).dropped_values > 0);
}

static void contexts_of_wholly_stable_cells_can_go(void **state)
{
    (void)state;
    assert_true(assert_all_right(MERGE_SIBLINGS, STRIP_WHOLE_STABLE_CELLS, 300).stripped > 0);
    assert_true(assert_all_right(MERGE_LWW, STRIP_WHOLE_STABLE_CELLS, 300).stripped > 0);
}

static void a_missing_seen_filter_is_noticed(void **state)
{
    (void)state;
    assert_noticed(MERGE_SIBLINGS, NO_SEEN_FILTER, 300);
    assert_noticed(MERGE_LWW, NO_SEEN_FILTER, 300);
}

static void an_actor_kept_over_a_wipe_is_noticed(void **state)
{
    (void)state;
    assert_noticed(MERGE_SIBLINGS, WIPE_KEEPS_ACTOR, 300);
    assert_noticed(MERGE_LWW, WIPE_KEEPS_ACTOR, 300);
}

static void a_context_stripped_by_entries_is_noticed(void **state)
{
    (void)state;
    assert_noticed(MERGE_SIBLINGS, STRIP_STABLE_ENTRIES, 1000);
}

static void a_purge_before_rivals_arrived_is_noticed(void **state)
{
    (void)state;
    assert_noticed(MERGE_LWW, PURGE_BEFORE_RIVALS_ARRIVED, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siblings_are_neither_lost_nor_brought_back),
        cmocka_unit_test(the_last_writer_wins_everywhere),
        cmocka_unit_test(contexts_of_wholly_stable_cells_can_go),
        cmocka_unit_test(a_missing_seen_filter_is_noticed),
        cmocka_unit_test(an_actor_kept_over_a_wipe_is_noticed),
        cmocka_unit_test(a_context_stripped_by_entries_is_noticed),
        cmocka_unit_test(a_purge_before_rivals_arrived_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

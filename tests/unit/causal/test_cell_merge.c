/*
 * test_cell_merge.c - the laws of the one merge, for both policies.
 *
 * Keeping all siblings is a join for any cells; last-writer-wins is one for cells
 * of real histories, in which a write's time is above every time it covers.
 */
#include "causal/cell.h"

#include "cell_test.h"

#include "causal/hybrid_time.h"

enum { REPLICAS = 4, STEPS = 40, SNAPSHOTS = STEPS, HISTORIES = 300, TRIPLES = 30 };

static void assert_same(const struct cell *a, const struct cell *b)
{
    assert_true(same_cell(a, b));
}

static void assert_idempotent(const struct cell *x, enum merge_policy policy)
{
    struct cell again;
    assert_int_equal(cell_merge(x, x, policy, &again), 0);
    assert_same(&again, x);
    cell_deinit(&again);
}

static void assert_commutative(const struct cell *x, const struct cell *y, enum merge_policy policy)
{
    struct cell xy;
    struct cell yx;
    struct cell absorbed;
    uint32_t dropped = cell_merge(x, y, policy, &xy);
    assert_int_equal(cell_merge(y, x, policy, &yx), dropped);
    assert_same(&xy, &yx);
    assert_int_equal(cell_merge(&xy, y, policy, &absorbed), 0); /* a second delivery */
    assert_same(&absorbed, &xy);
    assert_true(version_vector_descends(&xy.context, &x->context));
    assert_true(version_vector_descends(&xy.context, &y->context));
    cell_deinit(&xy);
    cell_deinit(&yx);
    cell_deinit(&absorbed);
}

static void assert_associative(const struct cell *x, const struct cell *y, const struct cell *z,
                               enum merge_policy policy)
{
    struct cell xy;
    struct cell yz;
    struct cell left;
    struct cell right;
    cell_merge(x, y, policy, &xy);
    cell_merge(&xy, z, policy, &left);
    cell_merge(y, z, policy, &yz);
    cell_merge(x, &yz, policy, &right);
    assert_same(&left, &right);
    cell_deinit(&xy);
    cell_deinit(&yz);
    cell_deinit(&left);
    cell_deinit(&right);
}

static void assert_laws(const struct cell *x, const struct cell *y, const struct cell *z,
                        enum merge_policy policy)
{
    assert_idempotent(x, policy);
    assert_commutative(x, y, policy);
    assert_associative(x, y, z, policy);
}

static void keeping_siblings_is_a_join_for_any_cells(void **state)
{
    struct random random = random_make(51);
    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        struct cell cells[3];
        node_id actors = 1 + (node_id)random_below(&random, 4);
        for (unsigned i = 0; i < 3; i++)
            random_cell(&random, actors, 4, &cells[i]);
        assert_laws(&cells[0], &cells[1], &cells[2], MERGE_SIBLINGS);
        for (unsigned i = 0; i < 3; i++)
            cell_deinit(&cells[i]);
    }
}

struct history {
    struct random random;
    enum merge_policy policy;
    struct cell cells[REPLICAS];
    struct hybrid_clock clocks[REPLICAS];
    uint64_t sequences[REPLICAS];
    struct cell snapshots[SNAPSHOTS];
    unsigned snapshot_count;
};

static void replace_cell(struct cell *cell, struct cell *by)
{
    cell_deinit(cell);
    *cell = *by;
}

/* Observe the own cell, an older snapshot, or nothing; the last is a blind write. */
static void write_step(struct history *history, unsigned replica)
{
    struct random *random = &history->random;
    struct cell nothing = {0};
    const struct cell *observed = &history->cells[replica];
    struct cell next;
    struct cell collapsed;
    if (random_chance(random, 1, 3))
        observed = &nothing;
    else if (history->snapshot_count > 0 && random_chance(random, 1, 2))
        observed = &history->snapshots[random_below(random, history->snapshot_count)];
    struct dot dot = dot_of(replica + 1, ++history->sequences[replica]);
    struct sibling sibling = sibling_of(dot);
    hybrid_time above = cell_time_max(&history->cells[replica]);
    if (above < cell_time_max(observed))
        above = cell_time_max(observed);
    /* A coarse wall clock: equal times at several replicas are usual. */
    sibling.time = hybrid_clock_next(&history->clocks[replica], random_below(random, 3), above);
    cell_copy(&history->cells[replica], &next);
    cell_drop_observed(&next, &observed->context);
    version_vector_join(&next.context, &observed->context);
    cell_insert(&next, &sibling);
    cell_merge(&next, &nothing, history->policy, &collapsed);
    cell_deinit(&next);
    replace_cell(&history->cells[replica], &collapsed);
}

static void merge_step(struct history *history, unsigned replica)
{
    struct cell merged;
    unsigned other = (unsigned)random_below(&history->random, REPLICAS);
    hybrid_clock_observe(&history->clocks[replica], cell_time_max(&history->cells[other]));
    cell_merge(&history->cells[replica], &history->cells[other], history->policy, &merged);
    replace_cell(&history->cells[replica], &merged);
}

static void run_history(uint64_t seed, enum merge_policy policy, struct history *history)
{
    *history = (struct history){.random = random_make(seed), .policy = policy};
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned replica = (unsigned)random_below(&history->random, REPLICAS);
        if (random_chance(&history->random, 3, 5))
            write_step(history, replica);
        else
            merge_step(history, replica);
        cell_copy(&history->cells[replica], &history->snapshots[history->snapshot_count++]);
    }
}

static void end_history(struct history *history)
{
    for (unsigned i = 0; i < REPLICAS; i++)
        cell_deinit(&history->cells[i]);
    for (unsigned i = 0; i < history->snapshot_count; i++)
        cell_deinit(&history->snapshots[i]);
}

static void assert_laws_in_histories(enum merge_policy policy)
{
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        struct history history;
        run_history(seed, policy, &history);
        for (unsigned i = 0; i < TRIPLES; i++) {
            const struct cell *picked[3];
            for (unsigned k = 0; k < 3; k++)
                picked[k] = &history.snapshots[random_below(&history.random, SNAPSHOTS)];
            assert_laws(picked[0], picked[1], picked[2], policy);
        }
        end_history(&history);
    }
}

static void keeping_siblings_is_a_join_in_histories(void **state)
{
    (void)state;
    assert_laws_in_histories(MERGE_SIBLINGS);
}

static void last_writer_wins_is_a_join_in_histories(void **state)
{
    (void)state;
    assert_laws_in_histories(MERGE_LWW);
}

static bool assert_overwrites_well(const struct cell *incoming, const struct cell *local)
{
    static const enum merge_policy policies[] = {MERGE_LWW, MERGE_SIBLINGS, MERGE_ELEMENTS};
    bool overwrites = cell_overwrites(incoming, local);
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0] && overwrites; i++) {
        struct cell merged;
        assert_int_equal(cell_merge(local, incoming, policies[i], &merged), 0);
        assert_true(same_cell(&merged, incoming));
        assert_false(cell_same_version(&merged, local));
        cell_deinit(&merged);
    }
    return overwrites;
}

/* Else a replica that keeps it as it came would keep another cell than the merge makes. */
static void what_overwrites_is_what_a_merge_would_make(void **state)
{
    struct random random = random_make(11);
    unsigned found = 0, of_histories = 0;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct cell a, b;
        random_cell(&random, 1 + round % 3, 1 + round % 4, &a);
        random_cell(&random, 1 + round % 3, 1 + round % 4, &b);
        found += assert_overwrites_well(&a, &b);
        cell_deinit(&a);
        cell_deinit(&b);
    }
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct history history;
        run_history(seed, MERGE_LWW, &history);
        for (unsigned i = 1; i < history.snapshot_count; i++)
            of_histories +=
                assert_overwrites_well(&history.snapshots[i], &history.snapshots[i - 1]);
        end_history(&history);
    }
    assert_true(found > 500 && of_histories > 500);
}

/* Whatever was delivered to whom, in any order and however often: all see the same. */
static void all_orders_of_delivery_end_in_one_cell(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct history history;
        struct cell results[2] = {{.count = 0}, {.count = 0}};
        run_history(seed, seed % 2 == 0 ? MERGE_LWW : MERGE_SIBLINGS, &history);
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned k = 0; k < 3 * SNAPSHOTS; k++) {
                /* once in order, then at random */
                unsigned pick = k < SNAPSHOTS ? (i == 0 ? k : SNAPSHOTS - 1 - k)
                                              : (unsigned)random_below(&history.random, SNAPSHOTS);
                struct cell merged;
                cell_merge(&results[i], &history.snapshots[pick], history.policy, &merged);
                replace_cell(&results[i], &merged);
            }
        }
        assert_same(&results[0], &results[1]);
        cell_deinit(&results[0]);
        cell_deinit(&results[1]);
        end_history(&history);
    }
}

/* Why hybrid_clock_next() takes `above`: a successor with an older time breaks the law. */
static void times_below_the_context_would_break_last_writer_wins(void **state)
{
    struct sibling first = string_of(dot_of(1, 1), 5, "first");
    struct sibling other = string_of(dot_of(2, 1), 3, "other");
    struct sibling successor = string_of(dot_of(3, 1), 1, "successor of first, too early");
    struct cell x = {0};
    struct cell y = {0};
    struct cell z = {0};
    struct cell xy;
    struct cell yz;
    struct cell left;
    struct cell right;
    (void)state;
    cell_insert(&x, &first);
    cell_insert(&y, &other);
    cell_insert(&z, &successor);
    version_vector_raise(&z.context, &first.dot);
    cell_merge(&x, &y, MERGE_LWW, &xy);
    cell_merge(&xy, &z, MERGE_LWW, &left);
    cell_merge(&y, &z, MERGE_LWW, &yz);
    cell_merge(&x, &yz, MERGE_LWW, &right);
    assert_false(same_cell(&left, &right));
    struct cell *cells[] = {&x, &y, &z, &xy, &yz, &left, &right};
    for (unsigned i = 0; i < 7; i++)
        cell_deinit(cells[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeping_siblings_is_a_join_for_any_cells),
        cmocka_unit_test(keeping_siblings_is_a_join_in_histories),
        cmocka_unit_test(last_writer_wins_is_a_join_in_histories),
        cmocka_unit_test(what_overwrites_is_what_a_merge_would_make),
        cmocka_unit_test(all_orders_of_delivery_end_in_one_cell),
        cmocka_unit_test(times_below_the_context_would_break_last_writer_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

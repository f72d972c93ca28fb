/*
 * test_expired.c - what is left of a cell when values in it have expired, and merges of that.
 */
#include "cell_test.h"

#include "causal/counter.h"
#include "causal/expired.h"
#include "causal/garbage.h"

static struct sibling expiring(struct dot dot, hybrid_time time, uint64_t expire_at_ms)
{
    struct sibling sibling = string_of(dot, time, "v");
    sibling.expire_at_ms = expire_at_ms;
    return sibling;
}

static struct sibling counting(struct dot dot, uint64_t time_ms, struct buffer *bytes)
{
    struct counter counter = {0};
    bool known;
    assert_int_equal(counter_add(&counter, &dot, DECIMAL_ONE, slice_text(""), &known), STATUS_OK);
    counter_encode(&counter, bytes);
    counter_deinit(&counter);
    return (struct sibling){
        .dot = dot, .time = time_ms << 16, .kind = SIBLING_COUNTER, .value = buffer_slice(bytes)};
}

static void an_expired_value_becomes_its_own_tombstone(void **state)
{
    struct cell cell = {0}, out;
    struct sibling value = expiring(dot_of(1, 4), 7, 100);
    (void)state;
    cell_insert(&cell, &value);
    assert_false(cell_expire(&cell, 99, &out));
    assert_true(cell_expire(&cell, 100, &out));
    assert_true(cell_same_version(&cell, &out));
    assert_int_equal(out.siblings[0].kind, SIBLING_TOMBSTONE);
    assert_int_equal(out.siblings[0].time, 7);
    assert_int_equal(out.siblings[0].expire_at_ms, 100);
    assert_int_equal(out.siblings[0].value.length, 0);
    assert_false(cell_is_live(&out));
    cell_deinit(&out);
    cell_deinit(&cell);
}

static void what_lives_longer_stays(void **state)
{
    struct cell cell = {0}, out;
    struct sibling soon = expiring(dot_of(1, 1), 7, 100), late = expiring(dot_of(2, 1), 8, 200),
                   never = string_of(dot_of(3, 1), 3, "x");
    (void)state;
    cell_insert(&cell, &soon);
    cell_insert(&cell, &late);
    cell_insert(&cell, &never);
    assert_true(cell_expire(&cell, 150, &out));
    assert_int_equal(out.count, 3);
    assert_int_equal(out.siblings[0].kind, SIBLING_TOMBSTONE);
    assert_int_equal(out.siblings[1].kind, SIBLING_STRING);
    assert_int_equal(out.siblings[2].kind, SIBLING_STRING);
    cell_deinit(&out);
    cell_deinit(&cell);
}

/* One owner has dropped the value, another has not: either order, and again. */
static void where_both_meet_the_tombstone_stays(void **state)
{
    (void)state;
    for (unsigned policy = 0; policy < 2; policy++) {
        struct cell value = {0}, tombstone, merged, again;
        struct sibling sibling = expiring(dot_of(1, 4), 7, 100);
        cell_insert(&value, &sibling);
        assert_true(cell_expire(&value, 100, &tombstone));
        for (unsigned order = 0; order < 2; order++) {
            cell_merge(order ? &value : &tombstone, order ? &tombstone : &value, policy, &merged);
            cell_merge(&merged, &value, policy, &again);
            assert_true(same_cell(&merged, &tombstone));
            assert_true(same_cell(&again, &tombstone));
            cell_deinit(&again);
            cell_deinit(&merged);
        }
        cell_deinit(&tombstone);
        cell_deinit(&value);
    }
}

/*
 * Property: whichever of the owners expired its copies first, the merge is the same after all did.
 */
static void expiring_before_or_after_a_merge_is_the_same(void **state)
{
    struct random random = random_make(11);
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct cell cells[2], expired[2], whole, parts, done;
        uint64_t now_ms = random_u64(&random);
        enum merge_policy policy = random_chance(&random, 1, 2) ? MERGE_LWW : MERGE_SIBLINGS;
        for (int k = 0; k < 2; k++) {
            random_cell(&random, 3, 3, &cells[k]);
            if (random_chance(&random, 1, 3) || !cell_expire(&cells[k], now_ms, &expired[k]))
                cell_copy(&cells[k], &expired[k]);
        }
        cell_merge(&cells[0], &cells[1], policy, &whole);
        cell_merge(&expired[0], &expired[1], policy, &parts);
        assert_true(cell_same_version(&whole, &parts));
        if (!cell_expire(&whole, now_ms, &done))
            cell_copy(&whole, &done);
        struct cell late;
        if (!cell_expire(&parts, now_ms, &late))
            cell_copy(&parts, &late);
        assert_true(same_cell(&done, &late));
        struct cell *const all[] = {&cells[0], &cells[1], &expired[0], &expired[1],
                                    &whole,    &parts,    &done,       &late};
        for (unsigned k = 0; k < sizeof all / sizeof all[0]; k++)
            cell_deinit(all[k]);
    }
}

static void counts_from_before_go_with_the_value_and_later_ones_stay(void **state)
{
    struct cell cell = {0}, out;
    struct buffer early = {0}, late = {0}, text = {0};
    struct sibling value = expiring(dot_of(1, 1), (hybrid_time)50 << 16, 100), shown;
    struct sibling before = counting(dot_of(2, 1), 60, &early);
    struct sibling after = counting(dot_of(3, 1), 100, &late);
    (void)state;
    value.value = slice_text("10");
    cell_insert(&cell, &value);
    cell_insert(&cell, &before);
    cell_insert(&cell, &after);
    assert_true(cell_expire(&cell, 100, &out));
    assert_int_equal(out.count, 2);
    assert_ptr_equal(cell_find(&out, &before.dot), NULL);
    assert_true(version_vector_covers(&out.context, &before.dot));
    assert_true(cell_shown(&out, 100, &text, &shown));
    assert_true(slice_equal(shown.value, slice_text("1")));
    cell_deinit(&out);
    cell_deinit(&cell);
    buffer_deinit(&early);
    buffer_deinit(&late);
    buffer_deinit(&text);
}

/* A count that its maker had lost, and that comes when the value is gone already. */
static void a_late_count_from_before_is_not_shown_and_goes_too(void **state)
{
    struct cell cell = {0}, tombstone, with_count = {0}, out;
    struct buffer early = {0}, text = {0};
    struct sibling value = expiring(dot_of(1, 1), (hybrid_time)50 << 16, 100), shown;
    struct sibling before = counting(dot_of(2, 1), 60, &early);
    (void)state;
    cell_insert(&cell, &value);
    assert_true(cell_expire(&cell, 100, &tombstone));
    assert_int_equal(cell_next_expiry_ms(&tombstone, 0), 0);
    cell_copy(&tombstone, &with_count);
    cell_insert(&with_count, &before);
    assert_false(cell_shown(&with_count, 100, &text, &shown));
    assert_false(cell_is_live(&with_count));
    assert_true(cell_has_garbage(&with_count));
    cell_without_garbage(&with_count, &out);
    assert_int_equal(out.count, 0);
    cell_deinit(&out);
    cell_deinit(&with_count);
    cell_deinit(&tombstone);
    cell_deinit(&cell);
    buffer_deinit(&early);
    buffer_deinit(&text);
}

static void the_times_of_a_cell_are_found_one_after_the_other(void **state)
{
    struct cell cell = {0};
    struct sibling siblings[] = {expiring(dot_of(1, 1), 7, 300), expiring(dot_of(2, 1), 8, 100),
                                 string_of(dot_of(3, 1), 3, "x"), expiring(dot_of(4, 1), 8, 100)};
    (void)state;
    for (unsigned i = 0; i < sizeof siblings / sizeof siblings[0]; i++)
        cell_insert(&cell, &siblings[i]);
    assert_int_equal(cell_next_expiry_ms(&cell, 0), 100);
    assert_int_equal(cell_next_expiry_ms(&cell, 100), 300);
    assert_int_equal(cell_next_expiry_ms(&cell, 300), 0);
    cell_deinit(&cell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_value_becomes_its_own_tombstone),
        cmocka_unit_test(what_lives_longer_stays),
        cmocka_unit_test(where_both_meet_the_tombstone_stays),
        cmocka_unit_test(expiring_before_or_after_a_merge_is_the_same),
        cmocka_unit_test(counts_from_before_go_with_the_value_and_later_ones_stay),
        cmocka_unit_test(a_late_count_from_before_is_not_shown_and_goes_too),
        cmocka_unit_test(the_times_of_a_cell_are_found_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_cut.c - cuts in cells: they join, they have no rivals, and hostile ones are refused.
 */
#include "cell_test.h"

#include "causal/counter.h"
#include "causal/cut.h"

static struct sibling cut_of(struct dot dot, const struct clock *clock, struct buffer *value)
{
    buffer_clear(value);
    clock_encode(clock, value);
    return (struct sibling){
        .dot = dot, .time = 1, .kind = SIBLING_CUT, .value = buffer_slice(value)};
}

/* Made by two owners that do not see each other: both hold. */
static void cuts_join_beside_the_winner(void **state)
{
    struct cell a = {0}, b = {0}, merged;
    struct clock one = {0}, two = {0}, all = {0};
    struct buffer first = {0}, second = {0};
    struct dot early = dot_of(3, 1), late = dot_of(3, 7);
    (void)state;
    clock_add(&one, &early);
    clock_add(&two, &late);
    struct sibling cut = cut_of(dot_of(1, 1), &one, &first);
    cell_insert(&a, &cut);
    cut = cut_of(dot_of(2, 1), &two, &second);
    cell_insert(&b, &cut);
    struct sibling string = string_of(dot_of(2, 2), 9, "value");
    cell_insert(&b, &string);
    assert_int_equal(cell_merge(&a, &b, MERGE_LWW, &merged), 0); /* nothing was lost */
    assert_int_equal(merged.count, 3);
    cell_join_cuts(&merged, &all);
    assert_true(clock_has(&all, &early));
    assert_true(clock_has(&all, &late));
    assert_int_equal(clock_dot_count(&all), 2);
    assert_true(slice_equal(cell_visible(&merged, 0)->value, slice_text("value")));
    cell_deinit(&a);
    cell_deinit(&b);
    cell_deinit(&merged);
    clock_deinit(&one);
    clock_deinit(&two);
    clock_deinit(&all);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

/* Or trees would differ where one owner has collected it and another has not yet. */
static void a_cut_alone_is_no_value(void **state)
{
    struct cell cell = {0};
    struct clock clock = {0};
    struct buffer value = {0};
    struct dot dot = dot_of(3, 1);
    (void)state;
    clock_add(&clock, &dot);
    struct sibling cut = cut_of(dot_of(1, 1), &clock, &value);
    cell_insert(&cell, &cut);
    assert_true(cell_has_cut(&cell));
    assert_false(cell_is_live(&cell));
    assert_int_equal(cell_hash(&cell, slice_text("k"), 1), 0);
    assert_null(cell_visible(&cell, 0));
    struct sibling string = string_of(dot_of(1, 2), 1, "v");
    cell_insert(&cell, &string);
    uint64_t both = cell_hash(&cell, slice_text("k"), 1);
    struct cell alone = {0};
    cell_insert(&alone, &string);
    assert_int_equal(both, cell_hash(&alone, slice_text("k"), 1));
    cell_deinit(&alone);
    cell_deinit(&cell);
    clock_deinit(&clock);
    buffer_deinit(&value);
}

static void what_is_cut_goes_and_stays_covered(void **state)
{
    struct cell cell = {0};
    struct clock clock = {0};
    struct dot dead = dot_of(1, 1), alive = dot_of(2, 1);
    struct sibling one = string_of(dead, 1, "dead"), two = string_of(alive, 2, "alive");
    (void)state;
    cell_insert(&cell, &one);
    cell_insert(&cell, &two);
    clock_add(&clock, &dead);
    cell_drop_cut(&cell, &clock);
    assert_int_equal(cell.count, 1);
    assert_non_null(cell_find(&cell, &alive));
    assert_true(version_vector_covers(&cell.context, &dead));
    cell_deinit(&cell);
    clock_deinit(&clock);
}

static bool recode(struct slice bytes, struct buffer *again)
{
    struct cell cell;
    struct reader reader = reader_make(bytes);
    cell_decode(&reader, &cell);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted)
        cell_encode(&cell, true, again);
    cell_deinit(&cell);
    return accepted;
}

static void a_cell_with_a_cut_stands_hostile_bytes(void **state)
{
    struct cell cell = {0};
    struct clock clock = {0};
    struct buffer value = {0}, bytes = {0};
    struct dot dots[] = {dot_of(3, 1), dot_of(3, 5), dot_of(4, 2)};
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        clock_add(&clock, &dots[i]);
    struct sibling cut = cut_of(dot_of(1, 1), &clock, &value);
    cell_insert(&cell, &cut);
    cell_encode(&cell, true, &bytes);
    assert_round_trip(recode, &bytes);
    assert_every_truncation_fails(recode, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode, &bytes);
    cell_deinit(&cell);
    clock_deinit(&clock);
    buffer_deinit(&value);
    buffer_deinit(&bytes);
}

static void a_value_that_is_no_clock_is_refused(void **state)
{
    struct clock none = {0};
    struct buffer value = {0};
    (void)state;
    assert_false(cut_is_sound(slice_text("no clock")));
    assert_false(cut_is_sound(slice_text("")));
    clock_encode(&none, &value);
    assert_false(cut_is_sound(buffer_slice(&value))); /* it would remove nothing */
    buffer_deinit(&value);
}

/* A sum that goes on after the delete would bring back what was cut off it. */
static void what_counts_is_in_no_cut(void **state)
{
    struct counter counter = {0};
    struct buffer sum = {0};
    struct cell cell = {0};
    struct clock cut = {0};
    struct dot dot = {.actor = {.node = 1}, .sequence = 1};
    bool known;
    (void)state;
    assert_int_equal(counter_add(&counter, &dot, 5, slice_make(NULL, 0), &known), STATUS_OK);
    counter_encode(&counter, &sum);
    cell_insert(
        &cell, &(struct sibling){.dot = dot, .kind = SIBLING_COUNTER, .value = buffer_slice(&sum)});
    dot.sequence = 2;
    cell_insert(&cell, &(struct sibling){.dot = dot, .value = slice_text("1")});
    clock_add_range(&cut, &dot.actor, (struct clock_range){1, 2});
    assert_false(cut_has_all(&cut, &cell));
    cell_drop_cut(&cell, &cut);
    assert_int_equal(cell.count, 1);
    assert_int_equal(cell.siblings[0].kind, SIBLING_COUNTER);
    cell_deinit(&cell);
    clock_deinit(&cut);
    counter_deinit(&counter);
    buffer_deinit(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_join_beside_the_winner),
        cmocka_unit_test(a_cut_alone_is_no_value),
        cmocka_unit_test(what_is_cut_goes_and_stays_covered),
        cmocka_unit_test(a_cell_with_a_cut_stands_hostile_bytes),
        cmocka_unit_test(a_value_that_is_no_clock_is_refused),
        cmocka_unit_test(what_counts_is_in_no_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

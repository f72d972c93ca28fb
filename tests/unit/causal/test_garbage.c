/*
 * test_garbage.c - what leaves a cell once it is stable changes nothing that it shows.
 */
#include "cell_test.h"

#include "causal/counter_fold.h"
#include "causal/garbage.h"

enum { SLOTS = 3, VERSIONS_MAX = 5, RUNS = 20000 };

static decimal units(int64_t number)
{
    return (decimal)number * DECIMAL_ONE;
}

/* `events` increments of 1 in the slot of node `slot`, of which the first `reset` are reset. */
static void add_slot(struct counter *counter, node_id slot, unsigned events, unsigned reset)
{
    struct counter one = {0};
    struct buffer bytes = {0};
    struct dot dot = dot_of(slot, 1);
    for (unsigned i = 0; i < events; i++) {
        bool known;
        assert_int_equal(counter_add(&one, &dot, units(1), slice_text(""), &known), STATUS_OK);
        if (i + 1 == reset)
            counter_reset(&one);
    }
    counter_encode(&one, &bytes);
    assert_int_equal(counter_join(counter, buffer_slice(&bytes)), STATUS_OK);
    counter_deinit(&one);
    buffer_deinit(&bytes);
}

/* An increment of 5 that an id names, into an empty counter or one whose ids are not reset. */
static void add_id(struct counter *counter, const char *id)
{
    struct dot dot = dot_of(1, 1);
    bool known;
    assert_int_equal(counter_add(counter, &dot, units(5), slice_text(id), &known), STATUS_OK);
    assert_false(known);
}

static struct sibling version_of(struct dot dot, struct counter *counter, struct buffer *bytes)
{
    buffer_clear(bytes);
    counter_encode(counter, bytes);
    counter_deinit(counter);
    return (struct sibling){
        .dot = dot, .time = dot.sequence, .kind = SIBLING_COUNTER, .value = buffer_slice(bytes)};
}

static void assert_garbage(const struct cell *cell, uint32_t left)
{
    struct cell rest;
    cell_without_garbage(cell, &rest);
    assert_int_equal(rest.count, left);
    assert_int_equal(cell_has_garbage(cell), left < cell->count || cell->count == 0);
    assert_false(cell_has_garbage(&rest));
    cell_deinit(&rest);
}

static void a_string_is_no_garbage_and_a_tombstone_is(void **state)
{
    struct cell cell = {0};
    struct sibling string = string_of(dot_of(1, 1), 5, "v");
    struct sibling tombstone = tombstone_of(dot_of(2, 1), 6);
    (void)state;
    assert_false(cell_has_garbage(&cell)); /* nothing at all */
    cell_insert(&cell, &string);
    assert_garbage(&cell, 1);
    cell_insert(&cell, &tombstone);
    assert_garbage(&cell, 1);
    cell_deinit(&cell);
    cell_insert(&cell, &tombstone);
    assert_garbage(&cell, 0);
    cell_drop_observed(&cell, &cell.context);
    assert_int_equal(cell.count, 0); /* a context alone */
    assert_garbage(&cell, 0);
    cell_deinit(&cell);
}

static void a_deleted_counter_goes_with_its_slots_and_ids(void **state)
{
    struct cell cell = {0};
    struct counter counter = {0};
    struct buffer bytes = {0};
    struct sibling tombstone = tombstone_of(dot_of(2, 1), 6);
    (void)state;
    add_slot(&counter, 1, 3, 0);
    add_id(&counter, "job-1");
    counter_reset(&counter);
    struct sibling version = version_of(dot_of(2, 2), &counter, &bytes);
    cell_insert(&cell, &tombstone);
    cell_insert(&cell, &version);
    assert_garbage(&cell, 0);
    cell_deinit(&cell);
    buffer_deinit(&bytes);
}

/* Two owners deleted the same increments, and one has begun to count again. */
static void resets_beside_a_new_count_go(void **state)
{
    struct cell cell = {0};
    struct counter counter = {0};
    struct buffer bytes[3] = {{0}};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        add_slot(&counter, 1, 3, 3);
        struct sibling reset = version_of(dot_of(2 + i, 5), &counter, &bytes[i]);
        cell_insert(&cell, &reset);
    }
    add_slot(&counter, 4, 2, 0);
    struct sibling fresh = version_of(dot_of(4, 2), &counter, &bytes[2]);
    cell_insert(&cell, &fresh);
    assert_garbage(&cell, 1);
    cell_deinit(&cell);
    for (unsigned i = 0; i < 3; i++)
        buffer_deinit(&bytes[i]);
}

/* Another version has folded the id that was reset: only the reset takes its sum off. */
static void a_reset_stays_beside_a_sum_that_it_takes_off(void **state)
{
    struct cell cell = {0};
    struct counter counter = {0};
    struct buffer bytes[2] = {{0}};
    (void)state;
    add_id(&counter, "019ac5e4-1c88-7abc-8def-0123456789ab");
    counter_reset(&counter);
    struct sibling reset = version_of(dot_of(2, 5), &counter, &bytes[0]);
    add_id(&counter, "019ac5e4-1c88-7abc-8def-0123456789ab");
    assert_int_equal(counter_fold(&counter, UINT64_MAX), 1);
    add_slot(&counter, 4, 2, 0);
    struct sibling folded = version_of(dot_of(4, 2), &counter, &bytes[1]);
    cell_insert(&cell, &reset);
    cell_insert(&cell, &folded);
    assert_garbage(&cell, 2);
    cell_deinit(&cell);
    cell_insert(&cell, &reset);
    assert_garbage(&cell, 0);
    cell_deinit(&cell);
    for (unsigned i = 0; i < 2; i++)
        buffer_deinit(&bytes[i]);
}

/* An increment that the reset has not seen came beside it: without the reset all would count. */
static void a_reset_stays_while_it_takes_something_off(void **state)
{
    struct cell cell = {0};
    struct counter counter = {0};
    struct buffer bytes[3] = {{0}};
    (void)state;
    add_slot(&counter, 1, 3, 3);
    struct sibling reset = version_of(dot_of(2, 5), &counter, &bytes[0]);
    add_slot(&counter, 1, 4, 0);
    struct sibling more = version_of(dot_of(1, 4), &counter, &bytes[1]);
    cell_insert(&cell, &reset);
    cell_insert(&cell, &more);
    assert_garbage(&cell, 2);
    add_slot(&counter, 1, 3, 3); /* a second reset of the same: one of them is enough */
    struct sibling again = version_of(dot_of(3, 5), &counter, &bytes[2]);
    cell_insert(&cell, &again);
    assert_garbage(&cell, 2);
    cell_deinit(&cell);
    for (unsigned i = 0; i < 3; i++)
        buffer_deinit(&bytes[i]);
}

static void a_reset_id_stays_while_another_version_counts_it(void **state)
{
    struct cell cell = {0};
    struct counter counter = {0};
    struct buffer bytes[2] = {{0}};
    (void)state;
    add_id(&counter, "job-1");
    counter_reset(&counter);
    struct sibling reset = version_of(dot_of(2, 5), &counter, &bytes[0]);
    add_id(&counter, "job-1");
    add_id(&counter, "job-2");
    struct sibling twice = version_of(dot_of(1, 4), &counter, &bytes[1]);
    cell_insert(&cell, &reset);
    cell_insert(&cell, &twice);
    assert_garbage(&cell, 2);
    cell_deinit(&cell);
    buffer_deinit(&bytes[0]);
    add_id(&counter, "job-7");
    counter_reset(&counter);
    reset = version_of(dot_of(2, 5), &counter, &bytes[0]);
    cell_insert(&cell, &reset);
    cell_insert(&cell, &twice);
    assert_garbage(&cell, 1);
    cell_deinit(&cell);
    for (unsigned i = 0; i < 2; i++)
        buffer_deinit(&bytes[i]);
}

static bool shown_by(const struct cell *cell, struct buffer *text)
{
    struct buffer made = {0};
    struct sibling shown;
    bool any = cell_shown(cell, 0, &made, &shown);
    buffer_clear(text);
    if (any)
        buffer_append_slice(text, shown.value);
    buffer_deinit(&made);
    return any;
}

/* Any versions, of slots that overlap in any way. */
static void nothing_that_is_shown_or_compared_depends_on_garbage(void **state)
{
    struct random random = random_make(11);
    struct buffer before = {0}, after = {0};
    uint32_t went = 0, stayed = 0;
    (void)state;
    for (unsigned run = 0; run < RUNS; run++) {
        struct cell cell = {0}, rest;
        struct buffer bytes[VERSIONS_MAX] = {{0}};
        unsigned count = 1 + (unsigned)random_below(&random, VERSIONS_MAX);
        for (unsigned i = 0; i < count; i++) {
            struct counter counter = {0};
            struct sibling sibling = string_of(dot_of(i + 1, 9), i + 1, "7");
            unsigned kind = (unsigned)random_below(&random, 8);
            for (node_id slot = 1; kind > 1 && slot <= SLOTS; slot++) {
                unsigned events = (unsigned)random_below(&random, 4);
                bool all = random_chance(&random, 2, 3);
                if (events > 0)
                    add_slot(&counter, slot, events,
                             all ? events : (unsigned)random_below(&random, events + 1));
            }
            if (kind > 1)
                sibling = version_of(dot_of(i + 1, 9), &counter, &bytes[i]);
            else if (kind == 1)
                sibling = tombstone_of(dot_of(i + 1, 9), i + 1);
            cell_insert(&cell, &sibling);
        }
        cell_without_garbage(&cell, &rest);
        assert_int_equal(shown_by(&cell, &before), shown_by(&rest, &after));
        assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
        assert_int_equal(cell_is_live(&cell), cell_is_live(&rest));
        assert_int_equal(cell_hash(&cell, slice_text("k"), 1),
                         cell_hash(&rest, slice_text("k"), 1));
        assert_int_equal(cell_has_garbage(&cell), rest.count < cell.count);
        assert_false(cell_has_garbage(&rest));
        went += cell_is_live(&rest) && rest.count < cell.count;
        stayed += rest.count > 1;
        cell_deinit(&cell);
        cell_deinit(&rest);
        for (unsigned i = 0; i < VERSIONS_MAX; i++)
            buffer_deinit(&bytes[i]);
    }
    assert_true(went > RUNS / 20 && stayed > RUNS / 20);
    buffer_deinit(&before);
    buffer_deinit(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_no_garbage_and_a_tombstone_is),
        cmocka_unit_test(a_deleted_counter_goes_with_its_slots_and_ids),
        cmocka_unit_test(resets_beside_a_new_count_go),
        cmocka_unit_test(a_reset_stays_while_it_takes_something_off),
        cmocka_unit_test(a_reset_stays_beside_a_sum_that_it_takes_off),
        cmocka_unit_test(a_reset_id_stays_while_another_version_counts_it),
        cmocka_unit_test(nothing_that_is_shown_or_compared_depends_on_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

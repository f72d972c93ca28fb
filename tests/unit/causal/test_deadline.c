/*
 * test_deadline.c - until when elements live: which of them are dead, and which deadline counts.
 */
#include "cell_test.h"

#include "causal/deadline.h"
#include "causal/expired.h"
#include "causal/garbage.h"
#include "causal/past.h"

static struct dot at(node_id node, uint64_t sequence)
{
    return (struct dot){.actor = {.node = node, .storage_incarnation = 1, .boot_epoch = 1},
                        .sequence = sequence};
}

static hybrid_time at_ms(uint64_t ms)
{
    return ms << 16;
}

/* A deadline made at `since_ms` by node and number; its value stands in `value`. */
static struct sibling deadline_of(struct dot dot, uint64_t since_ms, uint64_t expire_at_ms,
                                  uint64_t floor_ms, bool swept, struct buffer *value)
{
    struct deadline deadline = {.floor_ms = floor_ms, .since = at_ms(since_ms), .swept = swept};
    buffer_clear(value);
    deadline_encode(&deadline, value);
    return (struct sibling){.kind = SIBLING_DEADLINE,
                            .dot = dot,
                            .time = at_ms(since_ms) + 1,
                            .expire_at_ms = expire_at_ms,
                            .value = buffer_slice(value)};
}

static struct sibling element_of(struct dot dot, uint8_t kind, uint64_t made_ms)
{
    return (struct sibling){.kind = kind, .dot = dot, .time = at_ms(made_ms)};
}

static void what_was_written_before_the_end_is_dead_from_then_on(void **state)
{
    struct cell head = {0}, element = {0};
    struct buffer value = {0};
    struct past past = {0};
    (void)state;
    struct sibling end = deadline_of(at(1, 1), 50, 100, 0, false, &value);
    cell_insert(&head, &end);
    struct sibling before = element_of(at(1, 2), SIBLING_STRING, 99);
    struct sibling after = element_of(at(2, 1), SIBLING_STRING, 100);
    cell_insert(&element, &before);
    cell_insert(&element, &after);
    past_join(&past, &head, 99);
    assert_true(past_is_empty(&past));
    past_join(&past, &head, 100);
    assert_int_equal(past.floor_ms, 100);
    assert_false(past_has_all(&past, &element));
    cell_drop_past(&element, &past);
    assert_int_equal(element.count, 1);
    assert_true(dot_compare(&element.siblings[0].dot, &after.dot) == 0);
    assert_true(version_vector_covers(&element.context, &before.dot));
    cell_deinit(&head);
    cell_deinit(&element);
    buffer_deinit(&value);
}

/* A cut leaves it, for others go on counting from there; after an end nobody does (L2). */
static void an_end_takes_what_counts_along(void **state)
{
    struct cell element = {0};
    struct past past = {.floor_ms = 100};
    (void)state;
    struct sibling sum = element_of(at(1, 2), SIBLING_COUNTER, 99);
    cell_insert(&element, &sum);
    assert_true(past_has_all(&past, &element));
    clock_add(&past.cut, &sum.dot);
    past.floor_ms = 0;
    assert_false(past_has(&past, &sum));
    past_deinit(&past);
    cell_deinit(&element);
}

static void the_latest_deadline_counts_whatever_its_end(void **state)
{
    struct cell a = {0}, b = {0}, merged;
    struct buffer first = {0}, second = {0};
    struct deadline deadline;
    (void)state;
    struct sibling early = deadline_of(at(2, 1), 50, 100, 0, false, &first);
    struct sibling late = deadline_of(at(1, 1), 60, 0, 40, false, &second);
    cell_insert(&a, &early);
    cell_insert(&b, &late);
    cell_merge(&a, &b, MERGE_LWW, &merged);
    assert_int_equal(merged.count, 2); /* no rivals of a string, nor of each other */
    cell_deadline(&merged, 200, &deadline);
    assert_int_equal(deadline.expire_at_ms, 0);
    assert_int_equal(deadline.floor_ms, 40); /* the end of the other one was put off */
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

/* So whoever sweeps does not undo what a client has asked for meanwhile. */
static void what_says_that_it_was_swept_counts_since_the_one_before(void **state)
{
    struct cell head = {0};
    struct buffer first = {0}, second = {0};
    struct deadline deadline;
    (void)state;
    struct sibling swept = deadline_of(at(1, 9), 50, 0, 100, true, &first);
    swept.time = at_ms(500);
    struct sibling asked = deadline_of(at(2, 1), 200, 900, 0, false, &second);
    cell_insert(&head, &swept);
    cell_insert(&head, &asked);
    cell_deadline(&head, 600, &deadline);
    assert_int_equal(deadline.expire_at_ms, 900);
    assert_int_equal(deadline.floor_ms, 100);
    assert_true(deadline.swept);
    assert_false(deadline_wants_sweep(&head, 600));
    assert_true(deadline_wants_sweep(&head, 901));
    assert_false(deadline_wants_sweep(&head, 900)); /* what is made in its millisecond may come */
    cell_deinit(&head);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

/* One has looked before the end and the other after it; together they are to be said once more. */
static void an_end_that_is_past_is_said_until_no_one_has_it(void **state)
{
    struct cell head = {0};
    struct buffer first = {0}, second = {0};
    (void)state;
    struct sibling after = deadline_of(at(1, 2), 50, 0, 100, true, &first);
    struct sibling before = deadline_of(at(2, 1), 50, 100, 40, true, &second);
    cell_insert(&head, &after);
    assert_false(deadline_wants_sweep(&head, 200));
    cell_insert(&head, &before);
    assert_true(deadline_wants_sweep(&head, 200));
    assert_int_equal(cell_next_expiry_ms(&head, 0), 100);
    cell_deinit(&head);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static bool is_garbage(const struct sibling *sibling)
{
    struct cell head = {0};
    cell_insert(&head, sibling);
    bool garbage = cell_has_garbage(&head);
    assert_true((cell_hash(&head, slice_text("k"), 1) == 0) == garbage);
    cell_deinit(&head);
    return garbage;
}

static void it_is_garbage_when_it_says_nothing_more(void **state)
{
    struct buffer value = {0};
    struct sibling sibling;
    (void)state;
    sibling = deadline_of(at(1, 1), 50, 100, 0, false, &value);
    assert_false(is_garbage(&sibling));
    sibling = deadline_of(at(1, 1), 50, 0, 40, false, &value); /* not swept yet */
    assert_false(is_garbage(&sibling));
    sibling = deadline_of(at(1, 1), 50, 0, 40, true, &value);
    assert_true(is_garbage(&sibling));
    sibling = deadline_of(at(1, 1), 50, 0, 0, false, &value);
    assert_true(is_garbage(&sibling));
    sibling = deadline_of(at(1, 1), 50, 100, 40, true, &value);
    assert_false(is_garbage(&sibling));
    buffer_deinit(&value);
}

/* Without the one that lifted it the end would be there again. */
static void one_that_hides_an_end_goes_with_it(void **state)
{
    struct cell head = {0}, rest;
    struct buffer first = {0}, second = {0}, third = {0};
    (void)state;
    struct sibling lifts = deadline_of(at(1, 1), 60, 0, 0, false, &first);
    struct sibling hidden = deadline_of(at(2, 1), 50, 100, 0, false, &second);
    struct sibling floor = deadline_of(at(3, 1), 40, 0, 30, false, &third);
    cell_insert(&head, &lifts);
    cell_insert(&head, &hidden);
    cell_without_garbage(&head, &rest);
    assert_int_equal(rest.count, 0);
    cell_deinit(&rest);
    cell_insert(&head, &floor);
    cell_without_garbage(&head, &rest);
    assert_int_equal(rest.count, 2); /* the floor is to be swept, so the lift hides the end still */
    assert_non_null(cell_find(&rest, &lifts.dot));
    assert_null(cell_find(&rest, &hidden.dot));
    assert_false(cell_has_garbage(&rest));
    cell_deinit(&rest);
    cell_deinit(&head);
    buffer_deinit(&first);
    buffer_deinit(&second);
    buffer_deinit(&third);
}

static void it_is_no_expiry_of_the_string_beside_it(void **state)
{
    struct cell head = {0};
    struct buffer value = {0};
    (void)state;
    struct sibling end = deadline_of(at(1, 1), 50, 100, 40, false, &value);
    cell_insert(&head, &end);
    assert_int_equal(cell_expired_at_ms(&head, 200), 0);
    assert_int_equal(cell_next_expiry_ms(&head, 0), 40); /* to be swept, and then again */
    assert_int_equal(cell_next_expiry_ms(&head, 40), 100);
    assert_int_equal(cell_next_expiry_ms(&head, 100), 0);
    cell_deinit(&head);
    buffer_deinit(&value);
}

static void only_sound_ones_are_decoded(void **state)
{
    struct buffer value = {0};
    (void)state;
    struct sibling sibling = deadline_of(at(1, 1), 50, 100, 40, true, &value);
    assert_true(deadline_is_sound(&sibling));
    sibling.time = at_ms(50) - 1; /* it counts since a time that had not come */
    assert_false(deadline_is_sound(&sibling));
    sibling = deadline_of(at(1, 1), 50, 100, 0, true, &value); /* swept of what? */
    assert_false(deadline_is_sound(&sibling));
    sibling = deadline_of(at(1, 1), 0, 100, 0, false, &value);
    assert_false(deadline_is_sound(&sibling));
    sibling = deadline_of(at(1, 1), 50, 100, 40, true, &value);
    value.data[value.length - 1] = 2;
    assert_false(deadline_is_sound(&sibling));
    sibling.value.length--;
    assert_false(deadline_is_sound(&sibling));
    buffer_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_before_the_end_is_dead_from_then_on),
        cmocka_unit_test(an_end_takes_what_counts_along),
        cmocka_unit_test(the_latest_deadline_counts_whatever_its_end),
        cmocka_unit_test(what_says_that_it_was_swept_counts_since_the_one_before),
        cmocka_unit_test(an_end_that_is_past_is_said_until_no_one_has_it),
        cmocka_unit_test(it_is_garbage_when_it_says_nothing_more),
        cmocka_unit_test(one_that_hides_an_end_goes_with_it),
        cmocka_unit_test(it_is_no_expiry_of_the_string_beside_it),
        cmocka_unit_test(only_sound_ones_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

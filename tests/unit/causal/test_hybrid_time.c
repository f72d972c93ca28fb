#include "causal/hybrid_time.h"

#include "causal_test.h"

static hybrid_time at(uint64_t ms, uint16_t counter)
{
    return ms << 16 | counter;
}

static void follows_the_wall_clock(void **state)
{
    struct hybrid_clock clock = {0};
    (void)state;
    assert_int_equal(hybrid_clock_next(&clock, 1000, 0), at(1000, 0));
    assert_int_equal(hybrid_clock_next(&clock, 1001, 0), at(1001, 0));
    assert_int_equal(hybrid_time_ms(clock.last), 1001);
}

static void counts_on_while_the_wall_clock_stands_or_steps_back(void **state)
{
    struct hybrid_clock clock = {0};
    (void)state;
    hybrid_clock_next(&clock, 1000, 0);
    assert_int_equal(hybrid_clock_next(&clock, 1000, 0), at(1000, 1));
    assert_int_equal(hybrid_clock_next(&clock, 400, 0), at(1000, 2));
}

/* What a write replaces was read from others and may be ahead of this node. */
static void is_above_what_the_write_read(void **state)
{
    struct hybrid_clock clock = {0};
    (void)state;
    assert_int_equal(hybrid_clock_next(&clock, 1000, at(1200, 7)), at(1200, 8));
    assert_int_equal(hybrid_clock_next(&clock, 1000, at(900, 0)), at(1200, 9));
}

static void is_above_what_was_observed(void **state)
{
    struct hybrid_clock clock = {0};
    (void)state;
    hybrid_clock_observe(&clock, at(2000, 3));
    hybrid_clock_observe(&clock, at(1500, 9));
    assert_int_equal(clock.last, at(2000, 3));
    assert_int_equal(hybrid_clock_next(&clock, 1000, 0), at(2000, 4));
}

static void a_full_counter_carries_into_the_next_millisecond(void **state)
{
    struct hybrid_clock clock = {.last = at(1000, UINT16_MAX)};
    (void)state;
    assert_int_equal(hybrid_clock_next(&clock, 1000, 0), at(1001, 0));
}

static void never_runs_back_whatever_the_wall_clock_does(void **state)
{
    struct random random = random_make(7);
    struct hybrid_clock clock = {0};
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        hybrid_time before = clock.last;
        uint64_t wall_ms = random_below(&random, 50);
        hybrid_time above = at(random_below(&random, 50), (uint16_t)random_u64(&random));
        hybrid_time next = hybrid_clock_next(&clock, wall_ms, above);
        assert_true(next > before);
        assert_true(next > above);
        assert_true(hybrid_time_ms(next) >= wall_ms);
    }
}

static void only_more_than_the_skew_is_too_far(void **state)
{
    (void)state;
    assert_false(hybrid_time_too_far_ahead(at(1500, UINT16_MAX), 1000, 500));
    assert_true(hybrid_time_too_far_ahead(at(1501, 0), 1000, 500));
    assert_false(hybrid_time_too_far_ahead(at(10, 0), 1000, 0));
    assert_false(hybrid_time_too_far_ahead(at(1000, 1), 1000, 0));
    assert_true(hybrid_time_too_far_ahead(UINT64_MAX, 1000, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_wall_clock),
        cmocka_unit_test(counts_on_while_the_wall_clock_stands_or_steps_back),
        cmocka_unit_test(is_above_what_the_write_read),
        cmocka_unit_test(is_above_what_was_observed),
        cmocka_unit_test(a_full_counter_carries_into_the_next_millisecond),
        cmocka_unit_test(never_runs_back_whatever_the_wall_clock_does),
        cmocka_unit_test(only_more_than_the_skew_is_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "coordinator/latency.h"

enum { SECOND_US = 1000 * 1000 };

/* A question that takes so long; `now_us` goes on to its answer. */
static void take(struct latency *latency, uint64_t *now_us, uint64_t took_us)
{
    static request_id request;
    uint64_t measured_us;
    latency_asked(latency, ++request, *now_us);
    *now_us += took_us;
    assert_true(latency_answered(latency, request, *now_us, &measured_us));
    assert_int_equal(measured_us, took_us);
}

static void nothing_is_known_at_first(void **state)
{
    struct latency latency = {0};
    (void)state;
    assert_int_equal(latency_expected_us(&latency, SECOND_US), 0);
    assert_true(latency_is_older(&latency, 1, SECOND_US));
    assert_int_equal(latency.p99_us, 0);
}

/* A node that has stopped must not be asked until its next answer shows it. */
static void an_open_question_tells_by_its_age(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    take(&latency, &now_us, 300);
    latency_asked(&latency, 1000, now_us);
    assert_true(latency_expected_us(&latency, now_us + 100) <= 300);
    assert_int_equal(latency_expected_us(&latency, now_us + 50000), 50000);
    assert_false(latency_is_older(&latency, 1, now_us + SECOND_US)); /* an answer is awaited */
    latency_lost(&latency);
    assert_true(latency_expected_us(&latency, now_us + 50000) <= 300);
}

/* Whatever the rate: a thousand answers a second or two. */
static void follows_a_change_within_seconds(void **state)
{
    const uint64_t pauses_us[] = {1000, 500000};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct latency latency = {0};
        uint64_t now_us = SECOND_US, until_us;
        for (until_us = now_us + 5 * SECOND_US; now_us < until_us; now_us += pauses_us[i])
            take(&latency, &now_us, 100000);
        assert_in_range(latency_expected_us(&latency, now_us), 90000, 100000);
        for (until_us = now_us + 5 * SECOND_US; now_us < until_us; now_us += pauses_us[i])
            take(&latency, &now_us, 300);
        assert_in_range(latency_expected_us(&latency, now_us), 200, 2500);
    }
}

static void one_slow_answer_of_many_moves_the_mean_a_little(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    for (unsigned i = 0; i < 1000; i++, now_us += 1000)
        take(&latency, &now_us, 300);
    take(&latency, &now_us, 20000);
    assert_in_range(latency_expected_us(&latency, now_us), 400, 1000);
}

static void what_was_measured_long_ago_fades(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    take(&latency, &now_us, 100000);
    assert_int_equal(latency_expected_us(&latency, now_us + LATENCY_STALE_US / 2), 50000);
    assert_int_equal(latency_expected_us(&latency, now_us + LATENCY_STALE_US), 0);
    now_us += LATENCY_STALE_US;
    take(&latency, &now_us, 300);
    assert_int_equal(latency_expected_us(&latency, now_us), 300);
}

static void the_percentile_is_that_of_a_hundredth(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    for (unsigned i = 0; i < 19; i++)
        take(&latency, &now_us, 300);
    assert_int_equal(latency.p99_us, 0); /* too few */
    for (unsigned i = 0; i < 900; i++)
        take(&latency, &now_us, i % 200 == 0 ? 80000 : 300);
    assert_in_range(latency.p99_us, 300, 400);
    for (unsigned i = 0; i < 900; i++)
        take(&latency, &now_us, i % 20 == 0 ? 80000 : 300);
    assert_in_range(latency.p99_us, 80000, 110000);
}

static void times_beyond_all_buckets_are_counted(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        take(&latency, &now_us, i % 2 == 0 ? 0 : (uint64_t)500 * SECOND_US);
    assert_int_equal(latency.answers, 40);
    assert_true(latency.p99_us >= 30 * (uint64_t)SECOND_US);
}

/* Owners drop what is past its deadline without a word: it was slow, not lost for ever. */
static void what_is_never_answered_counts_as_slow_and_is_then_forgotten(void **state)
{
    struct latency latency = {0};
    uint64_t now_us = SECOND_US;
    (void)state;
    latency_asked(&latency, 5000, now_us);
    now_us += 1500 * 1000;
    take(&latency, &now_us, 300); /* asked much later, and answered */
    assert_int_equal(latency.open_count, 0);
    assert_true(latency_expected_us(&latency, now_us) > 100000);
    latency_asked(&latency, 5001, now_us);
    now_us += LATENCY_LOST_US + 1;
    latency_asked(&latency, 5002, now_us);
    assert_int_equal(latency.open_count, 1);
}

static void no_more_than_a_few_are_measured_at_a_time(void **state)
{
    struct latency latency = {0};
    uint64_t took_us;
    (void)state;
    for (request_id i = 1; i <= 2 * LATENCY_OPEN_MAX; i++)
        latency_asked(&latency, i, SECOND_US);
    assert_int_equal(latency.open_count, LATENCY_OPEN_MAX);
    assert_false(latency_answered(&latency, 2 * LATENCY_OPEN_MAX, SECOND_US + 1, &took_us));
    for (request_id i = 1; i <= LATENCY_OPEN_MAX; i++)
        assert_true(latency_answered(&latency, i, SECOND_US + 1, &took_us));
    assert_false(latency_answered(&latency, 1, SECOND_US + 1, &took_us)); /* twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(an_open_question_tells_by_its_age),
        cmocka_unit_test(follows_a_change_within_seconds),
        cmocka_unit_test(one_slow_answer_of_many_moves_the_mean_a_little),
        cmocka_unit_test(what_was_measured_long_ago_fades),
        cmocka_unit_test(the_percentile_is_that_of_a_hundredth),
        cmocka_unit_test(times_beyond_all_buckets_are_counted),
        cmocka_unit_test(what_is_never_answered_counts_as_slow_and_is_then_forgotten),
        cmocka_unit_test(no_more_than_a_few_are_measured_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/log_histogram.h"
#include "base/random.h"

enum { VALUES = 20000 };

/* Buckets tile the numbers: each ends where the next begins, and all but the last are narrow. */
static void each_value_has_one_narrow_bucket(void **state)
{
    uint64_t next = 0;
    (void)state;
    for (unsigned i = 0; i < LOG_HISTOGRAM_BUCKETS; i++) {
        uint64_t end = log_histogram_bucket_end(i);
        assert_true(end >= next);
        assert_true((end - next) * 8 <= next);
        assert_int_equal(log_histogram_bucket(next), i);
        assert_int_equal(log_histogram_bucket(end), i);
        next = end + 1;
    }
    assert_int_equal(next, (uint64_t)1 << LOG_HISTOGRAM_TOP_BITS);
    assert_int_equal(log_histogram_bucket(next), LOG_HISTOGRAM_BUCKETS - 1);
    assert_int_equal(log_histogram_bucket(UINT64_MAX), LOG_HISTOGRAM_BUCKETS - 1);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void percentiles_are_those_of_the_sorted_values(void **state)
{
    struct random random = random_make(4);
    struct log_histogram histogram = {0};
    static uint64_t values[VALUES];
    (void)state;
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = random_u64(&random) >> (38 + random_below(&random, 26));
        log_histogram_add(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof *values, by_size);
    static const double percents[] = {0.1, 25, 50, 90, 99, 99.9, 100};
    for (unsigned i = 0; i < sizeof percents / sizeof *percents; i++) {
        uint64_t exact = values[(unsigned)(VALUES * percents[i] / 100 + 0.999999) - 1];
        uint64_t told = log_histogram_percentile(&histogram, percents[i]);
        assert_true(told >= exact);
        assert_true(told - exact <= exact / 8);
    }
    assert_int_equal(histogram.maximum, values[VALUES - 1]);
    for (unsigned bits = 0; bits <= LOG_HISTOGRAM_TOP_BITS; bits++) {
        uint64_t below = 0;
        for (unsigned i = 0; i < VALUES; i++)
            below += values[i] < (uint64_t)1 << bits;
        assert_int_equal(log_histogram_below(&histogram, bits), below);
    }
}

/* A wait of ten minutes must not be shown as one of two. */
static void what_is_too_large_is_never_told_too_small(void **state)
{
    struct log_histogram histogram = {0};
    (void)state;
    log_histogram_add(&histogram, 600 * 1000 * 1000);
    assert_int_equal(log_histogram_percentile(&histogram, 50), 600 * 1000 * 1000);
    assert_int_equal(log_histogram_below(&histogram, LOG_HISTOGRAM_TOP_BITS), 0);
}

static void an_empty_one_says_nothing(void **state)
{
    struct log_histogram histogram = {0};
    (void)state;
    assert_int_equal(log_histogram_percentile(&histogram, 99), 0);
    assert_int_equal(log_histogram_below(&histogram, 10), 0);
}

static void two_merged_count_as_one(void **state)
{
    struct log_histogram a = {0}, b = {0}, both = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        log_histogram_add(i % 3 == 0 ? &a : &b, i * i);
        log_histogram_add(&both, i * i);
    }
    log_histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_has_one_narrow_bucket),
        cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
        cmocka_unit_test(what_is_too_large_is_never_told_too_small),
        cmocka_unit_test(an_empty_one_says_nothing),
        cmocka_unit_test(two_merged_count_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { TIMES = 50000 };

static struct histogram histogram, other;

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void percentiles_are_never_too_low_and_hardly_too_high(void **state)
{
    static uint64_t times[TIMES];
    static const double percents[] = {0, 0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100};
    struct random random = random_make(1);
    double sum = 0;
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    for (size_t i = 0; i < TIMES; i++) {
        /* from nanoseconds to hours, each power of two as often */
        times[i] = random_u64(&random) >> (20 + random_below(&random, 44));
        histogram_add(&histogram, times[i]);
        sum += (double)times[i];
    }
    qsort(times, TIMES, sizeof *times, compare);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        size_t rank = (size_t)ceil(percents[i] / 100 * TIMES);
        uint64_t exact = times[rank == 0 ? 0 : rank - 1];
        uint64_t found = histogram_percentile(&histogram, percents[i]);
        assert_true(found >= exact);
        assert_true(found <= exact + exact / 128);
    }
    assert_true(fabs(histogram_mean(&histogram) - sum / TIMES) < 1e-6 * sum / TIMES);
    assert_int_equal(histogram.maximum, times[TIMES - 1]);
}

static void small_times_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 256; value++) {
        memset(&histogram, 0, sizeof histogram);
        histogram_add(&histogram, value);
        histogram_add(&histogram, 1000);
        assert_int_equal(histogram_percentile(&histogram, 50), value);
    }
}

static void neighbours_share_a_bucket_or_follow_each_other(void **state)
{
    uint64_t last = 0;
    (void)state;
    for (uint64_t value = 1; value < (uint64_t)1 << 46; value += 1 + value / 300) {
        memset(&histogram, 0, sizeof histogram);
        histogram_add(&histogram, value);
        histogram_add(&histogram, UINT64_MAX); /* so that the maximum does not cut */
        uint64_t found = histogram_percentile(&histogram, 50);
        assert_true(found >= last);
        if (value < (uint64_t)1 << HISTOGRAM_TOP_BITS)
            assert_true(found >= value);
        last = found;
    }
}

static void merging_is_adding(void **state)
{
    struct random random = random_make(3);
    static struct histogram both;
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    memset(&other, 0, sizeof other);
    memset(&both, 0, sizeof both);
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_below(&random, 1000000);
        histogram_add(i % 2 == 0 ? &histogram : &other, value);
        histogram_add(&both, value);
    }
    histogram_merge(&histogram, &other);
    assert_memory_equal(histogram.buckets, both.buckets, sizeof both.buckets);
    assert_int_equal(histogram.count, both.count);
    assert_int_equal(histogram.maximum, both.maximum);
}

static void an_empty_one_says_nothing(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    assert_int_equal(histogram_percentile(&histogram, 99), 0);
    assert_true(histogram_mean(&histogram) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_never_too_low_and_hardly_too_high),
        cmocka_unit_test(small_times_are_exact),
        cmocka_unit_test(neighbours_share_a_bucket_or_follow_each_other),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(an_empty_one_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

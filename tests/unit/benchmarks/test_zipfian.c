/*
 * test_zipfian.c - drawn frequencies against the exact probabilities 1/k^theta / sum.
 */
#include "zipfian.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 400000, COUNT_MAX = 1000 };

/* Pearson's sum over all numbers that are expected at least ten times; the rest is one cell. */
static double chi_square(uint64_t count, double theta, uint64_t seed, unsigned *cells)
{
    static unsigned found[COUNT_MAX];
    struct zipfian zipfian = zipfian_make(count, theta);
    struct random random = random_make(seed);
    double sum = 0, chi = 0, rest_expected = 0, rest_found = 0;
    memset(found, 0, sizeof found);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = zipfian_next(&zipfian, &random);
        assert_true(rank < count);
        found[rank]++;
    }
    for (uint64_t k = 1; k <= count; k++)
        sum += pow((double)k, -theta);
    *cells = 0;
    for (uint64_t k = 1; k <= count; k++) {
        double expected = DRAWS * pow((double)k, -theta) / sum;
        if (expected < 10) {
            rest_expected += expected;
            rest_found += found[k - 1];
            continue;
        }
        chi += pow(found[k - 1] - expected, 2) / expected;
        ++*cells;
    }
    if (rest_expected >= 10) {
        chi += pow(rest_found - rest_expected, 2) / rest_expected;
        ++*cells;
    }
    return chi;
}

/* Six standard deviations above the mean of the distribution: a wrong formula is far beyond. */
static void frequencies_are_the_exact_ones(void **state)
{
    static const double thetas[] = {0.2, 0.5, 0.99, 1.2, 2};
    static const uint64_t counts[] = {2, 10, 100, 1000};
    (void)state;
    for (size_t t = 0; t < 5; t++) {
        for (size_t c = 0; c < 4; c++) {
            unsigned cells;
            double chi = chi_square(counts[c], thetas[t], t * 10 + c, &cells);
            double mean = cells - 1;
            assert_true(chi < mean + 6 * sqrt(2 * mean) + 6);
        }
    }
}

/* The test can fail: another theta is told apart. */
static void another_skew_is_told_apart(void **state)
{
    struct zipfian zipfian = zipfian_make(100, 0.99);
    struct random random = random_make(5);
    unsigned first = 0;
    (void)state;
    for (int i = 0; i < DRAWS; i++)
        first += zipfian_next(&zipfian, &random) == 0;
    double sum = 0, sum_other = 0;
    for (int k = 1; k <= 100; k++) {
        sum += pow(k, -0.99);
        sum_other += pow(k, -0.95);
    }
    assert_true(fabs(first - DRAWS / sum) < 6 * sqrt(DRAWS / sum));
    assert_true(fabs(first - DRAWS / sum_other) > 6 * sqrt(DRAWS / sum_other));
}

static void one_number_is_always_drawn(void **state)
{
    struct zipfian zipfian = zipfian_make(1, 0.99);
    struct random random = random_make(1);
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zipfian_next(&zipfian, &random), 0);
}

static void scattered_ranks_lie_everywhere(void **state)
{
    unsigned quarters[4] = {0};
    (void)state;
    for (uint64_t rank = 0; rank < 4000; rank++) {
        uint64_t number = zipfian_scatter(rank, 1000000);
        assert_true(number < 1000000);
        assert_int_equal(number, zipfian_scatter(rank, 1000000));
        quarters[number / 250000]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(quarters[i], 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies_are_the_exact_ones),
        cmocka_unit_test(another_skew_is_told_apart),
        cmocka_unit_test(one_number_is_always_drawn),
        cmocka_unit_test(scattered_ranks_lie_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

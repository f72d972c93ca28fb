#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The published sequence of SplitMix64 for this seed: traces must not change between versions. */
static void gives_the_published_numbers(void **state)
{
    static const uint64_t EXPECTED[] = {
        6457827717110365317u, 3203168211198807973u,  9817491932198370423u,
        4593380528125082431u, 16408922859458223821u,
    };
    struct random random = random_make(1234567);
    (void)state;
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++)
        assert_true(random_u64(&random) == EXPECTED[i]);
}

static void equal_seeds_give_equal_numbers_and_others_do_not(void **state)
{
    struct random a = random_make(81), b = random_make(81), c = random_make(82);
    int equal_to_other_seed = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_u64(&a);
        assert_true(number == random_u64(&b));
        equal_to_other_seed += number == random_u64(&c);
    }
    assert_int_equal(equal_to_other_seed, 0);
}

/* A copied generator is a fork of the sequence: nothing is kept outside the struct. */
static void a_copy_continues_with_the_same_numbers(void **state)
{
    struct random original = random_make(7);
    (void)state;
    (void)random_u64(&original);
    struct random copy = original;
    for (int i = 0; i < 100; i++)
        assert_true(random_u64(&original) == random_u64(&copy));
}

static void below_stays_below_and_reaches_every_number(void **state)
{
    struct random random = random_make(1);
    (void)state;
    for (uint64_t bound = 1; bound <= 17; bound++) {
        unsigned seen[17] = {0};
        for (int i = 0; i < 1000; i++) {
            uint64_t number = random_below(&random, bound);
            assert_true(number < bound);
            seen[number]++;
        }
        for (uint64_t i = 0; i < bound; i++)
            assert_true(seen[i] > 0);
    }
}

/* With a plain modulo of fewer bits the upper half would never come. */
static void below_uses_the_whole_width(void **state)
{
    struct random random = random_make(2);
    int upper_half = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        upper_half += random_below(&random, UINT64_MAX) > UINT64_MAX / 2;
    assert_in_range(upper_half, 400, 600);
}

static void chance_keeps_to_its_probability(void **state)
{
    struct random random = random_make(3);
    int hits = 0;
    (void)state;
    for (int i = 0; i < 10000; i++)
        hits += random_chance(&random, 1, 4);
    assert_in_range(hits, 2300, 2700);
}

static void chance_is_exact_at_its_ends(void **state)
{
    struct random random = random_make(4);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_false(random_chance(&random, 0, 5));
        assert_true(random_chance(&random, 5, 5));
    }
}

static void unit_is_at_least_zero_and_below_one(void **state)
{
    struct random random = random_make(5);
    double sum = 0.0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        double number = random_unit(&random);
        assert_true(number >= 0.0 && number < 1.0);
        sum += number;
    }
    assert_true(sum > 4850.0 && sum < 5150.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_numbers),
        cmocka_unit_test(equal_seeds_give_equal_numbers_and_others_do_not),
        cmocka_unit_test(a_copy_continues_with_the_same_numbers),
        cmocka_unit_test(below_stays_below_and_reaches_every_number),
        cmocka_unit_test(below_uses_the_whole_width),
        cmocka_unit_test(chance_keeps_to_its_probability),
        cmocka_unit_test(chance_is_exact_at_its_ends),
        cmocka_unit_test(unit_is_at_least_zero_and_below_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

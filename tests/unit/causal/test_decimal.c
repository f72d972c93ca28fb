/*
 * test_decimal.c - numbers as text: what Redis accepts, what is rounded, what is shown.
 */
#include "causal_test.h"

#include "causal/decimal.h"

static const char *shown(decimal number)
{
    static struct buffer text;
    buffer_clear(&text);
    decimal_format(number, &text);
    buffer_put_u8(&text, 0);
    return (const char *)text.data;
}

static const char *read_and_shown(const char *text)
{
    decimal number;
    switch (decimal_parse(slice_text(text), &number)) {
    case DECIMAL_TEXT_OK:
        return shown(number);
    case DECIMAL_TEXT_BAD:
        return "bad";
    default:
        return "too large";
    }
}

static void numbers_are_shown_in_their_shortest_form(void **state)
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"+5", "5"},
        {"007", "7"},
        {"1.50", "1.5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"-0.25", "-0.25"},
        {"3.0e3", "3000"},
        {"1E-2", "0.01"},
        {"12e+1", "120"},
        {"-1e0", "-1"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"0.00000000000000001", "0.00000000000000001"},
        {"1e21", "1000000000000000000000"},
        {"0e999999", "0"},
        {"1e-999999", "0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(read_and_shown(cases[i][0]), cases[i][1]);
}

static void digits_beyond_the_seventeenth_are_rounded(void **state)
{
    (void)state;
    assert_string_equal(read_and_shown("0.000000000000000004"), "0");
    assert_string_equal(read_and_shown("0.000000000000000005"), "0.00000000000000001");
    assert_string_equal(read_and_shown("-0.000000000000000005"), "-0.00000000000000001");
    assert_string_equal(read_and_shown("0.999999999999999999"), "1");
    assert_string_equal(read_and_shown("0.0000000000000000049999999999999999999999999999999999999"
                                       "99999999999999999999999999999999999999999999999999999999"),
                        "0");
}

static void what_is_no_number_is_told_from_what_is_too_large(void **state)
{
    static const char *const bad[] = {"",  " 1",    "1 ",   "abc", "1e",  "1e+", "e5",     ".",
                                      "-", "1.2.3", "0x10", "nan", "--1", "1,5", "infinit"};
    static const char *const large[] = {
        "1e22",           "1000000000000000000001",  "inf", "-inf", "+Infinity",
        "9e999999999999", "1000000000000000000000.5"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_string_equal(read_and_shown(bad[i]), "bad");
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        assert_string_equal(read_and_shown(large[i]), "too large");
    decimal number;
    assert_int_equal(decimal_parse(slice_make("1\0", 2), &number), DECIMAL_TEXT_BAD);
    assert_int_equal(decimal_parse(slice_make(NULL, 0), &number), DECIMAL_TEXT_BAD);
}

static void only_whole_numbers_of_64_bits_are_integers(void **state)
{
    int64_t integer;
    (void)state;
    assert_true(decimal_to_integer(decimal_of(INT64_MIN), &integer));
    assert_true(integer == INT64_MIN);
    assert_true(decimal_to_integer(decimal_of(INT64_MAX), &integer));
    assert_true(integer == INT64_MAX);
    assert_false(decimal_to_integer(decimal_of(INT64_MAX) + DECIMAL_ONE, &integer));
    assert_false(decimal_to_integer(decimal_of(INT64_MIN) - DECIMAL_ONE, &integer));
    assert_false(decimal_to_integer(DECIMAL_ONE / 2, &integer));
}

/* Text and number are one to one, and a sum is exact: 1/10 added ten times is one. */
static void text_and_number_are_one_to_one(void **state)
{
    struct random random = random_make(4711);
    decimal tenth, sum = 0;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        decimal number =
            (decimal)(random_u64(&random) >> random_below(&random, 64)) *
            (decimal)(1 + (random_u64(&random) >> random_below(&random, 64)) % 1000000000);
        number = number > DECIMAL_MAX ? DECIMAL_MAX : number;
        if (random_chance(&random, 1, 2))
            number = -number;
        decimal again;
        assert_int_equal(decimal_parse(slice_text(shown(number)), &again), DECIMAL_TEXT_OK);
        assert_true(again == number);
    }
    assert_int_equal(decimal_parse(slice_text("0.1"), &tenth), DECIMAL_TEXT_OK);
    for (unsigned i = 0; i < 10; i++)
        sum += tenth;
    assert_true(sum == DECIMAL_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_shown_in_their_shortest_form),
        cmocka_unit_test(digits_beyond_the_seventeenth_are_rounded),
        cmocka_unit_test(what_is_no_number_is_told_from_what_is_too_large),
        cmocka_unit_test(only_whole_numbers_of_64_bits_are_integers),
        cmocka_unit_test(text_and_number_are_one_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_resp_writer.c - every kind of reply in both versions of the protocol, byte for byte.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "wire/resp_writer.h"

/* Two writers with a buffer each, so that a test says its calls once. */
struct both {
    struct buffer two;
    struct buffer three;
};

#define WRITE_BOTH(both, call, ...)                                                                \
    do {                                                                                           \
        call((struct resp_writer){&(both)->two, RESP_VERSION_2}, ##__VA_ARGS__);                   \
        call((struct resp_writer){&(both)->three, RESP_VERSION_3}, ##__VA_ARGS__);                 \
    } while (0)

static void assert_text(struct buffer *buffer, const char *expected)
{
    assert_int_equal(buffer->length, strlen(expected));
    assert_memory_equal(buffer->data, expected, buffer->length);
    buffer_deinit(buffer);
}

static void assert_both(struct both *both, const char *two, const char *three)
{
    assert_text(&both->two, two);
    assert_text(&both->three, three);
}

static void simple_strings_and_errors_are_lines(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_simple, slice_text("OK"));
    assert_both(&b, "+OK\r\n", "+OK\r\n");
    WRITE_BOTH(&b, resp_writer_error, slice_text("ERR no"));
    assert_both(&b, "-ERR no\r\n", "-ERR no\r\n");
    WRITE_BOTH(&b, resp_writer_simple, slice_make(NULL, 0));
    assert_both(&b, "+\r\n", "+\r\n");
}

/* An error quotes what the client sent; that must not become a second reply. */
static void line_ends_in_errors_become_spaces(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_error, slice_text("ERR unknown command 'a\r\n+OK\r\n'\n"));
    assert_both(&b, "-ERR unknown command 'a  +OK  ' \r\n", "-ERR unknown command 'a  +OK  ' \r\n");
    WRITE_BOTH(&b, resp_writer_simple, slice_text("\r\nb\n"));
    assert_both(&b, "+  b \r\n", "+  b \r\n");
}

static void integers_reach_both_ends_of_64_bits(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_integer, 0);
    WRITE_BOTH(&b, resp_writer_integer, -1);
    WRITE_BOTH(&b, resp_writer_integer, 1234567890);
    WRITE_BOTH(&b, resp_writer_integer, INT64_MAX);
    WRITE_BOTH(&b, resp_writer_integer, INT64_MIN);
    const char *expected =
        ":0\r\n:-1\r\n:1234567890\r\n:9223372036854775807\r\n:-9223372036854775808\r\n";
    assert_both(&b, expected, expected);
}

static void bulk_strings_are_binary(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_bulk, slice_make("a\r\n\0b", 5));
    assert_int_equal(b.two.length, 11);
    assert_memory_equal(b.two.data, "$5\r\na\r\n\0b\r\n", 11);
    assert_true(slice_equal(buffer_slice(&b.two), buffer_slice(&b.three)));
    buffer_clear(&b.two);
    buffer_clear(&b.three);
    WRITE_BOTH(&b, resp_writer_bulk, slice_make(NULL, 0));
    assert_both(&b, "$0\r\n\r\n", "$0\r\n\r\n");
}

static void nulls_are_told_apart_by_version_2_only(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_null);
    WRITE_BOTH(&b, resp_writer_null_array);
    assert_both(&b, "$-1\r\n*-1\r\n", "_\r\n_\r\n");
}

static void booleans_are_integers_in_version_2(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_boolean, true);
    WRITE_BOTH(&b, resp_writer_boolean, false);
    assert_both(&b, ":1\r\n:0\r\n", "#t\r\n#f\r\n");
}

static void aggregates_are_arrays_in_version_2(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_array, 0);
    WRITE_BOTH(&b, resp_writer_array, 12);
    WRITE_BOTH(&b, resp_writer_map, 7);
    WRITE_BOTH(&b, resp_writer_set, 3);
    WRITE_BOTH(&b, resp_writer_push, 2);
    assert_both(&b, "*0\r\n*12\r\n*14\r\n*3\r\n*2\r\n", "*0\r\n*12\r\n%7\r\n~3\r\n>2\r\n");
}

static void big_numbers_and_verbatim_strings_are_bulks_in_version_2(void **state)
{
    struct both b = {0};
    (void)state;
    WRITE_BOTH(&b, resp_writer_big_number, slice_text("-12345678901234567890123"));
    WRITE_BOTH(&b, resp_writer_verbatim, "txt", slice_text("a\r\nb"));
    assert_both(&b, "$24\r\n-12345678901234567890123\r\n$4\r\na\r\nb\r\n",
                "(-12345678901234567890123\r\n=8\r\ntxt:a\r\nb\r\n");
}

static void doubles_are_laid_out_as_by_redis(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-3.0, "-3"},
        {0.1, "0.1"},
        {3.14, "3.14"},
        {-2.5, "-2.5"},
        {0.30000000000000004, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100000000.0, "100000000"},
        {4503599627370495.0, "4503599627370495"},
        {9007199254740993.0, "9007199254740992"},
        {1e17, "1e+17"},
        {12.3e18, "1.23e+19"},
        {1e20, "1e+20"},
        {1.5e300, "1.5e+300"},
        {123456789012345680000.0, "123456789012345680000"},
        {12345678901234567000.0, "12345678901234567000"},
        {0.00001, "0.00001"},
        {0.000001, "0.000001"},
        {0.0000001, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {0.001234567, "0.001234567"},
        {12345.678901234, "1.2345678901234e+4"},
        {1234.56789012345, "1234.56789012345"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "5e-324"},
        {-1.2345678901234568e-300, "-1.2345678901234568e-300"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct both b = {0};
        char two[64];
        char three[64];
        snprintf(two, sizeof two, "$%zu\r\n%s\r\n", strlen(cases[i].text), cases[i].text);
        snprintf(three, sizeof three, ",%s\r\n", cases[i].text);
        WRITE_BOTH(&b, resp_writer_double, cases[i].value);
        assert_both(&b, two, three);
    }
}

/* Digits from the first that is not zero up to an exponent. */
static size_t count_significant_digits(const char *text)
{
    size_t digits = 0;
    for (; *text != '\0' && *text != 'e'; text++)
        digits += *text >= (digits == 0 ? '1' : '0') && *text <= '9';
    return digits;
}

/* Exactly the same bits come back, and no printf of fewer digits would do. */
static void doubles_are_the_shortest_that_read_back(void **state)
{
    struct random random = random_make(7);
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buffer out = {0};
        uint64_t bits = random_u64(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 0) /* everyday numbers too */
            value = (double)(int64_t)(bits % 2000001) / 1000 - 1000;
        if (i % 3 == 1) /* and those below the range of full precision */
            value = ldexp(random_unit(&random), -1040);
        if (isnan(value) || isinf(value) || value == 0)
            continue;
        resp_writer_double((struct resp_writer){&out, RESP_VERSION_3}, value);
        out.data[out.length - 2] = '\0';
        const char *text = (const char *)out.data + 1;
        assert_true(strtod(text, NULL) == value);
        size_t digits = count_significant_digits(text);
        if (strpbrk(text, ".e") != NULL && digits > 1) {
            char shorter[40];
            snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
        buffer_deinit(&out);
    }
}

static void replies_are_appended_to_what_the_buffer_holds(void **state)
{
    struct buffer out = {0};
    struct resp_writer writer = {&out, RESP_VERSION_2};
    (void)state;
    buffer_append(&out, "a\r\n", 3);
    resp_writer_error(writer, slice_text("ERR x"));
    resp_writer_bulk(writer, slice_text("y"));
    assert_text(&out, "a\r\n-ERR x\r\n$1\r\ny\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_strings_and_errors_are_lines),
        cmocka_unit_test(line_ends_in_errors_become_spaces),
        cmocka_unit_test(integers_reach_both_ends_of_64_bits),
        cmocka_unit_test(bulk_strings_are_binary),
        cmocka_unit_test(nulls_are_told_apart_by_version_2_only),
        cmocka_unit_test(booleans_are_integers_in_version_2),
        cmocka_unit_test(aggregates_are_arrays_in_version_2),
        cmocka_unit_test(big_numbers_and_verbatim_strings_are_bulks_in_version_2),
        cmocka_unit_test(doubles_are_laid_out_as_by_redis),
        cmocka_unit_test(doubles_are_the_shortest_that_read_back),
        cmocka_unit_test(replies_are_appended_to_what_the_buffer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

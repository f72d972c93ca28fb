#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ringd/config_value.h"

static void sizes_have_the_units_of_redis(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"0", 0},
                 {"17", 17},
                 {"1b", 1},
                 {"1k", 1000},
                 {"1kb", 1024},
                 {"2M", 2000000},
                 {"2Mb", 2u << 20},
                 {"3g", 3000000000},
                 {"3GB", 3ull << 30},
                 {"18446744073709551615", UINT64_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 99;
        assert_true(config_parse_size(cases[i].text, &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "kb",
                                        "-1",
                                        "+1",
                                        "1.5mb",
                                        "1 kb",
                                        " 1",
                                        "1kbx",
                                        "1tb",
                                        "0x10",
                                        "18446744073709551616",
                                        "18446744073709551615k",
                                        "99999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t bytes = 99;
        assert_false(config_parse_size(texts[i], &bytes));
        assert_int_equal(bytes, 99);
    }
}

static void durations_need_their_unit(void **state)
{
    uint64_t ms = 0;
    (void)state;
    assert_true(config_parse_duration("250ms", &ms));
    assert_int_equal(ms, 250);
    assert_true(config_parse_duration("2S", &ms));
    assert_int_equal(ms, 2000);
    assert_true(config_parse_duration("5m", &ms));
    assert_int_equal(ms, 300000);
    assert_true(config_parse_duration("1h", &ms));
    assert_int_equal(ms, 3600000);
    assert_true(config_parse_duration("0", &ms));
    assert_int_equal(ms, 0);
    ms = 99;
    assert_false(config_parse_duration("250", &ms));
    assert_false(config_parse_duration("1d", &ms));
    assert_false(config_parse_duration("", &ms));
    assert_false(config_parse_duration("18446744073709551615s", &ms));
    assert_int_equal(ms, 99);
}

static void numbers_and_flags_are_exact(void **state)
{
    uint64_t number = 99;
    bool flag = false;
    (void)state;
    assert_true(config_parse_number("42", &number));
    assert_int_equal(number, 42);
    assert_false(config_parse_number("42x", &number));
    assert_false(config_parse_number("", &number));
    assert_true(config_parse_flag("YES", &flag));
    assert_true(flag);
    assert_true(config_parse_flag("no", &flag));
    assert_false(flag);
    assert_false(config_parse_flag("true", &flag));
    assert_false(config_parse_flag("", &flag));
}

static void what_is_written_is_read_back(void **state)
{
    static const uint64_t values[] = {1, 999, 1000, 1024, 1025, 60000, 1u << 20, 3600000, 5u << 30};
    char text[CONFIG_NUMBER_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint64_t back = 0;
        assert_true(config_parse_size(config_format_size(values[i], text), &back));
        assert_int_equal(back, values[i]);
        assert_true(config_parse_duration(config_format_duration(values[i], text), &back));
        assert_int_equal(back, values[i]);
    }
    assert_string_equal(config_format_size(64 << 20, text), "64mb");
    assert_string_equal(config_format_size(1000, text), "1000");
    assert_string_equal(config_format_duration(1500, text), "1500ms");
    assert_string_equal(config_format_duration(120000, text), "2m");
}

static void address_lists_are_bounded(void **state)
{
    struct config_addresses addresses = {.count = 99};
    char text[512] = "";
    (void)state;
    assert_true(config_parse_addresses(" 127.0.0.1:1 , [::1]:2,", &addresses));
    assert_int_equal(addresses.count, 2);
    assert_string_equal(addresses.items[1].host, "::1");
    assert_int_equal(addresses.items[1].port, 2);
    assert_true(config_parse_addresses("", &addresses));
    assert_int_equal(addresses.count, 0);
    for (int i = 1; i <= CONFIG_ADDRESSES_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "127.0.0.1:%d ", i);
    assert_true(config_parse_addresses(text, &addresses));
    assert_int_equal(addresses.count, CONFIG_ADDRESSES_MAX);
    strcat(text, "127.0.0.1:99");
    assert_false(config_parse_addresses(text, &addresses));
    assert_false(config_parse_addresses("127.0.0.1", &addresses));
    assert_int_equal(addresses.count, CONFIG_ADDRESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_the_units_of_redis),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(durations_need_their_unit),
        cmocka_unit_test(numbers_and_flags_are_exact),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(address_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

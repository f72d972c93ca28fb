#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringctl/json.h"

/* What a lone string is written as. */
static void assert_string(const char *text, const char *expected)
{
    char *written = NULL;
    size_t length = 0;
    struct json json = {.out = open_memstream(&written, &length)};
    assert_non_null(json.out);
    json_string(&json, NULL, text);
    fclose(json.out);
    assert_string_equal(written, expected);
    free(written);
}

static void a_string_is_escaped(void **state)
{
    (void)state;
    assert_string("", "\"\"");
    assert_string("a b", "\"a b\"");
    assert_string("\"\\/", "\"\\\"\\\\/\"");
    assert_string("\x01\n\x1f\x7f", "\"\\u0001\\u000a\\u001f\\u007f\"");
    assert_string(NULL, "null");
}

static void utf8_stays_as_it_is(void **state)
{
    (void)state;
    assert_string("\xc2\x80", "\"\xc2\x80\"");
    assert_string("\xdf\xbf\xe0\xa0\x80", "\"\xdf\xbf\xe0\xa0\x80\"");
    assert_string("\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\"");
    assert_string("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
}

/* Each byte that begins no character is replaced, and reading goes on behind it. */
static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    assert_string("\x80", "\"\\ufffd\"");
    assert_string("a\xff"
                  "b",
                  "\"a\\ufffdb\"");
    assert_string("\xc1\xbf", "\"\\ufffd\\ufffd\"");            /* overlong */
    assert_string("\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\""); /* overlong */
    assert_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    assert_string("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    assert_string("\xe2\x82", "\"\\ufffd\\ufffd\""); /* cut short by the end */
    assert_string("\xf0\x90", "\"\\ufffd\\ufffd\"");
    assert_string("\xc3", "\"\\ufffd\"");
}

static void commas_and_indents_follow_the_nesting(void **state)
{
    char *written = NULL;
    size_t length = 0;
    struct json json = {.out = open_memstream(&written, &length)};
    (void)state;
    json_open(&json, NULL, '{');
    json_literal(&json, "a", "1");
    json_open(&json, "b", '[');
    json_close(&json, ']');
    json_open(&json, "c", '[');
    json_string(&json, NULL, "x");
    json_string(&json, NULL, "y");
    json_close(&json, ']');
    json_close(&json, '}');
    fclose(json.out);
    assert_string_equal(
        written, "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": [\n    \"x\",\n    \"y\"\n  ]\n}\n");
    free(written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_escaped),
        cmocka_unit_test(utf8_stays_as_it_is),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(commas_and_indents_follow_the_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

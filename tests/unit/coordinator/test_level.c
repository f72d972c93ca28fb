/*
 * test_level.c - levels have names, and nothing else names a level.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "coordinator/level.h"

static void every_level_is_parsed_from_its_name(void **state)
{
    (void)state;
    for (int i = LEVEL_ONE; i < LEVEL_COUNT; i++) {
        char name[32];
        enum level level;
        const char *known = level_name((enum level)i);
        assert_true(strlen(known) > 0 && strlen(known) < sizeof name);
        assert_int_equal(level_parse(slice_text(known), &level), STATUS_OK);
        assert_int_equal(level, i);
        for (size_t c = 0; c <= strlen(known); c++)
            name[c] = (char)tolower(known[c]);
        assert_int_equal(level_parse(slice_text(name), &level), STATUS_OK);
        assert_int_equal(level, i);
    }
}

static void other_names_are_invalid(void **state)
{
    static const char *const names[] = {"",       "ON",      "ONE ",    "QUORUM_", "LOCAL",
                                        "SERIAL", "DEFAULT", "UNKNOWN", "3"};
    enum level level = LEVEL_ALL;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(level_parse(slice_text(names[i]), &level), STATUS_INVALID);
    assert_int_equal(level_parse(slice_make(NULL, 0), &level), STATUS_INVALID);
    assert_int_equal(level_parse(slice_make("ONE\0", 4), &level), STATUS_INVALID);
    assert_int_equal(level, LEVEL_ALL);
}

static void a_number_that_is_no_level_still_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(level_name(LEVEL_COUNT), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_is_parsed_from_its_name),
        cmocka_unit_test(other_names_are_invalid),
        cmocka_unit_test(a_number_that_is_no_level_still_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

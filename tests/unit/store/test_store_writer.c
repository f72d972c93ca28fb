#include "store/store_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void pause_grows_with_level0_and_ends_at_the_stall(void **state)
{
    const struct store_pressure pressure = {.slow_files = 6, .stall_files = 10, .pause_us = 1000};
    static const unsigned EXPECTED[] = {0, 0, 0, 0, 0, 0, 1000, 2000, 3000, 4000, 5000, 5000, 5000};
    (void)state;
    for (unsigned files = 0; files < sizeof EXPECTED / sizeof EXPECTED[0]; files++)
        assert_int_equal(store_pressure_pause_us(&pressure, files), EXPECTED[files]);
    assert_int_equal(store_pressure_pause_us(&pressure, UINT32_MAX), 5000);
}

static void no_files_mean_no_pause(void **state)
{
    const struct store_pressure pressure = {.slow_files = 1, .stall_files = 1, .pause_us = 7};
    (void)state;
    assert_int_equal(store_pressure_pause_us(&pressure, 0), 0);
    assert_int_equal(store_pressure_pause_us(&pressure, 1), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pause_grows_with_level0_and_ends_at_the_stall),
        cmocka_unit_test(no_files_mean_no_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void monotonic_time_never_runs_back(void **state)
{
    struct instant before = clock_now();
    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct instant now = clock_now();
        assert_true(now.mono_us >= before.mono_us);
        before = now;
    }
}

static void wall_time_is_in_ms_since_1970(void **state)
{
    uint64_t before = (uint64_t)time(NULL) * 1000;
    struct instant now = clock_now();
    (void)state;
    assert_in_range(now.wall_ms, before - 1000, before + 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_runs_back),
        cmocka_unit_test(wall_time_is_in_ms_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

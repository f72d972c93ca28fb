/*
 * test_pace.c - a rate of bytes, and way for requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "repair/pace.h"

enum { SECOND = 1000000 };

static void work_is_paid_for_in_time(void **state)
{
    struct repair_pace pace = {.bytes_per_second = 100000};
    uint64_t now_us = SECOND, bytes = 0;
    (void)state;
    while (now_us < 11 * SECOND) {
        repair_pace_note_work(&pace, 4096, now_us);
        bytes += 4096;
        now_us = repair_pace_next_us(&pace, now_us);
    }
    assert_in_range(bytes, 800000, 1000000 + 4096);
}

static void without_a_limit_nothing_waits(void **state)
{
    struct repair_pace pace = {0};
    (void)state;
    repair_pace_note_work(&pace, 1 << 30, SECOND);
    assert_int_equal(repair_pace_next_us(&pace, SECOND), SECOND);
}

/* Requests every 10 ms of this latency, for so long. */
static uint64_t serve(struct repair_pace *pace, uint64_t now_us, uint64_t latency_us,
                      uint64_t for_us)
{
    for (uint64_t end_us = now_us + for_us; now_us < end_us; now_us += 10000)
        repair_pace_note_request(pace, latency_us, now_us);
    return now_us;
}

static void requests_that_take_longer_than_usual_have_way(void **state)
{
    struct repair_pace pace = {0};
    (void)state;
    uint64_t now_us = serve(&pace, SECOND, 2000, 10 * SECOND);
    repair_pace_note_work(&pace, 100, now_us);
    assert_int_equal(repair_pace_next_us(&pace, now_us), now_us);
    for (int i = 0; i < 100; i++) {
        repair_pace_note_work(&pace, 100, now_us);
        now_us = serve(&pace, now_us, 9000, 10000);
    }
    assert_true(repair_pace_next_us(&pace, now_us) > now_us);
}

/* Steps in ten seconds in which requests take ten times as long as they did. */
static unsigned steps_under_load(uint64_t yield_us)
{
    struct repair_pace pace = {.yield_us = yield_us};
    unsigned steps = 0;
    uint64_t now_us = serve(&pace, SECOND, 2000, 10 * SECOND);
    repair_pace_note_work(&pace, 100, now_us);
    now_us = serve(&pace, now_us, 20000, 2 * SECOND);
    for (uint64_t end_us = now_us + 10 * SECOND; now_us < end_us;) {
        if (repair_pace_next_us(&pace, now_us) <= now_us) {
            repair_pace_note_work(&pace, 100, now_us);
            steps++;
        }
        assert_int_equal(repair_pace_yields(&pace, now_us),
                         repair_pace_next_us(&pace, now_us) > now_us); /* there is no rate */
        now_us = serve(&pace, now_us, 20000, 10000);
    }
    return steps;
}

static void under_lasting_load_a_step_goes_on_each_second(void **state)
{
    (void)state;
    assert_in_range(steps_under_load(0), 8, 12);
    assert_in_range(steps_under_load(100000), 80, 110);
}

static void nobody_is_disturbed_without_requests(void **state)
{
    struct repair_pace pace = {0};
    (void)state;
    uint64_t now_us = serve(&pace, SECOND, 2000, 10 * SECOND);
    repair_pace_note_work(&pace, 100, now_us);
    now_us = serve(&pace, now_us, 50000, SECOND / 20);
    now_us += 10 * SECOND;
    repair_pace_note_work(&pace, 100, now_us);
    assert_int_equal(repair_pace_next_us(&pace, now_us), now_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_paid_for_in_time),
        cmocka_unit_test(without_a_limit_nothing_waits),
        cmocka_unit_test(requests_that_take_longer_than_usual_have_way),
        cmocka_unit_test(under_lasting_load_a_step_goes_on_each_second),
        cmocka_unit_test(nobody_is_disturbed_without_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "causal_test.h"

#include "causal/request_time.h"

static uint64_t time_of(const char *id)
{
    return request_time_ms(slice_text(id));
}

/* The example of RFC 9562, appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00. */
static void a_uuid_of_version_7_carries_its_time(void **state)
{
    (void)state;
    assert_int_equal(time_of("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), 1645557742000);
    assert_int_equal(time_of("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), 1645557742000);
    assert_int_equal(time_of("017f22e2-79b0-7cc3-98c4-dc0c0c07398f-17"), 1645557742000);
    assert_int_equal(time_of("017f22e2-79b0-7cc3-98c4-"), 1645557742000);
}

static void no_other_id_carries_a_time(void **state)
{
    (void)state;
    assert_int_equal(time_of(""), 0);
    assert_int_equal(time_of("client-0123456789abcdef"), 0);
    assert_int_equal(time_of("1645557742000-1"), 0);
    assert_int_equal(time_of("017f22e2-79b0-4cc3-98c4-dc0c0c07398f"), 0); /* version 4 */
    assert_int_equal(time_of("017f22e2-79b0-7cc3-c8c4-dc0c0c07398f"), 0); /* another variant */
    assert_int_equal(time_of("017f22e279b07cc398c4dc0c0c07398f"), 0);
    assert_int_equal(time_of("017f22e2-79b0-7cc3-98c4"), 0);
    assert_int_equal(time_of("017f22g2-79b0-7cc3-98c4-dc0c0c07398f"), 0);
}

static void an_id_is_taken_within_its_window(void **state)
{
    const struct slice id = slice_text("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    const uint64_t time_ms = 1645557742000;
    (void)state;
    assert_int_equal(request_time_check(id, time_ms), STATUS_OK);
    assert_int_equal(request_time_check(id, time_ms + REQUEST_WINDOW_MS - 1), STATUS_OK);
    assert_int_equal(request_time_check(id, time_ms + REQUEST_WINDOW_MS), STATUS_REQUEST_TOO_OLD);
    assert_int_equal(request_time_check(id, time_ms - REQUEST_WINDOW_MS), STATUS_OK);
    assert_int_equal(request_time_check(id, time_ms - REQUEST_WINDOW_MS - 1), STATUS_REQUEST_AHEAD);
    assert_int_equal(request_time_check(slice_text("job:1"), time_ms), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_of_version_7_carries_its_time),
        cmocka_unit_test(no_other_id_carries_a_time),
        cmocka_unit_test(an_id_is_taken_within_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

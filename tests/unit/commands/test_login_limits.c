/*
 * test_login_limits.c - failures are counted by name, forgotten in time, and bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/login_limits.h"

enum { LIMIT = 10, START_US = 1000000 };

static struct login_limits *limits;

static int setup(void **state)
{
    (void)state;
    limits = memory_new(1, sizeof *limits);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(limits);
    return 0;
}

static uint64_t wait_ms(const char *name, uint64_t now_us)
{
    return login_limits_wait_ms(limits, slice_text(name), LIMIT, now_us);
}

static void fail_login(const char *name, unsigned times, uint64_t now_us)
{
    for (unsigned i = 0; i < times; i++)
        login_limits_failed(limits, slice_text(name), LIMIT, now_us);
}

static void one_more_than_the_limit_waits(void **state)
{
    (void)state;
    fail_login("a", LIMIT - 1, START_US);
    assert_true(wait_ms("a", START_US) == 0);
    fail_login("a", 1, START_US);
    assert_true(wait_ms("a", START_US) == 60000 / LIMIT);
    assert_true(wait_ms("b", START_US) == 0);
    fail_login("a", 1, START_US); /* one that was under way */
    assert_true(wait_ms("a", START_US) == 2 * 60000 / LIMIT);
}

static void time_gives_one_after_the_other_back(void **state)
{
    const uint64_t interval_us = LOGIN_LIMITS_WINDOW_US / LIMIT;
    (void)state;
    fail_login("a", LIMIT, START_US);
    assert_true(wait_ms("a", START_US + interval_us - 1) == 1);
    assert_true(wait_ms("a", START_US + interval_us) == 0);
    fail_login("a", 1, START_US + interval_us);
    assert_true(wait_ms("a", START_US + interval_us) == 60000 / LIMIT);
    /* After a minute of quiet the whole limit is there again. */
    uint64_t later_us = START_US + interval_us + LOGIN_LIMITS_WINDOW_US;
    fail_login("a", LIMIT - 1, later_us);
    assert_true(wait_ms("a", later_us) == 0);
}

static void no_limit_is_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        login_limits_failed(limits, slice_text("a"), 0, START_US);
    assert_true(login_limits_wait_ms(limits, slice_text("a"), 0, START_US) == 0);
    assert_true(wait_ms("a", START_US) == 0);
}

/* Many addresses that fail once cannot hide the one that fails all the time. */
static void a_full_table_forgets_who_waits_least(void **state)
{
    (void)state;
    fail_login("guesser", LIMIT, START_US);
    for (unsigned i = 0; i < 2 * LOGIN_LIMITS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        fail_login(name, 1, START_US);
    }
    assert_true(wait_ms("guesser", START_US) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_more_than_the_limit_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(time_gives_one_after_the_other_back, setup, teardown),
        cmocka_unit_test_setup_teardown(no_limit_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_table_forgets_who_waits_least, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

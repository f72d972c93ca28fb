/*
 * test_settled_time.c - when a safe time is settled: who has said what, after what, and how long
 * ago.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/settled_time.h"

static const node_id OWNERS[] = {1, 2, 3};
enum { WAIT_US = 1000, FREE = 1 << 30 };

/* Replica of owner 1. */
struct fixture {
    struct stability stability;
    struct settled_time time;
    struct clock own;
    hybrid_time closed;
    uint64_t now_us, hint_free_us;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    stability_init(&f->stability, OWNERS, 3, 1);
    f->hint_free_us = FREE;
    f->closed = 1000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    settled_time_deinit(&f->time);
    clock_deinit(&f->own);
    stability_deinit(&f->stability);
    test_free(f);
    return 0;
}

static struct actor actor_of(node_id node)
{
    return (struct actor){.node = node, .storage_incarnation = 1, .boot_epoch = 1};
}

static void have(struct clock *clock, node_id node, uint64_t last)
{
    struct actor actor = actor_of(node);
    if (last > 0)
        clock_add_range(clock, &actor, (struct clock_range){.first = 1, .last = last});
}

/* `from` has these numbers of events by the three owners. */
static void report(struct fixture *f, node_id from, uint64_t of_1, uint64_t of_2, uint64_t of_3,
                   hybrid_time closed)
{
    struct clock clock = {0};
    struct actor actor = actor_of(from);
    have(&clock, 1, of_1);
    have(&clock, 2, of_2);
    have(&clock, 3, of_3);
    assert_true(stability_report(&f->stability, from, &actor, &clock));
    safe_time_close(&f->stability, from, closed);
    clock_deinit(&clock);
}

static hybrid_time look(struct fixture *f)
{
    struct settled_look with = {.self = 1,
                                .clock = &f->own,
                                .closed = f->closed,
                                .now_us = f->now_us,
                                .wait_us = WAIT_US,
                                .hint_free_us = f->hint_free_us};
    settled_time_advance(&f->time, &f->stability, &with);
    return f->time.settled;
}

static void a_safe_time_is_settled_when_all_have_what_it_stands_for(void **state)
{
    struct fixture *f = *state;
    have(&f->own, 1, 5);
    have(&f->own, 2, 3);
    report(f, 2, 2, 3, 0, 500);
    report(f, 3, 5, 3, 0, 600);
    assert_int_equal(look(f), 0);
    assert_int_equal(f->time.safe.safe, 500);
    f->now_us += 10 * WAIT_US;
    assert_int_equal(look(f), 0); /* owner 2 lacks three events */
    report(f, 2, 5, 3, 0, 700);
    assert_int_equal(look(f), 0);
    f->now_us += WAIT_US - 1;
    assert_int_equal(look(f), 0);
    f->now_us += 1;
    assert_int_equal(look(f), 500); /* what was safe then, not what is by now */
}

/* What it made before it had all may be something that this replica has not seen. */
static void what_the_others_had_by_then_must_be_here(void **state)
{
    struct fixture *f = *state;
    have(&f->own, 1, 5);
    report(f, 2, 0, 0, 0, 500);
    report(f, 3, 5, 0, 0, 600);
    look(f);
    report(f, 2, 5, 1, 0, 700);
    look(f);
    f->now_us += 10 * WAIT_US;
    assert_int_equal(look(f), 0);
    have(&f->own, 2, 1);
    look(f);
    f->now_us += WAIT_US;
    assert_int_equal(look(f), 500);
}

static void hints_hold_it_back(void **state)
{
    struct fixture *f = *state;
    f->now_us = 50;
    f->hint_free_us = 0;
    report(f, 2, 0, 0, 0, 500);
    report(f, 3, 0, 0, 0, 600);
    look(f);
    f->now_us += 5 * WAIT_US;
    assert_int_equal(look(f), 0);
    f->hint_free_us = 50 + WAIT_US - 1; /* said before the wait was over */
    assert_int_equal(look(f), 0);
    f->hint_free_us = 50 + WAIT_US;
    assert_int_equal(look(f), 500);
}

/* It may come back as another actor that has lost what it had reported. */
static void an_owner_that_is_gone_begins_it_anew(void **state)
{
    struct fixture *f = *state;
    report(f, 2, 0, 0, 0, 500);
    report(f, 3, 0, 0, 0, 600);
    look(f);
    stability_forget(&f->stability, 2);
    report(f, 2, 0, 0, 0, 800);
    f->now_us += 10 * WAIT_US;
    assert_int_equal(look(f), 0);
    f->now_us += WAIT_US;
    assert_int_equal(look(f), 600); /* safe by the second look */
}

static void a_node_that_owns_alone_asks_nobody(void **state)
{
    struct fixture *f = *state;
    stability_deinit(&f->stability);
    stability_init(&f->stability, OWNERS, 1, 1);
    look(f);
    f->now_us += WAIT_US;
    assert_int_equal(look(f), 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_safe_time_is_settled_when_all_have_what_it_stands_for),
        TEST(what_the_others_had_by_then_must_be_here),
        TEST(hints_hold_it_back),
        TEST(an_owner_that_is_gone_begins_it_anew),
        TEST(a_node_that_owns_alone_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_safe_time.c - how far the safe time goes when who has said and sent what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/safe_time.h"

static const node_id OWNERS[] = {1, 2, 3};

/* Replica of owner 1. */
struct fixture {
    struct stability stability;
    struct safe_time time;
    struct clock own;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){0};
    stability_init(&f->stability, OWNERS, 3, 1);
}

static void deinit(struct fixture *f)
{
    clock_deinit(&f->own);
    stability_deinit(&f->stability);
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

/* `from` has made `last` events, and none of anybody else; it closes `closed`. */
static void report(struct fixture *f, node_id from, uint64_t last, hybrid_time closed)
{
    struct clock clock = {0};
    struct actor actor = actor_of(from);
    have(&clock, from, last);
    assert_true(stability_report(&f->stability, from, &actor, &clock));
    safe_time_close(&f->stability, from, closed);
    clock_deinit(&clock);
}

static hybrid_time look(struct fixture *f, hybrid_time own_closed)
{
    safe_time_advance(&f->time, &f->stability, 1, &f->own, own_closed);
    return f->time.safe;
}

static void it_is_the_least_closed_time_of_all_owners(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    report(&f, 2, 0, 500);
    report(&f, 3, 0, 700);
    assert_int_equal(look(&f, 600), 500);
    assert_int_equal(f.time.holder, 2);
    report(&f, 2, 0, 900);
    assert_int_equal(look(&f, 600), 600);
    assert_int_equal(f.time.holder, 1);
    deinit(&f);
}

static void an_owner_that_was_not_heard_holds_it_at_nothing(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    report(&f, 2, 0, 500);
    assert_int_equal(look(&f, 600), 0);
    assert_int_equal(f.time.holder, 3);
    assert_true(f.time.silent);
    report(&f, 3, 0, 700);
    assert_int_equal(look(&f, 600), 500);
    assert_false(f.time.silent);
    deinit(&f);
}

/* Its report may say less than it said before; what it had promised, it keeps. */
static void an_owner_that_went_away_holds_it_where_it_was(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    report(&f, 2, 0, 500);
    report(&f, 3, 0, 700);
    assert_int_equal(look(&f, 900), 500);
    stability_forget(&f.stability, 3);
    report(&f, 2, 0, 800);
    assert_int_equal(look(&f, 900), 500);
    assert_int_equal(f.time.holder, 3);
    report(&f, 3, 0, 100);
    assert_int_equal(look(&f, 900), 500);
    report(&f, 3, 0, 850);
    assert_int_equal(look(&f, 900), 800);
    deinit(&f);
}

static void an_event_that_has_not_come_holds_it_back(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    report(&f, 2, 4, 500);
    report(&f, 3, 0, 700);
    have(&f.own, 2, 3);
    assert_int_equal(look(&f, 900), 0);
    assert_int_equal(f.time.holder, 2);
    have(&f.own, 2, 4);
    assert_int_equal(look(&f, 900), 500);
    deinit(&f);
}

static void a_closed_time_from_before_the_report_counts_for_nothing(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    safe_time_close(&f.stability, 2, 500); /* without a clock */
    safe_time_close(&f.stability, 9, 500); /* no owner */
    report(&f, 3, 0, 700);
    assert_int_equal(look(&f, 900), 0);
    struct clock none = {0};
    struct actor actor = actor_of(2);
    assert_true(stability_report(&f.stability, 2, &actor, &none));
    assert_int_equal(look(&f, 900), 0);
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_least_closed_time_of_all_owners),
        cmocka_unit_test(an_owner_that_was_not_heard_holds_it_at_nothing),
        cmocka_unit_test(an_owner_that_went_away_holds_it_where_it_was),
        cmocka_unit_test(an_event_that_has_not_come_holds_it_back),
        cmocka_unit_test(a_closed_time_from_before_the_report_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_stability.c - what is stable when who has said what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/stability.h"

enum { WAIT_US = 1000 };

static const node_id OWNERS[] = {1, 2, 3};

static struct actor actor_of(node_id node, uint32_t boot_epoch)
{
    return (struct actor){.node = node, .storage_incarnation = 1, .boot_epoch = boot_epoch};
}

static void add(struct clock *clock, node_id node, uint32_t boot_epoch, uint64_t first,
                uint64_t last)
{
    struct actor actor = actor_of(node, boot_epoch);
    clock_add_range(clock, &actor, (struct clock_range){.first = first, .last = last});
}

static bool ripe(const struct stability *stability, node_id node, uint32_t boot_epoch,
                 uint64_t number)
{
    struct version_vector context = {0};
    struct dot dot = {.actor = actor_of(node, boot_epoch), .sequence = number};
    version_vector_raise(&context, &dot);
    bool answer = stability_is_ripe(stability, &context);
    version_vector_deinit(&context);
    return answer;
}

/* Owner 1 looks, now and once more when what it saw is ripe. */
static void look(struct stability *stability, uint32_t boot_epoch, const struct clock *own,
                 uint64_t *now_us)
{
    struct actor self = actor_of(1, boot_epoch);
    stability_advance(stability, &self, own, *now_us, WAIT_US, UINT64_MAX);
    *now_us += WAIT_US;
    stability_advance(stability, &self, own, *now_us, WAIT_US, UINT64_MAX);
}

static void report(struct stability *stability, node_id from, uint32_t boot_epoch,
                   const struct clock *clock)
{
    struct actor actor = actor_of(from, boot_epoch);
    assert_true(stability_report(stability, from, &actor, clock));
}

static void nothing_is_stable_before_everybody_was_heard(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&clock, 1, 1, 1, 9);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_false(ripe(&stability, 1, 1, 1));
    report(&stability, 3, 1, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 1, 1, 9));
    assert_false(ripe(&stability, 1, 1, 10));
    stability_forget(&stability, 2);
    assert_false(ripe(&stability, 1, 1, 1));
    clock_deinit(&clock);
    stability_deinit(&stability);
}

static void a_lone_owner_waits_for_nobody(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&clock, 1, 1, 1, 4);
    stability_init(&stability, OWNERS, 1, 1);
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 1, 1, 4));
    clock_deinit(&clock);
    stability_deinit(&stability);
}

static void the_owner_that_has_least_decides(void **state)
{
    struct stability stability;
    struct clock own = {0}, behind = {0};
    struct version_vector context = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&own, 1, 1, 1, 9);
    add(&behind, 1, 1, 1, 5);
    add(&behind, 1, 1, 7, 9);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &own);
    report(&stability, 3, 1, &behind);
    look(&stability, 1, &own, &now_us);
    assert_true(ripe(&stability, 1, 1, 5));
    assert_false(ripe(&stability, 1, 1, 7)); /* number 6 is still on its way to owner 3 */
    struct dot dot = {.actor = actor_of(1, 1), .sequence = 6};
    version_vector_raise(&context, &dot);
    assert_int_equal(stability_holder(&stability, &context), 3);
    version_vector_deinit(&context);
    clock_deinit(&own);
    clock_deinit(&behind);
    stability_deinit(&stability);
}

/* A read that began before an owner had a delete may last that long (G3). */
static void nothing_is_ripe_before_the_longest_request_has_ended(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    struct actor self = actor_of(1, 1);
    (void)state;
    add(&clock, 1, 1, 1, 9);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &clock);
    report(&stability, 3, 1, &clock);
    assert_true(stability_advance(&stability, &self, &clock, 10, WAIT_US, UINT64_MAX));
    assert_true(
        stability_advance(&stability, &self, &clock, 10 + WAIT_US - 1, WAIT_US, UINT64_MAX));
    assert_false(ripe(&stability, 1, 1, 1));
    assert_false(stability_advance(&stability, &self, &clock, 10 + WAIT_US, WAIT_US, UINT64_MAX));
    assert_true(ripe(&stability, 1, 1, 9));
    clock_deinit(&clock);
    stability_deinit(&stability);
}

/* C7: an older rival of a delete, which another owner has, must have come here first (G2). */
static void nothing_is_taken_while_something_reported_is_missing(void **state)
{
    struct stability stability;
    struct clock own = {0}, other = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&own, 1, 1, 1, 9);
    add(&other, 1, 1, 1, 9);
    add(&other, 2, 1, 1, 1);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &other);
    report(&stability, 3, 1, &own);
    look(&stability, 1, &own, &now_us);
    assert_false(ripe(&stability, 1, 1, 1));
    add(&own, 2, 1, 1, 1);
    look(&stability, 1, &own, &now_us);
    assert_true(ripe(&stability, 1, 1, 9));
    assert_false(ripe(&stability, 2, 1, 1));
    clock_deinit(&own);
    clock_deinit(&other);
    stability_deinit(&stability);
}

/* A crash can take an event with it after a later one was sent; no base reaches over the hole. */
static void a_hole_counts_only_while_its_actor_mints(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&clock, 2, 1, 1, 3);
    add(&clock, 2, 1, 5, 6);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &clock);
    report(&stability, 3, 1, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 2, 1, 3));
    assert_false(ripe(&stability, 2, 1, 6));
    report(&stability, 2, 2, &clock); /* it mints as another actor now */
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 2, 1, 6));
    assert_true(ripe(&stability, 2, 1, 7)); /* whatever it made besides, nobody has it */
    clock_deinit(&clock);
    stability_deinit(&stability);
}

/*
 * Node 2 was wiped as its first self, so that nobody has what it made; a write that had observed
 * it covers it for ever.
 */
static void what_is_on_no_disk_holds_nothing_back(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&clock, 1, 1, 1, 9);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &clock);
    report(&stability, 3, 1, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_false(ripe(&stability, 2, 1, 4)); /* it may still be made under this name */
    report(&stability, 2, 2, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 2, 1, 4));
    assert_false(ripe(&stability, 2, 2, 1));
    add(&clock, 2, 1, 1, 1);                 /* it was somewhere all the same */
    report(&stability, 3, 1, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_false(ripe(&stability, 2, 1, 4));
    report(&stability, 2, 2, &clock);
    look(&stability, 1, &clock, &now_us);
    assert_true(ripe(&stability, 2, 1, 4));
    clock_deinit(&clock);
    stability_deinit(&stability);
}

static void an_owner_that_lacks_more_than_the_hole_holds_back(void **state)
{
    struct stability stability;
    struct clock own = {0}, behind = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&own, 2, 1, 1, 3);
    add(&own, 2, 1, 5, 6);
    add(&behind, 2, 1, 1, 3);
    add(&behind, 2, 1, 5, 5);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 2, &own);
    report(&stability, 3, 1, &behind);
    look(&stability, 1, &own, &now_us);
    assert_true(ripe(&stability, 2, 1, 5));
    assert_false(ripe(&stability, 2, 1, 6));
    clock_deinit(&own);
    clock_deinit(&behind);
    stability_deinit(&stability);
}

static void a_log_record_is_needed_until_all_have_its_dots(void **state)
{
    struct stability stability;
    struct clock clock = {0}, dots = {0};
    (void)state;
    add(&clock, 1, 1, 1, 3);
    add(&clock, 1, 1, 5, 5);
    add(&dots, 1, 1, 5, 5);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &clock);
    assert_false(stability_everywhere(&stability, &dots));
    report(&stability, 3, 1, &clock);
    assert_true(stability_everywhere(&stability, &dots)); /* holes do not matter here */
    add(&dots, 1, 1, 4, 4);
    assert_false(stability_everywhere(&stability, &dots));
    clock_deinit(&clock);
    clock_deinit(&dots);
    stability_deinit(&stability);
}

/* What it lost with its memory, or never sent, is filled by nobody. */
static void the_holes_of_an_owner_that_left_hold_nothing_back(void **state)
{
    struct stability stability;
    struct clock own = {0}, behind = {0};
    uint64_t now_us = 1;
    (void)state;
    add(&own, 9, 1, 1, 3);
    add(&own, 9, 1, 5, 5);
    add(&behind, 9, 1, 1, 3);
    stability_init(&stability, OWNERS, 3, 1);
    report(&stability, 2, 1, &own);
    report(&stability, 3, 1, &behind);
    look(&stability, 1, &own, &now_us);
    assert_true(ripe(&stability, 9, 1, 3));
    assert_false(ripe(&stability, 9, 1, 5));
    report(&stability, 3, 1, &own);
    look(&stability, 1, &own, &now_us);
    assert_true(ripe(&stability, 9, 1, 5));
    assert_true(ripe(&stability, 8, 1, 1)); /* of another one, that no owner ever saw */
    clock_deinit(&own);
    clock_deinit(&behind);
    stability_deinit(&stability);
}

static void a_stranger_is_not_listened_to(void **state)
{
    struct stability stability;
    struct clock clock = {0};
    struct actor actor = actor_of(9, 1);
    (void)state;
    stability_init(&stability, OWNERS, 3, 1);
    assert_false(stability_report(&stability, 9, &actor, &clock));
    assert_false(stability_report(&stability, 1, &actor, &clock)); /* nor to itself */
    stability_deinit(&stability);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_stable_before_everybody_was_heard),
        cmocka_unit_test(a_lone_owner_waits_for_nobody),
        cmocka_unit_test(the_owner_that_has_least_decides),
        cmocka_unit_test(nothing_is_ripe_before_the_longest_request_has_ended),
        cmocka_unit_test(nothing_is_taken_while_something_reported_is_missing),
        cmocka_unit_test(a_hole_counts_only_while_its_actor_mints),
        cmocka_unit_test(what_is_on_no_disk_holds_nothing_back),
        cmocka_unit_test(an_owner_that_lacks_more_than_the_hole_holds_back),
        cmocka_unit_test(a_log_record_is_needed_until_all_have_its_dots),
        cmocka_unit_test(the_holes_of_an_owner_that_left_hold_nothing_back),
        cmocka_unit_test(a_stranger_is_not_listened_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_clock_watch.c - whose clock is wrong, by heartbeats whose delays the test chooses.
 *
 * The watch belongs to node 1. `true_us` is the time that a perfect clock would show; every
 * clock is a number of milliseconds away from it. The monotonic clock of node 1 runs true, too,
 * but for the test that stops it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/clock_watch.h"

enum { SELF = 1, NODES_MAX = 8, SKEW_MS = 500, LIMIT_MS = SKEW_MS / 2, PATIENCE_MS = 2000 };
enum { HOUR_MS = 3600000, BEAT_MS = 500 };

#define WALL_US ((int64_t)1700000000 * 1000000)

struct world {
    struct ring *ring;
    struct clock_watch *watch;
    int64_t true_us;           /* since the start of the machine of node 1 */
    int64_t stopped_us;        /* that its monotonic clock stood still */
    int64_t off_ms[NODES_MAX]; /* of each wall clock, by node */
    unsigned warnings, ends;
    char line[1024]; /* the latest */
};

static void count_line(void *context, enum log_level level, const char *line)
{
    struct world *world = context;
    world->warnings += level == LOG_WARN;
    world->ends += level == LOG_INFO;
    strncpy(world->line, line, sizeof world->line - 1);
}

static void init_world(struct world *world, uint32_t members)
{
    *world = (struct world){.ring = fixture_ring("eu:1", 16), .true_us = 60 * 1000000};
    fixture_add_many(world->ring, members, "eu", members);
    fixture_place(world->ring, NULL);
    world->watch = clock_watch_new(&(struct clock_watch_params){
        .ring = world->ring,
        .self = SELF,
        .max_skew_ms = SKEW_MS,
        .patience_ms = PATIENCE_MS,
        .log = {.write = count_line, .context = world, .minimum = LOG_INFO}});
    clock_watch_start(world->watch, (uint64_t)world->true_us);
}

static void deinit_world(struct world *world)
{
    clock_watch_free(world->watch);
    ring_free(world->ring);
}

static uint64_t mono_us(const struct world *world)
{
    return (uint64_t)(world->true_us - world->stopped_us);
}

static uint64_t wall_ms(const struct world *world, node_id node)
{
    return (uint64_t)((WALL_US + world->true_us) / 1000 + world->off_ms[node]);
}

/* A heartbeat there and back; time passes. */
static void exchange(struct world *world, node_id peer, int64_t there_us, int64_t held_us,
                     int64_t back_us)
{
    struct clock_exchange exchange = {.sent_us = mono_us(world), .held_us = (uint64_t)held_us};
    world->true_us += there_us + held_us;
    exchange.wall_ms = wall_ms(world, peer);
    world->true_us += back_us;
    exchange.received_us = mono_us(world);
    clock_watch_exchange(world->watch, peer, &exchange);
}

/* All other nodes are heard, each within a millisecond. */
static void hear_all(struct world *world)
{
    for (node_id peer = 2; peer <= world->ring->member_count; peer++)
        exchange(world, peer, 300, 100, 400);
}

static void pass_ms(struct world *world, int64_t ms)
{
    world->true_us += ms * 1000;
}

static const struct clock_judgement *judge(struct world *world)
{
    return clock_watch_judge(world->watch, mono_us(world), wall_ms(world, SELF));
}

static void assert_verdict(struct world *world, enum clock_verdict verdict, int64_t offset_ms)
{
    const struct clock_judgement *judgement = judge(world);
    assert_int_equal(judgement->verdict, verdict);
    if (llabs(judgement->offset_ms - offset_ms) > 2)
        fail_msg("the offset is %lld ms, not %lld ms", (long long)judgement->offset_ms,
                 (long long)offset_ms);
}

/* ---- one peer ------------------------------------------------------------------------------ */

/* Whatever the delays, the truth is within the uncertainty, and that within half a round trip. */
static void the_offset_lies_within_its_uncertainty(void **state)
{
    static const int64_t delays_us[][2] = {{200, 200},     {50, 40000}, {40000, 50},
                                           {300000, 1000}, {0, 0},      {1000, 900000}};
    static const int64_t offsets_ms[] = {0, 3, -250, 250, HOUR_MS, -HOUR_MS};
    (void)state;
    for (unsigned i = 0; i < sizeof delays_us / sizeof delays_us[0]; i++) {
        for (unsigned j = 0; j < sizeof offsets_ms / sizeof offsets_ms[0]; j++) {
            struct world world;
            struct clock_estimate found;
            init_world(&world, 2);
            world.off_ms[2] = offsets_ms[j];
            exchange(&world, 2, delays_us[i][0], 400000, delays_us[i][1]);
            assert_true(
                clock_watch_peer(world.watch, 2, mono_us(&world), wall_ms(&world, SELF), &found));
            int64_t half_trip_ms = (delays_us[i][0] + delays_us[i][1]) / 2000;
            assert_true(llabs(found.offset_ms - offsets_ms[j]) <= found.uncertainty_ms + 1);
            assert_true(found.uncertainty_ms <= half_trip_ms + 2);
            deinit_world(&world);
        }
    }
}

/* A slow network makes no verdict: what the delays could explain is not held against a clock. */
static void delays_in_one_direction_do_not_fence(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    for (int beat = 0; beat < 20; beat++) {
        for (node_id peer = 2; peer <= 5; peer++)
            exchange(&world, peer, 900000, 100, 200); /* seems 450 ms away */
        assert_verdict(&world, CLOCK_TRUSTED, judge(&world)->offset_ms);
    }
    assert_true(llabs(judge(&world)->offset_ms) > LIMIT_MS);
    assert_int_equal(world.warnings, 0);
    deinit_world(&world);
}

static void the_quickest_of_the_last_samples_counts(void **state)
{
    struct world world;
    struct clock_estimate found;
    (void)state;
    init_world(&world, 2);
    world.off_ms[2] = 40;
    exchange(&world, 2, 200, 0, 200);
    for (int i = 1; i < CLOCK_SAMPLES; i++) {
        pass_ms(&world, BEAT_MS);
        exchange(&world, 2, 100000, 0, 200);
    }
    assert_true(clock_watch_peer(world.watch, 2, mono_us(&world), wall_ms(&world, SELF), &found));
    assert_in_range(found.offset_ms, 38, 42);
    assert_in_range(found.uncertainty_ms, 1, 6); /* its age costs 1 ms for each second */
    pass_ms(&world, BEAT_MS);
    exchange(&world, 2, 100000, 0, 200); /* now the quick one is forgotten */
    assert_true(clock_watch_peer(world.watch, 2, mono_us(&world), wall_ms(&world, SELF), &found));
    assert_in_range(found.uncertainty_ms, 50, 53);
    deinit_world(&world);
}

/* Without it the sample of before the jump would count for seven heartbeats more. */
static void a_peer_that_jumps_is_believed_at_once(void **state)
{
    struct world world;
    struct clock_estimate found;
    (void)state;
    init_world(&world, 2);
    exchange(&world, 2, 100, 0, 100);
    world.off_ms[2] = 150;
    exchange(&world, 2, 20000, 0, 20000); /* slower, but it contradicts */
    assert_true(clock_watch_peer(world.watch, 2, mono_us(&world), wall_ms(&world, SELF), &found));
    assert_in_range(found.offset_ms, 129, 171);
    deinit_world(&world);
}

static void what_cannot_be_is_ignored(void **state)
{
    struct world world;
    struct clock_estimate found;
    uint64_t now_us;
    (void)state;
    init_world(&world, 2);
    now_us = mono_us(&world);
    const struct clock_exchange lies[] = {
        {.sent_us = now_us + 1, .received_us = now_us, .wall_ms = 1700000000000},
        {.sent_us = now_us - 100, .received_us = now_us, .held_us = 101, .wall_ms = 1700000000000},
        {.sent_us = 1, .received_us = now_us, .held_us = UINT64_MAX, .wall_ms = 1700000000000},
        {.sent_us = now_us - 100, .received_us = now_us, .wall_ms = (uint64_t)1 << 48},
        {.sent_us = now_us - 100, .received_us = now_us, .wall_ms = UINT64_MAX}};
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++)
        clock_watch_exchange(world.watch, 2, &lies[i]);
    clock_watch_exchange(world.watch, 99, &(struct clock_exchange){.received_us = now_us});
    assert_false(clock_watch_peer(world.watch, 2, now_us, wall_ms(&world, SELF), &found));
    assert_int_equal(judge(&world)->clocks, 1);
    deinit_world(&world);
}

/* ---- whose clock is wrong ------------------------------------------------------------------ */

static void one_liar_among_five_harms_nobody(void **state)
{
    static const int64_t lies_ms[] = {HOUR_MS, -HOUR_MS, 300, -300};
    (void)state;
    for (unsigned i = 0; i < sizeof lies_ms / sizeof lies_ms[0]; i++) {
        struct world world;
        struct clock_estimate found;
        init_world(&world, 5);
        world.off_ms[4] = lies_ms[i];
        hear_all(&world);
        assert_verdict(&world, CLOCK_TRUSTED, 0);
        assert_int_equal(judge(&world)->clocks, 5);
        assert_true(
            clock_watch_peer(world.watch, 4, mono_us(&world), wall_ms(&world, SELF), &found));
        assert_true(llabs(found.offset_ms - lies_ms[i]) <= 3);
        assert_int_equal(world.warnings, 0);
        deinit_world(&world);
    }
}

static void the_liar_knows_itself(void **state)
{
    static const int64_t lies_ms[] = {HOUR_MS, -HOUR_MS, 300, -300};
    (void)state;
    for (unsigned i = 0; i < sizeof lies_ms / sizeof lies_ms[0]; i++) {
        struct world world;
        init_world(&world, 5);
        world.off_ms[SELF] = lies_ms[i];
        hear_all(&world);
        assert_verdict(&world, CLOCK_SKEWED, lies_ms[i]);
        int64_t agreed_us = (int64_t)mono_us(&world) + judge(&world)->agreed_base_us;
        assert_true(llabs(agreed_us - WALL_US - world.true_us) < 2000); /* and what is right */
        deinit_world(&world);
    }
}

/* No peer needs to be heard in between: their clocks are known by the monotonic clock. */
static void an_own_jump_shows_at_once_and_so_does_its_end(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    world.off_ms[SELF] = HOUR_MS;
    assert_verdict(&world, CLOCK_SKEWED, HOUR_MS);
    world.off_ms[SELF] = -HOUR_MS;
    assert_verdict(&world, CLOCK_SKEWED, -HOUR_MS);
    world.off_ms[SELF] = 0;
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    assert_int_equal(world.warnings, 1);
    assert_int_equal(world.ends, 1);
    deinit_world(&world);
}

/* As after a machine was suspended: nobody's wall clock was set, and nobody stays fenced. */
static void an_own_monotonic_clock_that_stood_still_is_forgiven(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    for (int i = 0; i < CLOCK_SAMPLES; i++)
        hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    world.true_us += 1500000;
    world.stopped_us += 1500000;
    assert_int_equal(judge(&world)->verdict, CLOCK_SKEWED); /* it cannot know yet */
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    deinit_world(&world);
}

static void the_end_of_a_fence_needs_more_than_its_start(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    world.off_ms[SELF] = LIMIT_MS - 5;
    assert_verdict(&world, CLOCK_TRUSTED, LIMIT_MS - 5);
    world.off_ms[SELF] = LIMIT_MS + 5;
    assert_verdict(&world, CLOCK_SKEWED, LIMIT_MS + 5);
    world.off_ms[SELF] = LIMIT_MS - 5;
    assert_verdict(&world, CLOCK_SKEWED, LIMIT_MS - 5);
    world.off_ms[SELF] = LIMIT_MS / 2 + 5;
    assert_verdict(&world, CLOCK_SKEWED, LIMIT_MS / 2 + 5);
    world.off_ms[SELF] = LIMIT_MS / 2 - 5;
    assert_verdict(&world, CLOCK_TRUSTED, LIMIT_MS / 2 - 5);
    deinit_world(&world);
}

/* Of an even number the earlier one of the middle pair: the future cannot be undone. */
static void two_against_two_the_earlier_pair_wins(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 4);
    world.off_ms[3] = world.off_ms[4] = HOUR_MS;
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    deinit_world(&world);
    init_world(&world, 4);
    world.off_ms[3] = world.off_ms[4] = -HOUR_MS;
    hear_all(&world);
    assert_verdict(&world, CLOCK_SKEWED, HOUR_MS);
    deinit_world(&world);
}

/* ---- fewer than three ----------------------------------------------------------------------- */

static void of_two_that_differ_from_the_start_the_one_ahead_is_fenced(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 2);
    world.off_ms[SELF] = 10000;
    hear_all(&world);
    assert_verdict(&world, CLOCK_SKEWED, 10000);
    deinit_world(&world);
    init_world(&world, 2);
    world.off_ms[SELF] = -10000;
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    deinit_world(&world);
}

static void of_two_that_agreed_before_the_one_that_jumps_is_fenced(void **state)
{
    static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world world;
        init_world(&world, 2);
        hear_all(&world);
        assert_verdict(&world, CLOCK_TRUSTED, 0);
        world.off_ms[2] = jumps_ms[i];
        hear_all(&world);
        assert_verdict(&world, CLOCK_TRUSTED, 0);
        world.off_ms[2] = 0;
        hear_all(&world);
        assert_verdict(&world, CLOCK_TRUSTED, 0);
        world.off_ms[SELF] = jumps_ms[i];
        hear_all(&world);
        assert_verdict(&world, CLOCK_SKEWED, jumps_ms[i]);
        world.off_ms[2] = jumps_ms[i]; /* the operator says it was right: now both have it */
        hear_all(&world);
        assert_verdict(&world, CLOCK_TRUSTED, 0);
        deinit_world(&world);
    }
}

/* A node that was fenced and then loses its peers may not believe itself again. */
static void one_that_loses_all_peers_stays_fenced(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    world.off_ms[SELF] = HOUR_MS;
    assert_verdict(&world, CLOCK_SKEWED, HOUR_MS);
    for (node_id peer = 2; peer <= 5; peer++)
        clock_watch_forget(world.watch, peer);
    assert_verdict(&world, CLOCK_SKEWED, HOUR_MS);
    pass_ms(&world, 60000);
    assert_int_equal(judge(&world)->verdict, CLOCK_SKEWED);
    assert_int_equal(judge(&world)->clocks, 1);
    world.off_ms[SELF] = 0;
    assert_int_equal(judge(&world)->verdict, CLOCK_TRUSTED);
    deinit_world(&world);
}

/* What was agreed on with them would stand against it for ever, when its machine was suspended. */
static void one_whose_peers_have_left_is_right(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 2);
    hear_all(&world);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    world.ring->member_count = 1;
    clock_watch_follow_ring(world.watch);
    pass_ms(&world, BEAT_MS);
    world.stopped_us += 2 * LIMIT_MS * 1000;
    world.true_us += 2 * LIMIT_MS * 1000;
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    world.ring->member_count = 2;
    deinit_world(&world);
}

static void a_clock_of_a_peer_that_is_down_does_not_count(void **state)
{
    struct world world;
    struct clock_estimate found;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    clock_watch_forget(world.watch, 3);
    assert_int_equal(judge(&world)->clocks, 4);
    assert_false(clock_watch_peer(world.watch, 3, mono_us(&world), wall_ms(&world, SELF), &found));
    deinit_world(&world);
}

static void a_clock_is_trusted_once_compared_or_after_some_patience(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 3);
    assert_int_equal(judge(&world)->verdict, CLOCK_UNCOMPARED);
    pass_ms(&world, PATIENCE_MS - 1);
    assert_int_equal(judge(&world)->verdict, CLOCK_UNCOMPARED);
    exchange(&world, 2, 100, 0, 100);
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    deinit_world(&world);
    init_world(&world, 3);
    pass_ms(&world, PATIENCE_MS);
    assert_int_equal(judge(&world)->verdict, CLOCK_TRUSTED);
    deinit_world(&world);
    init_world(&world, 1); /* there is nobody to wait for */
    assert_int_equal(judge(&world)->verdict, CLOCK_TRUSTED);
    world.off_ms[SELF] = HOUR_MS;
    assert_verdict(&world, CLOCK_TRUSTED, 0);
    deinit_world(&world);
}

/* ---- what the operator reads ---------------------------------------------------------------- */

static long line_offset_ms(const struct world *world)
{
    const char *found = strstr(world->line, "offset_ms=");
    assert_non_null(found);
    return atol(found + strlen("offset_ms="));
}

static void a_small_skew_is_warned_of_once(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    world.off_ms[SELF] = 90;
    judge(&world);
    assert_int_equal(world.warnings, 0);
    for (int i = 0; i < 10; i++) {
        world.off_ms[SELF] = 110 + i % 2 * 30;
        assert_int_equal(judge(&world)->verdict, CLOCK_TRUSTED);
    }
    assert_int_equal(world.warnings, 1);
    assert_in_range(line_offset_ms(&world), 109, 111);
    world.off_ms[SELF] = 20;
    judge(&world);
    world.off_ms[SELF] = -130;
    judge(&world);
    assert_int_equal(world.warnings, 2);
    deinit_world(&world);
}

static void a_fence_is_one_warning_with_the_offset_and_one_line_at_its_end(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    hear_all(&world);
    world.off_ms[SELF] = -HOUR_MS;
    for (int i = 0; i < 10; i++) {
        hear_all(&world);
        judge(&world);
    }
    assert_int_equal(world.warnings, 1);
    assert_int_equal(world.ends, 0);
    assert_in_range(-line_offset_ms(&world), HOUR_MS - 1, HOUR_MS + 1);
    world.off_ms[SELF] = 0;
    for (int i = 0; i < 10; i++) {
        hear_all(&world);
        judge(&world);
    }
    assert_int_equal(world.warnings, 1);
    assert_int_equal(world.ends, 1);
    deinit_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offset_lies_within_its_uncertainty),
        cmocka_unit_test(delays_in_one_direction_do_not_fence),
        cmocka_unit_test(the_quickest_of_the_last_samples_counts),
        cmocka_unit_test(a_peer_that_jumps_is_believed_at_once),
        cmocka_unit_test(what_cannot_be_is_ignored),
        cmocka_unit_test(one_liar_among_five_harms_nobody),
        cmocka_unit_test(the_liar_knows_itself),
        cmocka_unit_test(an_own_jump_shows_at_once_and_so_does_its_end),
        cmocka_unit_test(an_own_monotonic_clock_that_stood_still_is_forgiven),
        cmocka_unit_test(the_end_of_a_fence_needs_more_than_its_start),
        cmocka_unit_test(two_against_two_the_earlier_pair_wins),
        cmocka_unit_test(of_two_that_differ_from_the_start_the_one_ahead_is_fenced),
        cmocka_unit_test(of_two_that_agreed_before_the_one_that_jumps_is_fenced),
        cmocka_unit_test(one_that_loses_all_peers_stays_fenced),
        cmocka_unit_test(one_whose_peers_have_left_is_right),
        cmocka_unit_test(a_clock_of_a_peer_that_is_down_does_not_count),
        cmocka_unit_test(a_clock_is_trusted_once_compared_or_after_some_patience),
        cmocka_unit_test(a_small_skew_is_warned_of_once),
        cmocka_unit_test(a_fence_is_one_warning_with_the_offset_and_one_line_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

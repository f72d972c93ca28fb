/*
 * test_log_sync.c - in which order a node asks a peer, and when it stops asking.
 *
 * Three nodes own all of 256 partitions, so a round is four exchanges of 64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "repair/log_sync.h"

enum { PARTITIONS = 256, INTERVAL_MS = 1000, TIMEOUT_MS = 5000, EXCHANGES = 4 };

struct world {
    struct ring *ring;
    struct log_sync *sync;
    struct log_sync_output out;
    uint64_t now_ms;
    const struct log_sync *other; /* an exchange with another peer; NULL: none */
};

static bool is_asked(const void *context, partition_id partition, uint64_t since_us)
{
    const struct world *world = context;
    return world != NULL && world->other != NULL &&
           log_sync_asks(world->other, partition, since_us, world->now_ms * 1000);
}

static void init_world(struct world *world)
{
    *world = (struct world){.ring = fixture_ring("eu:3", PARTITIONS), .now_ms = 100};
    fixture_add_many(world->ring, 3, "eu", 3);
    fixture_place(world->ring, NULL);
    world->sync = log_sync_new(world->ring, 1, 2, INTERVAL_MS, TIMEOUT_MS);
}

static void deinit_world(struct world *world)
{
    log_sync_free(world->sync);
    buffer_deinit(&world->out.body);
    ring_free(world->ring);
}

static void clear(struct world *world)
{
    world->out.want = LOG_SYNC_NOTHING;
    buffer_clear(&world->out.body);
}

static void tick(struct world *world, uint64_t ms)
{
    clear(world);
    world->now_ms += ms;
    log_sync_tick(world->sync, world->now_ms * 1000, is_asked, world, &world->out);
}

static void up(struct world *world)
{
    log_sync_peer_up(world->sync, world->now_ms * 1000);
}

/* The partitions that the store is asked for. */
static struct message_sync_clocks wanted(const struct world *world)
{
    struct message_sync_clocks clocks;
    assert_int_equal(world->out.want, LOG_SYNC_ASK_STORE);
    assert_int_equal(message_sync_clocks_decode(buffer_slice(&world->out.body), &clocks),
                     STATUS_OK);
    return clocks;
}

/* The store gives the clocks, which go to the peer as they are. */
static void give_clocks(struct world *world)
{
    clear(world);
    log_sync_clocks(world->sync, slice_text("questions"), world->now_ms * 1000, &world->out);
    assert_int_equal(world->out.want, LOG_SYNC_ASK_PEER);
    assert_true(slice_equal(buffer_slice(&world->out.body), slice_text("questions")));
}

static void put_answer(struct buffer *page, partition_id partition, struct sync_answer answer,
                       uint32_t deliveries)
{
    struct buffer encoded = {0};
    for (uint32_t i = 0; i < deliveries; i++)
        cell_delivery_encode(&(struct cell_delivery){.key = slice_text("k")}, &encoded);
    answer.address = (struct replica_address){.partition = partition, .tag = {.epoch = 1}};
    answer.delivery_count = deliveries;
    answer.deliveries = buffer_slice(&encoded);
    sync_answer_encode(&answer, page);
    buffer_deinit(&encoded);
}

static void give_page(struct world *world, const struct buffer *page, bool rebuilding)
{
    clear(world);
    log_sync_page(world->sync, buffer_slice(page), rebuilding, world->now_ms * 1000, &world->out);
}

static const struct sync_answer COMPLETE = {.complete = true};

/* A page in which every asked partition is complete and `deliveries` cells come for the first. */
static void give_complete_page(struct world *world, const struct message_sync_clocks *asked,
                               uint32_t deliveries)
{
    struct buffer page = {0};
    for (uint16_t i = 0; i < asked->count; i++)
        put_answer(&page, asked->cursors[i].partition, COMPLETE, i == 0 ? deliveries : 0);
    give_page(world, &page, false);
    if (deliveries > 0) {
        struct message_sync_apply apply;
        assert_int_equal(world->out.want, LOG_SYNC_APPLY);
        assert_int_equal(message_sync_apply_decode(buffer_slice(&world->out.body), &apply),
                         STATUS_OK);
        assert_int_equal(apply.from, 2);
        assert_true(slice_equal(apply.page, buffer_slice(&page)));
    }
    buffer_deinit(&page);
}

static void applied(struct world *world, enum status status)
{
    clear(world);
    log_sync_applied(world->sync, &(struct message_sync_applied){.status = status, .cell_count = 1},
                     world->now_ms * 1000, &world->out);
}

/* One exchange that finds nothing, when one is due now; false when none is. */
static bool empty_exchange(struct world *world, uint32_t *seen)
{
    tick(world, 0);
    if (world->out.want == LOG_SYNC_NOTHING)
        return false;
    struct message_sync_clocks asked = wanted(world);
    for (uint16_t i = 0; i < asked.count; i++)
        seen[asked.cursors[i].partition]++;
    give_clocks(world);
    give_complete_page(world, &asked, 0);
    return true;
}

static unsigned empty_exchanges(struct world *world)
{
    uint32_t seen[PARTITIONS] = {0};
    unsigned exchanges = 0;
    while (empty_exchange(world, seen)) {
        exchanges++;
        assert_true(exchanges < 100);
    }
    return exchanges;
}

/* ---- the round ----------------------------------------------------------------------------- */

static void nothing_is_asked_of_a_peer_that_is_down(void **state)
{
    struct world world;
    (void)state;
    init_world(&world);
    assert_true(log_sync_deadline_us(world.sync) == UINT64_MAX);
    tick(&world, 1000000);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    deinit_world(&world);
}

static void store_then_peer_then_store_are_asked(void **state)
{
    struct world world;
    (void)state;
    init_world(&world);
    up(&world);
    assert_int_equal(log_sync_deadline_us(world.sync), world.now_ms * 1000);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    assert_int_equal(asked.count, SYNC_PARTITIONS_MAX);
    assert_int_equal(asked.cursors[0].before, 0);
    assert_int_equal(asked.cursors[0].top, 0);
    tick(&world, 1); /* one thing at a time */
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    give_clocks(&world);
    tick(&world, 1);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    give_complete_page(&world, &asked, 2);
    tick(&world, 1);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    applied(&world, STATUS_OK);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    assert_true(log_sync_deadline_us(world.sync) <= world.now_ms * 1000); /* it differed: go on */
    deinit_world(&world);
}

static void a_whole_round_follows_when_a_peer_comes_up(void **state)
{
    struct world world;
    uint32_t seen[PARTITIONS] = {0};
    (void)state;
    init_world(&world);
    up(&world);
    for (int exchange = 0; exchange < EXCHANGES; exchange++)
        assert_true(empty_exchange(&world, seen));
    for (int partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(seen[partition], 1);
    deinit_world(&world);
}

/* Idle repair costs one exchange an interval, and still gets round. */
static void while_nothing_differs_one_exchange_goes_out_each_interval(void **state)
{
    struct world world;
    uint32_t seen[PARTITIONS] = {0};
    (void)state;
    init_world(&world);
    up(&world);
    empty_exchanges(&world);
    for (int interval = 0; interval < EXCHANGES; interval++) {
        assert_int_equal(log_sync_deadline_us(world.sync), (world.now_ms + INTERVAL_MS) * 1000);
        tick(&world, INTERVAL_MS - 1);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        world.now_ms++;
        assert_true(empty_exchange(&world, seen));
        assert_false(empty_exchange(&world, seen));
    }
    for (int partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(seen[partition], 1);
    deinit_world(&world);
}

static void a_difference_brings_another_whole_round_at_once(void **state)
{
    struct world world;
    (void)state;
    init_world(&world);
    up(&world);
    empty_exchanges(&world);
    tick(&world, INTERVAL_MS);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    give_complete_page(&world, &asked, 1);
    applied(&world, STATUS_OK);
    assert_in_range(empty_exchanges(&world), EXCHANGES, EXCHANGES + 1);
    deinit_world(&world);
}

static void only_partitions_that_both_own_are_compared(void **state)
{
    struct ring *ring = fixture_ring("eu:2", 16);
    struct log_sync_output out = {0};
    struct message_sync_clocks clocks;
    (void)state;
    fixture_add_many(ring, 3, "eu", 3);
    fixture_place(ring, NULL);
    for (node_id peer = 2; peer <= 3; peer++) {
        struct log_sync *sync = log_sync_new(ring, 1, peer, INTERVAL_MS, TIMEOUT_MS);
        uint16_t shared = 0;
        log_sync_peer_up(sync, 0);
        log_sync_tick(sync, 0, is_asked, NULL, &out);
        assert_int_equal(out.want, LOG_SYNC_ASK_STORE);
        assert_int_equal(message_sync_clocks_decode(buffer_slice(&out.body), &clocks), STATUS_OK);
        for (partition_id p = 0; p < ring->partition_count; p++)
            if (ring_owns(ring, 1, p) && ring_owns(ring, peer, p))
                assert_int_equal(clocks.cursors[shared++].partition, p);
        assert_int_equal(clocks.count, shared);
        assert_in_range(shared, 1, 15);
        buffer_clear(&out.body);
        log_sync_free(sync);
    }
    buffer_deinit(&out.body);
    ring_free(ring);
}

static void a_peer_that_shares_nothing_is_never_asked(void **state)
{
    struct ring *ring = fixture_ring("eu:1", 16);
    struct log_sync_output out = {0};
    (void)state;
    fixture_add_many(ring, 2, "eu", 2);
    fixture_place(ring, NULL);
    struct log_sync *sync = log_sync_new(ring, 1, 2, INTERVAL_MS, TIMEOUT_MS);
    log_sync_peer_up(sync, 0);
    log_sync_tick(sync, 1000000, is_asked, NULL, &out);
    assert_int_equal(out.want, LOG_SYNC_NOTHING);
    assert_true(log_sync_deadline_us(sync) == UINT64_MAX);
    log_sync_free(sync);
    ring_free(ring);
}

/* Else each owner that is there sends what one of them could. */
static void what_another_peer_is_asked_for_is_left_to_it_for_a_while(void **state)
{
    struct world world;
    struct log_sync_output out = {0};
    struct message_sync_clocks clocks;
    (void)state;
    init_world(&world);
    up(&world);
    struct log_sync *other = log_sync_new(world.ring, 1, 3, INTERVAL_MS, TIMEOUT_MS);
    log_sync_peer_up(other, world.now_ms * 1000);
    log_sync_tick(other, world.now_ms * 1000, is_asked, NULL, &out);
    assert_int_equal(message_sync_clocks_decode(buffer_slice(&out.body), &clocks), STATUS_OK);
    world.other = other;
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    assert_int_equal(asked.count, SYNC_PARTITIONS_MAX);
    assert_true(asked.cursors[0].partition > clocks.cursors[clocks.count - 1].partition);
    log_sync_peer_down(world.sync);
    world.now_ms += LOG_SYNC_HOLD_MS;
    up(&world);
    tick(&world, 0);
    asked = wanted(&world);
    assert_int_equal(asked.cursors[0].partition, clocks.cursors[0].partition);
    log_sync_peer_down(other);
    assert_false(log_sync_asks(other, clocks.cursors[0].partition, 0, 0));
    log_sync_free(other);
    buffer_deinit(&out.body);
    deinit_world(&world);
}

/* Two peers that are asked in step: what was left to one exchange of the other is asked next. */
static void what_was_left_once_is_not_left_again(void **state)
{
    struct world world;
    struct log_sync_output out = {0};
    struct message_sync_clocks clocks;
    (void)state;
    init_world(&world);
    struct log_sync *other = log_sync_new(world.ring, 1, 3, INTERVAL_MS, TIMEOUT_MS);
    world.other = other;
    for (unsigned round = 0; round < 2; round++) {
        world.now_ms++;
        log_sync_peer_down(other);
        log_sync_peer_up(other, world.now_ms * 1000);
        buffer_clear(&out.body);
        log_sync_tick(other, world.now_ms * 1000, is_asked, NULL, &out);
        assert_int_equal(message_sync_clocks_decode(buffer_slice(&out.body), &clocks), STATUS_OK);
        log_sync_peer_down(world.sync);
        up(&world);
        tick(&world, 1);
        bool same = wanted(&world).cursors[0].partition == clocks.cursors[0].partition;
        assert_int_equal(same, round == 1);
    }
    log_sync_free(other);
    buffer_deinit(&out.body);
    deinit_world(&world);
}

/* ---- pages --------------------------------------------------------------------------------- */

static void a_page_that_was_full_is_followed_from_where_it_ended(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks first = wanted(&world);
    give_clocks(&world);
    /* 0 is complete, 1 goes on below 700, the others found no room in the page */
    put_answer(&page, first.cursors[0].partition, COMPLETE, 0);
    put_answer(&page, first.cursors[1].partition, (struct sync_answer){.before = 700, .top = 900},
               3);
    give_page(&world, &page, false);
    assert_int_equal(world.out.want, LOG_SYNC_APPLY);
    applied(&world, STATUS_OK);
    struct message_sync_clocks rest = wanted(&world); /* without a pause */
    assert_int_equal(rest.count, first.count - 1);
    assert_int_equal(rest.cursors[0].partition, first.cursors[1].partition);
    assert_int_equal(rest.cursors[0].before, 700);
    assert_int_equal(rest.cursors[0].top, 900);
    assert_int_equal(rest.cursors[1].partition, first.cursors[2].partition);
    assert_int_equal(rest.cursors[1].before, 0);
    give_clocks(&world);
    give_complete_page(&world, &rest, 0);
    tick(&world, 0);
    struct message_sync_clocks next = wanted(&world); /* then the next partitions */
    assert_true(next.cursors[0].partition > rest.cursors[rest.count - 1].partition);
    buffer_deinit(&page);
    deinit_world(&world);
}

/* A replica that cannot answer now is asked again in the next round, not over and over. */
static void a_partition_that_the_peer_cannot_answer_is_left_for_the_next_round(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    for (uint16_t i = 0; i < asked.count; i++)
        put_answer(&page, asked.cursors[i].partition,
                   i == 7 ? (struct sync_answer){.status = STATUS_NOT_READY} : COMPLETE, 0);
    give_page(&world, &page, false);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    tick(&world, 0);
    assert_true(wanted(&world).cursors[0].partition > asked.cursors[asked.count - 1].partition);
    buffer_deinit(&page);
    deinit_world(&world);
}

/* It has no room for anything, or is broken: asking at once again would spin. */
static void an_empty_page_ends_the_exchange(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    for (int exchange = 0; exchange < EXCHANGES + 1; exchange++) {
        tick(&world, 0);
        if (world.out.want == LOG_SYNC_NOTHING)
            break;
        give_clocks(&world);
        give_page(&world, &page, false);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    }
    tick(&world, 0);
    while (world.out.want != LOG_SYNC_NOTHING) { /* what is left of the eager round */
        give_clocks(&world);
        give_page(&world, &page, false);
        tick(&world, 0);
    }
    assert_int_equal(log_sync_deadline_us(world.sync), (world.now_ms + INTERVAL_MS) * 1000);
    deinit_world(&world);
}

/* Neither complete nor any further: the peer would be asked the same for ever, without a pause. */
static void an_answer_without_progress_does_not_spin(void **state)
{
    struct world world;
    unsigned asked_peer = 0;
    (void)state;
    init_world(&world);
    up(&world);
    for (int step = 0; step < 1000; step++) {
        struct buffer page = {0};
        if (world.out.want != LOG_SYNC_ASK_STORE)
            tick(&world, 0);
        if (world.out.want == LOG_SYNC_NOTHING)
            break;
        struct message_sync_clocks asked = wanted(&world);
        give_clocks(&world);
        asked_peer++;
        for (uint16_t i = 0; i < asked.count; i++)
            put_answer(&page, asked.cursors[i].partition, (struct sync_answer){0}, 0);
        give_page(&world, &page, false);
        buffer_deinit(&page);
    }
    assert_in_range(asked_peer, 1, 20);
    deinit_world(&world);
}

static void a_garbage_page_ends_the_exchange_and_is_not_applied(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    put_answer(&page, asked.cursors[0].partition, COMPLETE, 1);
    buffer_append_slice(&page, slice_text("garbage"));
    give_page(&world, &page, true);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    assert_int_equal(log_sync_deadline_us(world.sync), (world.now_ms + INTERVAL_MS) * 1000);
    tick(&world, INTERVAL_MS);
    wanted(&world);
    buffer_deinit(&page);
    deinit_world(&world);
}

/* A replica that is being rebuilt must hear "complete", also when nothing was missing. */
/* partition_sync.h brings those; the others go on. */
static void a_log_that_is_too_short_is_told_and_holds_nothing_up(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    for (uint16_t i = 0; i < asked.count; i++)
        put_answer(&page, asked.cursors[i].partition,
                   i % 2 == 0 ? (struct sync_answer){.status = STATUS_LOG_TRIMMED} : COMPLETE,
                   i == 1);
    put_answer(&page, PARTITIONS - 1, (struct sync_answer){.status = STATUS_LOG_TRIMMED},
               0); /* nobody asked */
    give_page(&world, &page, false);
    assert_int_equal(world.out.want, LOG_SYNC_APPLY);
    assert_int_equal(world.out.trimmed_count, SYNC_PARTITIONS_MAX / 2);
    for (uint16_t i = 0; i < world.out.trimmed_count; i++)
        assert_int_equal(world.out.trimmed[i], asked.cursors[2 * i].partition);
    world.out.trimmed_count = 0;
    applied(&world, STATUS_OK);
    tick(&world, 0);
    assert_int_equal(wanted(&world).cursors[0].partition, asked.cursors[63].partition + 1);
    buffer_deinit(&page);
    deinit_world(&world);
}

static void while_rebuilding_every_page_is_applied(void **state)
{
    struct world world;
    struct buffer page = {0};
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    for (uint16_t i = 0; i < asked.count; i++)
        put_answer(&page, asked.cursors[i].partition, COMPLETE, 0);
    give_page(&world, &page, true);
    assert_int_equal(world.out.want, LOG_SYNC_APPLY);
    applied(&world, STATUS_OK);
    assert_in_range(empty_exchanges(&world), EXCHANGES - 1, EXCHANGES + 1);
    buffer_deinit(&page);
    deinit_world(&world);
}

/* It comes again in every round: with the haste of real news the node would never rest. */
static void a_cell_that_was_refused_does_not_hurry_the_next_round(void **state)
{
    struct world world;
    (void)state;
    init_world(&world);
    up(&world);
    empty_exchanges(&world);
    for (int round = 0; round < 3; round++) {
        tick(&world, INTERVAL_MS);
        struct message_sync_clocks asked = wanted(&world);
        give_clocks(&world);
        give_complete_page(&world, &asked, 1);
        applied(&world, STATUS_TOO_LARGE);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        assert_int_equal(empty_exchanges(&world), 0);
    }
    deinit_world(&world);
}

static void a_page_that_could_not_be_applied_is_pulled_again_later(void **state)
{
    struct world world;
    (void)state;
    init_world(&world);
    up(&world);
    tick(&world, 0);
    struct message_sync_clocks asked = wanted(&world);
    give_clocks(&world);
    give_complete_page(&world, &asked, 1);
    applied(&world, STATUS_CLOCK_SKEW);
    assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
    assert_int_equal(log_sync_deadline_us(world.sync), (world.now_ms + INTERVAL_MS) * 1000);
    deinit_world(&world);
}

/* ---- lost answers -------------------------------------------------------------------------- */

/* Bring the machine to wait for the store (0), the peer (1) or the store's apply (2). */
static void wait_in_state(struct world *world, int which)
{
    tick(world, 0);
    struct message_sync_clocks asked = wanted(world);
    if (which >= 1)
        give_clocks(world);
    if (which >= 2)
        give_complete_page(world, &asked, 1);
}

static void give_everything_late(struct world *world)
{
    struct buffer page = {0};
    clear(world);
    put_answer(&page, 0, COMPLETE, 1);
    log_sync_clocks(world->sync, slice_text("late"), world->now_ms * 1000, &world->out);
    log_sync_page(world->sync, buffer_slice(&page), true, world->now_ms * 1000, &world->out);
    log_sync_applied(world->sync, &(struct message_sync_applied){0}, world->now_ms * 1000,
                     &world->out);
    buffer_deinit(&page);
}

static void an_answer_that_does_not_come_is_given_up(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct world world;
        init_world(&world);
        up(&world);
        wait_in_state(&world, which);
        assert_int_equal(log_sync_deadline_us(world.sync), (world.now_ms + TIMEOUT_MS) * 1000);
        tick(&world, TIMEOUT_MS - 1);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        tick(&world, 1);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        give_everything_late(&world); /* what comes now belongs to nothing */
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        tick(&world, INTERVAL_MS);
        assert_int_equal(wanted(&world).cursors[0].before, 0);
        deinit_world(&world);
    }
}

static void a_peer_that_goes_down_takes_the_exchange_with_it(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct world world;
        init_world(&world);
        up(&world);
        wait_in_state(&world, which);
        log_sync_peer_down(world.sync);
        assert_true(log_sync_deadline_us(world.sync) == UINT64_MAX);
        give_everything_late(&world);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        tick(&world, 1000000);
        assert_int_equal(world.out.want, LOG_SYNC_NOTHING);
        up(&world);
        assert_in_range(empty_exchanges(&world), EXCHANGES, EXCHANGES + 1);
        deinit_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_of_a_peer_that_is_down),
        cmocka_unit_test(store_then_peer_then_store_are_asked),
        cmocka_unit_test(a_whole_round_follows_when_a_peer_comes_up),
        cmocka_unit_test(while_nothing_differs_one_exchange_goes_out_each_interval),
        cmocka_unit_test(a_difference_brings_another_whole_round_at_once),
        cmocka_unit_test(only_partitions_that_both_own_are_compared),
        cmocka_unit_test(what_another_peer_is_asked_for_is_left_to_it_for_a_while),
        cmocka_unit_test(what_was_left_once_is_not_left_again),
        cmocka_unit_test(a_peer_that_shares_nothing_is_never_asked),
        cmocka_unit_test(a_page_that_was_full_is_followed_from_where_it_ended),
        cmocka_unit_test(a_partition_that_the_peer_cannot_answer_is_left_for_the_next_round),
        cmocka_unit_test(an_empty_page_ends_the_exchange),
        cmocka_unit_test(an_answer_without_progress_does_not_spin),
        cmocka_unit_test(a_garbage_page_ends_the_exchange_and_is_not_applied),
        cmocka_unit_test(a_log_that_is_too_short_is_told_and_holds_nothing_up),
        cmocka_unit_test(while_rebuilding_every_page_is_applied),
        cmocka_unit_test(a_cell_that_was_refused_does_not_hurry_the_next_round),
        cmocka_unit_test(a_page_that_could_not_be_applied_is_pulled_again_later),
        cmocka_unit_test(an_answer_that_does_not_come_is_given_up),
        cmocka_unit_test(a_peer_that_goes_down_takes_the_exchange_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_partition_sync.c - one partition at a time, from a source that is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "repair/partition_sync.h"
#include "ring/position.h"
#include "ring/ring_change.h"
#include "wire/record.h"

enum { INTERVAL_MS = 1000, TIMEOUT_MS = 100, SELF = 1 };

struct fixture {
    struct ring *ring; /* 1, 2 and 3 own everything */
    struct partition_sync *sync;
    struct partition_sync_output out;
    uint64_t now_us;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.ring = fixture_ring("eu:3", 16), .now_us = 1};
    fixture_add_many(f->ring, 3, "eu", 3);
    fixture_place(f->ring, NULL);
    f->sync = partition_sync_new(f->ring, SELF, INTERVAL_MS, TIMEOUT_MS);
    partition_sync_peer_up(f->sync, 2);
    partition_sync_peer_up(f->sync, 3);
}

static void end(struct fixture *f)
{
    partition_sync_free(f->sync);
    ring_free(f->ring);
    buffer_deinit(&f->out.body);
}

static void clear(struct fixture *f)
{
    buffer_clear(&f->out.body);
    f->out = (struct partition_sync_output){.body = f->out.body};
}

static void tick(struct fixture *f)
{
    clear(f);
    partition_sync_tick(f->sync, f->now_us, &f->out);
}

/* That peer's log is too short, now and some time later. */
static void want(struct fixture *f, partition_id partition, node_id peer)
{
    partition_sync_trimmed(f->sync, partition, peer, f->now_us);
    f->now_us += 2 * INTERVAL_MS * 1000;
    partition_sync_trimmed(f->sync, partition, peer, f->now_us);
}

/* The own store is asked for this partition, and may choose of `count` sources. */
static void assert_asks_store(struct fixture *f, partition_id partition, node_id first,
                              unsigned count)
{
    struct message_partition_ask ask;
    assert_int_equal(f->out.want, PARTITION_SYNC_ASK_STORE);
    assert_int_equal(message_partition_ask_decode(buffer_slice(&f->out.body), &ask), STATUS_OK);
    assert_int_equal(ask.partition, partition);
    assert_int_equal(ask.source_count, count);
    assert_int_equal(ask.sources[0], first);
    clear(f);
}

/* `at` is the name of a record; empty: the beginning. */
static void answer_place_at(struct fixture *f, partition_id partition, node_id source,
                            node_id begun, struct slice at)
{
    struct buffer pull = {0}, body = {0};
    message_partition_pull_encode(
        &(struct message_partition_pull){.address = {.partition = partition, .tag = {.epoch = 1}},
                                         .from = at},
        &pull);
    partition_place_encode(
        &(struct partition_place){.source = source, .begun = begun, .pull = buffer_slice(&pull)},
        &body);
    partition_sync_place(f->sync, buffer_slice(&body), f->now_us, &f->out);
    buffer_deinit(&pull);
    buffer_deinit(&body);
}

static void answer_place(struct fixture *f, partition_id partition, node_id source, node_id begun)
{
    answer_place_at(f, partition, source, begun, slice_make(NULL, 0));
}

static void assert_asks_peer(struct fixture *f, node_id peer)
{
    assert_int_equal(f->out.want, PARTITION_SYNC_ASK_PEER);
    assert_int_equal(f->out.peer, peer);
    clear(f);
}

static void answer_page(struct fixture *f, node_id from, partition_id partition, enum status status)
{
    struct buffer body = {0};
    clear(f);
    message_partition_page_encode(
        &(struct message_partition_page){.address = {.partition = partition, .tag = {.epoch = 1}},
                                         .status = status,
                                         .done = true},
        &body);
    partition_sync_page(f->sync, from, buffer_slice(&body), f->now_us, &f->out);
    buffer_deinit(&body);
}

static void applied(struct fixture *f, enum status status, bool done)
{
    clear(f);
    partition_sync_applied(f->sync,
                           &(struct message_partition_applied){.status = status, .done = done},
                           f->now_us, &f->out);
}

static void pages_follow_each_other_until_all_has_come(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_true(partition_sync_deadline_us(f.sync) == UINT64_MAX);
    want(&f, 3, 2);
    want(&f, 5, 3);
    tick(&f);
    for (int page = 0; page < 3; page++) {
        assert_asks_store(&f, 3, 2, 2);
        answer_place(&f, 3, 2, page == 0 ? 0 : 2);
        assert_asks_peer(&f, 2);
        answer_page(&f, 2, 3, STATUS_OK);
        assert_int_equal(f.out.want, PARTITION_SYNC_APPLY);
        applied(&f, STATUS_OK, page == 2);
    }
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    tick(&f);
    assert_asks_store(&f, 5, 3, 2);
    end(&f);
}

static void a_page_is_asked_for_when_it_is_held_no_longer(void **state)
{
    struct fixture f;
    struct partition_pull pull;
    (void)state;
    begin(&f);
    want(&f, 3, 2);
    partition_sync_hold(f.sync, f.now_us + 1000);
    tick(&f);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_true(partition_sync_deadline_us(f.sync) == f.now_us + 1000);
    f.now_us += 1000;
    tick(&f);
    assert_asks_store(&f, 3, 2, 2);
    answer_place(&f, 3, 2, 0);
    assert_asks_peer(&f, 2);
    partition_sync_hold(f.sync, f.now_us + 5 * TIMEOUT_MS * 1000);
    answer_page(&f, 2, 3, STATUS_OK); /* what is under way is not held */
    assert_int_equal(f.out.want, PARTITION_SYNC_APPLY);
    applied(&f, STATUS_OK, false);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_true(partition_sync_look(f.sync, 3, f.now_us, &pull));
    assert_int_equal(pull.state, PARTITION_PULL_HELD);
    f.now_us += 4 * TIMEOUT_MS * 1000; /* longer than any answer may take */
    tick(&f);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 1);
    partition_sync_hold(f.sync, f.now_us); /* it may go faster from now on */
    tick(&f);
    assert_asks_store(&f, 3, 2, 2);
    end(&f);
}

/* Another owner's log may bring it meanwhile. */
static void one_log_that_is_too_short_begins_nothing(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    partition_sync_trimmed(f.sync, 3, 2, f.now_us);
    f.now_us += INTERVAL_MS * 1000;
    partition_sync_trimmed(f.sync, 3, 3, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 0);
    f.now_us += INTERVAL_MS * 1000;
    partition_sync_trimmed(f.sync, 3, 3, f.now_us); /* whoever says it */
    assert_int_equal(partition_sync_count(f.sync), 1);
    partition_sync_trimmed(f.sync, 3, 2, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 1);
    f.now_us += UINT64_C(3600) * 1000000;
    partition_sync_trimmed(f.sync, 4, 2, f.now_us);
    f.now_us += UINT64_C(3600) * 1000000;
    partition_sync_trimmed(f.sync, 4, 2, f.now_us); /* the first time was another story */
    assert_int_equal(partition_sync_count(f.sync), 1);
    partition_sync_trimmed(f.sync, 3, 77, f.now_us);    /* no owner */
    partition_sync_trimmed(f.sync, 60000, 2, f.now_us); /* no partition */
    end(&f);
}

/* It lacks everything: that another log reaches back to the beginning is not worth waiting for. */
static void who_joins_begins_at_the_first_log_that_is_too_short(void **state)
{
    char reason[RING_REASON_MAX];
    struct fixture f = {.ring = fixture_ring("eu:3", 16), .now_us = 1};
    (void)state;
    fixture_add_many(f.ring, 3, "eu", 3);
    fixture_place(f.ring, NULL);
    fixture_add(f.ring, 4, "eu", "rack4", 100);
    node_id row[3];
    memcpy(row, ring_owners(f.ring, 3), sizeof row);
    for (unsigned i = 0; i < 3; i++)
        row[i] = row[i] == 1 ? 4 : row[i];
    assert_int_equal(ring_begin(f.ring, 3, ring_tag_of(f.ring, 3), row, reason), STATUS_OK);
    f.sync = partition_sync_new(f.ring, 4, INTERVAL_MS, TIMEOUT_MS);
    partition_sync_peer_up(f.sync, 2);
    partition_sync_trimmed(f.sync, 3, 2, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 1);
    partition_sync_trimmed(f.sync, 5, 2, f.now_us); /* which it does not own */
    assert_int_equal(partition_sync_count(f.sync), 1);
    end(&f);
}

/* The own store says where it has come to; another source would mean to begin anew. */
static void a_source_that_was_begun_with_is_waited_for(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    partition_sync_peer_down(f.sync, 2, f.now_us);
    want(&f, 3, 3);
    tick(&f);
    assert_asks_store(&f, 3, 3, 1);
    answer_place(&f, 3, 3, 2);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 0);
    f.now_us += PARTITION_SYNC_PATIENCE_US / 2;
    partition_sync_trimmed(f.sync, 3, 3, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 3, 1);
    answer_place(&f, 3, 3, 2);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    f.now_us += PARTITION_SYNC_PATIENCE_US / 2;
    partition_sync_trimmed(f.sync, 3, 3, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 3, 1);
    answer_place(&f, 3, 3, 2);
    assert_asks_peer(&f, 3); /* it is gone for good */
    end(&f);
}

static void a_source_that_comes_back_goes_on(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    want(&f, 3, 2);
    tick(&f);
    clear(&f);
    answer_place(&f, 3, 2, 2);
    assert_asks_peer(&f, 2);
    partition_sync_peer_down(f.sync, 2, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 0);
    answer_page(&f, 2, 3, STATUS_OK); /* late */
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    partition_sync_peer_up(f.sync, 2);
    partition_sync_trimmed(f.sync, 3, 3, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 3, 2);
    answer_place(&f, 3, 2, 2);
    assert_asks_peer(&f, 2);
    end(&f);
}

static void who_cannot_answer_is_followed_by_the_next(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    want(&f, 3, 2);
    tick(&f);
    assert_asks_store(&f, 3, 2, 2);
    answer_place(&f, 3, 2, 0);
    assert_asks_peer(&f, 2);
    answer_page(&f, 2, 3, STATUS_NOT_READY);
    assert_asks_store(&f, 3, 3, 1);
    answer_place(&f, 3, 3, 0);
    assert_asks_peer(&f, 3);
    f.now_us += TIMEOUT_MS * 1000;
    tick(&f); /* silence: nobody is left */
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 0);
    partition_sync_trimmed(f.sync, 3, 3, f.now_us); /* what has failed may be asked again */
    tick(&f);
    assert_asks_store(&f, 3, 3, 2);
    end(&f);
}

static void a_log_that_suffices_by_now_ends_it(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    want(&f, 3, 2);
    tick(&f);
    clear(&f);
    answer_place(&f, 3, 2, 0);
    answer_page(&f, 2, 3, STATUS_NOT_FOUND);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 0);
    f.now_us += 2 * INTERVAL_MS * 1000;
    partition_sync_trimmed(f.sync, 3, 2, f.now_us); /* counts from the beginning */
    assert_int_equal(partition_sync_count(f.sync), 0);
    end(&f);
}

static void what_nobody_asked_for_does_nothing(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    answer_place(&f, 3, 2, 0);
    answer_page(&f, 2, 3, STATUS_OK);
    applied(&f, STATUS_OK, false);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    want(&f, 3, 2);
    tick(&f);
    clear(&f);
    answer_place(&f, 3, 2, 0);
    clear(&f);
    answer_page(&f, 3, 3, STATUS_OK); /* not whom we asked */
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    answer_page(&f, 2, 3, STATUS_OK);
    applied(&f, STATUS_TOO_LARGE, false); /* not taken: log sync brings the partition back */
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 0);
    end(&f);
}

/* How far it is comes from the place in the store, so a start does not begin at nothing. */
static void operators_are_told_how_far_a_partition_is(void **state)
{
    struct fixture f;
    struct partition_pull pull;
    struct buffer half = {0};
    (void)state;
    begin(&f);
    assert_false(partition_sync_look(f.sync, 4, f.now_us, &pull));
    want(&f, 4, 3);
    want(&f, 5, 3);
    assert_true(partition_sync_look(f.sync, 4, f.now_us, &pull));
    assert_int_equal(pull.state, PARTITION_PULL_RUNNING);
    assert_int_equal(pull.source, 3);
    assert_true(partition_sync_look(f.sync, 5, f.now_us, &pull));
    assert_int_equal(pull.state, PARTITION_PULL_WAITS_TURN);

    uint64_t first = ring_position_first(4, 16), last = ring_position_last(4, 16);
    record_cell_name(first + (last - first) / 2, 0, slice_text("k"), &half);
    tick(&f);
    assert_asks_store(&f, 4, 3, 2);
    answer_place_at(&f, 4, 3, 3, buffer_slice(&half));
    assert_asks_peer(&f, 3);
    answer_page(&f, 3, 4, STATUS_OK);
    f.now_us += 1000000;
    applied(&f, STATUS_OK, false);
    assert_true(partition_sync_look(f.sync, 4, f.now_us, &pull));
    assert_int_equal(pull.thousandths, 500);
    assert_int_equal(pull.first_thousandths, 500);
    assert_true(pull.bytes > 0);
    assert_int_equal(pull.took_us, 1000000);

    assert_asks_store(&f, 4, 3, 2);
    partition_sync_peer_down(f.sync, 3, f.now_us); /* it is waited for */
    answer_place_at(&f, 4, 2, 3, buffer_slice(&half));
    assert_true(partition_sync_look(f.sync, 4, f.now_us, &pull));
    assert_int_equal(pull.state, PARTITION_PULL_WAITS_SOURCE);
    assert_int_equal(pull.thousandths, 500);
    assert_false(partition_sync_look(f.sync, 4, f.now_us + PARTITION_SYNC_PATIENCE_US, &pull));
    buffer_deinit(&half);
    end(&f);
}

/* What has come is in no row, and a later transfer begins at nothing. */
static void a_partition_that_has_come_is_told_of_no_more(void **state)
{
    struct fixture f;
    struct partition_pull pull;
    (void)state;
    begin(&f);
    want(&f, 4, 3);
    tick(&f);
    assert_asks_store(&f, 4, 3, 2);
    answer_place(&f, 4, 3, 0);
    assert_asks_peer(&f, 3);
    answer_page(&f, 3, 4, STATUS_OK);
    applied(&f, STATUS_OK, true);
    assert_false(partition_sync_look(f.sync, 4, f.now_us, &pull));
    want(&f, 4, 2);
    assert_true(partition_sync_look(f.sync, 4, f.now_us, &pull));
    assert_true(pull.bytes == 0 && pull.took_us == 0 && pull.source == 2);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_are_told_how_far_a_partition_is),
        cmocka_unit_test(a_partition_that_has_come_is_told_of_no_more),
        cmocka_unit_test(pages_follow_each_other_until_all_has_come),
        cmocka_unit_test(a_page_is_asked_for_when_it_is_held_no_longer),
        cmocka_unit_test(one_log_that_is_too_short_begins_nothing),
        cmocka_unit_test(who_joins_begins_at_the_first_log_that_is_too_short),
        cmocka_unit_test(a_source_that_was_begun_with_is_waited_for),
        cmocka_unit_test(a_source_that_comes_back_goes_on),
        cmocka_unit_test(who_cannot_answer_is_followed_by_the_next),
        cmocka_unit_test(a_log_that_suffices_by_now_ends_it),
        cmocka_unit_test(what_nobody_asked_for_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

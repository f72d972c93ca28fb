/*
 * test_partition_sync.c - one partition at a time, from a source that is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repair/partition_sync.h"

enum { PARTITIONS = 16, TIMEOUT_MS = 100 };

struct fixture {
    struct partition_sync *sync;
    struct partition_sync_output out;
    uint64_t now_us;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.sync = partition_sync_new(PARTITIONS, TIMEOUT_MS), .now_us = 1};
}

static void end(struct fixture *f)
{
    partition_sync_free(f->sync);
    buffer_deinit(&f->out.body);
}

static void clear(struct fixture *f)
{
    buffer_clear(&f->out.body);
    f->out = (struct partition_sync_output){.body = f->out.body};
}

/* A tick asks the own store for this partition and source. */
static void assert_asks_store(struct fixture *f, partition_id partition, node_id source)
{
    struct message_partition_ask ask;
    assert_int_equal(f->out.want, PARTITION_SYNC_ASK_STORE);
    assert_int_equal(message_partition_ask_decode(buffer_slice(&f->out.body), &ask), STATUS_OK);
    assert_int_equal(ask.partition, partition);
    assert_int_equal(ask.source, source);
    clear(f);
}

static void tick(struct fixture *f)
{
    clear(f);
    partition_sync_tick(f->sync, f->now_us, &f->out);
}

static void answer_cursor(struct fixture *f, partition_id partition)
{
    struct buffer body = {0};
    message_partition_pull_encode(
        &(struct message_partition_pull){.address = {.partition = partition, .tag = {.epoch = 1}}},
        &body);
    partition_sync_cursor(f->sync, buffer_slice(&body), f->now_us, &f->out);
    buffer_deinit(&body);
}

static void answer_page(struct fixture *f, node_id from, partition_id partition,
                        enum status status)
{
    struct buffer body = {0};
    clear(f);
    message_partition_page_encode(
        &(struct message_partition_page){
            .address = {.partition = partition, .tag = {.epoch = 1}}, .status = status},
        &body);
    partition_sync_page(f->sync, from, buffer_slice(&body), f->now_us, &f->out);
    buffer_deinit(&body);
}

static void applied(struct fixture *f, enum status status, bool done)
{
    clear(f);
    partition_sync_applied(
        f->sync, &(struct message_partition_applied){.status = status, .done = done}, f->now_us,
        &f->out);
}

static void pages_follow_each_other_until_all_has_come(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(partition_sync_deadline_us(f.sync), UINT64_MAX);
    partition_sync_wanted(f.sync, 3, 2, f.now_us);
    partition_sync_wanted(f.sync, 5, 4, f.now_us);
    tick(&f);
    for (int page = 0; page < 3; page++) {
        assert_asks_store(&f, 3, 2);
        answer_cursor(&f, 3);
        assert_int_equal(f.out.want, PARTITION_SYNC_ASK_PEER);
        assert_int_equal(f.out.peer, 2);
        answer_page(&f, 2, 3, STATUS_OK);
        assert_int_equal(f.out.want, PARTITION_SYNC_APPLY);
        applied(&f, STATUS_OK, page == 2);
    }
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    tick(&f);
    assert_asks_store(&f, 5, 4);
    end(&f);
}

/* Two sources in turn would begin again for ever. */
static void a_source_that_was_begun_with_is_kept(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    partition_sync_wanted(f.sync, 3, 2, f.now_us);
    partition_sync_wanted(f.sync, 3, 4, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 1);
    tick(&f);
    assert_asks_store(&f, 3, 2);
    f.now_us += TIMEOUT_MS * 1000;
    tick(&f); /* silence */
    assert_int_equal(partition_sync_count(f.sync), 0);
    partition_sync_wanted(f.sync, 3, 4, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 0);
    partition_sync_wanted(f.sync, 3, 2, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 2);
    end(&f);
}

static void a_source_that_stays_silent_is_given_up(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (int i = 0; i < 3; i++) {
        partition_sync_wanted(f.sync, 3, 2, f.now_us);
        tick(&f);
        assert_asks_store(&f, 3, 2);
        f.now_us += TIMEOUT_MS * 1000;
        tick(&f);
    }
    partition_sync_wanted(f.sync, 3, 4, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 4);
    end(&f);
}

static void a_source_that_is_lost_makes_room_for_another(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    partition_sync_wanted(f.sync, 3, 2, f.now_us);
    partition_sync_wanted(f.sync, 4, 2, f.now_us);
    partition_sync_wanted(f.sync, 5, 6, f.now_us);
    tick(&f);
    assert_asks_store(&f, 3, 2);
    partition_sync_peer_down(f.sync, 2, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 1);
    tick(&f);
    assert_asks_store(&f, 5, 6);
    partition_sync_wanted(f.sync, 3, 6, f.now_us);
    assert_int_equal(partition_sync_count(f.sync), 2);
    end(&f);
}

static void a_refusal_ends_it_and_late_answers_do_nothing(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    partition_sync_wanted(f.sync, 3, 2, f.now_us);
    tick(&f);
    clear(&f);
    answer_cursor(&f, 3);
    answer_page(&f, 4, 3, STATUS_OK); /* not whom we asked */
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    answer_page(&f, 2, 3, STATUS_NOT_READY);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    assert_int_equal(partition_sync_count(f.sync), 0);
    answer_page(&f, 2, 3, STATUS_OK);
    applied(&f, STATUS_OK, false);
    assert_int_equal(f.out.want, PARTITION_SYNC_NOTHING);
    partition_sync_wanted(f.sync, 3, 4, f.now_us); /* any source may be next */
    tick(&f);
    assert_asks_store(&f, 3, 4);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_follow_each_other_until_all_has_come),
        cmocka_unit_test(a_source_that_was_begun_with_is_kept),
        cmocka_unit_test(a_source_that_stays_silent_is_given_up),
        cmocka_unit_test(a_source_that_is_lost_makes_room_for_another),
        cmocka_unit_test(a_refusal_ends_it_and_late_answers_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_store_sync.c - log sync between two store sides page by page, and rebuilding a lost store.
 */
#include "store_writes.h"

#include <stdio.h>

#include "base/random.h"

/* ---- log sync -------------------------------------------------------------------------------- */

/* One exchange over all 16 partitions as the loop sides make it; the number of cells that came. */
static uint32_t pull(struct store_host *asker, struct store_host *from,
                     struct message_sync_clocks *cursors, struct buffer *page)
{
    struct buffer body = {0};
    struct frame frame;
    struct message_sync_applied result;
    message_sync_clocks_encode(cursors, &body);
    store_host_forget(asker);
    store_host_forget(from);
    store_host_write(asker, MESSAGE_SYNC_CLOCKS, buffer_slice(&body));
    store_host_commit(asker);
    assert_true(store_host_find(&asker->late, MESSAGE_SYNC_PULL, 0, &frame));
    store_host_write(from, MESSAGE_SYNC_PULL, frame.body);
    assert_int_equal(from->late.length, 0);
    store_host_commit(from);
    assert_true(store_host_find(&from->late, MESSAGE_SYNC_PAGE, 0, &frame));
    buffer_clear(page);
    buffer_append_slice(page, frame.body);
    buffer_clear(&body);
    message_sync_apply_encode(&(struct message_sync_apply){.from = from->self, .page = frame.body},
                              &body);
    store_host_write(asker, MESSAGE_SYNC_APPLY, buffer_slice(&body));
    store_host_commit(asker);
    assert_true(store_host_find(&asker->late, MESSAGE_SYNC_APPLIED, 0, &frame));
    assert_int_equal(message_sync_applied_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_OK);
    buffer_deinit(&body);
    return result.cell_count;
}

static struct message_sync_clocks all_partitions(void)
{
    struct message_sync_clocks cursors = {.count = 16};
    for (partition_id p = 0; p < 16; p++)
        cursors.cursors[p].partition = p;
    return cursors;
}

/* Keep in `cursors` what the page did not finish. */
static void advance(struct message_sync_clocks *cursors, const struct buffer *page)
{
    struct reader reader = reader_make(buffer_slice(page));
    while (reader_left(&reader) > 0) {
        struct sync_answer answer;
        sync_answer_decode(&reader, &answer);
        for (uint16_t i = 0; i < cursors->count; i++) {
            if (cursors->cursors[i].partition != answer.address.partition)
                continue;
            cursors->cursors[i].before = answer.before;
            cursors->cursors[i].top = answer.top;
            if (answer.complete || answer.status != STATUS_OK)
                cursors->cursors[i] = cursors->cursors[--cursors->count];
        }
    }
}

static void pull_until_complete(struct store_host *asker, struct store_host *from)
{
    struct message_sync_clocks cursors = all_partitions();
    struct buffer page = {0};
    for (int pages = 0; cursors.count > 0; pages++) {
        assert_true(pages < 500);
        pull(asker, from, &cursors, &page);
        advance(&cursors, &page);
    }
    buffer_deinit(&page);
}

static void a_node_that_was_away_catches_up_in_pages(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_side_free(b.side);
    b.settings.sync_page_bytes = 1000;
    b.side = store_side_new(&(struct store_side_params){.self = 2,
                                                        .storage_incarnation = 1,
                                                        .ring = ring,
                                                        .settings = &b.settings,
                                                        .port = &b.port});
    store_host_open(&a);
    store_host_open(&b);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i % 200);
        mint_one(&b, key,
                 i % 5 == 4 ? (struct mutation){.operation = REGISTER_DELETE} : set_to("value"));
    }
    store_host_commit(&b);
    pull_until_complete(&a, &b);
    assert_equal_replicas(&a, &b);
    store_host_assert_value(&a, "k100", "value");
    store_host_assert_value(&a, "k104", NULL);
    struct message_sync_clocks cursors = all_partitions();
    struct buffer page = {0};
    assert_int_equal(pull(&a, &b, &cursors, &page), 0); /* idle repair brings nothing */
    buffer_deinit(&page);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

/* The log is read from the store: a record of this group is only there after the commit. */
static void a_pull_is_answered_after_the_commit_of_its_group(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct sync_question question = {.address = {.tag = {.epoch = 1}}};
    struct sync_answer answer;
    struct frame frame;
    struct buffer body = {0};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    question.address = store_host_address(&host, store_host_partition(&host, "k"));
    sync_question_encode(&question, &body);
    store_host_forget(&host);
    store_host_write(&host, MESSAGE_SYNC_PULL, buffer_slice(&body));
    mint_one(&host, "k", set_to("v"));
    assert_int_equal(store_host_count(&host.out.late, MESSAGE_SYNC_PAGE), 0);
    store_host_commit(&host);
    assert_true(store_host_find(&host.late, MESSAGE_SYNC_PAGE, 0, &frame));
    struct reader reader = reader_make(frame.body);
    sync_answer_decode(&reader, &answer);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(answer.status, STATUS_OK);
    assert_true(answer.complete);
    assert_int_equal(answer.delivery_count, 1);

    store_host_forget(&host); /* and not at all when the commit fails */
    store_host_write(&host, MESSAGE_SYNC_PULL, buffer_slice(&body));
    store_host_restart(&host);
    assert_int_equal(store_host_count(&host.late, MESSAGE_SYNC_PAGE), 0);
    buffer_deinit(&body);
    store_host_deinit(&host);
    ring_free(ring);
}

static void garbage_in_a_pull_or_a_page_does_no_harm(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct random random = random_make(4);
    struct frame frame;
    struct message_sync_applied applied;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    for (int round = 0; round < 500; round++) {
        uint8_t bytes[40];
        size_t length = 1 + random_below(&random, sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)random_below(&random, 4);
        store_host_forget(&host);
        store_host_write(&host, MESSAGE_SYNC_PULL, slice_make(bytes, length));
        store_host_write(&host, MESSAGE_SYNC_CLOCKS, slice_make(bytes, length));
        store_host_write(&host, MESSAGE_SYNC_APPLY, slice_make(bytes, length));
        store_host_commit(&host);
        assert_true(store_host_find(&host.late, MESSAGE_SYNC_APPLIED, 0, &frame));
        assert_int_equal(message_sync_applied_decode(frame.body, &applied), STATUS_OK);
        assert_int_equal(applied.cell_count, 0);
    }
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- rebuilding ------------------------------------------------------------------------------ */

static void a_lost_store_rebuilds_before_it_is_counted_on(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b, lost;
    struct buffer body = {0};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_init(&lost, ring, 3, 2);
    store_host_open(&a);
    store_host_open(&b);
    store_host_open(&lost);
    assert_int_equal(state_of(&lost.early, 0), REPLICA_REBUILDING);
    store_host_set(&a, "only a", "v");
    store_host_set(&b, "only b", "v");
    store_host_forget(&a);
    store_host_set(&a, "k", "v");
    take_replicate(&a, &body);

    store_host_forget(&lost); /* it mints nothing, and takes copies */
    mint_one(&lost, "k", set_to("w"));
    store_host_commit(&lost);
    assert_int_equal(minted_status(&lost.late), STATUS_NOT_READY);
    store_host_write(&lost, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_commit(&lost);
    assert_int_equal(replicated_status(&lost.late, 0), STATUS_OK);

    pull_until_complete(&lost, &a);
    assert_int_equal(store_host_count(&lost.late, MESSAGE_REPLICA_STATE), 0);
    pull_until_complete(&lost, &a); /* the same source once more is no second source */
    assert_int_equal(store_host_count(&lost.late, MESSAGE_REPLICA_STATE), 0);
    store_host_restart(&lost);
    assert_int_equal(state_of(&lost.early, 0), REPLICA_REBUILDING);
    pull_until_complete(&lost, &b);
    for (partition_id p = 0; p < 16; p++)
        assert_int_equal(state_of(&lost.late, p), REPLICA_ACTIVE);
    store_host_assert_value(&lost, "only a", "v");
    store_host_assert_value(&lost, "only b", "v");
    store_host_restart(&lost);
    assert_int_equal(state_of(&lost.early, 0), REPLICA_ACTIVE);
    buffer_deinit(&body);
    store_host_deinit(&a);
    store_host_deinit(&b);
    store_host_deinit(&lost);
    ring_free(ring);
}

static void two_that_rebuild_cannot_rebuild_each_other(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct message_sync_clocks cursors = all_partitions();
    struct buffer page = {0};
    struct sync_answer answer;
    (void)state;
    store_host_init(&a, ring, 1, 2);
    store_host_init(&b, ring, 2, 2);
    store_host_open(&a);
    store_host_open(&b);
    pull(&a, &b, &cursors, &page);
    struct reader reader = reader_make(buffer_slice(&page));
    for (int p = 0; p < 16; p++) {
        sync_answer_decode(&reader, &answer);
        assert_int_equal(answer.status, STATUS_NOT_READY);
        assert_false(answer.complete);
    }
    assert_int_equal(store_host_count(&a.late, MESSAGE_REPLICA_STATE), 0);
    buffer_deinit(&page);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

/*
 * LOCAL_QUORUM in eu may have been met by the lost replica and one other of eu. Three sources of us
 * are a majority's complement, and still need not hold that write.
 */
static void a_rebuild_absorbs_enough_of_its_own_region(void **state)
{
    struct ring *ring = store_host_ring("eu:3,us:3");
    struct store_host lost, sources[5];
    static const node_id order[] = {4, 5, 6, 1, 2}; /* us first */
    (void)state;
    store_host_init(&lost, ring, 3, 2);
    store_host_open(&lost);
    for (int i = 0; i < 5; i++) {
        store_host_init(&sources[i], ring, order[i], 1);
        store_host_open(&sources[i]);
    }
    for (int i = 0; i < 4; i++) {
        pull_until_complete(&lost, &sources[i]);
        assert_int_equal(store_host_count(&lost.late, MESSAGE_REPLICA_STATE), 0);
    }
    pull_until_complete(&lost, &sources[4]);
    assert_int_equal(state_of(&lost.late, 0), REPLICA_ACTIVE);
    for (int i = 0; i < 5; i++)
        store_host_deinit(&sources[i]);
    store_host_deinit(&lost);
    ring_free(ring);
}

static void a_single_owner_has_nobody_to_rebuild_from(void **state)
{
    struct ring *ring = store_host_ring("eu:1");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 2);
    store_host_open(&host);
    assert_int_equal(state_of(&host.early, 0), REPLICA_ACTIVE);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_was_away_catches_up_in_pages),
        cmocka_unit_test(a_pull_is_answered_after_the_commit_of_its_group),
        cmocka_unit_test(garbage_in_a_pull_or_a_page_does_no_harm),
        cmocka_unit_test(a_lost_store_rebuilds_before_it_is_counted_on),
        cmocka_unit_test(two_that_rebuild_cannot_rebuild_each_other),
        cmocka_unit_test(a_rebuild_absorbs_enough_of_its_own_region),
        cmocka_unit_test(a_single_owner_has_nobody_to_rebuild_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

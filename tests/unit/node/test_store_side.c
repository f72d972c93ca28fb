/*
 * test_store_side.c - what is handed over before a commit, what after it, and what never.
 */
#include "store_writes.h"

#include <stdio.h>

#include "../ring/ring_fixture.h"
#include "base/random.h"
#include "wire/record.h"

/* ---- opening --------------------------------------------------------------------------------- */

static void opening_tells_the_state_of_every_owned_partition(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    assert_int_equal(store_host_count(&host.early, MESSAGE_REPLICA_STATE), 16);
    for (partition_id p = 0; p < 16; p++)
        assert_int_equal(state_of(&host.early, p), REPLICA_ACTIVE);
    assert_int_equal(host.store.count, 16 + 2); /* their first checkpoints, and the lineage */
    store_host_deinit(&host);
    ring_free(ring);
}

static void what_is_known_is_not_written_again(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_side_failed(host.side);
    assert_int_equal(store_side_open(host.side, 2, &host.out), STATUS_OK);
    assert_int_equal(host.out.batch.length, 0);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_store_that_cannot_be_read_is_not_opened(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_fail(&host, false);
    record_checkpoint_name(5, &host.store.broken);
    assert_int_equal(store_side_open(host.side, 2, &host.out), STATUS_CORRUPT);
    store_output_clear(&host.out);
    buffer_clear(&host.store.broken);
    host.boot_epoch = 2;
    store_host_open(&host); /* once it can be read it opens */
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static request_id write_with_deadline(struct store_host *host, uint16_t type, struct slice body,
                                      uint32_t deadline_ms)
{
    struct buffer bytes = {0};
    size_t offset = frame_start(&bytes, type, ++host->last_request, deadline_ms);
    buffer_append_slice(&bytes, body);
    frame_finish(&bytes, offset);
    store_side_write(host->side, buffer_slice(&bytes), host->now, &host->out);
    buffer_deinit(&bytes);
    return host->last_request;
}

static void work_past_its_deadline_is_refused_before_anything_is_done(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entry = {.key = slice_text("k"), .mutation = set_to("v")};
    struct buffer request = {0}, body = {0};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    warm_clock(&host);
    struct key_request write = write_of(&host, &entry, 1, 0);
    key_request_encode(&write, &request);
    message_mint_encode(
        &(struct message_mint){.address = store_host_address(&host, write.partition),
                               .request = buffer_slice(&request)},
        &body);
    write_with_deadline(&host, MESSAGE_MINT, buffer_slice(&body), STORE_HOST_MONO_MS - 1);
    write_with_deadline(&host, MESSAGE_REPLICATE, slice_text(""), STORE_HOST_MONO_MS - 1);
    write_with_deadline(&host, MESSAGE_SYNC_PULL, slice_text(""), STORE_HOST_MONO_MS - 1);
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_TIMEOUT);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_TIMEOUT);
    assert_int_equal(store_host_count(&host.late, MESSAGE_SYNC_PAGE), 0);
    store_host_forget(&host);
    write_with_deadline(&host, MESSAGE_MINT, buffer_slice(&body), STORE_HOST_MONO_MS);
    assert_true(host.out.batch.length > 0);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.early), STATUS_OK);
    buffer_deinit(&request);
    buffer_deinit(&body);
    store_host_deinit(&host);
    ring_free(ring);
}

static enum status replicate_to(struct store_host *host, const struct message_replicate *message)
{
    struct buffer body = {0};
    message_replicate_encode(message, &body);
    store_host_forget(host);
    store_host_write(host, MESSAGE_REPLICATE, buffer_slice(&body));
    assert_int_equal(host->out.batch.length, 0);
    store_host_commit(host);
    buffer_deinit(&body);
    return replicated_status(&host->late, 0);
}

static void what_is_not_for_this_replica_is_refused(void **state)
{
    struct ring *ring = store_host_ring("eu:3"), *small;
    struct store_host host, other;
    struct buffer deliveries = {0}, empty = {0};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    cell_encode(&(struct cell){0}, true, &empty);
    struct cell_delivery delivery = {
        .keyspace = 3, .key = slice_text("k"), .cell = buffer_slice(&empty)};
    cell_delivery_encode(&delivery, &deliveries);
    struct message_replicate message = {
        .address = store_host_address(&host, store_host_partition(&host, "k")),
        .delivery_count = 1,
        .deliveries = buffer_slice(&deliveries)};
    assert_int_equal(replicate_to(&host, &message), STATUS_NO_KEYSPACE); /* no such keyspace */
    message.address.tag.epoch--;
    assert_int_equal(replicate_to(&host, &message), STATUS_STALE_TAG);
    message.address.tag.epoch += 2;
    assert_int_equal(replicate_to(&host, &message), STATUS_NOT_READY);
    message.address.tag = ring->tag;
    message.address.partition = 16;
    assert_int_equal(replicate_to(&host, &message), STATUS_NOT_OWNER);
    store_host_forget(&host);
    store_host_write(&host, MESSAGE_REPLICATE, slice_text("garbage"));
    store_host_commit(&host);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_CORRUPT);

    small = fixture_small_ring();
    store_host_init(&other, small, 1, 1);
    store_host_open(&other);
    for (partition_id p = 0; p < 16; p++) {
        message.address = store_host_address(&other, p);
        assert_int_equal(replicate_to(&other, &message),
                         ring_owns(small, 1, p) ? STATUS_INVALID : STATUS_NOT_OWNER);
    }
    buffer_deinit(&deliveries);
    buffer_deinit(&empty);
    store_host_deinit(&host);
    store_host_deinit(&other);
    ring_free(ring);
    ring_free(small);
}

/* It would be stored where neither a read nor a scan of its partition looks for it. */
static void a_key_of_another_partition_is_refused(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct buffer body = {0};
    struct message_replicate replicate;
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    store_host_forget(&a);
    store_host_set(&a, "k", "v");
    take_replicate(&a, &body);
    assert_int_equal(message_replicate_decode(buffer_slice(&body), &replicate), STATUS_OK);
    replicate.address.partition ^= 1;
    assert_int_equal(replicate_to(&b, &replicate), STATUS_INVALID);
    buffer_deinit(&body);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static void before_it_is_open_everything_is_refused(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    mint_one(&host, "k", set_to("v"));
    store_host_write(&host, MESSAGE_REPLICATE, slice_text(""));
    store_host_write(&host, MESSAGE_DIGEST, slice_text(""));
    store_host_write(&host, MESSAGE_SYNC_APPLY, slice_text(""));
    store_host_write(&host, MESSAGE_SYNC_PULL, slice_text(""));
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    assert_int_equal(host.early.length, 0);
    assert_int_equal(minted_status(&host.late), STATUS_NOT_READY);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_NOT_READY);
    assert_int_equal(store_host_count(&host.late, MESSAGE_DIGEST_RESULT), 1);
    assert_int_equal(store_host_count(&host.late, MESSAGE_SYNC_APPLIED), 1);
    assert_int_equal(store_host_count(&host.late, MESSAGE_SYNC_PAGE), 0);
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- commits that fail ----------------------------------------------------------------------- */

static struct dot dot_of_mint(struct store_host *host, const char *key, const char *value)
{
    struct key_result result;
    store_host_forget(host);
    mint_one(host, key, set_to(value));
    minted_in(&host->early, &result);
    struct dot dot = result.outcomes[0].dot;
    key_result_deinit(&result);
    return dot;
}

static void nothing_of_a_group_is_left_when_its_commit_fails(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    partition_id partition;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    partition = store_host_partition(&host, "k");
    store_host_set(&host, "k", "v1");
    struct message_digest_result before = store_host_digest(&host, partition);
    mint_one(&host, "k", set_to("v2"));
    mint_one(&host, "k", append_of("!"));
    store_host_fail(&host, false);
    store_host_forget(&host);
    mint_one(&host, "k", set_to("v3"));
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_NOT_READY);
    host.boot_epoch = 2;
    store_host_open(&host);
    struct message_digest_result after = store_host_digest(&host, partition);
    assert_true(after.content_digest == before.content_digest);
    assert_true(after.clock_digest == before.clock_digest);
    store_host_assert_value(&host, "k", "v1");
    mint_one(&host, "k", append_of("+"));
    store_host_commit(&host);
    store_host_assert_value(&host, "k", "v1+");
    store_host_deinit(&host);
    ring_free(ring);
}

/* A2: the lost dots may already be with other owners, so they are never given again. */
static void after_a_failed_commit_another_actor_mints(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        store_host_init(&host, ring, 1, 1);
        store_host_open(&host);
        warm_clock(&host);
        struct dot lost = dot_of_mint(&host, "k", "v1");
        assert_int_equal(lost.actor.boot_epoch, 1);
        store_host_fail(&host, stored == 1);
        host.boot_epoch = 2;
        store_host_open(&host);
        store_host_assert_value(&host, "k", stored == 1 ? "v1" : NULL);
        struct dot next = dot_of_mint(&host, "k", "v2");
        store_host_commit(&host);
        assert_int_equal(next.actor.boot_epoch, 2);
        assert_true(actor_compare(&lost.actor, &next.actor) != 0);
        store_host_assert_value(&host, "k", "v2");
        store_host_deinit(&host);
    }
    ring_free(ring);
}

/* The other owners got it early; when this one reads it back from them, all is well. */
static void a_version_that_only_the_others_kept_comes_back(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct buffer body = {0};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    store_host_set(&a, "{warm}", "1");
    take_replicate(&a, &body);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_forget(&a);
    mint_one(&a, "k", set_to("v1"));
    take_replicate(&a, &body);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_commit(&b);
    store_host_fail(&a, false);
    a.boot_epoch = 2;
    store_host_open(&a);
    store_host_write(&a, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_commit(&a);
    assert_equal_replicas(&a, &b);
    store_host_assert_value(&a, "k", "v1");
    buffer_deinit(&body);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

/* ---- counts and checkpoints ------------------------------------------------------------------ */

static void a_digest_counts_the_asked_keyspace_and_all(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entry = {.key = slice_text("{t}a"), .mutation = set_to("v")};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    struct key_request request = write_of(&host, &entry, 1, 0);
    request.keyspace = 7;
    store_host_mint(&host, &request);
    store_host_set(&host, "{t}a", "v");
    store_host_set(&host, "{t}b", "v");
    mint_one(&host, "{t}b", (struct mutation){.operation = REGISTER_DELETE});
    store_host_commit(&host);
    struct message_digest_result digest =
        store_host_digest(&host, store_host_partition(&host, "{t}a"));
    assert_int_equal(digest.keyspace_count, 1);
    assert_int_equal(digest.count, 2);
    store_host_deinit(&host);
    ring_free(ring);
}

static uint64_t losses_told(const struct store_host *host)
{
    struct frame frame;
    struct message_store_counts counts = {0};
    assert_true(store_host_count(&host->late, MESSAGE_STORE_COUNTS) <= 1);
    if (store_host_find(&host->late, MESSAGE_STORE_COUNTS, 0, &frame))
        assert_int_equal(message_store_counts_decode(frame.body, &counts), STATUS_OK);
    return counts.lww_losses;
}

static void values_that_the_last_writer_wins_over_are_counted(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct buffer body = {0};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    store_host_forget(&a);
    store_host_forget(&b);
    store_host_set(&a, "k", "a");
    store_host_set(&b, "k", "b"); /* neither knew of the other */
    take_replicate(&a, &body);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_fail(&b, false); /* not lost yet */
    b.boot_epoch = 2;
    store_host_open(&b);
    assert_int_equal(losses_told(&b), 0);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_commit(&b);
    assert_int_equal(losses_told(&b), 1);
    store_host_forget(&b);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body)); /* nothing more is lost */
    store_host_commit(&b);
    assert_int_equal(store_host_count(&b.late, MESSAGE_STORE_COUNTS), 0);
    buffer_deinit(&body);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static struct checkpoint_record stored_checkpoint(struct store_host *host, partition_id partition)
{
    struct buffer name = {0}, value = {0};
    struct checkpoint_record record;
    record_checkpoint_name(partition, &name);
    assert_int_equal(host->port.get(host->port.context, buffer_slice(&name), &value), STATUS_OK);
    assert_int_equal(checkpoint_record_decode(buffer_slice(&value), &record), STATUS_OK);
    clock_deinit(&record.clock);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return record;
}

/* The log after the last checkpoint is what a start has to read. */
static void checkpoints_bound_what_a_start_has_to_read(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    partition_id partition;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_side_free(host.side);
    host.settings.checkpoint_records = 5;
    host.side = store_side_new(&(struct store_side_params){.self = 1,
                                                           .storage_incarnation = 1,
                                                           .ring = ring,
                                                           .settings = &host.settings,
                                                           .port = &host.port});
    store_host_open(&host);
    partition = store_host_partition(&host, "k");
    for (uint64_t i = 1; i <= 12; i++) {
        store_host_set(&host, "k", "v");
        assert_int_equal(stored_checkpoint(&host, partition).log_position, i / 5 * 5);
    }
    store_side_close(host.side, &host.out);
    memory_store_apply(&host.store, buffer_slice(&host.out.batch));
    store_output_clear(&host.out);
    assert_int_equal(stored_checkpoint(&host, partition).log_position, 12);
    store_host_restart(&host);
    assert_int_equal(store_host_digest(&host, partition).count, 1);
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- any order ------------------------------------------------------------------------------- */

/*
 * Random groups, some of whose commits fail with or without having been stored: afterwards the
 * state is that of the groups that were stored, and nothing else was acknowledged.
 */
static void what_was_acknowledged_is_there_after_any_failures(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    unsigned failures = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct random random = random_make(seed);
        struct store_host host;
        int expected[6] = {0};
        store_host_init(&host, ring, 1, 1);
        store_host_open(&host);
        for (int group = 1; group <= 12; group++) {
            int written[6] = {0};
            store_host_forget(&host);
            unsigned writes = (unsigned)random_below(&random, 5);
            for (unsigned i = 0; i < writes; i++) {
                uint64_t key = random_below(&random, 6);
                char name[8], value[16];
                snprintf(name, sizeof name, "k%d", (int)key);
                snprintf(value, sizeof value, "v%d", group);
                mint_one(&host, name, set_to(value));
                written[key] = group;
            }
            bool fails = random_chance(&random, 1, 3);
            bool stored = !fails || random_chance(&random, 1, 2);
            if (!fails) {
                store_host_commit(&host);
                assert_int_equal(store_host_count(&host.late, MESSAGE_REPLICATED), writes);
            } else {
                store_host_fail(&host, stored);
                assert_int_equal(store_host_count(&host.late, MESSAGE_REPLICATED), 0);
                host.boot_epoch++;
                store_host_open(&host);
                failures++;
            }
            for (int key = 0; stored && key < 6; key++)
                expected[key] = written[key] != 0 ? written[key] : expected[key];
        }
        for (int key = 0; key < 6; key++) {
            char name[8], value[16];
            snprintf(name, sizeof name, "k%d", key);
            snprintf(value, sizeof value, "v%d", expected[key]);
            store_host_assert_value(&host, name, expected[key] == 0 ? NULL : value);
        }
        store_host_deinit(&host);
    }
    assert_true(failures > 100);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_tells_the_state_of_every_owned_partition),
        cmocka_unit_test(what_is_known_is_not_written_again),
        cmocka_unit_test(a_store_that_cannot_be_read_is_not_opened),
        cmocka_unit_test(work_past_its_deadline_is_refused_before_anything_is_done),
        cmocka_unit_test(what_is_not_for_this_replica_is_refused),
        cmocka_unit_test(a_key_of_another_partition_is_refused),
        cmocka_unit_test(before_it_is_open_everything_is_refused),
        cmocka_unit_test(nothing_of_a_group_is_left_when_its_commit_fails),
        cmocka_unit_test(after_a_failed_commit_another_actor_mints),
        cmocka_unit_test(a_version_that_only_the_others_kept_comes_back),
        cmocka_unit_test(a_digest_counts_the_asked_keyspace_and_all),
        cmocka_unit_test(values_that_the_last_writer_wins_over_are_counted),
        cmocka_unit_test(checkpoints_bound_what_a_start_has_to_read),
        cmocka_unit_test(what_was_acknowledged_is_there_after_any_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

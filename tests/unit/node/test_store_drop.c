/*
 * test_store_drop.c - dropped keyspaces at the store side: refused once the drop is durable,
 * removed step by step, and nothing of them in a later keyspace of the same number.
 *
 * Node 1 owns every partition; keyspace 7 is dropped.
 */
#include "store_host.h"

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/register_value.h"
#include "ring/position.h"
#include "wire/message_drop.h"
#include "wire/message_hint.h"
#include "wire/message_register.h"
#include "wire/record.h"

static void open_as(struct store_host *host, const char *replication, node_id self)
{
    struct ring *ring = store_host_ring(replication);
    fixture_add(ring, 9, "eu", "z", 1); /* owns nothing */
    store_host_init(host, ring, self, 1);
    store_host_open(host);
    store_host_forget(host);
}

static void deinit(struct store_host *host)
{
    struct ring *ring = host->ring;
    store_host_deinit(host);
    ring_free(ring);
}

/* Keyspace 7 was dropped so often; it is there again when `exists`. Learned and committed. */
static void learn(struct store_host *host, uint64_t seq, uint16_t drops, bool exists)
{
    struct buffer bytes = {0};
    struct register_value *value = register_value_first(host->ring);
    value->ring->keyspace_drops[7] = drops;
    value->ring->keyspace_count = exists ? 2 : 1;
    value->seq = seq;
    register_value_encode(value, &bytes);
    register_value_free(value);
    store_host_write(host, MESSAGE_REGISTER_LEARN, buffer_slice(&bytes));
    store_host_commit(host);
    buffer_deinit(&bytes);
}

static enum status set_in(struct store_host *host, keyspace_id keyspace, const char *key)
{
    struct frame frame;
    struct message_minted minted;
    struct key_entry entry = {.key = slice_text(key)};
    entry.mutation = (struct mutation){.operation = REGISTER_SET, .value = slice_text("v")};
    struct key_request request = {.kind = KEY_WRITE,
                                  .keyspace = keyspace,
                                  .partition = store_host_partition(host, key),
                                  .entry_count = 1,
                                  .entries = &entry};
    store_host_forget(host);
    store_host_mint(host, &request);
    store_host_commit(host);
    bool early = store_host_find(&host->early, MESSAGE_MINTED, 0, &frame);
    assert_true(early || store_host_find(&host->late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    return minted.status;
}

/* What was told last. */
static struct message_drop_state told(const struct buffer *frames)
{
    struct frame frame;
    struct message_drop_state state;
    unsigned count = store_host_count(frames, MESSAGE_DROP_STATE);
    assert_true(count > 0);
    assert_true(store_host_find(frames, MESSAGE_DROP_STATE, count - 1, &frame));
    assert_int_equal(message_drop_state_decode(frame.body, &state), STATUS_OK);
    return state;
}

static struct message_drop_state step(struct store_host *host)
{
    store_host_forget(host);
    store_host_write(host, MESSAGE_DROP_STEP, slice_make(NULL, 0));
    store_host_commit(host);
    return told(&host->late);
}

static size_t cells_of(const struct store_host *host, keyspace_id keyspace)
{
    size_t count = 0;
    for (size_t i = 0; i < host->store.count; i++) {
        struct cell_name name;
        if (record_cell_name_decode(buffer_slice(&host->store.records[i].key), &name) == STATUS_OK)
            count += name.keyspace == keyspace;
    }
    return count;
}

static void set_many(struct store_host *host, unsigned count)
{
    char key[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "{%u}k%u", i % 3, i);
        assert_int_equal(set_in(host, 7, key), STATUS_OK);
    }
}

static void all_that_a_dropped_keyspace_left_is_removed(void **state)
{
    struct store_host host;
    (void)state;
    open_as(&host, "eu:1", 1);
    set_many(&host, 50);
    store_host_set(&host, "stays", "x");
    store_host_forget(&host);
    learn(&host, 1, 1, false);
    struct message_drop_state state_then = told(&host.late);
    assert_true(state_then.more);
    assert_int_equal(state_then.keys_left, 50);
    assert_int_equal(set_in(&host, 7, "k"), STATUS_NO_KEYSPACE);
    unsigned steps = 0;
    while (step(&host).more)
        assert_true(++steps < 10);
    assert_int_equal(told(&host.late).keys_left, 0);
    assert_int_equal(cells_of(&host, 7), 0);
    assert_int_equal(cells_of(&host, 0), 1);
    store_host_assert_value(&host, "stays", "x");
    deinit(&host);
}

/* kill -9 in the middle: the next life goes on, and none says that it is done before it is. */
/* Else changes of other things would end every scrub, and look through all hints again. */
static void a_change_of_something_else_begins_nothing(void **state)
{
    struct store_host host;
    (void)state;
    open_as(&host, "eu:1", 1);
    set_many(&host, 5);
    store_host_forget(&host);
    learn(&host, 1, 1, false);
    assert_int_equal(store_host_count(&host.late, MESSAGE_DROP_STATE), 1);
    store_host_forget(&host);
    learn(&host, 2, 1, false);
    assert_int_equal(store_host_count(&host.late, MESSAGE_DROP_STATE), 0);
    learn(&host, 3, 2, false);
    assert_int_equal(store_host_count(&host.late, MESSAGE_DROP_STATE), 1);
    deinit(&host);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct store_host host;
    (void)state;
    open_as(&host, "eu:1", 1);
    set_many(&host, 40);
    learn(&host, 1, 1, false);
    step(&host);
    step(&host);
    size_t left = cells_of(&host, 7);
    assert_true(left > 0 && left < 40);
    store_host_write(&host, MESSAGE_DROP_STEP, slice_make(NULL, 0));
    store_host_restart(&host);
    assert_int_equal(told(&host.early).keys_left, left);
    assert_true(told(&host.early).more);
    assert_int_equal(set_in(&host, 7, "k"), STATUS_NO_KEYSPACE);
    while (step(&host).more)
        ;
    assert_int_equal(cells_of(&host, 7), 0);
    store_host_restart(&host);
    assert_false(told(&host.early).more);
    deinit(&host);
}

static void a_later_keyspace_of_the_number_has_nothing_of_it(void **state)
{
    struct store_host host;
    (void)state;
    open_as(&host, "eu:1", 1);
    set_many(&host, 40);
    learn(&host, 2, 1, true);
    assert_int_equal(set_in(&host, 7, "k"), STATUS_NO_KEYSPACE);
    assert_int_equal(set_in(&host, 7 + 64, "{0}k0"), STATUS_OK);
    assert_int_equal(cells_of(&host, 7), 40);
    assert_int_equal(cells_of(&host, 7 + 64), 1);
    while (step(&host).more)
        ;
    assert_int_equal(cells_of(&host, 7), 0);
    assert_int_equal(cells_of(&host, 7 + 64), 1);
    /* One that this node has not heard of is not taken for dropped. */
    assert_int_equal(set_in(&host, 7 + 128, "k"), STATUS_NO_KEYSPACE);
    deinit(&host);
}

/* MESSAGE_REPLICATE of a version of actor 2, or the hint of it for node `intended`. */
static enum status deliver(struct store_host *host, keyspace_id keyspace, const char *key,
                           node_id intended)
{
    struct cell cell = {0};
    struct buffer encoded = {0}, deliveries = {0}, body = {0}, message = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 2, .boot_epoch = 1}, .sequence = 1},
                              .time = 5,
                              .value = slice_text("value")};
    struct message_replicated replicated;
    struct frame frame;
    cell_insert(&cell, &sibling);
    cell_encode(&cell, true, &encoded);
    struct cell_delivery delivery = {
        .keyspace = keyspace, .key = slice_text(key), .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, &deliveries);
    struct message_replicate replicate = {
        .address = store_host_address(host, store_host_partition(host, key)),
        .delivery_count = 1,
        .deliveries = buffer_slice(&deliveries)};
    message_replicate_encode(&replicate, &body);
    if (intended != 0)
        message_hint_encode(intended, buffer_slice(&body), &message);
    store_host_forget(host);
    store_host_write(host, intended != 0 ? MESSAGE_HINT : MESSAGE_REPLICATE,
                     buffer_slice(intended != 0 ? &message : &body));
    store_host_commit(host);
    assert_true(store_host_find(&host->late, intended != 0 ? MESSAGE_HINTED : MESSAGE_REPLICATED, 0,
                                &frame));
    assert_int_equal(message_replicated_decode(frame.body, &replicated), STATUS_OK);
    cell_deinit(&cell);
    buffer_deinit(&encoded);
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
    buffer_deinit(&message);
    return replicated.status;
}

/* The sender counts no copy, and its event is known all the same: nobody sends it again. */
static void a_copy_that_comes_late_is_refused_and_known(void **state)
{
    struct store_host host;
    (void)state;
    open_as(&host, "eu:3", 1);
    learn(&host, 1, 1, false);
    partition_id partition = store_host_partition(&host, "k");
    uint64_t before = store_host_digest(&host, partition).clock_digest;
    assert_int_equal(deliver(&host, 7, "k", 0), STATUS_NO_KEYSPACE);
    uint64_t after = store_host_digest(&host, partition).clock_digest;
    assert_true(before != after);
    assert_int_equal(cells_of(&host, 7), 0);
    assert_int_equal(deliver(&host, 7, "k", 0), STATUS_NO_KEYSPACE);
    assert_true(store_host_digest(&host, partition).clock_digest == after);
    assert_int_equal(deliver(&host, 7 + 64, "k2", 0), STATUS_NO_KEYSPACE); /* not heard of */
    assert_true(store_host_digest(&host, store_host_partition(&host, "k2")).content_digest == 0);
    deinit(&host);
}

/* An owner that was away during the drop and is back gets nothing of it from a fallback. */
static void hints_of_a_dropped_keyspace_go(void **state)
{
    struct store_host host;
    struct frame frame;
    struct message_hint_counts counts;
    (void)state;
    open_as(&host, "eu:3", 9);
    assert_int_equal(deliver(&host, 7, "k", 2), STATUS_OK);
    assert_int_equal(deliver(&host, 0, "k", 2), STATUS_OK);
    learn(&host, 1, 1, false);
    assert_true(told(&host.late).more);
    assert_int_equal(deliver(&host, 7, "other", 2), STATUS_NO_KEYSPACE);
    assert_int_equal(step(&host).hints, 1);
    assert_false(told(&host.late).more);
    unsigned reports = store_host_count(&host.late, MESSAGE_HINT_COUNTS);
    assert_true(reports > 0);
    assert_true(store_host_find(&host.late, MESSAGE_HINT_COUNTS, reports - 1, &frame));
    assert_int_equal(message_hint_counts_decode(frame.body, &counts), STATUS_OK);
    assert_int_equal(counts.cells, 1);
    store_host_restart(&host);
    assert_true(store_host_find(&host.early, MESSAGE_HINT_COUNTS, 0, &frame));
    assert_int_equal(message_hint_counts_decode(frame.body, &counts), STATUS_OK);
    assert_int_equal(counts.cells, 1);
    deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_a_dropped_keyspace_left_is_removed),
        cmocka_unit_test(a_change_of_something_else_begins_nothing),
        cmocka_unit_test(a_restart_goes_on_where_it_was),
        cmocka_unit_test(a_later_keyspace_of_the_number_has_nothing_of_it),
        cmocka_unit_test(a_copy_that_comes_late_is_refused_and_known),
        cmocka_unit_test(hints_of_a_dropped_keyspace_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_store_register.c - the steward's state on the store side: durable before any answer, and
 * the newest value in force once its group is committed.
 */
#include "store_host.h"

#include <string.h>

#include "membership/register_value.h"
#include "wire/message_register.h"
#include "wire/record.h"

static void init(struct store_host *host)
{
    store_host_init(host, store_host_ring("eu:3"), 1, 1);
    store_host_open(host);
    store_host_forget(host);
}

static void deinit(struct store_host *host)
{
    struct ring *ring = host->ring;
    store_host_deinit(host);
    ring_free(ring);
}

/* Seq 1 of the ring, with one more keyspace. */
static void next_value(const struct store_host *host, struct buffer *out)
{
    struct register_value *value = register_value_first(host->ring);
    struct ring_keyspace *added = &value->ring->keyspaces[value->ring->keyspace_count++];
    *added = (struct ring_keyspace){.number = 9, .name = "nine", .value_bytes_max = 5};
    value->seq = 1;
    register_value_encode(value, out);
    register_value_free(value);
}

static void ask_prepare(struct store_host *host, uint64_t round)
{
    struct buffer body = {0};
    message_register_prepare_encode(
        &(struct message_register_prepare){.ballot = {.round = round, .node = 2, .incarnation = 1}},
        &body);
    store_host_write(host, MESSAGE_REGISTER_PREPARE, buffer_slice(&body));
    buffer_deinit(&body);
}

static void ask_accept(struct store_host *host, uint64_t round, struct slice value)
{
    struct buffer body = {0};
    message_register_accept_encode(
        &(struct message_register_accept){.ballot = {.round = round, .node = 2, .incarnation = 1},
                                          .value = value},
        &body);
    store_host_write(host, MESSAGE_REGISTER_ACCEPT, buffer_slice(&body));
    buffer_deinit(&body);
}

static struct message_register_promise last_promise(const struct store_host *host)
{
    struct frame frame;
    struct message_register_promise promise;
    unsigned count = store_host_count(&host->late, MESSAGE_REGISTER_PROMISE);
    assert_true(count > 0);
    assert_true(store_host_find(&host->late, MESSAGE_REGISTER_PROMISE, count - 1, &frame));
    assert_int_equal(message_register_promise_decode(frame.body, &promise), STATUS_OK);
    return promise;
}

static struct message_register_accepted last_accepted(const struct store_host *host)
{
    struct frame frame;
    struct message_register_accepted accepted;
    unsigned count = store_host_count(&host->late, MESSAGE_REGISTER_ACCEPTED);
    assert_true(count > 0);
    assert_true(store_host_find(&host->late, MESSAGE_REGISTER_ACCEPTED, count - 1, &frame));
    assert_int_equal(message_register_accepted_decode(frame.body, &accepted), STATUS_OK);
    return accepted;
}

/* A1: a promise that a crash could take back is worth nothing. */
static void no_answer_leaves_before_its_group_is_on_disk(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    next_value(&host, &value);
    ask_prepare(&host, 5);
    ask_accept(&host, 5, buffer_slice(&value));
    assert_int_equal(host.early.length, 0);
    assert_int_equal(host.late.length, 0);
    store_host_commit(&host);
    assert_int_equal(host.early.length, 0);
    assert_int_equal(last_promise(&host).status, STATUS_OK);
    assert_int_equal(last_accepted(&host).status, STATUS_OK);
    buffer_deinit(&value);
    deinit(&host);
}

static void promises_outlive_a_restart(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    next_value(&host, &value);
    ask_prepare(&host, 5);
    ask_accept(&host, 5, buffer_slice(&value));
    ask_prepare(&host, 8);
    store_host_commit(&host);
    store_host_restart(&host);
    store_host_forget(&host);
    ask_prepare(&host, 7);
    store_host_commit(&host);
    assert_int_equal(last_promise(&host).status, STATUS_STALE_TAG);
    assert_true(last_promise(&host).promised.round == 8);
    ask_prepare(&host, 9);
    store_host_commit(&host);
    struct message_register_promise promise = last_promise(&host);
    assert_int_equal(promise.status, STATUS_OK);
    assert_true(promise.accepted.round == 5);
    assert_true(slice_equal(promise.value, buffer_slice(&value)));
    ask_accept(&host, 8, buffer_slice(&value));
    store_host_commit(&host);
    assert_int_equal(last_accepted(&host).status, STATUS_STALE_TAG);
    buffer_deinit(&value);
    deinit(&host);
}

/* What failed to be written may be there or not; what is there counts, and nothing was said. */
static void a_failed_group_promises_nothing(void **state)
{
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        struct store_host host;
        init(&host);
        ask_prepare(&host, 5);
        store_host_fail(&host, stored == 1);
        assert_int_equal(store_host_count(&host.late, MESSAGE_REGISTER_PROMISE), 0);
        store_host_open(&host);
        store_host_forget(&host);
        ask_prepare(&host, 4);
        store_host_commit(&host);
        assert_int_equal(last_promise(&host).status, stored == 1 ? STATUS_STALE_TAG : STATUS_OK);
        deinit(&host);
    }
}

static uint64_t reserve(struct store_host *host, uint64_t above)
{
    struct buffer body = {0};
    struct frame frame;
    struct message_register_reserved reserved;
    store_host_forget(host);
    message_register_reserve_encode(&(struct message_register_reserve){.above = above}, &body);
    store_host_write(host, MESSAGE_REGISTER_RESERVE, buffer_slice(&body));
    buffer_deinit(&body);
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_REGISTER_RESERVED, 0, &frame));
    assert_int_equal(message_register_reserved_decode(frame.body, &reserved), STATUS_OK);
    return reserved.status == STATUS_OK ? reserved.round : 0;
}

static void a_round_is_never_given_twice(void **state)
{
    struct store_host host;
    (void)state;
    init(&host);
    assert_true(reserve(&host, 0) == 1);
    assert_true(reserve(&host, 0) == 2);
    assert_true(reserve(&host, 10) == 11);
    store_host_restart(&host);
    assert_true(reserve(&host, 3) == 12);
    assert_true(reserve(&host, UINT64_MAX) == 0);
    deinit(&host);
}

static void learn(struct store_host *host, struct slice value)
{
    store_host_write(host, MESSAGE_REGISTER_LEARN, value);
}

static enum status mint_in_nine(struct store_host *host, const char *value)
{
    struct key_entry entry = {.key = slice_text("k")};
    struct key_request request = {.kind = KEY_WRITE,
                                  .keyspace = 9,
                                  .partition = store_host_partition(host, "k"),
                                  .entry_count = 1,
                                  .entries = &entry};
    struct frame frame;
    struct message_minted minted;
    entry.mutation = (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
    store_host_forget(host);
    store_host_mint(host, &request);
    store_host_commit(host);
    if (!store_host_find(&host->early, MESSAGE_MINTED, 0, &frame))
        assert_true(store_host_find(&host->late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    return minted.status;
}

static void a_keyspace_is_there_once_its_value_is_on_disk(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    next_value(&host, &value);
    assert_int_equal(mint_in_nine(&host, "v"), STATUS_NO_KEYSPACE);
    learn(&host, buffer_slice(&value));
    assert_int_equal(store_host_count(&host.late, MESSAGE_REGISTER_LEARNED), 0);
    store_host_commit(&host);
    assert_int_equal(store_host_count(&host.late, MESSAGE_REGISTER_LEARNED), 1);
    assert_int_equal(mint_in_nine(&host, "12345"), STATUS_OK);
    assert_int_equal(mint_in_nine(&host, "123456"), STATUS_TOO_LARGE); /* its own limit */
    store_host_restart(&host);
    assert_int_equal(mint_in_nine(&host, "v"), STATUS_OK);
    buffer_deinit(&value);
    deinit(&host);
}

static void a_value_that_was_not_committed_is_not_in_force(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    next_value(&host, &value);
    learn(&host, buffer_slice(&value));
    store_host_fail(&host, false);
    store_host_open(&host);
    assert_int_equal(mint_in_nine(&host, "v"), STATUS_NO_KEYSPACE);
    buffer_deinit(&value);
    deinit(&host);
}

static void opening_tells_the_loop_side_what_is_known(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    struct frame frame;
    struct message_register_state told;
    (void)state;
    init(&host);
    next_value(&host, &value);
    ask_prepare(&host, 5);
    ask_accept(&host, 5, buffer_slice(&value));
    store_host_commit(&host);
    store_host_forget(&host);
    store_host_restart(&host);
    assert_true(store_host_find(&host.early, MESSAGE_REGISTER_STATE, 0, &frame));
    assert_int_equal(message_register_state_decode(frame.body, &told), STATUS_OK);
    assert_true(told.accepted_seq == 1); /* which somebody must look after */
    assert_int_equal(told.value.length, 0);
    learn(&host, buffer_slice(&value));
    store_host_commit(&host);
    store_host_forget(&host);
    store_host_restart(&host);
    assert_true(store_host_find(&host.early, MESSAGE_REGISTER_STATE, 0, &frame));
    assert_int_equal(message_register_state_decode(frame.body, &told), STATUS_OK);
    assert_true(slice_equal(told.value, buffer_slice(&value)));
    buffer_deinit(&value);
    deinit(&host);
}

/* T8: what a new store asks for is asked for once. */
static void opening_tells_that_the_register_was_asked_for(void **state)
{
    struct store_host host;
    struct frame frame;
    struct message_register_state told;
    (void)state;
    init(&host);
    store_host_restart(&host);
    assert_true(store_host_find(&host.early, MESSAGE_REGISTER_STATE, 0, &frame));
    assert_int_equal(message_register_state_decode(frame.body, &told), STATUS_OK);
    assert_false(told.asked);
    store_host_forget(&host);
    store_host_write(&host, MESSAGE_REGISTER_ASKED, slice_make(NULL, 0));
    store_host_commit(&host);
    store_host_forget(&host);
    store_host_restart(&host);
    assert_true(store_host_find(&host.early, MESSAGE_REGISTER_STATE, 0, &frame));
    assert_int_equal(message_register_state_decode(frame.body, &told), STATUS_OK);
    assert_true(told.asked);
    deinit(&host);
}

static void values_of_others_are_not_accepted(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    ask_accept(&host, 5, slice_text("not a value"));
    store_host_commit(&host);
    assert_int_equal(last_accepted(&host).status, STATUS_INVALID);
    struct ring *other = ring_copy(host.ring);
    other->cluster_id[0] ^= 1;
    struct register_value *foreign = register_value_first(other);
    register_value_encode(foreign, &value);
    ask_accept(&host, 6, buffer_slice(&value));
    store_host_commit(&host);
    assert_int_equal(last_accepted(&host).status, STATUS_INVALID);
    register_value_free(foreign);
    ring_free(other);
    buffer_deinit(&value);
    deinit(&host);
}

/* No change of the register makes such a one: this node stays where its data is. */
static void other_owners_under_the_same_tag_are_not_gone_by(void **state)
{
    struct store_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    struct register_value *moved = register_value_first(host.ring);
    node_id *row = moved->ring->owners;
    node_id first = row[0];
    row[0] = row[1];
    row[1] = first;
    moved->ring->keyspaces[0].name[0] = 'x';
    moved->seq = 1;
    register_value_encode(moved, &value);
    learn(&host, buffer_slice(&value));
    store_host_commit(&host);
    assert_int_equal(store_host_count(&host.late, MESSAGE_REGISTER_LEARNED), 1);
    store_host_set(&host, "k", "v");
    store_host_assert_value(&host, "k", "v");
    register_value_free(moved);
    buffer_deinit(&value);
    deinit(&host);
}

/* Every record of the register on the disk, one at a time, with one byte changed. */
static void a_damaged_record_closes_the_store(void **state)
{
    void (*const names[])(struct buffer *) = {
        record_register_acceptor_name, record_register_round_name, record_register_value_name};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct store_host host;
        struct buffer value = {0}, name = {0}, batch = {0};
        init(&host);
        next_value(&host, &value);
        names[i](&name);
        store_batch_put(&batch, buffer_slice(&name), slice_text("\x01\xff"));
        memory_store_apply(&host.store, buffer_slice(&batch));
        store_side_failed(host.side);
        assert_int_equal(store_side_open(host.side, 9, &host.out), STATUS_CORRUPT);
        buffer_deinit(&value);
        buffer_deinit(&name);
        buffer_deinit(&batch);
        deinit(&host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_leaves_before_its_group_is_on_disk),
        cmocka_unit_test(promises_outlive_a_restart),
        cmocka_unit_test(a_failed_group_promises_nothing),
        cmocka_unit_test(a_round_is_never_given_twice),
        cmocka_unit_test(a_keyspace_is_there_once_its_value_is_on_disk),
        cmocka_unit_test(a_value_that_was_not_committed_is_not_in_force),
        cmocka_unit_test(opening_tells_the_loop_side_what_is_known),
        cmocka_unit_test(opening_tells_that_the_register_was_asked_for),
        cmocka_unit_test(values_of_others_are_not_accepted),
        cmocka_unit_test(other_owners_under_the_same_tag_are_not_gone_by),
        cmocka_unit_test(a_damaged_record_closes_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

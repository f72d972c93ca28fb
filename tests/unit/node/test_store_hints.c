/*
 * test_store_hints.c - hints and log debts at the store side: who may leave what here, and when it
 * is acknowledged.
 *
 * Node 4 owns nothing; node 1 owns every partition, as 2 and 3 do.
 */
#include "store_host.h"

#include <string.h>

#include "../ring/ring_fixture.h"
#include "node/store_side_state.h"
#include "ring/position.h"
#include "wire/message_hint.h"
#include "wire/message_hint_read.h"
#include "wire/message_key_state.h"
#include "wire/record_hint.h"

static struct ring *ring_with_a_fallback(void)
{
    struct ring *ring = store_host_ring("eu:3");
    fixture_add(ring, 4, "eu", "z", 1);
    return ring;
}

static void open_as(struct store_host *host, struct ring *ring, node_id self)
{
    store_host_init(host, ring, self, 1);
    store_host_open(host);
    store_host_forget(host);
}

/* A hint of one key for `intended`, under the ring's tag moved by `epochs`. */
static request_id hint(struct store_host *host, const char *key, node_id intended, int epochs)
{
    struct cell cell = {0};
    struct buffer encoded = {0}, deliveries = {0}, body = {0}, message = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 1, .boot_epoch = 1}, .sequence = 1},
                              .time = 5,
                              .value = slice_text("value")};
    cell_insert(&cell, &sibling);
    cell_encode(&cell, true, &encoded);
    struct cell_delivery delivery = {.key = slice_text(key), .cell = buffer_slice(&encoded)};
    cell_delivery_encode(&delivery, &deliveries);
    struct message_replicate replicate = {
        .address = store_host_address(host, store_host_partition(host, key)),
        .delivery_count = 1,
        .deliveries = buffer_slice(&deliveries)};
    replicate.address.tag.epoch = (uint32_t)((int)replicate.address.tag.epoch + epochs);
    message_replicate_encode(&replicate, &body);
    message_hint_encode(intended, buffer_slice(&body), &message);
    request_id request = store_host_write(host, MESSAGE_HINT, buffer_slice(&message));
    cell_deinit(&cell);
    buffer_deinit(&encoded);
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
    buffer_deinit(&message);
    return request;
}

/* What the last MESSAGE_HINTED says. */
static enum status hinted(const struct store_host *host)
{
    struct frame frame;
    struct message_replicated replicated;
    unsigned count = store_host_count(&host->late, MESSAGE_HINTED);
    assert_true(count > 0);
    assert_true(store_host_find(&host->late, MESSAGE_HINTED, count - 1, &frame));
    assert_int_equal(message_replicated_decode(frame.body, &replicated), STATUS_OK);
    return replicated.status;
}

static void a_hint_is_acknowledged_only_when_it_is_durable(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    (void)state;
    open_as(&host, ring, 4);
    hint(&host, "k", 2, 0);
    assert_int_equal(store_host_count(&host.early, MESSAGE_HINTED), 0);
    assert_int_equal(store_host_count(&host.late, MESSAGE_HINTED), 0);
    store_host_commit(&host);
    assert_int_equal(hinted(&host), STATUS_OK);
    assert_int_equal(store_host_count(&host.late, MESSAGE_HINT_COUNTS), 1);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_failed_commit_acknowledges_nothing_and_counts_again(void **state)
{
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        struct ring *ring = ring_with_a_fallback();
        struct store_host host;
        struct frame frame;
        struct message_hint_counts counts = {0};
        open_as(&host, ring, 4);
        hint(&host, "k", 2, 0);
        store_host_fail(&host, stored);
        assert_int_equal(store_host_count(&host.late, MESSAGE_HINTED), 0);
        store_host_forget(&host);
        store_host_open(&host);
        bool told = store_host_find(&host.early, MESSAGE_HINT_COUNTS, 0, &frame);
        if (told)
            assert_int_equal(message_hint_counts_decode(frame.body, &counts), STATUS_OK);
        assert_int_equal(counts.cells, stored);
        store_host_deinit(&host);
        ring_free(ring);
    }
}

static void only_a_fallback_keeps_hints_and_only_for_owners(void **state)
{
    static const struct {
        node_id self, intended;
        int epochs;
        enum status expected;
    } cases[] = {{4, 2, 0, STATUS_OK},        {4, 2, -1, STATUS_STALE_TAG},
                 {4, 2, 1, STATUS_NOT_READY}, {4, 4, 0, STATUS_INVALID},
                 {4, 99, 0, STATUS_INVALID},  {1, 2, 0, STATUS_INVALID}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ring *ring = ring_with_a_fallback();
        struct store_host host;
        ring->tag.epoch = 5;
        open_as(&host, ring, cases[i].self);
        hint(&host, "k", cases[i].intended, cases[i].epochs);
        store_host_commit(&host);
        assert_int_equal(hinted(&host), cases[i].expected);
        store_host_deinit(&host);
        ring_free(ring);
    }
}

static struct log_debt marked_debt_of(struct store_host *host, node_id node, uint64_t mark)
{
    struct buffer body = {0};
    struct frame frame;
    struct message_log_debts debts;
    struct log_debt debt, found = {0};
    message_log_debt_encode(&(struct message_log_debt){.kind = LOG_DEBT_ASK, .request = mark},
                            &body);
    store_host_forget(host);
    store_host_write(host, MESSAGE_LOG_DEBT, buffer_slice(&body));
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_LOG_DEBT, 0, &frame));
    assert_int_equal(message_log_debts_decode(frame.body, &debts), STATUS_OK);
    assert_int_equal(debts.mark, mark);
    struct reader reader = reader_make(debts.debts);
    for (uint16_t i = 0; i < debts.count; i++) {
        log_debt_decode(&reader, &debt);
        if (debt.node == node)
            found = debt;
    }
    buffer_deinit(&body);
    return found;
}

static struct log_debt debt_of(struct store_host *host, node_id node)
{
    return marked_debt_of(host, node, 0);
}

/* The peer asks with an empty clock for the partition of the key. */
static void pull(struct store_host *host, node_id node, const char *key, const struct clock *clock)
{
    struct buffer body = {0}, puller = {0};
    struct sync_question question = {
        .address = store_host_address(host, store_host_partition(host, key)), .clock = *clock};
    sync_question_encode(&question, &body);
    message_log_debt_encode(&(struct message_log_debt){.kind = LOG_DEBT_PULLER,
                                                       .request = host->last_request + 2,
                                                       .node = node},
                            &puller);
    store_host_write(host, MESSAGE_LOG_DEBT, buffer_slice(&puller));
    store_host_write(host, MESSAGE_SYNC_PULL, buffer_slice(&body));
    store_host_commit(host);
    buffer_deinit(&body);
    buffer_deinit(&puller);
}

/* What a node that drains waits for: later writes, which others make, must not hold it up. */
static void an_owner_has_to_show_all_that_was_here_at_the_mark(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    struct clock nothing = {0}, all = {0};
    (void)state;
    open_as(&host, ring, 1);
    store_host_set(&host, "k", "one");
    const struct replica *replica = store_find_replica(
        host.side, &(struct replica_address){store_host_partition(&host, "k"), ring->tag},
        &(enum status){STATUS_OK});
    clock_copy(&replica->clock, &all);
    pull(&host, 2, "k", &all); /* before the mark: it does not count */
    assert_int_equal(marked_debt_of(&host, 2, 0).unshown, 0);
    assert_int_equal(marked_debt_of(&host, 2, 1).unshown, 1);
    store_host_set(&host, "k", "two");
    pull(&host, 2, "k", &nothing);
    assert_int_equal(marked_debt_of(&host, 2, 1).unshown, 1);
    pull(&host, 2, "k", &all);
    assert_int_equal(marked_debt_of(&host, 2, 1).unshown, 0);
    assert_int_equal(marked_debt_of(&host, 3, 1).unshown, 1); /* another one did not ask */
    assert_int_equal(marked_debt_of(&host, 2, 2).unshown, 1); /* "two" counts from this mark on */
    pull(&host, 2, "k", &all);
    assert_int_equal(marked_debt_of(&host, 2, 2).unshown, 1);
    clock_deinit(&all);
    store_host_deinit(&host);
    ring_free(ring);
}

static void what_an_owner_lacks_is_known_once_it_has_asked(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    struct clock nothing = {0};
    (void)state;
    open_as(&host, ring, 1);
    store_host_set(&host, "k", "one");
    store_host_set(&host, "k", "two");
    struct log_debt debt = debt_of(&host, 2);
    assert_int_equal(debt.unknown, 1);
    assert_int_equal(debt.events, 0);
    pull(&host, 2, "k", &nothing);
    debt = debt_of(&host, 2);
    assert_int_equal(debt.unknown, 0);
    assert_int_equal(debt.events_at_pull, 2);
    assert_int_equal(debt.events, 2);
    assert_true(debt.bytes > 0);
    store_host_set(&host, "k", "three");
    debt = debt_of(&host, 2);
    assert_int_equal(debt.events_at_pull, 2);
    assert_int_equal(debt.events, 3);
    assert_int_equal(debt_of(&host, 3).unknown, 1); /* another one did not ask */
    store_host_deinit(&host);
    ring_free(ring);
}

/*
 * What the store side answers to a MESSAGE_HINT_READ of the key; `replies` is what it borrows from.
 */
static struct message_hint_read_result read_hint(struct store_host *host, const char *key,
                                                 partition_id partition, struct buffer *replies)
{
    struct buffer bytes = {0};
    struct frame frame;
    struct message_hint_read_result result;
    struct message_hint_read read = {.address = store_host_address(host, partition),
                                     .key = slice_text(key)};
    size_t offset = frame_start(&bytes, MESSAGE_HINT_READ, 1, 0);
    message_hint_read_encode(&read, &bytes);
    frame_finish(&bytes, offset);
    buffer_clear(replies);
    store_side_read(&host->port, host->ring, buffer_slice(&bytes), host->now, replies);
    assert_true(store_host_find(replies, MESSAGE_HINT_READ_RESULT, 0, &frame));
    assert_int_equal(message_hint_read_result_decode(frame.body, &result), STATUS_OK);
    buffer_deinit(&bytes);
    return result;
}

static void a_hint_is_read_once_it_is_durable_and_names_its_owners(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    struct buffer replies = {0};
    (void)state;
    open_as(&host, ring, 4);
    partition_id partition = store_host_partition(&host, "k");
    hint(&host, "k", 2, 0);
    assert_int_equal(read_hint(&host, "k", partition, &replies).intended_count, 0);
    store_host_commit(&host);
    hint(&host, "k", 1, 0);
    store_host_commit(&host);
    struct message_hint_read_result result = read_hint(&host, "k", partition, &replies);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.intended_count, 2);
    assert_int_equal(result.intended[0], 1);
    assert_int_equal(result.intended[1], 2);
    assert_true(slice_equal(result.delivery.key, slice_text("k")));
    struct cell cell;
    struct reader reader = reader_make(result.delivery.cell);
    cell_decode(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(slice_equal(cell.siblings[0].value, slice_text("value")));
    assert_true(result.delivery.dots.length > 0);
    cell_deinit(&cell);
    assert_int_equal(read_hint(&host, "another", store_host_partition(&host, "another"), &replies)
                         .intended_count,
                     0);
    assert_int_equal(read_hint(&host, "k", (partition_id)(partition ^ 1), &replies).status,
                     STATUS_INVALID);
    buffer_deinit(&replies);
    store_host_deinit(&host);
    ring_free(ring);
}

/* Who asks what became of the key must find the copy that is on its way. */
static void a_hint_is_part_of_what_is_told_of_a_key(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    struct buffer body = {0};
    struct frame frame;
    struct message_key_state_result result;
    struct message_key_state question = {.key = slice_text("k")};
    (void)state;
    open_as(&host, ring, 4);
    hint(&host, "k", 2, 0);
    store_host_commit(&host);
    question.partition = store_host_partition(&host, "k");
    message_key_state_encode(&question, &body);
    store_host_write(&host, MESSAGE_KEY_STATE, buffer_slice(&body));
    store_host_commit(&host);
    assert_true(store_host_find(&host.late, MESSAGE_KEY_STATE_RESULT, 0, &frame));
    assert_int_equal(message_key_state_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_OK);
    assert_false(result.held);
    assert_int_equal(result.intended_count, 1);
    assert_int_equal(result.intended[0], 2);
    struct cell cell;
    struct reader reader = reader_make(result.hint);
    cell_decode_versions(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(cell.siblings[0].omitted_bytes, 5);
    cell_deinit(&cell);
    buffer_deinit(&body);
    store_host_deinit(&host);
    ring_free(ring);
}

/* It is never "nothing is kept": that a record cannot be understood is said. */
static void a_damaged_hint_is_no_answer(void **state)
{
    struct ring *ring = ring_with_a_fallback();
    struct store_host host;
    struct buffer replies = {0}, name = {0}, batch = {0};
    (void)state;
    open_as(&host, ring, 4);
    struct hint_name hint_name = {.partition = store_host_partition(&host, "k"),
                                  .position = ring_position(slice_text("k"), 0, ring->seed),
                                  .key = slice_text("k")};
    record_hint_name(RECORD_HINT_CELL, &hint_name, &name);
    store_batch_put(&batch, buffer_slice(&name), slice_text("no hint"));
    memory_store_apply(&host.store, buffer_slice(&batch));
    assert_int_equal(read_hint(&host, "k", hint_name.partition, &replies).status, STATUS_CORRUPT);
    buffer_deinit(&replies);
    buffer_deinit(&name);
    buffer_deinit(&batch);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hint_is_acknowledged_only_when_it_is_durable),
        cmocka_unit_test(a_failed_commit_acknowledges_nothing_and_counts_again),
        cmocka_unit_test(only_a_fallback_keeps_hints_and_only_for_owners),
        cmocka_unit_test(an_owner_has_to_show_all_that_was_here_at_the_mark),
        cmocka_unit_test(what_an_owner_lacks_is_known_once_it_has_asked),
        cmocka_unit_test(a_hint_is_read_once_it_is_durable_and_names_its_owners),
        cmocka_unit_test(a_hint_is_part_of_what_is_told_of_a_key),
        cmocka_unit_test(a_damaged_hint_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_store_holdings.c - which partitions a store side holds while they move.
 *
 * Three owners, four members, 16 partitions. MOVES goes from node 1 to node 4, which owns some
 * others.
 */
#include "store_host.h"

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/register_value.h"
#include "ring/position.h"
#include "ring/ring_change.h"
#include "ring/transition.h"
#include "causal/cell.h"
#include "wire/message_garbage.h"
#include "wire/message_hint.h"
#include "wire/message_ring.h"
#include "wire/record.h"

enum { OWNERS = 3, MEMBERS = 4, LEAVES = 1, JOINS = 4 };

struct move {
    struct store_host host;
    struct register_value *value;
    partition_id partition; /* that moves */
    char key[16];           /* in it */
    char other[16];         /* in one that the node under test goes on to own */
};

static void find_key(const struct move *move, bool moves, char key[16])
{
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(key, 16, "k%u", i);
        partition_id p = ring_partition_of_slot(ring_slot(slice_text(key)), 16);
        if ((p == move->partition) == moves &&
            ring_owns(move->host.ring, move->host.self, p) == !moves)
            return;
        if (moves && p == move->partition)
            return;
    }
    fail_msg("no such key");
}

static void init(struct move *move, node_id self)
{
    struct ring *ring = fixture_ring("eu:3", 16);
    ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    ring->keyspace_count = 1;
    fixture_add_many(ring, MEMBERS, "eu", MEMBERS);
    fixture_place(ring, NULL);
    *move = (struct move){0};
    while (!ring_owns(ring, LEAVES, move->partition) || ring_owns(ring, JOINS, move->partition))
        move->partition++;
    store_host_init(&move->host, ring, self, 1);
    move->value = register_value_first(ring);
    find_key(move, true, move->key);
    find_key(move, false, move->other);
    store_host_open(&move->host);
    store_host_raise_ceiling(&move->host);
}

static void deinit(struct move *move)
{
    struct ring *ring = move->host.ring;
    store_host_deinit(&move->host);
    register_value_free(move->value);
    ring_free(ring);
}

/* The value is in the present group; the test goes by it too. */
static void learn(struct move *move)
{
    struct buffer bytes = {0};
    bool moved;
    move->value->seq++;
    register_value_encode(move->value, &bytes);
    store_host_write(&move->host, MESSAGE_REGISTER_LEARN, buffer_slice(&bytes));
    assert_true(register_value_apply(move->value, move->host.ring, &moved));
    buffer_deinit(&bytes);
}

static void say(struct move *move)
{
    store_host_forget(&move->host);
    learn(move);
    store_host_commit(&move->host);
}

static void begin(struct move *move)
{
    node_id row[OWNERS];
    char reason[RING_REASON_MAX];
    struct ring *ring = move->value->ring;
    memcpy(row, ring_owners(ring, move->partition), sizeof row);
    for (int i = 0; i < OWNERS; i++)
        if (row[i] == LEAVES)
            row[i] = JOINS;
    assert_int_equal(
        ring_begin(ring, move->partition, ring_tag_of(ring, move->partition), row, reason),
        STATUS_OK);
}

static void give_up(struct move *move)
{
    char reason[RING_REASON_MAX];
    struct ring *ring = move->value->ring;
    assert_int_equal(ring_abort(ring, move->partition, ring_tag_of(ring, move->partition), reason),
                     STATUS_OK);
}

static void finish(struct move *move)
{
    char reason[RING_REASON_MAX];
    struct ring *ring = move->value->ring;
    struct ring_evidence evidence = {0};
    for (node_id id = 1; id <= MEMBERS; id++) {
        node_set_add(&evidence.complete, id);
        node_set_add(&evidence.goes_by, id);
    }
    assert_int_equal(
        ring_switch(ring, move->partition, ring_tag_of(ring, move->partition), &evidence, reason),
        STATUS_OK);
    say(move);
    assert_int_equal(
        ring_finish(ring, move->partition, ring_tag_of(ring, move->partition), &evidence, reason),
        STATUS_OK);
    say(move);
}

static struct message_holdings_state step_in_group(struct move *move)
{
    struct frame frame;
    struct message_holdings_state state;
    store_host_forget(&move->host);
    store_host_write(&move->host, MESSAGE_HOLDINGS_STEP, slice_make(NULL, 0));
    store_host_commit(&move->host);
    assert_true(store_host_find(&move->host.late, MESSAGE_HOLDINGS_STATE, 0, &frame));
    assert_int_equal(message_holdings_state_decode(frame.body, &state), STATUS_OK);
    assert_false(state.waits);
    return state;
}

/* Steps until nothing is left to do; the states of MOVES that were told are in `*told`. */
static void go_on(struct move *move, uint8_t *told)
{
    struct message_holdings_state state = {.more = true};
    for (unsigned i = 0; i < 20 && state.more; i++) {
        struct frame frame;
        struct message_replica_state replica;
        state = step_in_group(move);
        for (unsigned k = 0; store_host_find(&move->host.late, MESSAGE_REPLICA_STATE, k, &frame);
             k++) {
            assert_int_equal(message_replica_state_decode(frame.body, &replica), STATUS_OK);
            if (replica.partition == move->partition)
                *told = replica.state;
        }
    }
    assert_false(state.more);
    assert_int_equal(state.dropping, 0);
}

static uint8_t told(const struct buffer *frames, partition_id partition)
{
    struct frame frame;
    uint8_t last = UINT8_MAX;
    for (unsigned k = 0; store_host_find(frames, MESSAGE_REPLICA_STATE, k, &frame); k++) {
        struct message_replica_state state;
        assert_int_equal(message_replica_state_decode(frame.body, &state), STATUS_OK);
        if (state.partition == partition)
            last = state.state;
    }
    return last;
}

static enum status digest(struct move *move)
{
    return (enum status)store_host_digest(&move->host, move->partition).status;
}

/* Records of the partition that moves. */
static unsigned records(const struct move *move)
{
    const struct memory_store *store = &move->host.store;
    unsigned count = 0;
    for (size_t i = 0; i < store->count; i++) {
        struct slice key = buffer_slice(&store->records[i].key);
        struct reader reader = reader_make(key);
        uint8_t kind = reader_u8(&reader);
        if (kind == RECORD_CELL)
            count += reader_u64(&reader) >> 60 == move->partition;
        else if (kind == RECORD_LOG || kind == RECORD_META || kind == RECORD_TREE ||
                 kind == RECORD_GARBAGE)
            count += reader_u16(&reader) == move->partition;
    }
    return count;
}

static void who_leaves_keeps_its_copy_until_the_change_is_over(void **state)
{
    struct move move;
    (void)state;
    init(&move, LEAVES);
    store_host_set(&move.host, move.key, "v");
    store_host_set(&move.host, move.other, "w");
    struct replica_address before = store_host_address(&move.host, move.partition);
    begin(&move);
    say(&move);
    assert_int_equal(digest(&move), STATUS_OK);
    store_host_set(&move.host, move.key, "under the new tag");
    store_host_assert_value(&move.host, move.key, "under the new tag");
    struct buffer body = {0};
    struct frame frame;
    struct message_digest_result result;
    message_digest_encode(&(struct message_digest){.address = before}, &body);
    store_host_forget(&move.host);
    store_host_write(&move.host, MESSAGE_DIGEST, buffer_slice(&body));
    store_host_commit(&move.host);
    assert_true(store_host_find(&move.host.late, MESSAGE_DIGEST_RESULT, 0, &frame));
    assert_int_equal(message_digest_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_STALE_TAG); /* T1 */
    buffer_deinit(&body);
    finish(&move);
    assert_int_equal(told(&move.host.late, move.partition), REPLICA_ABSENT);
    assert_int_equal(digest(&move), STATUS_NOT_OWNER);
    store_host_assert_value(&move.host, move.other, "w");
    deinit(&move);
}

static void a_copy_that_moved_away_goes_and_leaves_nothing(void **state)
{
    struct move move;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, LEAVES);
    for (unsigned i = 0; i < 1200; i++) { /* more than one step removes */
        char key[40];
        snprintf(key, sizeof key, "{%s}%u", move.key, i);
        store_host_set(&move.host, key, "v");
    }
    store_host_set(&move.host, move.other, "w");
    begin(&move);
    say(&move);
    finish(&move);
    assert_true(records(&move) > 2400); /* cells and log */
    step_in_group(&move);               /* hints */
    step_in_group(&move);
    assert_true(records(&move) > 0);
    store_host_restart(&move.host); /* in the middle */
    assert_int_equal(told(&move.host.early, move.partition), REPLICA_ABSENT);
    go_on(&move, &last);
    assert_int_equal(records(&move), 0);
    store_host_assert_value(&move.host, move.other, "w");
    store_host_restart(&move.host);
    assert_int_equal(store_host_count(&move.host.early, MESSAGE_HOLDINGS_STATE), 0);
    deinit(&move);
}

static void who_joins_begins_empty_and_rebuilds(void **state)
{
    struct move move;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, JOINS);
    store_host_set(&move.host, move.other, "w");
    begin(&move);
    say(&move);
    assert_int_equal(digest(&move), STATUS_NOT_READY);
    go_on(&move, &last);
    assert_int_equal(last, REPLICA_REBUILDING);
    assert_int_equal(digest(&move), STATUS_OK);
    store_host_assert_value(&move.host, move.other, "w");
    store_host_set(&move.host, move.other, "x"); /* its index has moved */
    store_host_assert_value(&move.host, move.other, "x");
    store_host_restart(&move.host);
    assert_int_equal(told(&move.host.early, move.partition), REPLICA_REBUILDING);
    assert_int_equal(digest(&move), STATUS_OK);
    deinit(&move);
}

/* T5: what it was sent in the epoch that was given up is worth nothing in the next one. */
static void a_copy_of_a_change_that_was_given_up_is_not_gone_on_with(void **state)
{
    struct move move;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, JOINS);
    begin(&move);
    say(&move);
    go_on(&move, &last);
    give_up(&move);
    say(&move);
    assert_int_equal(told(&move.host.late, move.partition), REPLICA_ABSENT);
    begin(&move);
    say(&move); /* before the first one is gone */
    assert_int_equal(digest(&move), STATUS_NOT_READY);
    last = UINT8_MAX;
    go_on(&move, &last);
    assert_int_equal(last, REPLICA_REBUILDING);
    assert_int_equal(digest(&move), STATUS_OK);
    deinit(&move);
}

/* Also when the node hears of both at once, and stops before it has removed anything. */
static void a_copy_that_was_given_up_stays_so_over_a_start(void **state)
{
    struct move move;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, LEAVES);
    store_host_set(&move.host, move.key, "v");
    begin(&move);
    say(&move);
    finish(&move);
    node_id row[OWNERS];
    char reason[RING_REASON_MAX];
    struct ring *ring = move.value->ring;
    memcpy(row, ring_owners(ring, move.partition), sizeof row);
    for (int i = 0; i < OWNERS; i++)
        if (row[i] == JOINS)
            row[i] = LEAVES;
    assert_int_equal(
        ring_begin(ring, move.partition, ring_tag_of(ring, move.partition), row, reason),
        STATUS_OK);
    finish(&move); /* without it, and it is an owner again */
    store_host_restart(&move.host);
    assert_int_equal(told(&move.host.early, move.partition), REPLICA_ABSENT);
    assert_int_equal(digest(&move), STATUS_NOT_READY);
    go_on(&move, &last);
    assert_int_equal(last, REPLICA_REBUILDING); /* and not active: it has nothing */
    deinit(&move);
}

static void a_value_that_was_not_committed_gives_nothing_up(void **state)
{
    struct move move;
    (void)state;
    init(&move, LEAVES);
    store_host_set(&move.host, move.key, "v");
    begin(&move);
    say(&move);
    struct ring *before = ring_copy(move.host.ring);
    struct ring *ring = move.value->ring;
    struct ring_evidence evidence = {0};
    char reason[RING_REASON_MAX];
    for (node_id id = 1; id <= MEMBERS; id++) {
        node_set_add(&evidence.complete, id);
        node_set_add(&evidence.goes_by, id);
    }
    assert_int_equal(
        ring_switch(ring, move.partition, ring_tag_of(ring, move.partition), &evidence, reason),
        STATUS_OK);
    assert_int_equal(
        ring_finish(ring, move.partition, ring_tag_of(ring, move.partition), &evidence, reason),
        STATUS_OK);
    learn(&move);
    ring_free(move.host.ring);
    move.host.ring = before; /* it never came into force */
    store_host_fail(&move.host, false);
    move.host.boot_epoch++;
    store_host_forget(&move.host);
    store_host_open(&move.host);
    assert_int_equal(told(&move.host.early, move.partition), REPLICA_ACTIVE);
    store_host_assert_value(&move.host, move.key, "v");
    deinit(&move);
}

/* What is taken in beside a value would have no mark when that gives it up. */
static void nothing_is_taken_in_beside_a_value(void **state)
{
    struct move move;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, JOINS);
    begin(&move);
    say(&move);
    step_in_group(&move); /* hints */
    give_up(&move);
    store_host_forget(&move.host);
    learn(&move);
    store_host_write(&move.host, MESSAGE_HOLDINGS_STEP, slice_make(NULL, 0));
    store_host_commit(&move.host);
    assert_int_equal(told(&move.host.late, move.partition), UINT8_MAX);
    assert_int_equal(digest(&move), STATUS_NOT_OWNER);
    go_on(&move, &last);
    assert_int_equal(last, UINT8_MAX);
    assert_int_equal(records(&move), 0);
    deinit(&move);
}

/* A fallback that is an owner by now is one of those that its hint is owed to. */
static void who_becomes_an_owner_takes_what_it_kept(void **state)
{
    struct move move;
    struct buffer cell = {0}, deliveries = {0}, replicate = {0}, body = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 2, .boot_epoch = 1}, .sequence = 1},
                              .time = 5,
                              .kind = SIBLING_STRING,
                              .value = slice_text("kept")};
    struct cell made = {0};
    struct frame frame;
    struct message_replicated answer;
    uint8_t last = UINT8_MAX;
    (void)state;
    init(&move, JOINS);
    cell_insert(&made, &sibling);
    version_vector_raise(&made.context, &sibling.dot);
    cell_encode(&made, true, &cell);
    cell_delivery_encode(
        &(struct cell_delivery){.key = slice_text(move.key), .cell = buffer_slice(&cell)},
        &deliveries);
    message_replicate_encode(
        &(struct message_replicate){.address = store_host_address(&move.host, move.partition),
                                    .delivery_count = 1,
                                    .deliveries = buffer_slice(&deliveries)},
        &replicate);
    message_hint_encode(LEAVES, buffer_slice(&replicate), &body);
    store_host_write(&move.host, MESSAGE_HINT, buffer_slice(&body));
    store_host_commit(&move.host);
    assert_true(store_host_find(&move.host.late, MESSAGE_HINTED, 0, &frame));
    assert_int_equal(message_replicated_decode(frame.body, &answer), STATUS_OK);
    assert_int_equal(answer.status, STATUS_OK);
    begin(&move);
    say(&move);
    go_on(&move, &last);
    store_host_assert_value(&move.host, move.key, NULL); /* the change may be given up */
    finish(&move);
    go_on(&move, &last);
    store_host_assert_value(&move.host, move.key, "kept");
    struct message_hint_counts counts;
    assert_true(store_host_find(&move.host.late, MESSAGE_HINT_COUNTS, 0, &frame));
    assert_int_equal(message_hint_counts_decode(frame.body, &counts), STATUS_OK);
    assert_int_equal(counts.cells, 1); /* it is owed to the others still */
    assert_int_equal(counts.debt_count, OWNERS - 1);
    for (int i = 0; i < counts.debt_count; i++)
        assert_int_not_equal(counts.debts[i].target, JOINS);
    buffer_deinit(&cell);
    buffer_deinit(&deliveries);
    buffer_deinit(&replicate);
    buffer_deinit(&body);
    cell_deinit(&made);
    deinit(&move);
}

/* ---- T6 ---- */

static void give_step(struct store_host *host, struct message_stability_step step)
{
    struct buffer body = {0};
    message_stability_step_encode(&step, &body);
    store_host_write(host, MESSAGE_STABILITY_STEP, buffer_slice(&body));
    buffer_deinit(&body);
}

static struct message_stability report(struct move *from, node_id to, struct buffer *body)
{
    struct frame frame;
    struct message_stability message;
    store_host_forget(&from->host);
    give_step(&from->host, (struct message_stability_step){.kind = STABILITY_STEP_ASK, .node = to});
    store_host_commit(&from->host);
    assert_true(store_host_find(&from->host.late, MESSAGE_STABILITY, 0, &frame));
    buffer_clear(body);
    buffer_append_slice(body, frame.body);
    assert_int_equal(message_stability_decode(buffer_slice(body), &message), STATUS_OK);
    return message;
}

static bool hear(struct move *to, node_id from, const struct buffer *body)
{
    store_host_forget(&to->host);
    give_step(&to->host, (struct message_stability_step){.kind = STABILITY_STEP_REPORT,
                                                         .node = from,
                                                         .body = buffer_slice(body)});
    store_host_commit(&to->host);
    return store_host_count(&to->host.late, MESSAGE_STABILITY_HEARD) == 1;
}

static void what_is_durable_is_told_again_under_a_new_tag(void **state)
{
    struct move move;
    struct buffer body = {0};
    (void)state;
    init(&move, LEAVES);
    node_id peer = 2;
    while (!ring_owns(move.host.ring, peer, move.partition))
        peer++;
    struct message_stability first = report(&move, peer, &body);
    assert_true(first.count > 1);
    give_step(&move.host, (struct message_stability_step){.kind = STABILITY_STEP_HEARD,
                                                          .node = peer,
                                                          .number = first.number,
                                                          .heard_us = 1});
    store_host_commit(&move.host);
    assert_int_equal(report(&move, peer, &body).count, 0);
    begin(&move);
    say(&move);
    assert_int_equal(report(&move, peer, &body).count, 1);
    buffer_deinit(&body);
    deinit(&move);
}

/* Else it would not be told again when it goes by that tag itself. */
static void a_report_of_a_tag_that_is_not_known_yet_is_not_confirmed(void **state)
{
    struct move ahead, behind;
    struct buffer body = {0};
    (void)state;
    init(&ahead, LEAVES);
    node_id peer = 2;
    while (!ring_owns(ahead.host.ring, peer, ahead.partition))
        peer++;
    init(&behind, peer);
    report(&ahead, peer, &body);
    assert_true(hear(&behind, LEAVES, &body));
    begin(&ahead);
    say(&ahead);
    report(&ahead, peer, &body);
    assert_false(hear(&behind, LEAVES, &body));
    begin(&behind);
    say(&behind);
    report(&ahead, peer, &body);
    assert_true(hear(&behind, LEAVES, &body));
    buffer_deinit(&body);
    deinit(&ahead);
    deinit(&behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_keeps_its_copy_until_the_change_is_over),
        cmocka_unit_test(a_copy_that_moved_away_goes_and_leaves_nothing),
        cmocka_unit_test(who_joins_begins_empty_and_rebuilds),
        cmocka_unit_test(a_copy_of_a_change_that_was_given_up_is_not_gone_on_with),
        cmocka_unit_test(a_copy_that_was_given_up_stays_so_over_a_start),
        cmocka_unit_test(a_value_that_was_not_committed_gives_nothing_up),
        cmocka_unit_test(nothing_is_taken_in_beside_a_value),
        cmocka_unit_test(who_becomes_an_owner_takes_what_it_kept),
        cmocka_unit_test(what_is_durable_is_told_again_under_a_new_tag),
        cmocka_unit_test(a_report_of_a_tag_that_is_not_known_yet_is_not_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

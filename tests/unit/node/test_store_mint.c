/*
 * test_store_mint.c - what a mint writes and answers, alone, in its group, and all or nothing.
 */
#include "store_writes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "replica/replica.h"
#include "ring/position.h"

/* ---- minting --------------------------------------------------------------------------------- */

/* The new version may be sent while it is being synced; that it is synced is said afterwards. */
static void a_mint_is_answered_early_and_acknowledged_late(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_result result;
    struct frame frame;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    warm_clock(&host);
    request_id id = mint_one(&host, "k", set_to("v"));
    struct message_minted minted = minted_in(&host.early, &result);
    assert_int_equal(minted.status, STATUS_OK);
    assert_true(minted.written);
    assert_true(minted.replicate.length > 0);
    assert_int_equal(result.outcome_count, 1);
    assert_true(result.outcomes[0].written);
    assert_int_equal(result.outcomes[0].dot.actor.node, 1);
    key_result_deinit(&result);
    assert_int_equal(host.late.length, 0);
    store_host_assert_value(&host, "k", NULL); /* reads see what is committed */
    store_host_commit(&host);
    assert_true(store_host_find(&host.late, MESSAGE_REPLICATED, 0, &frame));
    assert_true(frame.request == id);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_OK);
    assert_int_equal(store_host_count(&host.late, MESSAGE_MINTED), 0);
    store_host_assert_value(&host, "k", "v");
    store_host_deinit(&host);
    ring_free(ring);
}

/* T1 of store_clock.h: a time that no record on disk covers could be issued again after a crash. */
static void a_mint_above_the_ceiling_of_the_clock_is_answered_late(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_forget(&host);
    mint_one(&host, "k", set_to("v"));
    assert_int_equal(store_host_count(&host.early, MESSAGE_MINTED), 0);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_OK);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_OK);
    store_host_deinit(&host);
    ring_free(ring);
}

static void what_was_minted_makes_other_owners_equal(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct buffer body = {0};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i % 7);
        store_host_forget(&a);
        store_host_forget(&b);
        store_host_set(&a, key, i % 3 == 0 ? "x" : "y");
        take_replicate(&a, &body);
        store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body));
        store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&body)); /* a copy changes nothing */
        assert_int_equal(b.late.length, 0);
        store_host_commit(&b);
        assert_int_equal(replicated_status(&b.late, 0), STATUS_OK);
        assert_int_equal(replicated_status(&b.late, 1), STATUS_OK);
    }
    assert_equal_replicas(&a, &b);
    store_host_assert_value(&b, "k4", "x");
    buffer_deinit(&body);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static void writes_of_one_group_see_each_other(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    mint_one(&host, "k", append_of("a"));
    mint_one(&host, "k", append_of("b"));
    mint_one(&host, "k", append_of("c"));
    store_host_commit(&host);
    store_host_assert_value(&host, "k", "abc");
    store_host_deinit(&host);
    ring_free(ring);
}

/* One field of the hash "h", which nobody that was asked has. */
static void mint_field(struct store_host *host, struct mutation mutation, uint8_t flags)
{
    struct key_entry entries[] = {{.key = slice_text("h")},
                                  {.key = slice_text("f"), .mutation = mutation}};
    struct buffer cells = {0}, empty = {0}, request = {0}, body = {0};
    cell_encode(&(struct cell){0}, true, &empty);
    buffer_put_bytes(&cells, buffer_slice(&empty));
    buffer_put_bytes(&cells, buffer_slice(&empty));
    struct key_request write = write_of(host, entries, 2, flags);
    write.kind = KEY_ELEMENTS_WRITE;
    write.collection = COLLECTION_HASH;
    key_request_encode(&write, &request);
    message_mint_encode(&(struct message_mint){.address = store_host_address(host, write.partition),
                                               .request = buffer_slice(&request),
                                               .cell_count = 2,
                                               .cells = buffer_slice(&cells)},
                        &body);
    store_host_forget(host);
    store_host_write(host, MESSAGE_MINT, buffer_slice(&body));
    store_host_commit(host);
    buffer_deinit(&cells);
    buffer_deinit(&empty);
    buffer_deinit(&request);
    buffer_deinit(&body);
}

static uint64_t elements_at(struct store_host *host)
{
    return store_host_digest(host, store_host_partition(host, "h")).element_count;
}

/* The second delivery of an increment is that of the field's name. */
static void give_name_alone(struct store_host *from, struct store_host *to)
{
    struct buffer body = {0}, name = {0};
    struct message_replicate replicate;
    struct cell_delivery delivery;
    take_replicate(from, &body);
    assert_int_equal(message_replicate_decode(buffer_slice(&body), &replicate), STATUS_OK);
    assert_int_equal(replicate.delivery_count, 2);
    struct reader reader = reader_make(replicate.deliveries);
    cell_delivery_decode(&reader, &delivery);
    cell_delivery_decode(&reader, &delivery);
    cell_delivery_encode(&delivery, &name);
    replicate.delivery_count = 1;
    replicate.deliveries = buffer_slice(&name);
    struct buffer alone = {0};
    message_replicate_encode(&replicate, &alone);
    store_host_write(to, MESSAGE_REPLICATE, buffer_slice(&alone));
    store_host_commit(to);
    buffer_deinit(&alone);
    buffer_deinit(&name);
    buffer_deinit(&body);
}

/* A delete of the hash finds by it what a cut does not reset. */
static void a_field_that_counts_has_its_name_beside_it(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    const struct mutation add = {.operation = REGISTER_INCREMENT, .value = slice_text("5")};
    const struct mutation remove = {.operation = REGISTER_DELETE};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    mint_field(&a, add, 0);
    give_name_alone(&a, &b);
    assert_int_equal(elements_at(&a), 2); /* the sum and the name */
    /* Another owner knows the name, and removes the field: it has not seen the sum. */
    assert_int_equal(elements_at(&b), 1);
    mint_field(&b, remove, KEY_HIDDEN);
    assert_int_equal(elements_at(&b), 1);
    mint_field(&b, add, 0); /* nor does an increment there put its own name in the place of it */
    assert_int_equal(elements_at(&b), 2);
    mint_field(&b, remove, KEY_HIDDEN);
    assert_int_equal(elements_at(&b), 1);
    mint_field(&a, remove, 0);
    assert_int_equal(elements_at(&a), 0);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static uint8_t beside_after_set(struct store_host *host, const char *key)
{
    struct key_result result;
    store_host_forget(host);
    mint_one(host, key, set_to("v"));
    store_host_commit(host);
    minted_in(host->early.length > 0 ? &host->early : &host->late, &result);
    uint8_t collection = result.outcomes[0].collection;
    key_result_deinit(&result);
    return collection;
}

/* It would hide them until it expires; whoever set it removes them. */
static void a_string_where_none_was_is_told_of_elements(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    assert_int_equal(beside_after_set(&host, "s"), COLLECTION_NONE);
    mint_field(&host, set_to("1"), 0);
    assert_int_equal(beside_after_set(&host, "h"), COLLECTION_HASH);
    assert_int_equal(beside_after_set(&host, "h"), COLLECTION_NONE); /* over a string */
    assert_int_equal(beside_after_set(&host, "g"), COLLECTION_NONE);
    store_host_deinit(&host);
    ring_free(ring);
}

/* A read quorum may have seen what this replica has not: the change is made on top of it. */
static void a_mint_builds_on_what_the_read_quorum_holds(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct key_entry entry = {.key = slice_text("k"), .mutation = append_of("+b")};
    struct buffer body = {0}, request = {0}, cells = {0};
    struct message_replicate replicate;
    struct cell_delivery delivery;
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    store_host_forget(&a);
    store_host_set(&a, "k", "a");
    take_replicate(&a, &body);
    assert_int_equal(message_replicate_decode(buffer_slice(&body), &replicate), STATUS_OK);
    struct reader reader = reader_make(replicate.deliveries);
    cell_delivery_decode(&reader, &delivery);
    buffer_put_bytes(&cells, delivery.cell);
    struct key_request write = write_of(&b, &entry, 1, 0);
    key_request_encode(&write, &request);
    struct message_mint mint = {.address = store_host_address(&b, write.partition),
                                .request = buffer_slice(&request),
                                .cell_count = 1,
                                .cells = buffer_slice(&cells)};
    struct buffer message = {0};
    message_mint_encode(&mint, &message);
    store_host_write(&b, MESSAGE_MINT, buffer_slice(&message));
    store_host_commit(&b);
    store_host_assert_value(&b, "k", "a+b");
    buffer_deinit(&message);
    buffer_deinit(&body);
    buffer_deinit(&request);
    buffer_deinit(&cells);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static void a_mint_that_writes_nothing_changes_nothing(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct mutation if_present = set_to("v");
    struct key_result result;
    (void)state;
    if_present.flags = MUTATION_IF_PRESENT;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_forget(&host);
    mint_one(&host, "k", if_present);
    assert_int_equal(host.early.length, 0);
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    struct message_minted minted = minted_in(&host.late, &result);
    assert_int_equal(minted.status, STATUS_OK);
    assert_false(minted.written);
    assert_int_equal(result.outcome_count, 1);
    assert_false(result.outcomes[0].written);
    assert_int_equal(store_host_count(&host.late, MESSAGE_REPLICATED), 0);
    key_result_deinit(&result);
    store_host_deinit(&host);
    ring_free(ring);
}

static void the_old_value_comes_with_the_answer(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct mutation returns_old = set_to("new");
    struct key_result result;
    (void)state;
    returns_old.flags = MUTATION_RETURN_OLD;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_set(&host, "k", "old");
    store_host_forget(&host);
    mint_one(&host, "k", returns_old);
    minted_in(&host.early, &result);
    assert_true(result.outcomes[0].visible);
    assert_true(slice_equal(result.outcomes[0].value, slice_text("old")));
    key_result_deinit(&result);
    store_host_commit(&host);
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- all or nothing -------------------------------------------------------------------------- */

static void set_if_absent(struct key_entry *entry, const char *key, const char *value)
{
    *entry = (struct key_entry){.key = slice_text(key), .mutation = set_to(value)};
    entry->mutation.flags = MUTATION_IF_ABSENT;
}

static void one_condition_that_fails_keeps_all_entries_from_being_written(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entries[3];
    struct key_result result;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_set(&host, "{t}b", "there");
    store_host_forget(&host);
    set_if_absent(&entries[0], "{t}a", "1");
    set_if_absent(&entries[1], "{t}b", "2");
    set_if_absent(&entries[2], "{t}c", "3");
    struct key_request request = write_of(&host, entries, 3, KEY_ALL_OR_NOTHING);
    store_host_mint(&host, &request);
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    struct message_minted minted = minted_in(&host.late, &result);
    assert_int_equal(minted.status, STATUS_OK);
    assert_false(minted.written);
    for (int i = 0; i < 3; i++)
        assert_false(result.outcomes[i].written);
    key_result_deinit(&result);
    store_host_assert_value(&host, "{t}a", NULL);
    store_host_assert_value(&host, "{t}b", "there");
    store_host_assert_value(&host, "{t}c", NULL);
    store_host_deinit(&host);
    ring_free(ring);
}

static void when_all_conditions_hold_all_entries_are_written(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entries[3];
    struct message_replicate replicate;
    struct buffer body = {0};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_forget(&host);
    set_if_absent(&entries[0], "{t}a", "1");
    set_if_absent(&entries[1], "{t}b", "2");
    set_if_absent(&entries[2], "{t}a", "3"); /* the same key again: the last one stays */
    struct key_request request = write_of(&host, entries, 3, KEY_ALL_OR_NOTHING);
    store_host_mint(&host, &request);
    store_host_commit(&host);
    take_replicate(&host, &body);
    assert_int_equal(message_replicate_decode(buffer_slice(&body), &replicate), STATUS_OK);
    assert_int_equal(replicate.delivery_count, 3);
    store_host_assert_value(&host, "{t}a", "3");
    store_host_assert_value(&host, "{t}b", "2");
    buffer_deinit(&body);
    store_host_deinit(&host);
    ring_free(ring);
}

/* An error in one entry is definite for the request: nothing of it may be left. */
static void one_entry_that_is_too_large_keeps_all_from_being_written(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entries[2];
    char *large = memory_new(2000, 1);
    (void)state;
    memset(large, 'x', 1500);
    store_host_init(&host, ring, 1, 1);
    store_side_free(host.side);
    host.settings.value_bytes_max = 1000;
    host.side = store_side_new(&(struct store_side_params){.self = 1,
                                                           .storage_incarnation = 1,
                                                           .ring = ring,
                                                           .settings = &host.settings,
                                                           .port = &host.port});
    store_host_open(&host);
    store_host_forget(&host);
    entries[0] = (struct key_entry){.key = slice_text("{t}a"), .mutation = set_to("1")};
    entries[1] = (struct key_entry){.key = slice_text("{t}b"), .mutation = set_to(large)};
    struct key_request request = write_of(&host, entries, 2, 0);
    store_host_mint(&host, &request);
    assert_int_equal(host.out.batch.length, 0);
    assert_false(host.out.discard);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_TOO_LARGE);
    store_host_assert_value(&host, "{t}a", NULL);
    free(large);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_cell_that_cannot_be_read_is_not_written_over(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_set(&host, "k", "v");
    store_host_restart(&host); /* so that it is not in the cache */
    store_host_forget(&host);
    record_cell_name(ring_position(slice_text("k"), 0, ring->seed), 0, slice_text("k"),
                     &host.store.broken);
    mint_one(&host, "k", set_to("w"));
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_CORRUPT);
    store_host_deinit(&host);
    ring_free(ring);
}

/* Blind writes to a keyspace that keeps siblings pile up, and the cell travels whole. */
static void a_cell_that_no_message_can_carry_does_not_come_about(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    char *value = memory_new((5 << 20) + 1, 1);
    enum status status = STATUS_OK;
    unsigned written = 0;
    (void)state;
    memset(value, 'v', 5 << 20);
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    struct key_entry entry = {.key = slice_text("k"), .mutation = set_to(value)};
    struct key_request request = write_of(&host, &entry, 1, 0);
    request.keyspace = 7;
    while (status == STATUS_OK) {
        store_host_forget(&host);
        store_host_mint(&host, &request);
        store_host_commit(&host);
        status = minted_status(store_host_count(&host.early, MESSAGE_MINTED) > 0 ? &host.early
                                                                                 : &host.late);
        written += status == STATUS_OK;
    }
    assert_int_equal(status, STATUS_SIBLING_LIMIT);
    assert_int_equal(written, SIBLINGS_BYTES_MAX / (5 << 20));
    free(value);
    store_host_deinit(&host);
    ring_free(ring);
}

/* The sum of a request is bounded too, however its parts came to be so large. */
static void a_request_whose_cells_no_message_can_carry_is_refused(void **state)
{
    enum { KEYS = 6, VALUE_BYTES = 5 << 20 };
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct key_entry entries[KEYS];
    char keys[KEYS][8], *value = memory_new(VALUE_BYTES + 1, 1);
    (void)state;
    memset(value, 'v', VALUE_BYTES);
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "{t}%d", i);
        store_host_set(&host, keys[i], value);
        entries[i] = (struct key_entry){.key = slice_text(keys[i]), .mutation = append_of("!")};
    }
    struct key_request request = write_of(&host, entries, KEYS, 0);
    store_host_forget(&host);
    store_host_mint(&host, &request);
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host); /* and nothing has to be discarded */
    assert_int_equal(minted_status(&host.late), STATUS_TOO_LARGE);
    store_host_assert_value(&host, "{t}0", value);
    free(value);
    store_host_deinit(&host);
    ring_free(ring);
}

/* A record that no message can carry, as another version may have left it. */
static void a_cell_that_is_too_large_to_send_is_told_and_not_sent(void **state)
{
    enum { VALUE_BYTES = MESSAGE_PAYLOAD_BYTES_MAX / 4 * 3 };
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    char *value = memory_new(VALUE_BYTES + 1, 1);
    struct cell cell = {0};
    struct buffer name = {0}, record = {0}, batch = {0}, question = {0};
    struct sync_answer answer;
    struct frame frame;
    (void)state;
    memset(value, 'v', VALUE_BYTES);
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_set(&host, "k", "v");
    for (node_id writer = 1; writer <= 3; writer++) {
        struct sibling sibling = {.dot = {.actor = {.node = writer}, .sequence = 1},
                                  .value = slice_text(value)};
        cell_insert(&cell, &sibling);
    }
    record_cell_name(ring_position(slice_text("k"), 0, ring->seed), 0, slice_text("k"), &name);
    record_cell_encode(&cell, &record);
    store_batch_put(&batch, buffer_slice(&name), buffer_slice(&record));
    memory_store_apply(&host.store, buffer_slice(&batch));
    store_host_restart(&host); /* so that it is not in the cache */
    struct replica_address address = store_host_address(&host, store_host_partition(&host, "k"));
    sync_question_encode(&(struct sync_question){.address = address}, &question);
    store_host_forget(&host);
    store_host_write(&host, MESSAGE_SYNC_PULL, buffer_slice(&question));
    store_host_commit(&host);
    assert_true(store_host_find(&host.late, MESSAGE_SYNC_PAGE, 0, &frame));
    struct reader reader = reader_make(frame.body);
    sync_answer_decode(&reader, &answer);
    assert_int_equal(answer.status, STATUS_TOO_LARGE);
    assert_int_equal(answer.delivery_count, 0);
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
    buffer_deinit(&batch);
    buffer_deinit(&question);
    free(value);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mint_is_answered_early_and_acknowledged_late),
        cmocka_unit_test(a_mint_above_the_ceiling_of_the_clock_is_answered_late),
        cmocka_unit_test(what_was_minted_makes_other_owners_equal),
        cmocka_unit_test(writes_of_one_group_see_each_other),
        cmocka_unit_test(a_string_where_none_was_is_told_of_elements),
        cmocka_unit_test(a_field_that_counts_has_its_name_beside_it),
        cmocka_unit_test(a_mint_builds_on_what_the_read_quorum_holds),
        cmocka_unit_test(a_mint_that_writes_nothing_changes_nothing),
        cmocka_unit_test(the_old_value_comes_with_the_answer),
        cmocka_unit_test(one_condition_that_fails_keeps_all_entries_from_being_written),
        cmocka_unit_test(when_all_conditions_hold_all_entries_are_written),
        cmocka_unit_test(one_entry_that_is_too_large_keeps_all_from_being_written),
        cmocka_unit_test(a_cell_that_cannot_be_read_is_not_written_over),
        cmocka_unit_test(a_cell_that_no_message_can_carry_does_not_come_about),
        cmocka_unit_test(a_request_whose_cells_no_message_can_carry_is_refused),
        cmocka_unit_test(a_cell_that_is_too_large_to_send_is_told_and_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

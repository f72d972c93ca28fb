/*
 * test_store_side.c - what is handed over before a commit, what after it, and what never.
 */
#include "store_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "base/memory.h"
#include "base/random.h"
#include "replica/replica.h"
#include "ring/position.h"
#include "wire/record.h"

/* ---- helpers ------------------------------------------------------------------------------- */

static struct mutation set_to(const char *value)
{
    return (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
}

static struct mutation append_of(const char *value)
{
    return (struct mutation){.operation = REGISTER_APPEND, .value = slice_text(value)};
}

/* A write of entries whose keys share a {tag}, so that they lie in one partition. */
static struct key_request write_of(const struct store_host *host, struct key_entry *entries,
                                   uint16_t count, uint8_t flags)
{
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)entries[0].key.length,
             (const char *)entries[0].key.data);
    return (struct key_request){.kind = KEY_WRITE,
                                .flags = flags,
                                .partition = store_host_partition(host, key),
                                .entry_count = count,
                                .entries = entries};
}

static request_id mint_one(struct store_host *host, const char *key, struct mutation mutation)
{
    struct key_entry entry = {.key = slice_text(key), .mutation = mutation};
    struct key_request request = write_of(host, &entry, 1, 0);
    return store_host_mint(host, &request);
}

/*
 * The first times that a store side issues wait for the ceiling of its clock (store_clock.h): what
 * it mints then is answered late. Afterwards it is answered early.
 */
static void warm_clock(struct store_host *host)
{
    store_host_set(host, "{warm}", "1");
    store_host_forget(host);
}

/* The only MESSAGE_MINTED among the frames, with its result decoded. */
static struct message_minted minted_in(const struct buffer *frames, struct key_result *result)
{
    struct frame frame;
    struct message_minted minted;
    assert_int_equal(store_host_count(frames, MESSAGE_MINTED), 1);
    assert_true(store_host_find(frames, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    *result = (struct key_result){0};
    if (minted.status == STATUS_OK) {
        struct reader reader = reader_make(minted.result);
        assert_int_equal(key_result_decode(&reader, result), STATUS_OK);
    }
    return minted;
}

static enum status minted_status(const struct buffer *frames)
{
    struct key_result result;
    struct message_minted minted = minted_in(frames, &result);
    key_result_deinit(&result);
    return minted.status;
}

static enum status replicated_status(const struct buffer *frames, unsigned index)
{
    struct frame frame;
    struct message_replicated replicated;
    assert_true(store_host_find(frames, MESSAGE_REPLICATED, index, &frame));
    assert_int_equal(message_replicated_decode(frame.body, &replicated), STATUS_OK);
    return replicated.status;
}

/* The body for the other owners of what was just minted. */
static void take_replicate(const struct store_host *host, struct buffer *out)
{
    struct key_result result;
    bool is_early = store_host_count(&host->early, MESSAGE_MINTED) > 0;
    struct message_minted minted = minted_in(is_early ? &host->early : &host->late, &result);
    buffer_clear(out);
    buffer_append_slice(out, minted.replicate);
    key_result_deinit(&result);
}

static void assert_equal_replicas(struct store_host *a, struct store_host *b)
{
    for (partition_id p = 0; p < a->ring->partition_count; p++) {
        struct message_digest_result x = store_host_digest(a, p), y = store_host_digest(b, p);
        assert_int_equal(x.status, STATUS_OK);
        assert_true(x.content_digest == y.content_digest);
        assert_true(x.clock_digest == y.clock_digest);
        assert_int_equal(x.count, y.count);
    }
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum replica_state state_of(const struct buffer *frames, partition_id partition)
{
    enum replica_state known = REPLICA_ABSENT;
    struct frame frame;
    for (unsigned i = 0; store_host_find(frames, MESSAGE_REPLICA_STATE, i, &frame); i++) {
        struct message_replica_state state;
        assert_int_equal(message_replica_state_decode(frame.body, &state), STATUS_OK);
        if (state.partition == partition)
            known = (enum replica_state)state.state;
    }
    return known;
}

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

/* ---- minting ------------------------------------------------------------------------------- */

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

/* ---- all or nothing ------------------------------------------------------------------------ */

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

/* ---- refusals ------------------------------------------------------------------------------ */

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

/* ---- commits that fail --------------------------------------------------------------------- */

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

/* ---- log sync ------------------------------------------------------------------------------ */

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

/* ---- rebuilding ---------------------------------------------------------------------------- */

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

/* ---- counts and checkpoints ---------------------------------------------------------------- */

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

/* ---- any order ----------------------------------------------------------------------------- */

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

/* ---- siblings ------------------------------------------------------------------------------ */

enum { CARTS = 7 };

static request_id mint_cart(struct store_host *host, const char *key, const char *value)
{
    struct key_entry entry = {.key = slice_text(key), .mutation = set_to(value)};
    struct key_request request = write_of(host, &entry, 1, 0);
    request.keyspace = CARTS;
    return store_host_mint(host, &request);
}

/* The sum of what was reported; the frames are forgotten. */
static struct message_store_counts take_counts(struct store_host *host)
{
    struct message_store_counts sum = {0}, counts;
    struct frame frame;
    assert_int_equal(store_host_count(&host->early, MESSAGE_STORE_COUNTS), 0);
    for (unsigned i = 0; store_host_find(&host->late, MESSAGE_STORE_COUNTS, i, &frame); i++) {
        assert_int_equal(frame.request, 0);
        assert_int_equal(message_store_counts_decode(frame.body, &counts), STATUS_OK);
        sum.lww_losses += counts.lww_losses;
        sum.siblings_warned += counts.siblings_warned;
    }
    store_host_forget(host);
    return sum;
}

static void losses_are_reported_once_they_are_durable(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host a, b;
    struct buffer replicate = {0};
    (void)state;
    store_host_init(&a, ring, 1, 1);
    store_host_init(&b, ring, 2, 1);
    store_host_open(&a);
    store_host_open(&b);
    store_host_set(&a, "before", "x"); /* after a first group, mints are answered early */
    store_host_forget(&a);
    mint_one(&a, "k", set_to("x"));
    take_replicate(&a, &replicate);
    store_host_commit(&a);
    store_host_set(&b, "k", "y");
    take_counts(&b);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&replicate));
    assert_int_equal(store_host_count(&b.late, MESSAGE_STORE_COUNTS), 0);
    store_host_fail(&b, false); /* it never happened */
    b.boot_epoch++;
    store_host_open(&b);
    assert_int_equal(take_counts(&b).lww_losses, 0);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&replicate));
    store_host_commit(&b);
    assert_int_equal(take_counts(&b).lww_losses, 1);
    store_host_write(&b, MESSAGE_REPLICATE, buffer_slice(&replicate)); /* nothing new in it */
    store_host_commit(&b);
    assert_int_equal(store_host_count(&b.late, MESSAGE_STORE_COUNTS), 0);
    buffer_deinit(&replicate);
    store_host_deinit(&a);
    store_host_deinit(&b);
    ring_free(ring);
}

static unsigned lines_logged;

static void count_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    assert_true(level >= LOG_WARN);
    assert_non_null(strstr(line, "position="));
    lines_logged++;
}

static void many_siblings_are_counted_each_time_and_logged_once_a_minute(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    lines_logged = 0;
    store_host_init(&host, ring, 1, 1);
    store_side_free(host.side);
    host.settings.siblings_warn = 2;
    host.settings.siblings_max = 200;
    host.side = store_side_new(&(struct store_side_params){.self = 1,
                                                           .storage_incarnation = 1,
                                                           .boot_epoch = 1,
                                                           .ring = ring,
                                                           .settings = &host.settings,
                                                           .port = &host.port,
                                                           .log = {.write = count_line}});
    store_host_open(&host);
    for (int i = 0; i < 100; i++) {
        mint_cart(&host, "k", "v");
        store_host_commit(&host);
        host.now.mono_us += 1000000;
        assert_int_equal(take_counts(&host).siblings_warned, i >= 2);
    }
    assert_int_equal(lines_logged, 2);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_write_beyond_the_limit_is_a_definite_error(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    for (uint32_t i = 0; i < host.settings.siblings_max; i++)
        mint_cart(&host, "{a}k", "v");
    store_host_commit(&host);
    store_host_forget(&host);
    /* One entry of two: neither is written. */
    struct key_entry entries[] = {{.key = slice_text("{a}other"), .mutation = set_to("v")},
                                  {.key = slice_text("{a}k"), .mutation = set_to("v")}};
    struct key_request request = write_of(&host, entries, 2, 0);
    request.keyspace = CARTS;
    store_host_mint(&host, &request);
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    assert_int_equal(minted_status(&host.late), STATUS_SIBLING_LIMIT);
    store_host_deinit(&host);
    ring_free(ring);
}

/* What a delivery of `count` versions by a stranger looks like. */
static void put_strangers(const char *key, uint32_t count, node_id stranger, struct buffer *out)
{
    struct cell cell = {0};
    struct buffer encoded = {0};
    for (uint32_t i = 1; i <= count; i++) {
        struct sibling sibling = {.dot = {.actor = {.node = stranger}, .sequence = i}, .time = i};
        cell_insert(&cell, &sibling);
    }
    cell_encode(&cell, true, &encoded);
    cell_delivery_encode(&(struct cell_delivery){.keyspace = CARTS,
                                                 .key = slice_text(key),
                                                 .cell = buffer_slice(&encoded)},
                         out);
    cell_deinit(&cell);
    buffer_deinit(&encoded);
}

static void a_cell_that_does_not_fit_holds_up_nothing_else(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct buffer deliveries = {0}, body = {0}, page = {0};
    struct frame frame;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    partition_id partition = store_host_partition(&host, "{a}k");
    mint_cart(&host, "{a}k", "v");
    store_host_commit(&host);
    store_host_forget(&host);
    put_strangers("{a}k", CELL_SIBLINGS_MAX, 2, &deliveries);
    put_strangers("{a}next", 1, 3, &deliveries);
    struct message_replicate replicate = {.address = store_host_address(&host, partition),
                                          .delivery_count = 2,
                                          .deliveries = buffer_slice(&deliveries)};
    message_replicate_encode(&replicate, &body);
    store_host_write(&host, MESSAGE_REPLICATE, buffer_slice(&body));
    store_host_commit(&host);
    assert_int_equal(replicated_status(&host.late, 0), STATUS_TOO_LARGE);
    assert_int_equal(store_host_digest(&host, partition).count, 2);
    /* The same in a page of log sync, with another partition behind it. */
    partition_id after = (partition_id)((partition + 1) % 16);
    char key[32] = "";
    for (int i = 0; store_host_partition(&host, key) != after; i++)
        snprintf(key, sizeof key, "key:%d", i);
    struct sync_answer answer = {.address = store_host_address(&host, partition),
                                 .complete = true,
                                 .delivery_count = 2,
                                 .deliveries = buffer_slice(&deliveries)};
    sync_answer_encode(&answer, &page);
    buffer_clear(&body);
    put_strangers(key, 1, 4, &body);
    answer.address.partition = after;
    answer.delivery_count = 1;
    answer.deliveries = buffer_slice(&body);
    sync_answer_encode(&answer, &page);
    buffer_clear(&deliveries);
    message_sync_apply_encode(&(struct message_sync_apply){.from = 2, .page = buffer_slice(&page)},
                              &deliveries);
    store_host_forget(&host);
    store_host_write(&host, MESSAGE_SYNC_APPLY, buffer_slice(&deliveries));
    store_host_commit(&host);
    struct message_sync_applied applied;
    assert_true(store_host_find(&host.late, MESSAGE_SYNC_APPLIED, 0, &frame));
    assert_int_equal(message_sync_applied_decode(frame.body, &applied), STATUS_OK);
    assert_int_equal(applied.status, STATUS_TOO_LARGE);
    assert_int_equal(store_host_digest(&host, after).count, 1);
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
    buffer_deinit(&page);
    store_host_deinit(&host);
    ring_free(ring);
}

/* MSETNX writes without its conditions; what it replaces must not change with them. */
static void a_conditional_write_replaces_what_was_read(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct buffer cells = {0}, encoded = {0}, body = {0}, empty = {0};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    for (uint32_t i = 0; i < host.settings.siblings_max; i++) {
        struct key_entry entry = {.key = slice_text("k"), .mutation = set_to("")};
        entry.mutation.expire_at_ms = host.now.wall_ms + 1;
        struct key_request request = write_of(&host, &entry, 1, 0);
        request.keyspace = CARTS;
        store_host_mint(&host, &request);
    }
    store_host_commit(&host);
    store_host_forget(&host);
    host.now.wall_ms += 1; /* all of them are gone, and still held */
    struct key_entry entry = {.key = slice_text("k"), .mutation = set_to("v")};
    entry.mutation.flags = MUTATION_IF_ABSENT;
    struct key_request request = write_of(&host, &entry, 1, KEY_ALL_OR_NOTHING);
    request.keyspace = CARTS;
    key_request_encode(&request, &encoded);
    cell_encode(&(struct cell){0}, true, &empty);
    buffer_put_bytes(&cells, buffer_slice(&empty));
    struct message_mint mint = {.address = store_host_address(&host, request.partition),
                                .request = buffer_slice(&encoded),
                                .cell_count = 1,
                                .cells = buffer_slice(&cells)};
    message_mint_encode(&mint, &body);
    store_host_write(&host, MESSAGE_MINT, buffer_slice(&body));
    assert_int_equal(minted_status(&host.early), STATUS_OK);
    store_host_commit(&host); /* which asserts that nothing is to be discarded */
    buffer_deinit(&cells);
    buffer_deinit(&encoded);
    buffer_deinit(&body);
    buffer_deinit(&empty);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_tells_the_state_of_every_owned_partition),
        cmocka_unit_test(what_is_known_is_not_written_again),
        cmocka_unit_test(a_store_that_cannot_be_read_is_not_opened),
        cmocka_unit_test(a_mint_is_answered_early_and_acknowledged_late),
        cmocka_unit_test(a_mint_above_the_ceiling_of_the_clock_is_answered_late),
        cmocka_unit_test(what_was_minted_makes_other_owners_equal),
        cmocka_unit_test(writes_of_one_group_see_each_other),
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
        cmocka_unit_test(work_past_its_deadline_is_refused_before_anything_is_done),
        cmocka_unit_test(what_is_not_for_this_replica_is_refused),
        cmocka_unit_test(a_key_of_another_partition_is_refused),
        cmocka_unit_test(before_it_is_open_everything_is_refused),
        cmocka_unit_test(nothing_of_a_group_is_left_when_its_commit_fails),
        cmocka_unit_test(after_a_failed_commit_another_actor_mints),
        cmocka_unit_test(a_version_that_only_the_others_kept_comes_back),
        cmocka_unit_test(a_node_that_was_away_catches_up_in_pages),
        cmocka_unit_test(a_pull_is_answered_after_the_commit_of_its_group),
        cmocka_unit_test(garbage_in_a_pull_or_a_page_does_no_harm),
        cmocka_unit_test(a_lost_store_rebuilds_before_it_is_counted_on),
        cmocka_unit_test(two_that_rebuild_cannot_rebuild_each_other),
        cmocka_unit_test(a_rebuild_absorbs_enough_of_its_own_region),
        cmocka_unit_test(a_single_owner_has_nobody_to_rebuild_from),
        cmocka_unit_test(a_digest_counts_the_asked_keyspace_and_all),
        cmocka_unit_test(values_that_the_last_writer_wins_over_are_counted),
        cmocka_unit_test(checkpoints_bound_what_a_start_has_to_read),
        cmocka_unit_test(what_was_acknowledged_is_there_after_any_failures),
        cmocka_unit_test(losses_are_reported_once_they_are_durable),
        cmocka_unit_test(many_siblings_are_counted_each_time_and_logged_once_a_minute),
        cmocka_unit_test(a_write_beyond_the_limit_is_a_definite_error),
        cmocka_unit_test(a_cell_that_does_not_fit_holds_up_nothing_else),
        cmocka_unit_test(a_conditional_write_replaces_what_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

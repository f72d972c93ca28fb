/*
 * test_replica_siblings.c - concurrent versions: what a write with a context replaces, and how
 * many versions clients may pile up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "memory_store.h"
#include "replica/replica.h"

enum { WALL_MS = 1000000, SIBLINGS_MAX = 5, SIBLINGS_WARN = 3 };

/* One owner's replica of partition 0 with its store. */
struct owner {
    struct memory_store store;
    struct store_port port;
    struct cell_cache *cache;
    struct hybrid_clock clock;
    struct buffer batch, delivery;
    struct replica_context context;
    struct replica replica;
};

static void init(struct owner *owner, node_id id)
{
    struct replica_open_params params = {
        .tag = {.epoch = 1}, .self = id, .storage_incarnation = 1, .boot_epoch = 1};
    *owner = (struct owner){.port = {0}};
    owner->port = memory_store_port(&owner->store);
    owner->cache = cell_cache_new(1 << 20);
    owner->context = (struct replica_context){.port = &owner->port,
                                              .cache = owner->cache,
                                              .clock = &owner->clock,
                                              .batch = &owner->batch,
                                              .wall_ms = WALL_MS,
                                              .max_clock_skew_ms = 500,
                                              .value_bytes_max = 32 << 20,
                                              .siblings_warn = SIBLINGS_WARN,
                                              .siblings_max = SIBLINGS_MAX};
    assert_int_equal(replica_open(&owner->replica, &params, &owner->context), STATUS_OK);
}

static void deinit(struct owner *owner)
{
    replica_deinit(&owner->replica);
    cell_cache_free(owner->cache);
    buffer_deinit(&owner->batch);
    buffer_deinit(&owner->delivery);
    memory_store_deinit(&owner->store);
}

/* The cell of key "k"; its values live until the next call. */
static void load(struct owner *owner, struct cell *out)
{
    static struct buffer record;
    struct slice encoded;
    buffer_clear(&record);
    *out = (struct cell){0};
    if (replica_load_cell(&owner->context, 0, slice_text("k"), &record) != STATUS_OK)
        return;
    assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, out);
    assert_int_equal(reader_end(&reader), STATUS_OK);
}

/* All visible values, the newest first, separated by blanks. */
static void assert_values(struct owner *owner, const char *expected)
{
    struct buffer text = {0};
    struct cell cell;
    const struct sibling *newest;
    load(owner, &cell);
    while ((newest = cell_visible(&cell, WALL_MS)) != NULL) {
        struct sibling *taken = &cell.siblings[newest - cell.siblings];
        buffer_printf(&text, "%s%.*s", text.length > 0 ? " " : "", (int)taken->value.length,
                      (const char *)taken->value.data);
        taken->kind = SIBLING_TOMBSTONE;
    }
    buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    buffer_deinit(&text);
    cell_deinit(&cell);
}

/* What a reader of this owner's cell has seen. */
struct seen {
    struct version_vector vector;
    hybrid_time time;
};

static struct seen see(struct owner *owner)
{
    struct cell cell;
    struct seen seen = {0};
    load(owner, &cell);
    version_vector_copy(&cell.context, &seen.vector);
    seen.time = cell_time_max(&cell);
    cell_deinit(&cell);
    return seen;
}

static struct mutation set(const char *value)
{
    return (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
}

static const struct mutation DELETE = {.operation = REGISTER_DELETE, .flags = MUTATION_RETURN_OLD};

/* `seen` NULL: a blind write. */
static enum status write_with(struct owner *owner, struct mutation mutation,
                              enum merge_policy policy, const struct seen *seen,
                              struct replica_minted *minted)
{
    struct replica_mint wish = {.policy = policy,
                                .key = slice_text("k"),
                                .mutation = &mutation,
                                .observed = seen != NULL ? &seen->vector : NULL,
                                .observed_time = seen != NULL ? seen->time : 0};
    struct buffer old = {0};
    buffer_clear(&owner->delivery);
    enum status status =
        replica_mint(&owner->replica, &wish, true, &owner->context, minted, &old, &owner->delivery);
    if (status == STATUS_OK)
        status = replica_mint(&owner->replica, &wish, false, &owner->context, minted, &old,
                              &owner->delivery);
    buffer_deinit(&old);
    return status;
}

static struct replica_minted write_ok(struct owner *owner, struct mutation mutation,
                                      const struct seen *seen)
{
    struct replica_minted minted;
    assert_int_equal(write_with(owner, mutation, MERGE_SIBLINGS, seen, &minted), STATUS_OK);
    return minted;
}

static enum status apply_with(struct owner *owner, struct slice bytes, enum merge_policy policy)
{
    struct reader reader = reader_make(bytes);
    struct cell_delivery delivery;
    bool changed;
    cell_delivery_decode(&reader, &delivery);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    return replica_apply(&owner->replica, &delivery, policy, &owner->context, &changed);
}

/* What `from` wrote last reaches `to`. */
static void send(struct owner *from, struct owner *to)
{
    assert_int_equal(apply_with(to, buffer_slice(&from->delivery), MERGE_SIBLINGS), STATUS_OK);
}

/* ---- what is replaced ---- */

static void a_context_replaces_what_it_saw_and_nothing_else(void **state)
{
    struct owner a, b;
    (void)state;
    init(&a, 1);
    init(&b, 2);
    write_ok(&a, set("a1"), NULL);
    write_ok(&b, set("b1"), NULL);
    send(&b, &a);
    assert_values(&a, "b1 a1");
    struct seen seen = see(&a);
    write_ok(&a, set("a2"), NULL); /* nobody has seen it */
    write_ok(&a, set("c"), &seen);
    assert_values(&a, "c a2");
    send(&a, &b);
    assert_values(&b, "c a2");
    version_vector_deinit(&seen.vector);
    deinit(&a);
    deinit(&b);
}

/* An owner that lags behind the reader must not bring back what was replaced. */
static void what_the_context_saw_is_replaced_where_it_has_not_arrived_yet(void **state)
{
    struct owner a, b;
    (void)state;
    init(&a, 1);
    init(&b, 2);
    write_ok(&a, set("seen"), NULL);
    struct seen seen = see(&a);
    write_ok(&b, set("after"), &seen);
    send(&b, &a);
    assert_values(&a, "after");
    write_ok(&a, set("more"), NULL);
    send(&a, &b);
    assert_values(&b, "more after");
    version_vector_deinit(&seen.vector);
    deinit(&a);
    deinit(&b);
}

static void a_lazy_context_replaces_nothing_that_is_there(void **state)
{
    struct owner a;
    (void)state;
    init(&a, 1);
    write_ok(&a, set("1"), NULL);
    struct seen seen = see(&a);
    write_ok(&a, set("2"), &seen);
    write_ok(&a, set("3"), &seen);
    assert_values(&a, "3 2");
    version_vector_deinit(&seen.vector);
    deinit(&a);
}

static void a_delete_with_a_context_leaves_concurrent_values_alive(void **state)
{
    struct owner a;
    (void)state;
    init(&a, 1);
    write_ok(&a, set("old"), NULL);
    struct seen seen = see(&a);
    write_ok(&a, set("new"), NULL);
    struct replica_minted minted = write_ok(&a, DELETE, &seen);
    assert_int_equal(minted.number, 1);
    assert_true(minted.had_old);
    assert_values(&a, "new");
    minted = write_ok(&a, DELETE, &seen); /* nothing of it is left to delete */
    assert_false(minted.written);
    assert_int_equal(minted.number, 0);
    struct cell cell;
    load(&a, &cell);
    assert_int_equal(cell.count, 2); /* one tombstone */
    cell_deinit(&cell);
    version_vector_deinit(&seen.vector);
    deinit(&a);
}

/* The reader saw a value that this owner has not: only a tombstone keeps it from coming back. */
static void a_delete_reaches_what_only_the_reader_saw(void **state)
{
    static const enum merge_policy policies[] = {MERGE_SIBLINGS, MERGE_LWW};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct owner a, b;
        struct replica_minted minted;
        init(&a, 1);
        init(&b, 2);
        assert_int_equal(write_with(&a, set("seen"), policies[i], NULL, &minted), STATUS_OK);
        struct seen seen = see(&a);
        assert_int_equal(write_with(&b, DELETE, policies[i], &seen, &minted), STATUS_OK);
        assert_true(minted.written);
        assert_int_equal(minted.number, 1);
        assert_int_equal(apply_with(&a, buffer_slice(&b.delivery), policies[i]), STATUS_OK);
        assert_values(&a, "");
        assert_int_equal(a.context.lww_losses, 0);
        version_vector_deinit(&seen.vector);
        deinit(&a);
        deinit(&b);
    }
}

static void without_a_context_a_command_that_reads_replaces_what_was_read(void **state)
{
    struct owner a;
    (void)state;
    init(&a, 1);
    write_ok(&a, set("1"), NULL);
    write_ok(&a, set("2"), NULL);
    write_ok(&a, (struct mutation){.operation = REGISTER_APPEND, .value = slice_text("+")}, NULL);
    assert_values(&a, "2+");
    write_ok(&a, set("3"), NULL);
    write_ok(&a, DELETE, NULL);
    assert_values(&a, "");
    deinit(&a);
}

/* MSETNX evaluates its conditions first and then writes without them. */
static void what_the_quorum_read_is_replaced_by_every_mutation_of_the_request(void **state)
{
    struct owner a;
    struct cell cell;
    struct buffer read = {0}, old = {0};
    struct replica_minted minted;
    struct mutation mutation = set("new");
    (void)state;
    init(&a, 1);
    write_ok(&a, set("gone"), NULL);
    write_ok(&a, DELETE, NULL);
    load(&a, &cell);
    cell_encode(&cell, true, &read);
    cell_deinit(&cell);
    struct replica_mint wish = {.policy = MERGE_SIBLINGS,
                                .key = slice_text("k"),
                                .mutation = &mutation,
                                .read_cell = buffer_slice(&read)};
    assert_int_equal(replica_mint(&a.replica, &wish, false, &a.context, &minted, &old, &a.delivery),
                     STATUS_OK);
    load(&a, &cell);
    assert_int_equal(cell.count, 1);
    cell_deinit(&cell);
    buffer_deinit(&read);
    buffer_deinit(&old);
    deinit(&a);
}

/* ---- time ---- */

/* The reader's node had a clock that runs ahead; the owner's own clock would lose to it. */
static void a_causally_later_write_wins_against_a_faster_clock(void **state)
{
    struct owner fast, slow;
    struct replica_minted minted;
    (void)state;
    init(&fast, 1);
    init(&slow, 2);
    fast.context.wall_ms = WALL_MS + 400;
    assert_int_equal(write_with(&fast, set("first"), MERGE_LWW, NULL, &minted), STATUS_OK);
    struct seen seen = see(&fast);
    assert_int_equal(write_with(&slow, set("second"), MERGE_LWW, &seen, &minted), STATUS_OK);
    assert_int_equal(apply_with(&fast, buffer_slice(&slow.delivery), MERGE_LWW), STATUS_OK);
    assert_values(&fast, "second");
    assert_int_equal(fast.context.lww_losses, 0); /* it was read, so nothing was lost */
    version_vector_deinit(&seen.vector);
    deinit(&fast);
    deinit(&slow);
}

static void a_context_from_the_future_is_refused(void **state)
{
    struct owner a;
    struct replica_minted minted;
    struct seen seen = {.time = (uint64_t)(WALL_MS + 501) << 16};
    (void)state;
    init(&a, 1);
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, &seen, &minted), STATUS_CLOCK_SKEW);
    seen.time = (uint64_t)(WALL_MS + 500) << 16;
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, &seen, &minted), STATUS_OK);
    deinit(&a);
}

/* Its next dots would already be covered: they would vanish at the first merge. */
static void a_context_that_knows_more_of_an_actor_than_itself_is_refused(void **state)
{
    struct owner a;
    struct replica_minted minted;
    struct seen seen = {0};
    (void)state;
    init(&a, 1);
    write_ok(&a, set("1"), NULL);
    struct dot dot = {.actor = a.replica.actor, .sequence = 2};
    version_vector_raise(&seen.vector, &dot);
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, &seen, &minted), STATUS_CORRUPT);
    assert_int_equal(write_with(&a, set("x"), MERGE_LWW, &seen, &minted), STATUS_CORRUPT);
    assert_values(&a, "1");
    version_vector_deinit(&seen.vector);
    deinit(&a);
}

/* ---- limits ---- */

static void pile_up(struct owner *owner, int count)
{
    static const char *const values[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    for (int i = 0; i < count; i++)
        write_ok(owner, set(values[i]), NULL);
}

static void a_blind_write_above_the_limit_is_refused(void **state)
{
    struct owner a;
    struct replica_minted minted;
    (void)state;
    init(&a, 1);
    pile_up(&a, SIBLINGS_MAX);
    uint64_t position = a.replica.log_position;
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, NULL, &minted), STATUS_SIBLING_LIMIT);
    assert_int_equal(a.replica.log_position, position);
    assert_int_equal(a.delivery.length, 0);
    assert_values(&a, "5 4 3 2 1");
    struct seen seen = see(&a);
    write_ok(&a, set("all"), &seen); /* what the error says to do */
    assert_values(&a, "all");
    version_vector_deinit(&seen.vector);
    deinit(&a);
}

/* Two owners that were cut off from each other may exceed it together; a delete ends it. */
static void the_limit_binds_no_merge_and_no_write_that_does_not_add(void **state)
{
    struct owner a, b;
    struct replica_minted minted;
    (void)state;
    init(&a, 1);
    init(&b, 2);
    pile_up(&a, SIBLINGS_MAX);
    struct seen seen = see(&a);
    pile_up(&b, SIBLINGS_MAX);
    send(&b, &a);
    struct cell cell;
    load(&a, &cell);
    assert_int_equal(cell.count, 2 * SIBLINGS_MAX);
    cell_deinit(&cell);
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, NULL, &minted), STATUS_SIBLING_LIMIT);
    write_ok(&a, set("x"), &seen); /* replaces five by one, and is still above the limit */
    assert_values(&a, "x 5 4 3 2 1");
    write_ok(&a, DELETE, NULL);
    assert_values(&a, "");
    version_vector_deinit(&seen.vector);
    deinit(&a);
    deinit(&b);
}

static void the_bytes_of_siblings_are_bounded_and_one_value_is_not(void **state)
{
    struct owner a;
    struct replica_minted minted;
    uint8_t *bytes = memory_new(1, SIBLINGS_BYTES_MAX + 1);
    struct mutation large = {.operation = REGISTER_SET,
                             .value = slice_make(bytes, SIBLINGS_BYTES_MAX + 1)};
    (void)state;
    init(&a, 1);
    assert_int_equal(write_with(&a, large, MERGE_SIBLINGS, NULL, &minted), STATUS_OK);
    assert_int_equal(write_with(&a, set("x"), MERGE_SIBLINGS, NULL, &minted), STATUS_SIBLING_LIMIT);
    struct seen seen = see(&a);
    assert_int_equal(write_with(&a, large, MERGE_SIBLINGS, &seen, &minted), STATUS_OK);
    version_vector_deinit(&seen.vector);
    free(bytes);
    deinit(&a);
}

static void a_write_that_leaves_many_is_noted(void **state)
{
    struct owner a;
    (void)state;
    init(&a, 1);
    pile_up(&a, SIBLINGS_WARN);
    assert_int_equal(a.context.siblings_warned, 0);
    write_ok(&a, set("x"), NULL);
    assert_int_equal(a.context.siblings_warned, 1);
    deinit(&a);
}

/* A peer sends what no client could make; the merge of both has no form. */
static void a_delivery_that_would_not_fit_is_refused_whole(void **state)
{
    struct owner a;
    struct cell cell = {0};
    struct buffer encoded = {0}, bytes = {0};
    (void)state;
    init(&a, 1);
    pile_up(&a, 2);
    for (uint32_t i = 1; i < CELL_SIBLINGS_MAX; i++) {
        struct sibling sibling = {.dot = {.actor = {.node = 2}, .sequence = i}, .time = i};
        cell_insert(&cell, &sibling);
    }
    cell_encode(&cell, true, &encoded);
    cell_delivery_encode(
        &(struct cell_delivery){.key = slice_text("k"), .cell = buffer_slice(&encoded)}, &bytes);
    uint64_t position = a.replica.log_position;
    assert_int_equal(apply_with(&a, buffer_slice(&bytes), MERGE_SIBLINGS), STATUS_TOO_LARGE);
    assert_int_equal(a.replica.log_position, position);
    assert_false(clock_has(&a.replica.clock, &cell.siblings[0].dot)); /* it may come again */
    assert_values(&a, "2 1");
    struct seen seen = see(&a);
    write_ok(&a, set("one"), &seen); /* and once there is room, it fits */
    assert_int_equal(apply_with(&a, buffer_slice(&bytes), MERGE_SIBLINGS), STATUS_OK);
    version_vector_deinit(&seen.vector);
    cell_deinit(&cell);
    buffer_deinit(&encoded);
    buffer_deinit(&bytes);
    deinit(&a);
}

/*
 * Evaluating a write first must not count its losses twice, nor those of one that writes nothing.
 */
static void a_loss_is_counted_once_for_each_stored_write(void **state)
{
    struct owner a, b;
    struct cell cell;
    struct buffer read = {0}, old = {0};
    struct replica_minted minted;
    (void)state;
    init(&a, 1);
    init(&b, 2);
    assert_int_equal(write_with(&a, set("x"), MERGE_LWW, NULL, &minted), STATUS_OK);
    assert_int_equal(write_with(&b, set("y"), MERGE_LWW, NULL, &minted), STATUS_OK);
    load(&b, &cell);
    cell_encode(&cell, true, &read);
    cell_deinit(&cell);
    struct mutation mutation = set("z");
    mutation.flags = MUTATION_IF_ABSENT;
    struct replica_mint wish = {.policy = MERGE_LWW,
                                .key = slice_text("k"),
                                .mutation = &mutation,
                                .read_cell = buffer_slice(&read)};
    assert_int_equal(replica_mint(&a.replica, &wish, false, &a.context, &minted, &old, &a.delivery),
                     STATUS_OK);
    assert_false(minted.written);
    assert_int_equal(a.context.lww_losses, 0);
    mutation.flags = MUTATION_RETURN_OLD;
    for (int pass = 0; pass < 2; pass++)
        assert_int_equal(
            replica_mint(&a.replica, &wish, pass == 0, &a.context, &minted, &old, &a.delivery),
            STATUS_OK);
    assert_int_equal(a.context.lww_losses, 1);
    buffer_deinit(&read);
    buffer_deinit(&old);
    deinit(&a);
    deinit(&b);
}

/* ---- the whole of it ---- */

/*
 * Two clients that read and write in turn, each at its own owner, exchanging everything: the
 * value each replaces is the one it read, so there are never more than the two last writes.
 */
static void interleaved_writers_with_contexts_never_make_more_than_two(void **state)
{
    struct owner owners[2];
    struct seen seen[2] = {{{0}, 0}, {{0}, 0}};
    struct random random = random_make(3);
    (void)state;
    init(&owners[0], 1);
    init(&owners[1], 2);
    for (int i = 0; i < 1000; i++) {
        unsigned client = (unsigned)random_below(&random, 2);
        write_ok(&owners[client], set("v"), &seen[client]);
        send(&owners[client], &owners[1 - client]);
        struct cell cell;
        load(&owners[client], &cell);
        assert_true(cell.count <= 2);
        cell_deinit(&cell);
        version_vector_deinit(&seen[client].vector);
        seen[client] = see(&owners[random_below(&random, 2)]);
    }
    for (unsigned i = 0; i < 2; i++) {
        version_vector_deinit(&seen[i].vector);
        deinit(&owners[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_replaces_what_it_saw_and_nothing_else),
        cmocka_unit_test(what_the_context_saw_is_replaced_where_it_has_not_arrived_yet),
        cmocka_unit_test(a_lazy_context_replaces_nothing_that_is_there),
        cmocka_unit_test(a_delete_with_a_context_leaves_concurrent_values_alive),
        cmocka_unit_test(a_delete_reaches_what_only_the_reader_saw),
        cmocka_unit_test(without_a_context_a_command_that_reads_replaces_what_was_read),
        cmocka_unit_test(what_the_quorum_read_is_replaced_by_every_mutation_of_the_request),
        cmocka_unit_test(a_causally_later_write_wins_against_a_faster_clock),
        cmocka_unit_test(a_context_from_the_future_is_refused),
        cmocka_unit_test(a_context_that_knows_more_of_an_actor_than_itself_is_refused),
        cmocka_unit_test(a_blind_write_above_the_limit_is_refused),
        cmocka_unit_test(the_limit_binds_no_merge_and_no_write_that_does_not_add),
        cmocka_unit_test(the_bytes_of_siblings_are_bounded_and_one_value_is_not),
        cmocka_unit_test(a_write_that_leaves_many_is_noted),
        cmocka_unit_test(a_delivery_that_would_not_fit_is_refused_whole),
        cmocka_unit_test(a_loss_is_counted_once_for_each_stored_write),
        cmocka_unit_test(interleaved_writers_with_contexts_never_make_more_than_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

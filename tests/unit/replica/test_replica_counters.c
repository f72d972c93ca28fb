/*
 * test_replica_counters.c - increments, resets and request ids at replicas that exchange cells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "causal/counter.h"
#include "memory_store.h"
#include "replica/replica.h"

enum { WALL = 1000000 };

struct host {
    struct memory_store store;
    struct store_port port;
    struct cell_cache *cache;
    struct hybrid_clock clock;
    struct buffer batch;
    struct replica_context context;
    struct replica replica;
    node_id id;
    uint32_t boot_epoch;
};

static void open_host(struct host *host)
{
    struct replica_open_params params = {.tag = {.epoch = 1},
                                         .self = host->id,
                                         .storage_incarnation = 1,
                                         .boot_epoch = ++host->boot_epoch};
    assert_int_equal(replica_open(&host->replica, &params, &host->context), STATUS_OK);
}

static void init_host(struct host *host, node_id id)
{
    *host = (struct host){.id = id};
    host->port = memory_store_port(&host->store);
    host->cache = cell_cache_new(1 << 20);
    host->context = (struct replica_context){.port = &host->port,
                                             .cache = host->cache,
                                             .clock = &host->clock,
                                             .batch = &host->batch,
                                             .position_seed = 7,
                                             .digest_seed = 8,
                                             .wall_ms = WALL,
                                             .max_clock_skew_ms = 100000,
                                             .value_bytes_max = 1 << 20,
                                             .siblings_max = 64};
    open_host(host);
}

static void commit(struct host *host)
{
    memory_store_apply(&host->store, buffer_slice(&host->batch));
    buffer_clear(&host->batch);
    cell_cache_committed(host->cache);
}

static void restart(struct host *host)
{
    commit(host);
    replica_deinit(&host->replica);
    cell_cache_drop_all(host->cache);
    open_host(host);
}

static void deinit_host(struct host *host)
{
    replica_deinit(&host->replica);
    cell_cache_free(host->cache);
    buffer_deinit(&host->batch);
    memory_store_deinit(&host->store);
}

static enum status try_mint(struct host *host, const struct mutation *mutation, const char *id,
                            enum merge_policy policy, struct replica_minted *minted,
                            struct buffer *delivery)
{
    struct replica_mint wish = {
        .policy = policy, .key = slice_text("k"), .mutation = mutation, .id = slice_text(id)};
    struct buffer old = {0};
    buffer_clear(delivery);
    enum status status =
        replica_mint(&host->replica, &wish, false, &host->context, minted, &old, delivery);
    buffer_deinit(&old);
    return status;
}

static int64_t mint(struct host *host, struct mutation mutation, const char *id,
                    struct buffer *delivery)
{
    struct replica_minted minted;
    assert_int_equal(try_mint(host, &mutation, id, MERGE_LWW, &minted, delivery), STATUS_OK);
    return minted.number;
}

static struct mutation add(const char *amount)
{
    return (struct mutation){.operation = REGISTER_INCREMENT, .value = slice_text(amount)};
}

static struct mutation set(const char *value)
{
    return (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
}

static struct mutation del(void)
{
    return (struct mutation){.operation = REGISTER_DELETE};
}

static void apply(struct host *host, const struct buffer *delivery)
{
    struct reader reader = reader_make(buffer_slice(delivery));
    struct cell_delivery cell;
    bool changed;
    cell_delivery_decode(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(replica_apply(&host->replica, &cell, MERGE_LWW, &host->context, &changed),
                     STATUS_OK);
}

/* What the key shows, "" for nothing; and digest and count are those of the one cell. */
static void assert_shown(struct host *host, const char *expected)
{
    struct buffer record = {0}, text = {0};
    struct sibling shown;
    struct cell cell;
    struct slice encoded;
    assert_int_equal(replica_load_cell(&host->context, 0, slice_text("k"), &record), STATUS_OK);
    assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    bool any = cell_shown(&cell, host->context.wall_ms, &text, &shown);
    assert_true(slice_equal(any ? shown.value : slice_text(""), slice_text(expected)));
    assert_int_equal(replica_count(&host->replica, 0), cell_is_live(&cell));
    assert_int_equal(host->replica.tree.root.hash, cell_hash(&cell, slice_text("k"), 8));
    for (uint32_t i = 0; i < cell.count; i++)
        assert_true(clock_has(&host->replica.clock, &cell.siblings[i].dot));
    cell_deinit(&cell);
    buffer_deinit(&record);
    buffer_deinit(&text);
}

struct pair {
    struct host a, b;
    struct buffer from_a, from_b;
};

static int setup(void **state)
{
    static struct pair pair;
    memset(&pair, 0, sizeof pair);
    init_host(&pair.a, 1);
    init_host(&pair.b, 2);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    deinit_host(&pair->a);
    deinit_host(&pair->b);
    buffer_deinit(&pair->from_a);
    buffer_deinit(&pair->from_b);
    return 0;
}

/* Each gets what the other made last. */
static void exchange(struct pair *pair)
{
    apply(&pair->a, &pair->from_b);
    apply(&pair->b, &pair->from_a);
}

static void increments_at_two_owners_all_count(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(mint(&pair->a, add("5"), "", &pair->from_a), 5);
    assert_int_equal(mint(&pair->b, add("-7"), "", &pair->from_b), -7);
    exchange(pair);
    assert_shown(&pair->a, "-2");
    assert_shown(&pair->b, "-2");
    assert_int_equal(mint(&pair->a, add("10"), "", &pair->from_a), 8);
    apply(&pair->b, &pair->from_a);
    apply(&pair->b, &pair->from_a);
    assert_shown(&pair->b, "8");
}

static void a_string_and_a_delete_take_only_what_they_have_seen(void **state)
{
    struct pair *pair = *state;
    mint(&pair->a, add("5"), "", &pair->from_a);
    apply(&pair->b, &pair->from_a);
    mint(&pair->b, set("100"), "", &pair->from_b);
    assert_shown(&pair->b, "100");
    mint(&pair->a, add("3"), "", &pair->from_a);
    exchange(pair);
    assert_shown(&pair->a, "103");
    assert_shown(&pair->b, "103");
    assert_int_equal(mint(&pair->a, del(), "", &pair->from_a), 1);
    assert_shown(&pair->a, "");
    mint(&pair->b, add("1"), "", &pair->from_b);
    exchange(pair);
    assert_shown(&pair->a, "1");
    assert_shown(&pair->b, "1");
}

static void a_deleted_counter_begins_at_nothing(void **state)
{
    struct pair *pair = *state;
    mint(&pair->a, add("5"), "", &pair->from_a);
    assert_int_equal(mint(&pair->a, del(), "", &pair->from_a), 1);
    assert_int_equal(mint(&pair->a, del(), "", &pair->from_a), 0);
    assert_int_equal(mint(&pair->a, add("2"), "", &pair->from_a), 2);
    assert_shown(&pair->a, "2");
}

/* The first attempt has reached nobody else yet: sub-states by id make the second one the same. */
static void a_request_repeated_through_another_owner_counts_once(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(mint(&pair->a, add("4"), "job:1", &pair->from_a), 4);
    assert_int_equal(mint(&pair->b, add("4"), "job:1", &pair->from_b), 4);
    exchange(pair);
    assert_shown(&pair->a, "4");
    assert_shown(&pair->b, "4");
    assert_int_equal(mint(&pair->a, add("4"), "job:1", &pair->from_a), 4);
    assert_true(pair->from_a.length > 0); /* written once more, so that its owners are counted */
    assert_shown(&pair->a, "4");
    assert_int_equal(mint(&pair->a, add("4"), "job:2", &pair->from_a), 8);
}

static void a_late_copy_of_a_request_does_not_survive_a_delete(void **state)
{
    struct pair *pair = *state;
    mint(&pair->b, add("4"), "job:1", &pair->from_b);
    mint(&pair->a, add("4"), "job:1", &pair->from_a);
    mint(&pair->a, del(), "", &pair->from_a);
    exchange(pair);
    assert_shown(&pair->a, "");
    assert_shown(&pair->b, "");
}

/* So that the coordinator of a plain SET can do it again (coordinator/request.h). */
static void an_owner_tells_of_increments_that_a_string_has_not_seen(void **state)
{
    struct pair *pair = *state;
    mint(&pair->a, add("5"), "", &pair->from_a);
    mint(&pair->b, set("1"), "", &pair->from_b);
    apply(&pair->a, &pair->from_b);
    assert_int_equal(pair->a.context.unseen_increments, 1);
    apply(&pair->a, &pair->from_b); /* doubled: still true */
    assert_int_equal(pair->a.context.unseen_increments, 2);
    apply(&pair->b, &pair->from_a);
    mint(&pair->b, set("2"), "", &pair->from_b);
    apply(&pair->a, &pair->from_b);
    assert_int_equal(pair->a.context.unseen_increments, 2);
    assert_shown(&pair->a, "2");
}

static void a_new_actor_goes_on_in_a_slot_of_its_own(void **state)
{
    struct pair *pair = *state;
    mint(&pair->a, add("5"), "", &pair->from_a);
    restart(&pair->a);
    assert_int_equal(mint(&pair->a, add("2"), "", &pair->from_a), 7);
    apply(&pair->b, &pair->from_a);
    assert_shown(&pair->b, "7");
}

static void an_expiry_goes_with_the_counter_and_a_new_life_begins_at_nothing(void **state)
{
    struct pair *pair = *state;
    struct mutation expire = {.operation = REGISTER_EXPIRE, .expire_at_ms = WALL + 1000};
    mint(&pair->a, add("5"), "", &pair->from_a);
    apply(&pair->b, &pair->from_a);
    assert_int_equal(mint(&pair->a, expire, "", &pair->from_a), 1);
    mint(&pair->b, add("1"), "", &pair->from_b);
    exchange(pair);
    assert_shown(&pair->a, "6");
    pair->a.context.wall_ms = pair->b.context.wall_ms = WALL + 1000;
    assert_shown(&pair->a, "");
    assert_int_equal(mint(&pair->a, add("3"), "", &pair->from_a), 3);
    apply(&pair->b, &pair->from_a);
    assert_shown(&pair->b, "3");
}

static void what_cannot_be_counted_is_refused_and_nothing_changes(void **state)
{
    struct pair *pair = *state;
    struct replica_minted minted;
    struct mutation one = add("1"), bad = add("x"), most = add("9223372036854775807");
    mint(&pair->a, set("abc"), "", &pair->from_a);
    assert_int_equal(try_mint(&pair->a, &one, "", MERGE_LWW, &minted, &pair->from_a),
                     STATUS_NOT_A_NUMBER);
    mint(&pair->a, set("1"), "", &pair->from_a);
    assert_int_equal(try_mint(&pair->a, &most, "", MERGE_LWW, &minted, &pair->from_a),
                     STATUS_OVERFLOW);
    assert_int_equal(try_mint(&pair->a, &bad, "", MERGE_LWW, &minted, &pair->from_a),
                     STATUS_NOT_A_NUMBER);
    assert_int_equal(try_mint(&pair->a, &one, "", MERGE_SIBLINGS, &minted, &pair->from_a),
                     STATUS_UNSUPPORTED);
    mint(&pair->a, one, "x", &pair->from_a);
    assert_int_equal(
        try_mint(&pair->a,
                 &(struct mutation){.operation = REGISTER_INCREMENT, .value = slice_text("2")}, "x",
                 MERGE_LWW, &minted, &pair->from_a),
        STATUS_ID_CONFLICT);
    assert_shown(&pair->a, "2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(increments_at_two_owners_all_count),
        TEST(a_string_and_a_delete_take_only_what_they_have_seen),
        TEST(a_deleted_counter_begins_at_nothing),
        TEST(a_request_repeated_through_another_owner_counts_once),
        TEST(a_late_copy_of_a_request_does_not_survive_a_delete),
        TEST(an_owner_tells_of_increments_that_a_string_has_not_seen),
        TEST(a_new_actor_goes_on_in_a_slot_of_its_own),
        TEST(an_expiry_goes_with_the_counter_and_a_new_life_begins_at_nothing),
        TEST(what_cannot_be_counted_is_refused_and_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

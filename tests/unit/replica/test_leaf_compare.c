/*
 * test_leaf_compare.c - what two owners conclude when their cells differ, and what is mended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "memory_store.h"
#include "replica/expiry.h"
#include "replica/leaf_compare.h"
#include "replica/replica_tree.h"
#include "ring/position.h"

enum { SEED = 77, WALL = 1000000, MONO_MS = 5000 };

struct host {
    struct memory_store store;
    struct store_port port;
    struct cell_cache *cache;
    struct hybrid_clock clock;
    struct buffer batch;
    struct replica_context context;
    struct replica replica;
};

/* Two owners of one partition. */
struct owners {
    struct host a, b;
    struct buffer delivery; /* of the last write */
};

static void init_host(struct host *host, node_id id)
{
    struct replica_open_params params = {
        .tag = {.epoch = 1}, .self = id, .storage_incarnation = 1, .boot_epoch = 1};
    *host = (struct host){0};
    host->port = memory_store_port(&host->store);
    host->cache = cell_cache_new(1 << 20);
    host->context = (struct replica_context){.port = &host->port,
                                             .cache = host->cache,
                                             .clock = &host->clock,
                                             .batch = &host->batch,
                                             .position_seed = SEED,
                                             .digest_seed = SEED + 1,
                                             .wall_ms = WALL,
                                             .max_clock_skew_ms = 500,
                                             .value_bytes_max = 1 << 20,
                                             .siblings_max = 64};
    assert_int_equal(replica_open(&host->replica, &params, &host->context), STATUS_OK);
}

static void commit(struct host *host)
{
    memory_store_apply(&host->store, buffer_slice(&host->batch));
    buffer_clear(&host->batch);
    cell_cache_committed(host->cache);
}

static void deinit_host(struct host *host)
{
    replica_deinit(&host->replica);
    cell_cache_free(host->cache);
    buffer_deinit(&host->batch);
    memory_store_deinit(&host->store);
}

static int set_up(void **state)
{
    static struct owners owners;
    owners = (struct owners){0};
    init_host(&owners.a, 1);
    init_host(&owners.b, 2);
    *state = &owners;
    return 0;
}

static int tear_down(void **state)
{
    struct owners *owners = *state;
    deinit_host(&owners->a);
    deinit_host(&owners->b);
    buffer_deinit(&owners->delivery);
    return 0;
}

static void mutate(struct owners *owners, struct host *host, const char *key,
                   struct mutation mutation, enum merge_policy policy)
{
    struct replica_mint wish = {.policy = policy, .key = slice_text(key), .mutation = &mutation};
    struct replica_minted minted;
    struct buffer old = {0};
    buffer_clear(&owners->delivery);
    assert_int_equal(replica_mint(&host->replica, &wish, false, &host->context, &minted, &old,
                                  &owners->delivery),
                     STATUS_OK);
    assert_true(minted.written);
    buffer_deinit(&old);
    commit(host);
}

static void write_key(struct owners *owners, struct host *host, const char *key, const char *value)
{
    mutate(owners, host, key,
           (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)}, MERGE_LWW);
}

/* What was written last arrives. */
static void deliver(const struct owners *owners, struct host *to, enum merge_policy policy)
{
    struct reader reader = reader_make(buffer_slice(&owners->delivery));
    struct cell_delivery cell;
    bool changed;
    cell_delivery_decode(&reader, &cell);
    assert_int_equal(replica_apply(&to->replica, &cell, policy, &to->context, &changed), STATUS_OK);
    commit(to);
}

static void write_both(struct owners *owners, const char *key, const char *value)
{
    write_key(owners, &owners->a, key, value);
    deliver(owners, &owners->b, MERGE_LWW);
}

static void cell_name(const char *key, struct buffer *out)
{
    record_cell_name(ring_position(slice_text(key), 0, SEED), 0, slice_text(key), out);
}

/* The cell vanishes from the disk; the clock stays. `record`: what it was. */
static void lose(struct host *host, const char *key, struct buffer *record)
{
    struct buffer name = {0}, batch = {0};
    cell_name(key, &name);
    if (record != NULL)
        assert_int_equal(host->port.get(host->port.context, buffer_slice(&name), record),
                         STATUS_OK);
    store_batch_delete(&batch, buffer_slice(&name));
    memory_store_apply(&host->store, buffer_slice(&batch));
    buffer_deinit(&name);
    buffer_deinit(&batch);
}

static void restore(struct host *host, const char *key, const struct buffer *record)
{
    struct buffer name = {0}, batch = {0};
    cell_name(key, &name);
    store_batch_put(&batch, buffer_slice(&name), buffer_slice(record));
    memory_store_apply(&host->store, buffer_slice(&batch));
    buffer_deinit(&name);
    buffer_deinit(&batch);
}

/* By the disk alone. */
static void assert_value(struct host *host, const char *key, const char *expected)
{
    struct buffer name = {0}, record = {0};
    struct cell cell = {0};
    struct slice encoded;
    cell_name(key, &name);
    if (host->port.get(host->port.context, buffer_slice(&name), &record) == STATUS_OK) {
        assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &cell);
    }
    const struct sibling *seen = cell_visible(&cell, WALL);
    assert_true(slice_equal(seen == NULL ? slice_text("") : seen->value, slice_text(expected)));
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
}

static uint32_t force_all(struct host *host, struct slice list, uint16_t count)
{
    struct reader reader = reader_make(list);
    uint32_t repaired = 0;
    for (uint16_t i = 0; i < count; i++) {
        struct forced_delivery forced;
        struct cell_delivery delivery;
        bool changed;
        forced_delivery_decode(&reader, &forced);
        struct reader inner = reader_make(forced.delivery);
        cell_delivery_decode(&inner, &delivery);
        assert_int_equal(replica_force(&host->replica, &delivery, forced.expected, MERGE_LWW,
                                       &host->context, &changed),
                         STATUS_OK);
        repaired += changed;
    }
    commit(host);
    return repaired;
}

struct outcome {
    struct tree_differences differences;
    uint32_t repaired_asker, repaired_answerer;
};

/* A whole exchange of the only leaf; `between` runs while the answer is on its way. */
static struct outcome exchange(struct owners *owners, uint8_t flags,
                               void (*between)(struct owners *))
{
    struct outcome outcome = {0};
    struct buffer from = {0};
    do {
        struct buffer question = {0}, answer = {0}, forced = {0};
        struct message_tree_leaf leaf;
        struct message_tree_leaf_result result;
        struct leaf_range range = {.flags = flags, .from = buffer_slice(&from)};
        uint16_t count = 0;
        assert_int_equal(
            leaf_list(&owners->a.replica, &range, MONO_MS, &owners->a.context, &question),
            STATUS_OK);
        assert_int_equal(message_tree_leaf_decode(buffer_slice(&question), &leaf), STATUS_OK);
        leaf_answer(&owners->b.replica, &leaf, MONO_MS, &owners->b.context, &answer);
        assert_int_equal(message_tree_leaf_result_decode(buffer_slice(&answer), &result),
                         STATUS_OK);
        assert_int_equal(result.status, STATUS_OK);
        if (between != NULL)
            between(owners);
        tree_differences_add(&outcome.differences, &result.differences);
        outcome.repaired_asker += force_all(&owners->a, result.forced, result.forced_count);
        assert_int_equal(leaf_judge(&owners->a.replica, &result.back, (flags & TREE_DRY_RUN) != 0,
                                    &owners->a.context, &outcome.differences, &count, &forced),
                         STATUS_OK);
        outcome.repaired_answerer += force_all(&owners->b, buffer_slice(&forced), count);
        buffer_clear(&from);
        buffer_append_slice(&from, result.next);
        clock_deinit(&leaf.listing.clock);
        clock_deinit(&result.back.clock);
        buffer_deinit(&question);
        buffer_deinit(&answer);
        buffer_deinit(&forced);
    } while (from.length > 0);
    buffer_deinit(&from);
    return outcome;
}

static void assert_found(const struct outcome *outcome, uint32_t behind, uint32_t superseded,
                         uint32_t in_flight, uint32_t corrupt)
{
    assert_int_equal(outcome->differences.behind, behind);
    assert_int_equal(outcome->differences.superseded, superseded);
    assert_int_equal(outcome->differences.in_flight, in_flight);
    assert_int_equal(outcome->differences.corrupt, corrupt);
}

static void equal_owners_find_nothing(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 0);
}

static void a_cell_lost_by_the_asker_returns(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    lose(&owners->a, "k", NULL);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_int_equal(outcome.repaired_asker, 1);
    assert_value(&owners->a, "k", "v");
}

static void a_cell_lost_by_the_answerer_returns(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    lose(&owners->b, "k", NULL);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_int_equal(outcome.repaired_answerer, 1);
    assert_value(&owners->b, "k", "v");
}

static void an_aged_cell_is_replaced(void **state)
{
    struct owners *owners = *state;
    struct buffer old = {0};
    write_both(owners, "k", "old");
    lose(&owners->b, "k", &old);
    restore(&owners->b, "k", &old);
    write_both(owners, "k", "new");
    restore(&owners->b, "k", &old);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_value(&owners->a, "k", "new");
    assert_value(&owners->b, "k", "new");
    buffer_deinit(&old);
}

/* Evidence brings a delete, and only that. */
static void a_tombstone_replaces_an_aged_cell(void **state)
{
    struct owners *owners = *state;
    struct buffer old = {0};
    write_both(owners, "k", "v");
    lose(&owners->b, "k", &old);
    restore(&owners->b, "k", &old);
    mutate(owners, &owners->a, "k", (struct mutation){.operation = REGISTER_DELETE}, MERGE_LWW);
    deliver(owners, &owners->b, MERGE_LWW);
    restore(&owners->b, "k", &old);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_value(&owners->b, "k", "");
    buffer_deinit(&old);
}

static void an_event_on_its_way_is_left_to_log_sync(void **state)
{
    struct owners *owners = *state;
    write_key(owners, &owners->a, "k", "v");
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 1, 0, 0, 0);
    assert_int_equal(outcome.repaired_asker + outcome.repaired_answerer, 0);
    assert_value(&owners->b, "k", "");
}

static void a_delete_on_its_way_is_left_to_log_sync(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    mutate(owners, &owners->a, "k", (struct mutation){.operation = REGISTER_DELETE}, MERGE_LWW);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 1, 0, 0);
    assert_value(&owners->b, "k", "v");
}

/* While a clock lacks something that the other has, absence may have its reason there. */
static void nothing_is_concluded_before_the_clocks_have_met(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    lose(&owners->b, "k", NULL);
    write_key(owners, &owners->b, "other", "w");
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_int_equal(outcome.differences.in_flight, 1);
    assert_int_equal(outcome.differences.corrupt, 0);
    assert_value(&owners->b, "k", "");
    deliver(owners, &owners->a, MERGE_LWW);
    outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_value(&owners->b, "k", "v");
}

static void delete_meanwhile(struct owners *owners)
{
    write_key(owners, &owners->a, "k", "newer");
}

/* The cell that was judged is not the one that the copy would meet. */
static void a_copy_is_refused_when_its_cell_changed(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    lose(&owners->a, "k", NULL);
    cell_cache_forget_stored(owners->a.cache);
    struct outcome outcome = exchange(owners, 0, delete_meanwhile);
    assert_int_equal(outcome.repaired_asker, 0);
    assert_value(&owners->a, "k", "newer");
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
    struct owners *owners = *state;
    write_both(owners, "k", "v");
    write_both(owners, "l", "w");
    lose(&owners->a, "k", NULL);
    lose(&owners->b, "l", NULL);
    struct outcome outcome = exchange(owners, TREE_DRY_RUN, NULL);
    assert_found(&outcome, 0, 0, 0, 2);
    assert_value(&owners->a, "k", "");
    assert_value(&owners->b, "l", "");
}

/* Whatever one disk has lost, no other may follow it. */
static void a_store_that_lost_everything_spreads_nothing(void **state)
{
    struct owners *owners = *state;
    char key[16];
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        write_both(owners, key, "v");
    }
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        lose(&owners->a, key, NULL);
    }
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1500);
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_value(&owners->a, key, "v");
        assert_value(&owners->b, key, "v");
    }
}

/* A read repair or a late packet brings nothing new: it must not make a loss look like a delete. */
static void a_delivery_without_news_does_not_hide_a_loss(void **state)
{
    struct owners *owners = *state;
    struct buffer old = {0};
    struct mutation x = {.operation = REGISTER_SET, .value = slice_text("x")};
    struct mutation y = {.operation = REGISTER_SET, .value = slice_text("y")};
    mutate(owners, &owners->a, "k", x, MERGE_SIBLINGS);
    deliver(owners, &owners->b, MERGE_SIBLINGS);
    lose(&owners->b, "k", &old);
    restore(&owners->b, "k", &old);
    mutate(owners, &owners->a, "k", y, MERGE_SIBLINGS);
    deliver(owners, &owners->b, MERGE_SIBLINGS);
    restore(&owners->b, "k", &old); /* y is lost, x is still there */
    cell_cache_forget_stored(owners->b.cache);
    deliver(owners, &owners->b, MERGE_SIBLINGS);
    struct outcome outcome = exchange(owners, TREE_DRY_RUN, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    buffer_deinit(&old);
}

static void a_claim_ends(void **state)
{
    struct owners *owners = *state;
    struct tree_claim claim = {.mono_ms = MONO_MS, .boot_epoch = 1};
    const struct replica *replica = &owners->a.replica;
    assert_true(leaf_claim_is_valid(replica, &claim, MONO_MS));
    assert_true(leaf_claim_is_valid(replica, &claim, MONO_MS + TREE_CLAIM_MS_MAX));
    assert_false(leaf_claim_is_valid(replica, &claim, MONO_MS + TREE_CLAIM_MS_MAX + 1));
    assert_false(leaf_claim_is_valid(replica, &claim, MONO_MS - 1)); /* of another life */
    claim.boot_epoch = 2;
    assert_false(leaf_claim_is_valid(replica, &claim, MONO_MS));
}

static void a_listing_of_another_partition_is_refused(void **state)
{
    struct owners *owners = *state;
    struct buffer entries = {0}, answer = {0};
    struct message_tree_leaf_result result;
    buffer_put_bytes(&entries, slice_text("no name"));
    buffer_put_bytes(&entries, slice_text("no cell"));
    struct message_tree_leaf leaf = {
        .listing = {.from = slice_text("D"), .entry_count = 1, .entries = buffer_slice(&entries)}};
    leaf_answer(&owners->b.replica, &leaf, MONO_MS, &owners->b.context, &answer);
    assert_int_equal(message_tree_leaf_result_decode(buffer_slice(&answer), &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_CORRUPT);
    clock_deinit(&result.back.clock);
    buffer_deinit(&entries);
    buffer_deinit(&answer);
}

/* ---- expired values ---- */

static void write_expiring_both(struct owners *owners, const char *key)
{
    mutate(owners, &owners->a, key,
           (struct mutation){
               .operation = REGISTER_SET, .value = slice_text("v"), .expire_at_ms = WALL + 100},
           MERGE_LWW);
    deliver(owners, &owners->b, MERGE_LWW);
}

static void pass_expiry(struct owners *owners)
{
    owners->a.context.wall_ms = owners->b.context.wall_ms = WALL + 1000;
}

static void drop_expired(struct host *host)
{
    struct expiry_outcome outcome = {0};
    assert_int_equal(expiry_drop(&host->replica, (hybrid_time)(WALL + 200) << 16,
                                 &(struct stability){0}, 10, &host->context, &outcome),
                     STATUS_OK);
    assert_int_equal(outcome.dropped, 1);
    commit(host);
}

/* X2: what one owner has dropped, and even collected, is nothing that the other could mend. */
static void what_one_owner_has_dropped_is_nothing_to_repair(void **state)
{
    struct owners *owners = *state;
    for (int gone = 0; gone < 2; gone++) {
        for (int asker = 0; asker < 2; asker++) {
            const char *key = asker ? "k" : "l";
            struct host *first = asker ? &owners->a : &owners->b;
            write_expiring_both(owners, key);
            pass_expiry(owners);
            drop_expired(first);
            if (gone)
                lose(first, key, NULL);
            struct outcome outcome = exchange(owners, 0, NULL);
            assert_found(&outcome, 0, 0, 0, 0);
            assert_int_equal(outcome.differences.expired, 1);
            assert_int_equal(outcome.repaired_asker + outcome.repaired_answerer, 0);
            drop_expired(asker ? &owners->b : &owners->a);
            outcome = exchange(owners, 0, NULL);
            assert_int_equal(outcome.differences.expired, 0);
            owners->a.context.wall_ms = owners->b.context.wall_ms = WALL;
        }
    }
}

static void a_value_that_has_not_expired_returns_when_it_was_lost(void **state)
{
    struct owners *owners = *state;
    write_expiring_both(owners, "k");
    lose(&owners->a, "k", NULL);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_value(&owners->a, "k", "v");
}

/* The expired value is what proves that the older one was replaced. */
static void an_older_value_on_a_damaged_disk_is_replaced_by_an_expired_one(void **state)
{
    struct owners *owners = *state;
    struct buffer older = {0};
    write_both(owners, "k", "older");
    lose(&owners->a, "k", &older);
    restore(&owners->a, "k", &older);
    write_expiring_both(owners, "k");
    restore(&owners->a, "k", &older);
    cell_cache_drop_all(owners->a.cache);
    pass_expiry(owners);
    struct outcome outcome = exchange(owners, 0, NULL);
    assert_found(&outcome, 0, 0, 0, 1);
    assert_int_equal(outcome.repaired_asker, 1);
    drop_expired(&owners->a);
    assert_value(&owners->a, "k", "");
    buffer_deinit(&older);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_owners_find_nothing),
        TEST(a_cell_lost_by_the_asker_returns),
        TEST(a_cell_lost_by_the_answerer_returns),
        TEST(an_aged_cell_is_replaced),
        TEST(a_tombstone_replaces_an_aged_cell),
        TEST(an_event_on_its_way_is_left_to_log_sync),
        TEST(a_delete_on_its_way_is_left_to_log_sync),
        TEST(nothing_is_concluded_before_the_clocks_have_met),
        TEST(a_copy_is_refused_when_its_cell_changed),
        TEST(a_dry_run_counts_and_changes_nothing),
        TEST(a_store_that_lost_everything_spreads_nothing),
        TEST(a_delivery_without_news_does_not_hide_a_loss),
        TEST(a_claim_ends),
        TEST(a_listing_of_another_partition_is_refused),
        TEST(what_one_owner_has_dropped_is_nothing_to_repair),
        TEST(a_value_that_has_not_expired_returns_when_it_was_lost),
        TEST(an_older_value_on_a_damaged_disk_is_replaced_by_an_expired_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_replica_tree.c - the sum-tree of a replica equals the tree made from its cells, always.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "causal/counter.h"
#include "memory_store.h"
#include "replica/replica_tree.h"
#include "replica/scrub.h"
#include "ring/position.h"
#include "wire/record_tree.h"

enum { SEED = 77, WALL = 1000000, DIGEST_SEED = 78 };

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

static void commit(struct host *host)
{
    memory_store_apply(&host->store, buffer_slice(&host->batch));
    buffer_clear(&host->batch);
    cell_cache_committed(host->cache);
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
                                             .position_seed = SEED,
                                             .digest_seed = DIGEST_SEED,
                                             .wall_ms = WALL,
                                             .max_clock_skew_ms = 500,
                                             .value_bytes_max = 1 << 20,
                                             .siblings_max = 64};
    open_host(host);
    commit(host);
}

static void deinit_host(struct host *host)
{
    replica_deinit(&host->replica);
    cell_cache_free(host->cache);
    buffer_deinit(&host->batch);
    memory_store_deinit(&host->store);
}

/* kill -9: what was not committed is gone. */
static void crash(struct host *host)
{
    buffer_clear(&host->batch);
    replica_deinit(&host->replica);
    cell_cache_drop_all(host->cache);
    open_host(host);
    commit(host);
}

static void write_key(struct host *host, int number, struct mutation mutation,
                      struct buffer *delivery)
{
    char key[16];
    struct replica_minted minted;
    struct buffer old = {0};
    snprintf(key, sizeof key, "k%d", number);
    struct replica_mint wish = {.policy = MERGE_LWW, .key = slice_text(key), .mutation = &mutation};
    buffer_clear(delivery);
    assert_int_equal(
        replica_mint(&host->replica, &wish, false, &host->context, &minted, &old, delivery),
        STATUS_OK);
    buffer_deinit(&old);
}

static void set_keys(struct host *host, int count)
{
    struct buffer delivery = {0};
    for (int i = 0; i < count; i++)
        write_key(host, i, (struct mutation){.operation = REGISTER_SET, .value = slice_text("v")},
                  &delivery);
    commit(host);
    buffer_deinit(&delivery);
}

/* The tree of this depth made from nothing but the cells in the store. */
static void scan(const struct host *host, uint8_t bits, struct sum_tree *out)
{
    sum_tree_init(out, bits);
    for (size_t i = 0; i < host->store.count; i++) {
        struct cell_name name;
        struct slice encoded;
        struct cell cell;
        if (record_cell_name_decode(buffer_slice(&host->store.records[i].key), &name) != STATUS_OK)
            continue;
        assert_int_equal(record_cell_open(buffer_slice(&host->store.records[i].value), &encoded),
                         STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &cell);
        sum_tree_add(out, name.position, cell_hash(&cell, name.key, DIGEST_SEED + name.keyspace),
                     cell_is_live(&cell));
        cell_deinit(&cell);
    }
}

static void assert_tree_equals_scan(const struct host *host)
{
    const struct sum_tree *tree = &host->replica.tree;
    struct sum_tree scanned;
    scan(host, tree->bits, &scanned);
    for (uint32_t i = 0; i < UINT32_C(1) << tree->bits; i++)
        assert_true(tree_node_equal(sum_tree_node(tree, tree->bits, i),
                                    sum_tree_node(&scanned, tree->bits, i)));
    assert_true(tree_node_equal(tree->root, scanned.root));
    assert_int_equal(replica_count_all(&host->replica), scanned.root.count);
    sum_tree_deinit(&scanned);
}

static struct scrub_result scrub(struct host *host)
{
    struct scrub_step step = {0};
    struct scrub_result result;
    replica_scrub_begin(&host->replica, &host->context);
    while (!step.done)
        assert_int_equal(replica_scrub_step(&host->replica, 7, 1 << 20, &host->context, &step),
                         STATUS_OK);
    replica_scrub_finish(&host->replica, &host->context, &result);
    commit(host);
    return result;
}

/* Take a record out of the store, as a table file that lost it would. */
static void lose(struct host *host, size_t index)
{
    struct buffer batch = {0};
    store_batch_delete(&batch, buffer_slice(&host->store.records[index].key));
    memory_store_apply(&host->store, buffer_slice(&batch));
    buffer_deinit(&batch);
}

static size_t first_of(const struct host *host, uint8_t prefix)
{
    size_t i = 0;
    while (i < host->store.count && host->store.records[i].key.data[0] != prefix)
        i++;
    assert_true(i < host->store.count);
    return i;
}

static void a_node_is_the_sum_of_its_leaves(void **state)
{
    struct random random = random_make(1);
    struct sum_tree tree;
    (void)state;
    sum_tree_init(&tree, 10);
    for (int i = 0; i < 5000; i++)
        sum_tree_add(&tree, random_u64(&random), random_u64(&random), 1);
    for (uint8_t bits = 0; bits <= 10; bits++) {
        struct tree_node sum = {0};
        for (uint32_t i = 0; i < UINT32_C(1) << bits; i++) {
            struct tree_node node = sum_tree_node(&tree, bits, i);
            sum.hash += node.hash;
            sum.count += node.count;
        }
        assert_true(tree_node_equal(sum, tree.root));
    }
    assert_int_equal(tree.root.count, 5000);
    sum_tree_deinit(&tree);
}

static void depth_follows_the_number_of_cells(void **state)
{
    (void)state;
    assert_int_equal(sum_tree_bits_for(0), 0);
    assert_int_equal(sum_tree_bits_for(64), 0);
    assert_int_equal(sum_tree_bits_for(65), 1);
    assert_int_equal(sum_tree_bits_for(1000000), 14);
    assert_int_equal(sum_tree_bits_for(UINT64_MAX), SUM_TREE_BITS_MAX);
}

/* riak_kv and others have hashed keys alone: every part of what is live must count. */
static void any_change_of_a_live_dot_changes_the_hash(void **state)
{
    struct random random = random_make(2);
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sibling siblings[2] = {0};
        struct cell cell = {0};
        for (int i = 0; i < 2; i++) {
            siblings[i].dot.actor.node = 1 + (node_id)random_below(&random, 5);
            siblings[i].dot.actor.storage_incarnation = 1;
            siblings[i].dot.actor.boot_epoch = (uint32_t)random_below(&random, 9);
            siblings[i].dot.sequence = 1 + random_below(&random, 1000);
            cell_insert(&cell, &siblings[i]);
        }
        uint64_t hash = cell_hash(&cell, slice_text("key"), DIGEST_SEED);
        struct dot *dot = &cell.siblings[random_below(&random, cell.count)].dot;
        switch (random_below(&random, 5)) {
        case 0:
            dot->actor.node += 100;
            break;
        case 1:
            dot->actor.storage_incarnation++;
            break;
        case 2:
            dot->actor.boot_epoch += 100;
            break;
        case 3:
            dot->actor.adopt_epoch++;
            break;
        default:
            dot->sequence += 10000;
            break;
        }
        assert_true(cell_hash(&cell, slice_text("key"), DIGEST_SEED) != hash);
        assert_true(cell_hash(&cell, slice_text("kez"), DIGEST_SEED) != hash);
        cell_deinit(&cell);
    }
}

static void random_step(struct host *hosts, struct random *random, int number,
                        struct buffer *delivery)
{
    struct host *host = &hosts[random_below(random, 2)];
    struct host *other = &hosts[host == &hosts[0]];
    struct mutation mutation = {.operation = REGISTER_SET, .value = slice_text("v")};
    if (random_chance(random, 1, 4))
        mutation = (struct mutation){.operation = REGISTER_DELETE};
    host->context.wall_ms = WALL + (uint64_t)number;
    write_key(host, (int)random_below(random, 400), mutation, delivery);
    if (delivery->length > 0 && random_chance(random, 2, 3)) {
        struct reader reader = reader_make(buffer_slice(delivery));
        struct cell_delivery cell;
        bool changed;
        cell_delivery_decode(&reader, &cell);
        assert_int_equal(
            replica_apply(&other->replica, &cell, MERGE_LWW, &other->context, &changed), STATUS_OK);
    }
    if (random_chance(random, 1, 20))
        replica_checkpoint(&host->replica, &host->context);
}

/* A step of a scrub between groups, now and then the end of one. */
static void random_scrub(struct host *host, struct random *random)
{
    struct scrub_step step;
    struct scrub_result result;
    if (!replica_scrub_runs(&host->replica)) {
        if (random_chance(random, 1, 10))
            replica_scrub_begin(&host->replica, &host->context);
        return;
    }
    assert_int_equal(replica_scrub_step(&host->replica, (uint32_t)random_below(random, 40), 1 << 20,
                                        &host->context, &step),
                     STATUS_OK);
    if (!step.done)
        return;
    replica_scrub_finish(&host->replica, &host->context, &result);
    assert_int_equal(result.leaves_wrong, 0);
    commit(host);
}

/* Writes, deliveries, checkpoints, scrubs in pieces and crashes, in any order. */
static void the_tree_equals_a_scan_after_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct random random = random_make(seed);
        struct host hosts[2];
        struct buffer delivery = {0};
        init_host(&hosts[0], 1);
        init_host(&hosts[1], 2);
        for (int i = 0; i < 800; i++) {
            struct host *host = &hosts[random_below(&random, 2)];
            random_step(hosts, &random, i, &delivery);
            if (random_chance(&random, 1, 3)) {
                commit(host);
                random_scrub(host, &random);
            }
            if (random_chance(&random, 1, 60)) {
                crash(host);
                assert_tree_equals_scan(host);
            }
        }
        for (int i = 0; i < 2; i++) {
            commit(&hosts[i]);
            assert_tree_equals_scan(&hosts[i]);
            assert_int_equal(scrub(&hosts[i]).leaves_wrong, 0);
            assert_true(hosts[i].replica.tree.bits > 0);
            crash(&hosts[i]);
            assert_true(hosts[i].replica.tree.bits > 0); /* it was stored */
            assert_tree_equals_scan(&hosts[i]);
            deinit_host(&hosts[i]);
        }
        buffer_deinit(&delivery);
    }
}

static void a_store_without_a_tree_gets_one_by_a_scrub(void **state)
{
    struct host host;
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 500);
    uint64_t digest = host.replica.tree.root.hash;
    crash(&host);
    assert_int_equal(host.replica.tree.bits, 0);
    assert_int_equal(host.replica.tree.root.hash, digest);
    assert_false(sum_tree_fits(&host.replica.tree));
    assert_int_equal(scrub(&host).leaves_wrong, 0);
    assert_int_equal(host.replica.tree.bits, sum_tree_bits_for(500));
    assert_true(sum_tree_fits(&host.replica.tree));
    assert_tree_equals_scan(&host);
    deinit_host(&host);
}

/* A page that is gone may not make the tree claim fewer cells than were counted. */
static void a_tree_with_a_lost_page_is_not_believed(void **state)
{
    struct host host;
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 300);
    scrub(&host);
    size_t page = first_of(&host, RECORD_TREE) + 1;
    assert_int_equal(host.store.records[page].key.data[3], 'p');
    lose(&host, page);
    crash(&host);
    assert_int_equal(host.replica.tree.bits, 0);
    assert_tree_equals_scan(&host);
    deinit_host(&host);
}

/* A tree of another checkpoint is older or newer than the log that would be replayed on it. */
static void a_tree_of_another_checkpoint_is_not_believed(void **state)
{
    struct host host;
    struct buffer old_header = {0}, batch = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 300);
    scrub(&host);
    buffer_append_slice(&old_header,
                        buffer_slice(&host.store.records[first_of(&host, RECORD_TREE)].value));
    set_keys(&host, 10);
    replica_checkpoint(&host.replica, &host.context);
    commit(&host);
    store_batch_put(&batch, buffer_slice(&host.store.records[first_of(&host, RECORD_TREE)].key),
                    buffer_slice(&old_header));
    memory_store_apply(&host.store, buffer_slice(&batch));
    crash(&host);
    assert_int_equal(host.replica.tree.bits, 0);
    assert_tree_equals_scan(&host);
    buffer_deinit(&old_header);
    buffer_deinit(&batch);
    deinit_host(&host);
}

static void a_scrub_finds_a_cell_that_is_gone(void **state)
{
    struct host host;
    struct buffer delivery = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 300);
    scrub(&host);
    lose(&host, first_of(&host, RECORD_CELL) + 5);
    struct scrub_result result = scrub(&host);
    assert_int_equal(result.leaves_wrong, 1);
    assert_int_equal(result.live, 299);
    assert_tree_equals_scan(&host);
    assert_int_equal(scrub(&host).leaves_wrong, 0);
    /* The cache has forgotten it too: a write on top must not count it out a second time. */
    for (int i = 0; i < 300; i++)
        write_key(&host, i, (struct mutation){.operation = REGISTER_DELETE}, &delivery);
    commit(&host);
    assert_int_equal(replica_count_all(&host.replica), 0);
    assert_tree_equals_scan(&host);
    buffer_deinit(&delivery);
    deinit_host(&host);
}

static enum status scrub_status(struct host *host)
{
    struct scrub_step step = {0};
    enum status status = STATUS_OK;
    replica_scrub_begin(&host->replica, &host->context);
    while (status == STATUS_OK && !step.done)
        status = replica_scrub_step(&host->replica, 50, 1 << 20, &host->context, &step);
    assert_int_equal(replica_scrub_runs(&host->replica), status == STATUS_OK);
    replica_scrub_abandon(&host->replica);
    return status;
}

static void a_scrub_tells_a_cell_that_does_not_decode(void **state)
{
    struct host host;
    struct buffer batch = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 100);
    assert_int_equal(scrub_status(&host), STATUS_OK);
    store_batch_put(&batch, buffer_slice(&host.store.records[first_of(&host, RECORD_CELL)].key),
                    slice_text("\001nonsense"));
    memory_store_apply(&host.store, buffer_slice(&batch));
    assert_int_equal(scrub_status(&host), STATUS_CORRUPT);
    buffer_deinit(&batch);
    deinit_host(&host);
}

static void a_scrub_tells_a_cell_in_a_wrong_place(void **state)
{
    struct host host;
    struct buffer batch = {0}, name = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 100);
    struct memory_record *record = &host.store.records[first_of(&host, RECORD_CELL)];
    record_cell_name(12345, 0, slice_text("k1"), &name);
    store_batch_put(&batch, buffer_slice(&name), buffer_slice(&record->value));
    memory_store_apply(&host.store, buffer_slice(&batch));
    assert_int_equal(scrub_status(&host), STATUS_CORRUPT);
    buffer_deinit(&batch);
    buffer_deinit(&name);
    deinit_host(&host);
}

/* R2: the clock lost something; its actor might use the dot again. */
static void a_scrub_tells_a_dot_that_the_clock_lacks(void **state)
{
    struct host host;
    struct buffer batch = {0}, name = {0}, value = {0};
    struct cell cell = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 100);
    cell_insert(&cell, &(struct sibling){
                           .dot = {.actor = {.node = 9, .storage_incarnation = 1}, .sequence = 4}});
    record_cell_name(ring_position(slice_text("x"), 0, SEED), 0, slice_text("x"), &name);
    record_cell_encode(&cell, &value);
    store_batch_put(&batch, buffer_slice(&name), buffer_slice(&value));
    memory_store_apply(&host.store, buffer_slice(&batch));
    assert_int_equal(scrub_status(&host), STATUS_CORRUPT);
    cell_deinit(&cell);
    buffer_deinit(&batch);
    buffer_deinit(&name);
    buffer_deinit(&value);
    deinit_host(&host);
}

static void a_tree_follows_a_replica_that_became_small(void **state)
{
    struct host host;
    struct buffer delivery = {0};
    (void)state;
    init_host(&host, 1);
    set_keys(&host, 2000);
    scrub(&host);
    assert_int_equal(host.replica.tree.bits, 5);
    for (int i = 10; i < 2000; i++)
        write_key(&host, i, (struct mutation){.operation = REGISTER_DELETE}, &delivery);
    commit(&host);
    assert_false(sum_tree_fits(&host.replica.tree));
    assert_int_equal(scrub(&host).leaves_wrong, 0);
    assert_int_equal(host.replica.tree.bits, 0);
    crash(&host);
    assert_tree_equals_scan(&host);
    buffer_deinit(&delivery);
    deinit_host(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_is_the_sum_of_its_leaves),
        cmocka_unit_test(depth_follows_the_number_of_cells),
        cmocka_unit_test(any_change_of_a_live_dot_changes_the_hash),
        cmocka_unit_test(the_tree_equals_a_scan_after_anything),
        cmocka_unit_test(a_store_without_a_tree_gets_one_by_a_scrub),
        cmocka_unit_test(a_tree_with_a_lost_page_is_not_believed),
        cmocka_unit_test(a_tree_of_another_checkpoint_is_not_believed),
        cmocka_unit_test(a_scrub_finds_a_cell_that_is_gone),
        cmocka_unit_test(a_scrub_tells_a_cell_that_does_not_decode),
        cmocka_unit_test(a_scrub_tells_a_cell_in_a_wrong_place),
        cmocka_unit_test(a_scrub_tells_a_dot_that_the_clock_lacks),
        cmocka_unit_test(a_tree_follows_a_replica_that_became_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_replica.c - one partition on one or more nodes: apply, mint, log sync, reopening.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "memory_store.h"
#include "replica/replica.h"
#include "ring/position.h"

enum { SEED = 77, WALL = 1000000 };

/* One node's replica of partition 0 with its store. */
struct host {
    struct memory_store store;
    struct store_port port;
    struct cell_cache *cache;
    struct hybrid_clock clock;
    struct buffer batch;
    struct replica_context context;
    struct replica replica;
    node_id id;
    uint16_t incarnation;
    uint32_t boot_epoch;
};

static void open_host(struct host *host, bool rebuild)
{
    struct replica_open_params params = {.partition = 0,
                                         .tag = {.epoch = 1},
                                         .self = host->id,
                                         .storage_incarnation = host->incarnation,
                                         .boot_epoch = host->boot_epoch,
                                         .rebuild = rebuild};
    assert_int_equal(replica_open(&host->replica, &params, &host->context), STATUS_OK);
}

static void init_host(struct host *host, node_id id)
{
    *host = (struct host){.id = id, .incarnation = 1, .boot_epoch = 1};
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
    open_host(host, false);
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

/* As after a crash that lost nothing: memory goes, the store stays. */
static void restart(struct host *host)
{
    commit(host);
    replica_deinit(&host->replica);
    cell_cache_drop_all(host->cache);
    host->boot_epoch++;
    open_host(host, false);
    commit(host);
}

static struct replica_minted mint(struct host *host, const char *key, struct mutation mutation,
                                  enum merge_policy policy, struct buffer *delivery)
{
    struct replica_mint wish = {
        .keyspace = 0, .policy = policy, .key = slice_text(key), .mutation = &mutation};
    struct replica_minted minted;
    struct buffer old = {0};
    buffer_clear(delivery);
    assert_int_equal(
        replica_mint(&host->replica, &wish, false, &host->context, &minted, &old, delivery),
        STATUS_OK);
    buffer_deinit(&old);
    return minted;
}

static struct mutation set(const char *value)
{
    return (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
}

static bool apply(struct host *host, const struct buffer *delivery, enum merge_policy policy)
{
    struct reader reader = reader_make(buffer_slice(delivery));
    struct cell_delivery cell;
    bool changed;
    cell_delivery_decode(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(replica_apply(&host->replica, &cell, policy, &host->context, &changed),
                     STATUS_OK);
    return changed;
}

/* The visible value, or "" when there is none. */
static void assert_value(struct host *host, const char *key, const char *expected)
{
    struct buffer record = {0};
    struct cell cell = {0};
    struct slice encoded;
    enum status status = replica_load_cell(&host->context, 0, slice_text(key), &record);
    if (status == STATUS_OK) {
        assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &cell);
    }
    const struct sibling *seen = cell_visible(&cell, WALL);
    struct slice value = seen == NULL ? slice_text("") : seen->value;
    assert_true(slice_equal(value, slice_text(expected)));
    cell_deinit(&cell);
    buffer_deinit(&record);
}

/* R5 by a walk over the whole store. */
static void assert_digest_equals_scan(struct host *host)
{
    uint64_t digest = 0, count = 0;
    commit(host);
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
        digest += cell_hash(&cell, name.key, host->context.digest_seed + name.keyspace);
        bool live = false;
        for (uint32_t s = 0; s < cell.count; s++) {
            assert_true(clock_has(&host->replica.clock, &cell.siblings[s].dot)); /* R2 */
            live = live || cell.siblings[s].kind != SIBLING_TOMBSTONE;
        }
        count += live;
        cell_deinit(&cell);
    }
    assert_int_equal(digest, host->replica.tree.root.hash);
    assert_int_equal(count, replica_count_all(&host->replica));
}

static void a_write_is_seen_and_replicates(void **state)
{
    struct host a, b;
    struct buffer delivery = {0};
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    struct replica_minted minted = mint(&a, "k", set("v1"), MERGE_LWW, &delivery);
    assert_true(minted.written);
    assert_int_equal(minted.dot.sequence, 1);
    assert_true(apply(&b, &delivery, MERGE_LWW));
    assert_value(&a, "k", "v1");
    assert_value(&b, "k", "v1");
    assert_int_equal(a.replica.tree.root.hash, b.replica.tree.root.hash);
    assert_true(clock_equal(&a.replica.clock, &b.replica.clock));
    assert_digest_equals_scan(&b);
    buffer_deinit(&delivery);
    deinit_host(&a);
    deinit_host(&b);
}

/* The network may deliver twice; the log must not grow by it. */
static void applying_twice_changes_nothing(void **state)
{
    struct host a, b;
    struct buffer delivery = {0};
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    mint(&a, "k", set("v1"), MERGE_LWW, &delivery);
    assert_true(apply(&b, &delivery, MERGE_LWW));
    uint64_t position = b.replica.log_position;
    assert_false(apply(&b, &delivery, MERGE_LWW));
    assert_int_equal(b.replica.log_position, position);
    buffer_deinit(&delivery);
    deinit_host(&a);
    deinit_host(&b);
}

static void a_late_copy_does_not_bring_an_old_value_back(void **state)
{
    struct host a, b;
    struct buffer first = {0}, second = {0};
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    mint(&a, "k", set("old"), MERGE_LWW, &first);
    mint(&a, "k", (struct mutation){.operation = REGISTER_DELETE}, MERGE_LWW, &second);
    apply(&b, &second, MERGE_LWW);
    apply(&b, &first, MERGE_LWW);
    assert_value(&b, "k", "");
    assert_int_equal(replica_count(&b.replica, 0), 0);
    buffer_deinit(&first);
    buffer_deinit(&second);
    deinit_host(&a);
    deinit_host(&b);
}

static void concurrent_writes_are_kept_where_siblings_are_asked_for(void **state)
{
    struct host a, b;
    struct buffer x = {0}, y = {0};
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    mint(&a, "k", set("x"), MERGE_SIBLINGS, &x);
    mint(&b, "k", set("y"), MERGE_SIBLINGS, &y);
    apply(&a, &y, MERGE_SIBLINGS);
    apply(&b, &x, MERGE_SIBLINGS);
    assert_int_equal(a.context.lww_losses + b.context.lww_losses, 0);
    assert_int_equal(a.replica.tree.root.hash, b.replica.tree.root.hash);
    struct buffer record = {0};
    struct slice encoded;
    struct cell cell;
    assert_int_equal(replica_load_cell(&a.context, 0, slice_text("k"), &record), STATUS_OK);
    assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    assert_int_equal(cell.count, 2);
    cell_deinit(&cell);
    buffer_deinit(&record);
    buffer_deinit(&x);
    buffer_deinit(&y);
    deinit_host(&a);
    deinit_host(&b);
}

static void a_loss_between_concurrent_writes_is_counted(void **state)
{
    struct host a, b;
    struct buffer x = {0}, y = {0};
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    mint(&a, "k", set("x"), MERGE_LWW, &x);
    mint(&b, "k", set("y"), MERGE_LWW, &y);
    apply(&a, &y, MERGE_LWW);
    assert_int_equal(a.context.lww_losses, 1);
    buffer_deinit(&x);
    buffer_deinit(&y);
    deinit_host(&a);
    deinit_host(&b);
}

/* A time from the future would win for ever once it was stored. */
static void a_version_from_the_future_is_refused(void **state)
{
    struct host a, b;
    struct buffer delivery = {0};
    struct cell_delivery cell;
    bool changed;
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    a.context.wall_ms = WALL + 3600000;
    mint(&a, "k", set("future"), MERGE_LWW, &delivery);
    struct reader reader = reader_make(buffer_slice(&delivery));
    cell_delivery_decode(&reader, &cell);
    assert_int_equal(replica_apply(&b.replica, &cell, MERGE_LWW, &b.context, &changed),
                     STATUS_CLOCK_SKEW);
    assert_int_equal(b.replica.log_position, 0);
    assert_value(&b, "k", "");
    buffer_deinit(&delivery);
    deinit_host(&a);
    deinit_host(&b);
}

static void an_unreadable_cell_is_never_taken_for_absent(void **state)
{
    struct host a;
    struct buffer delivery = {0}, old = {0};
    struct mutation mutation = set("v2");
    struct replica_mint wish = {.policy = MERGE_LWW, .key = slice_text("k"), .mutation = &mutation};
    struct replica_minted minted;
    (void)state;
    init_host(&a, 1);
    mint(&a, "k", set("v1"), MERGE_LWW, &delivery);
    commit(&a);
    cell_cache_drop_all(a.cache);
    record_cell_name(ring_position(slice_text("k"), 0, SEED), 0, slice_text("k"), &a.store.broken);
    uint64_t position = a.replica.log_position;
    assert_int_equal(replica_mint(&a.replica, &wish, false, &a.context, &minted, &old, &delivery),
                     STATUS_CORRUPT);
    assert_int_equal(a.replica.log_position, position);
    buffer_deinit(&old);
    buffer_deinit(&delivery);
    deinit_host(&a);
}

static void a_restarted_replica_is_the_same_and_mints_as_a_new_actor(void **state)
{
    struct host a;
    struct buffer delivery = {0};
    struct clock before = {0};
    (void)state;
    init_host(&a, 1);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i % 7);
        mint(&a, key, set("v"), MERGE_LWW, &delivery);
        if (i == 10)
            replica_checkpoint(&a.replica, &a.context);
    }
    clock_copy(&a.replica.clock, &before);
    uint64_t digest = a.replica.tree.root.hash, position = a.replica.log_position;
    restart(&a);
    assert_true(clock_equal(&a.replica.clock, &before));
    assert_int_equal(a.replica.tree.root.hash, digest);
    assert_int_equal(a.replica.log_position, position);
    assert_digest_equals_scan(&a);
    struct replica_minted minted = mint(&a, "k1", set("w"), MERGE_LWW, &delivery);
    assert_int_equal(minted.dot.sequence, 1);
    assert_int_equal(minted.dot.actor.boot_epoch, 2);
    clock_deinit(&before);
    buffer_deinit(&delivery);
    deinit_host(&a);
}

/* The log is a prefix of what was committed; a hole in it means that records were lost. */
static void a_hole_in_the_log_is_corruption(void **state)
{
    struct host a;
    struct buffer delivery = {0}, name = {0}, batch = {0};
    (void)state;
    init_host(&a, 1);
    for (int i = 0; i < 5; i++)
        mint(&a, "k", set("v"), MERGE_LWW, &delivery);
    commit(&a);
    record_log_name(0, 3, &name);
    store_batch_delete(&batch, buffer_slice(&name));
    memory_store_apply(&a.store, buffer_slice(&batch));
    replica_deinit(&a.replica);
    struct replica_open_params params = {
        .tag = {.epoch = 1}, .self = 1, .storage_incarnation = 1, .boot_epoch = 2};
    assert_int_equal(replica_open(&a.replica, &params, &a.context), STATUS_CORRUPT);
    buffer_deinit(&name);
    buffer_deinit(&batch);
    buffer_deinit(&delivery);
    deinit_host(&a);
}

/* Pull once; true when the answer was complete. */
static bool pull_page(struct host *asker, struct host *from, struct sync_cursor *cursor,
                      uint32_t settle_ms, size_t page_bytes, uint32_t *delivered)
{
    struct buffer deliveries = {0};
    struct sync_answer answer;
    struct sync_question question = {.address = {.tag = {.epoch = 1}},
                                     .before = cursor->before,
                                     .top = cursor->top,
                                     .clock = asker->replica.clock};
    commit(from);
    assert_int_equal(replica_sync_answer(&from->replica, &question, settle_ms, page_bytes,
                                         &from->context, &answer, &deliveries),
                     STATUS_OK);
    struct reader reader = reader_make(buffer_slice(&deliveries));
    for (uint32_t i = 0; i < answer.delivery_count; i++) {
        struct cell_delivery cell;
        bool changed;
        cell_delivery_decode(&reader, &cell);
        assert_int_equal(
            replica_apply(&asker->replica, &cell, MERGE_LWW, &asker->context, &changed), STATUS_OK);
    }
    *delivered += answer.delivery_count;
    cursor->before = answer.before;
    cursor->top = answer.top;
    buffer_deinit(&deliveries);
    return answer.complete;
}

static void pull_all(struct host *asker, struct host *from, size_t page_bytes)
{
    struct sync_cursor cursor = {0};
    uint32_t delivered = 0;
    for (int page = 0; page < 1000; page++)
        if (pull_page(asker, from, &cursor, 0, page_bytes, &delivered))
            return;
    fail_msg("a pull did not end");
}

static void random_write(struct host *host, struct random *random, int number,
                         struct buffer *delivery)
{
    char key[16], value[16];
    struct mutation mutation = {.operation = REGISTER_SET};
    snprintf(key, sizeof key, "k%d", (int)random_below(random, 12));
    snprintf(value, sizeof value, "v%d", number);
    mutation.value = slice_text(value);
    if (random_chance(random, 1, 4))
        mutation = (struct mutation){.operation = REGISTER_DELETE};
    host->context.wall_ms = WALL + (uint64_t)number;
    mint(host, key, mutation, MERGE_LWW, delivery);
}

/* Whatever was lost on the way, pulling in both directions makes replicas equal. */
static void log_sync_makes_replicas_equal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random random = random_make(seed);
        struct host hosts[3];
        struct buffer delivery = {0};
        for (node_id i = 0; i < 3; i++)
            init_host(&hosts[i], i + 1);
        for (int i = 0; i < 120; i++) {
            struct host *writer = &hosts[random_below(&random, 3)];
            random_write(writer, &random, i, &delivery);
            for (int other = 0; other < 3; other++)
                if (&hosts[other] != writer && delivery.length > 0 && random_chance(&random, 1, 2))
                    apply(&hosts[other], &delivery, MERGE_LWW);
            if (random_chance(&random, 1, 30))
                restart(&hosts[random_below(&random, 3)]);
        }
        for (int round = 0; round < 2; round++)
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++)
                    if (a != b)
                        pull_all(&hosts[a], &hosts[b], 1 + random_below(&random, 400));
        for (int i = 0; i < 3; i++) {
            assert_digest_equals_scan(&hosts[i]);
            assert_int_equal(hosts[i].replica.tree.root.hash, hosts[0].replica.tree.root.hash);
            assert_true(clock_equal(&hosts[i].replica.clock, &hosts[0].replica.clock));
        }
        for (int i = 0; i < 3; i++)
            deinit_host(&hosts[i]);
        buffer_deinit(&delivery);
    }
}

/* A writer that goes on must not keep a pull of several pages from ending. */
static void a_pull_ends_while_new_writes_arrive(void **state)
{
    struct host a, b;
    struct buffer delivery = {0};
    struct sync_cursor cursor = {0};
    uint32_t delivered = 0;
    int pages = 0;
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        mint(&b, key, set("v"), MERGE_LWW, &delivery);
    }
    while (!pull_page(&a, &b, &cursor, 0, 500, &delivered)) {
        mint(&b, "hot", set("w"), MERGE_LWW, &delivery);
        assert_true(++pages < 100);
    }
    assert_in_range(pages, 10, 99);
    assert_in_range(delivered, 300, 300 + (uint32_t)pages);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_value(&a, key, "v");
    }
    buffer_deinit(&delivery);
    deinit_host(&a);
    deinit_host(&b);
}

/* Events that their coordinator is still sending are not pulled as well. */
static void young_events_are_left_to_their_coordinator(void **state)
{
    struct host a, b;
    struct buffer delivery = {0};
    struct sync_cursor cursor = {0};
    uint32_t delivered = 0;
    (void)state;
    init_host(&a, 1);
    init_host(&b, 2);
    mint(&b, "old", set("v"), MERGE_LWW, &delivery);
    a.context.wall_ms = b.context.wall_ms = WALL + 5000;
    mint(&b, "young", set("v"), MERGE_LWW, &delivery);
    assert_true(pull_page(&a, &b, &cursor, 1000, 1 << 20, &delivered));
    assert_int_equal(delivered, 1);
    assert_value(&a, "old", "v");
    assert_value(&a, "young", "");
    a.context.wall_ms = b.context.wall_ms = WALL + 7000;
    cursor = (struct sync_cursor){0};
    assert_true(pull_page(&a, &b, &cursor, 1000, 1 << 20, &delivered));
    assert_value(&a, "young", "v");
    buffer_deinit(&delivery);
    deinit_host(&a);
    deinit_host(&b);
}

static void the_sources_of_a_rebuild_are_kept_over_a_restart(void **state)
{
    struct host a;
    (void)state;
    init_host(&a, 1);
    replica_deinit(&a.replica);
    memory_store_deinit(&a.store);
    buffer_clear(&a.batch);
    a.incarnation = 2;
    open_host(&a, true);
    assert_int_equal(a.replica.state, REPLICA_REBUILDING);
    replica_note_source(&a.replica, 2);
    replica_note_source(&a.replica, 2); /* the same one counts once */
    assert_int_equal(a.replica.rebuilt_from_count, 1);
    replica_checkpoint(&a.replica, &a.context);
    restart(&a);
    assert_int_equal(a.replica.state, REPLICA_REBUILDING);
    replica_note_source(&a.replica, 3);
    assert_int_equal(a.replica.rebuilt_from_count, 2);
    assert_int_equal(a.replica.rebuilt_from[0], 2);
    assert_int_equal(a.replica.rebuilt_from[1], 3);
    replica_activate(&a.replica);
    replica_checkpoint(&a.replica, &a.context);
    restart(&a);
    assert_int_equal(a.replica.state, REPLICA_ACTIVE);
    assert_int_equal(a.replica.rebuilt_from_count, 0);
    deinit_host(&a);
}

/* The expiry that the key has after the mutation; 0: none. */
static uint64_t expiry_after(struct host *host, struct mutation mutation)
{
    struct buffer delivery = {0};
    struct cell_delivery made;
    struct cell cell = {0};
    mint(host, "k", mutation, MERGE_LWW, &delivery);
    commit(host);
    struct reader reader = reader_make(buffer_slice(&delivery));
    cell_delivery_decode(&reader, &made);
    reader = reader_make(made.cell);
    cell_decode(&reader, &cell);
    assert_false(reader.failed);
    assert_int_equal(cell.count, 1);
    uint64_t expiry = cell.siblings[0].expire_at_ms;
    cell_deinit(&cell);
    buffer_deinit(&delivery);
    return expiry;
}

/* What is new, or set, lives as long as its keyspace says; what only changes keeps what it has. */
static void a_default_time_to_live_is_for_what_has_none(void **state)
{
    struct host host;
    struct mutation appended = {.operation = REGISTER_APPEND, .value = slice_text("x")};
    struct mutation persisted = {.operation = REGISTER_PERSIST};
    struct mutation kept = set("v"), own = set("v");
    (void)state;
    init_host(&host, 1);
    host.context.default_ttl_ms = 5000;
    kept.flags = MUTATION_KEEP_EXPIRY;
    own.expire_at_ms = WALL + 90;
    assert_true(expiry_after(&host, appended) == WALL + 5000); /* a new value */
    assert_true(expiry_after(&host, own) == WALL + 90);
    assert_true(expiry_after(&host, appended) == WALL + 90);
    assert_true(expiry_after(&host, persisted) == 0);
    assert_true(expiry_after(&host, appended) == 0);
    assert_true(expiry_after(&host, kept) == 0);
    assert_true(expiry_after(&host, set("v")) == WALL + 5000);
    host.context.default_ttl_ms = 0;
    assert_true(expiry_after(&host, set("v")) == 0);
    deinit_host(&host);
}

/* What was asked for last is remembered; nothing but that key may get its position. */
static void a_remembered_position_is_that_of_its_key(void **state)
{
    struct host host;
    char names[4][80];
    (void)state;
    init_host(&host, 1);
    snprintf(names[0], sizeof names[0], "k");
    snprintf(names[1], sizeof names[1], "kk");
    snprintf(names[2], sizeof names[2], "kl");
    memset(names[3], 'k', sizeof names[3]); /* too long to be remembered */
    names[3][sizeof names[3] - 1] = '\0';
    for (unsigned i = 0; i < 100; i++) {
        struct slice key = slice_text(names[i * 7 / 3 % 4]);
        keyspace_id keyspace = (keyspace_id)(i / 5 % 2);
        assert_true(replica_position(&host.context, keyspace, key) ==
                    ring_position(key, keyspace, SEED));
    }
    assert_true(replica_position(&host.context, 0, slice_make(NULL, 0)) ==
                ring_position(slice_make(NULL, 0), 0, SEED));
    commit(&host);
    deinit_host(&host);
}

/* An entry that is alone is written without a look before it, so the refusal must come first. */
static void what_does_not_fit_into_its_message_changes_nothing(void **state)
{
    struct host host;
    struct mutation mutation = set("v");
    struct replica_mint wish = {.policy = MERGE_LWW,
                                .key = slice_text("k"),
                                .mutation = &mutation,
                                .delivery_bytes = MESSAGE_PAYLOAD_BYTES_MAX - 10};
    struct replica_minted minted;
    struct buffer old = {0}, delivery = {0};
    (void)state;
    init_host(&host, 1);
    commit(&host);
    uint64_t position = host.replica.log_position;
    assert_int_equal(
        replica_mint(&host.replica, &wish, false, &host.context, &minted, &old, &delivery),
        STATUS_TOO_LARGE);
    assert_int_equal(host.batch.length, 0);
    assert_int_equal(delivery.length, 0);
    assert_true(host.replica.log_position == position);
    wish.delivery_bytes = 0;
    assert_int_equal(
        replica_mint(&host.replica, &wish, false, &host.context, &minted, &old, &delivery),
        STATUS_OK);
    buffer_deinit(&old);
    buffer_deinit(&delivery);
    deinit_host(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remembered_position_is_that_of_its_key),
        cmocka_unit_test(what_does_not_fit_into_its_message_changes_nothing),
        cmocka_unit_test(a_write_is_seen_and_replicates),
        cmocka_unit_test(applying_twice_changes_nothing),
        cmocka_unit_test(a_late_copy_does_not_bring_an_old_value_back),
        cmocka_unit_test(concurrent_writes_are_kept_where_siblings_are_asked_for),
        cmocka_unit_test(a_loss_between_concurrent_writes_is_counted),
        cmocka_unit_test(a_version_from_the_future_is_refused),
        cmocka_unit_test(an_unreadable_cell_is_never_taken_for_absent),
        cmocka_unit_test(a_restarted_replica_is_the_same_and_mints_as_a_new_actor),
        cmocka_unit_test(a_hole_in_the_log_is_corruption),
        cmocka_unit_test(log_sync_makes_replicas_equal),
        cmocka_unit_test(a_pull_ends_while_new_writes_arrive),
        cmocka_unit_test(young_events_are_left_to_their_coordinator),
        cmocka_unit_test(the_sources_of_a_rebuild_are_kept_over_a_restart),
        cmocka_unit_test(a_default_time_to_live_is_for_what_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

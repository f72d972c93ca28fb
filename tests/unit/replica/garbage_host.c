#include "garbage_host.h"

#include "causal/deadline.h"
#include "ring/position.h"

enum { SEED = 77 };

static void open_replica(struct garbage_host *host, bool rebuild)
{
    struct replica_open_params params = {.partition = 0,
                                         .tag = {.epoch = 1},
                                         .self = host->id,
                                         .storage_incarnation = host->incarnation,
                                         .boot_epoch = host->boot_epoch,
                                         .rebuild = rebuild};
    assert_int_equal(replica_open(&host->replica, &params, &host->context), STATUS_OK);
    garbage_host_commit(host);
}

void garbage_host_init(struct garbage_host *host, node_id id)
{
    static const node_id owners[] = {1, 2, 3};
    *host = (struct garbage_host){.id = id, .incarnation = 1, .boot_epoch = 1, .now_us = 1};
    host->port = memory_store_port(&host->store);
    host->cache = cell_cache_new(1 << 20);
    host->context = (struct replica_context){.port = &host->port,
                                             .cache = host->cache,
                                             .clock = &host->clock,
                                             .batch = &host->batch,
                                             .position_seed = SEED,
                                             .digest_seed = SEED + 1,
                                             .wall_ms = GARBAGE_HOST_WALL_MS,
                                             .max_clock_skew_ms = 500,
                                             .value_bytes_max = 1 << 20,
                                             .siblings_max = 64};
    stability_init(&host->stability, owners, 3, id);
    open_replica(host, false);
}

void garbage_host_deinit(struct garbage_host *host)
{
    stability_deinit(&host->stability);
    replica_deinit(&host->replica);
    cell_cache_free(host->cache);
    buffer_deinit(&host->batch);
    memory_store_deinit(&host->store);
}

void garbage_host_commit(struct garbage_host *host)
{
    memory_store_apply(&host->store, buffer_slice(&host->batch));
    buffer_clear(&host->batch);
    cell_cache_committed(host->cache);
    host->context.groups++;
}

static void close_replica(struct garbage_host *host)
{
    buffer_clear(&host->batch);
    replica_deinit(&host->replica);
    cell_cache_drop_all(host->cache);
    stability_reset(&host->stability);
}

void garbage_host_crash(struct garbage_host *host)
{
    close_replica(host);
    host->boot_epoch++;
    open_replica(host, false);
}

void garbage_host_wipe(struct garbage_host *host)
{
    close_replica(host);
    memory_store_deinit(&host->store);
    host->store = (struct memory_store){0};
    host->incarnation++;
    host->boot_epoch = 1;
    open_replica(host, true);
}

void garbage_host_write(struct garbage_host *host, const char *key, const char *value,
                        enum merge_policy policy, struct buffer *delivery)
{
    struct mutation mutation = {.operation = value != NULL ? REGISTER_SET : REGISTER_DELETE,
                                .value = slice_text(value != NULL ? value : "")};
    struct replica_mint wish = {
        .keyspace = 0, .policy = policy, .key = slice_text(key), .mutation = &mutation};
    struct replica_minted minted;
    struct buffer old = {0};
    buffer_clear(delivery);
    assert_int_equal(
        replica_mint(&host->replica, &wish, false, &host->context, &minted, &old, delivery),
        STATUS_OK);
    assert_true(minted.written);
    buffer_deinit(&old);
}

bool garbage_host_apply(struct garbage_host *host, const struct buffer *delivery,
                        enum merge_policy policy)
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

void garbage_host_write_all(struct garbage_host *hosts, unsigned count, unsigned maker,
                            const char *key, const char *value)
{
    struct buffer delivery = {0};
    garbage_host_write(&hosts[maker], key, value, MERGE_LWW, &delivery);
    for (unsigned i = 0; i < count; i++) {
        if (i != maker)
            garbage_host_apply(&hosts[i], &delivery, MERGE_LWW);
        garbage_host_commit(&hosts[i]);
    }
    buffer_deinit(&delivery);
}

void garbage_host_report(struct garbage_host *to, const struct garbage_host *from)
{
    assert_true(
        stability_report(&to->stability, from->id, &from->replica.actor, &from->replica.clock));
}

void garbage_host_report_all(struct garbage_host *hosts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < count; k++)
            if (i != k)
                garbage_host_report(&hosts[i], &hosts[k]);
}

static void advance(struct garbage_host *host)
{
    stability_advance(&host->stability, &host->replica.actor, &host->replica.clock, host->now_us,
                      GARBAGE_HOST_WAIT_US, UINT64_MAX);
}

void garbage_host_ripen(struct garbage_host *host)
{
    for (int i = 0; i < 3; i++) {
        advance(host);
        host->now_us += GARBAGE_HOST_WAIT_US;
    }
}

uint32_t garbage_host_purge(struct garbage_host *host)
{
    struct purge_outcome outcome = {0};
    assert_int_equal(
        replica_purge(&host->replica, &host->stability, 10000, &host->context, &outcome),
        STATUS_OK);
    assert_false(outcome.more);
    return outcome.purged;
}

size_t garbage_host_records(const struct garbage_host *host, uint8_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < host->store.count; i++)
        count += host->store.records[i].key.data[0] == type;
    return count;
}

static bool load(struct garbage_host *host, const char *key, struct buffer *record,
                 struct cell *cell)
{
    struct slice encoded;
    *cell = (struct cell){0};
    enum status status = replica_load_cell(&host->context, 0, slice_text(key), record);
    if (status == STATUS_NOT_FOUND)
        return false;
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(record_cell_open(buffer_slice(record), &encoded), STATUS_OK);
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    return true;
}

void garbage_host_assert_value(struct garbage_host *host, const char *key, const char *value)
{
    struct buffer record = {0};
    struct cell cell;
    load(host, key, &record, &cell);
    const struct sibling *seen = cell_visible(&cell, GARBAGE_HOST_WALL_MS);
    assert_true(slice_equal(seen == NULL ? slice_text("") : seen->value, slice_text(value)));
    cell_deinit(&cell);
    buffer_deinit(&record);
}

bool garbage_host_has_cell(struct garbage_host *host, const char *key)
{
    struct buffer record = {0};
    struct cell cell;
    bool found = load(host, key, &record, &cell);
    cell_deinit(&cell);
    buffer_deinit(&record);
    return found;
}

void garbage_host_assert_sums(struct garbage_host *host)
{
    uint64_t digest = 0, count = 0, garbage = 0, log_bytes = 0;
    garbage_host_commit(host);
    for (size_t i = 0; i < host->store.count; i++) {
        const struct memory_record *stored = &host->store.records[i];
        struct cell_name name;
        struct slice encoded;
        struct cell cell;
        if (stored->key.data[0] == RECORD_LOG)
            log_bytes += stored->key.length + stored->value.length;
        if (record_cell_name_decode(buffer_slice(&stored->key), &name) != STATUS_OK)
            continue;
        assert_int_equal(record_cell_open(buffer_slice(&stored->value), &encoded), STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &cell);
        digest += cell_hash(&cell, name.key, host->context.digest_seed + name.keyspace);
        bool live = false, dead = cell.count == 0;
        for (uint32_t s = 0; s < cell.count; s++) {
            uint8_t kind = cell.siblings[s].kind;
            live = live || kind == SIBLING_STRING || kind == SIBLING_COUNTER;
            dead = dead || kind == SIBLING_TOMBSTONE || kind == SIBLING_CUT ||
                   (kind == SIBLING_DEADLINE && deadline_is_garbage(&cell, &cell.siblings[s]));
        }
        count += live;
        garbage += dead;
        cell_deinit(&cell);
    }
    assert_int_equal(digest, host->replica.tree.root.hash);
    assert_int_equal(count, replica_count_all(&host->replica));
    assert_int_equal(garbage, host->replica.garbage_count);
    assert_int_equal(log_bytes, host->replica.log_bytes);
    assert_int_equal(garbage_host_records(host, RECORD_LOG),
                     host->replica.log_position + 1 - host->replica.log_first);
}

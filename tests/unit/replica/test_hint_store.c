/*
 * test_hint_store.c - hints at a fallback: merged, bounded, paged out, dropped only when delivered.
 *
 * The node is number 4 of a ring whose partitions belong to nodes 1, 2 and 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "base/random.h"
#include "memory_store.h"
#include "replica/hint_store.h"
#include "ring/position.h"
#include "ring/transition.h"
#include "wire/record_hint.h"

enum { WALL = 1000000 };

struct host {
    struct ring *ring;
    struct memory_store store;
    struct store_port port;
    struct buffer batch;
    struct replica_context context;
    struct hint_store *hints;
    struct message_hint_counts counts; /* as last told, of any partition */
};

static void open_hints(struct host *host)
{
    assert_int_equal(hint_store_open(host->hints, &host->context), STATUS_OK);
}

static void init_with(struct host *host, uint64_t bytes_max, uint64_t partition_bytes_max)
{
    *host = (struct host){.ring = fixture_ring("eu:3", 16)};
    host->ring->keyspaces[0] = (struct ring_keyspace){0, "default", KEYSPACE_LWW, 0, 0, 0, 0, 0, 0};
    host->ring->keyspace_count = 1;
    fixture_add_many(host->ring, 3, "eu", 3);
    fixture_place(host->ring, NULL);
    fixture_add(host->ring, 4, "eu", "d", 1); /* and owns nothing */
    host->port = memory_store_port(&host->store);
    host->context = (struct replica_context){.port = &host->port,
                                             .batch = &host->batch,
                                             .position_seed = host->ring->seed,
                                             .wall_ms = WALL,
                                             .max_clock_skew_ms = 500};
    host->hints = hint_store_new(&(struct hint_store_params){
        .ring = host->ring, .bytes_max = bytes_max, .partition_bytes_max = partition_bytes_max});
    open_hints(host);
}

static void init(struct host *host)
{
    init_with(host, 1 << 20, 1 << 20);
}

static void deinit(struct host *host)
{
    hint_store_free(host->hints);
    buffer_deinit(&host->batch);
    memory_store_deinit(&host->store);
    ring_free(host->ring);
}

static void take_counts(struct host *host)
{
    while (hint_store_next_counts(host->hints, &host->counts))
        ;
}

/* What holds back the collection of deletes everywhere is what a walk over the store finds. */
static void assert_keeps_any(const struct host *host)
{
    bool any = false;
    for (size_t i = 0; i < host->store.count; i++) {
        struct hint_name name;
        any = any ||
              record_hint_name_decode(RECORD_HINT_CELL, buffer_slice(&host->store.records[i].key),
                                      &name) == STATUS_OK;
    }
    assert_int_equal(hint_store_keeps_any(host->hints), any);
}

static void commit(struct host *host)
{
    memory_store_apply(&host->store, buffer_slice(&host->batch));
    buffer_clear(&host->batch);
    hint_store_committed(host->hints);
    take_counts(host);
}

/* As after kill -9. */
static void restart(struct host *host)
{
    buffer_clear(&host->batch);
    hint_store_close(host->hints);
    open_hints(host);
    commit(host);
    assert_keeps_any(host);
}

static partition_id partition_of(const struct host *host, const char *key)
{
    return ring_partition_of_slot(ring_slot(slice_text(key)), host->ring->partition_count);
}

/* A partition that nodes 1, 2 and 3 own: the one of this key. */
static const char *a_key(const struct host *host, unsigned number)
{
    static char names[8][16];
    for (unsigned i = 0, found = 0;; i++) {
        snprintf(names[number], sizeof names[number], "key:%u", i);
        if (!ring_owns(host->ring, 4, partition_of(host, names[number])) && found++ == number)
            return names[number];
    }
}

static struct cell cell_of(uint64_t sequence, const char *value)
{
    struct cell cell = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 1, .boot_epoch = 1}, .sequence = sequence},
                              .time = 100 + sequence,
                              .kind = value == NULL ? SIBLING_TOMBSTONE : SIBLING_STRING,
                              .value = slice_text(value == NULL ? "" : value)};
    cell_insert(&cell, &sibling);
    return cell;
}

static enum status add_cell(struct host *host, const char *key, node_id intended,
                            const struct cell *cell)
{
    struct buffer encoded = {0};
    cell_encode(cell, true, &encoded);
    struct cell_delivery delivery = {.key = slice_text(key), .cell = buffer_slice(&encoded)};
    enum status status = hint_store_add(host->hints, partition_of(host, key), intended, &delivery,
                                        MERGE_LWW, &host->context);
    buffer_deinit(&encoded);
    return status;
}

/* Version `sequence` of the key; each covers those before it. */
static enum status add(struct host *host, const char *key, node_id intended, uint64_t sequence,
                       const char *value)
{
    struct cell cell = cell_of(sequence, value);
    enum status status = add_cell(host, key, intended, &cell);
    cell_deinit(&cell);
    return status;
}

static void page_of(struct host *host, const char *key, node_id target, struct hint_page *page)
{
    struct message_hints_scan scan = {.partition = partition_of(host, key),
                                      .target = target,
                                      .bytes_max = 1 << 20,
                                      .count_max = 100};
    *page = (struct hint_page){0};
    hint_store_page(host->hints, &scan, &host->context, page);
    assert_int_equal(page->message.status, STATUS_OK);
}

/* The one delivery of a page, as a cell whose value borrows from the page. */
static void only_cell(const struct hint_page *page, struct cell *cell, struct clock *dots)
{
    struct reader reader = reader_make(page->message.deliveries);
    struct cell_delivery delivery;
    assert_int_equal(page->message.count, 1);
    cell_delivery_decode(&reader, &delivery);
    struct reader cells = reader_make(delivery.cell), clocks = reader_make(delivery.dots);
    cell_decode(&cells, cell);
    clock_decode(&clocks, dots);
    assert_int_equal(reader_end(&cells), STATUS_OK);
    assert_int_equal(reader_end(&clocks), STATUS_OK);
}

static uint32_t drop(struct host *host, const char *key, node_id target,
                     const struct hint_page *page)
{
    struct message_hints_drop message = {.partition = partition_of(host, key),
                                         .target = target,
                                         .count = page->message.count,
                                         .marks = page->message.marks};
    uint32_t dropped;
    assert_int_equal(hint_store_drop(host->hints, &message, &host->context, &dropped), STATUS_OK);
    return dropped;
}

static uint32_t owed(struct host *host, const char *key, node_id target)
{
    struct hint_page page;
    page_of(host, key, target, &page);
    uint32_t count = page.message.count;
    hint_page_deinit(&page);
    return count;
}

/* ---- keeping ------------------------------------------------------------------------------ */

static void many_writes_of_a_key_are_one_record_with_all_their_dots(void **state)
{
    struct host host;
    struct hint_page page;
    struct cell cell;
    struct clock dots;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    for (uint64_t i = 1; i <= 50; i++) {
        assert_int_equal(add(&host, key, 2, i, "value"), STATUS_OK);
        if (i % 7 == 0) /* some in one group, some in another */
            commit(&host);
    }
    commit(&host);
    assert_int_equal(host.store.count, 1);
    assert_int_equal(host.counts.cells, 1);
    page_of(&host, key, 2, &page);
    only_cell(&page, &cell, &dots);
    assert_int_equal(cell.count, 1);
    assert_int_equal(cell.siblings[0].dot.sequence, 50);
    assert_int_equal(clock_dot_count(&dots), 50); /* so the owner's clock has no holes */
    cell_deinit(&cell);
    clock_deinit(&dots);
    hint_page_deinit(&page);
    deinit(&host);
}

static void the_order_of_hints_does_not_matter(void **state)
{
    struct buffer first = {0};
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        static const uint64_t orders[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
                                              {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
        struct host host;
        struct hint_page page;
        init(&host);
        const char *key = a_key(&host, 0);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(add(&host, key, 2, orders[round][i], "value"), STATUS_OK);
            assert_int_equal(add(&host, key, 2, orders[round][i], "value"), STATUS_OK);
        }
        commit(&host);
        page_of(&host, key, 2, &page);
        if (round == 0)
            buffer_append_slice(&first, page.message.deliveries);
        assert_true(slice_equal(buffer_slice(&first), page.message.deliveries));
        hint_page_deinit(&page);
        deinit(&host);
    }
    buffer_deinit(&first);
}

static void a_hint_twice_is_counted_and_changes_nothing(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
    commit(&host);
    assert_int_equal(host.counts.stored, 1);
    assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
    assert_int_equal(host.batch.length, 0);
    commit(&host);
    assert_int_equal(host.counts.repeated, 1);
    assert_int_equal(host.counts.stored, 0);
    deinit(&host);
}

/* H2. A value that is too much is refused; what was kept before is kept. */
static void limits_refuse_and_drop_nothing(void **state)
{
    struct host host;
    char big[400];
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    init_with(&host, 2000, 1000);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, big), STATUS_OK);
    commit(&host);
    uint64_t bytes = host.counts.bytes;
    assert_int_equal(host.counts.store_bytes, bytes);
    unsigned refused = 0, kept = 0;
    for (unsigned number = 1; number < 8; number++) { /* other cells until nothing fits */
        enum status status = add(&host, a_key(&host, number), 2, 1, big);
        assert_true(status == STATUS_OK || status == STATUS_NO_SPACE);
        refused += status == STATUS_NO_SPACE;
        kept += status == STATUS_OK;
    }
    assert_true(refused > 0);
    commit(&host);
    assert_true(host.counts.store_bytes <= 2000);
    assert_int_equal(host.store.count, 1 + kept);
    assert_true(owed(&host, key, 2) > 0);
    /* A version that is no larger goes into the record that is there. */
    assert_int_equal(add(&host, key, 2, 2, "small"), STATUS_OK);
    commit(&host);
    deinit(&host);
}

static void a_partition_that_refused_says_so_until_there_is_room(void **state)
{
    struct host host;
    struct hint_page page;
    char big[600];
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    init_with(&host, 1 << 20, 700);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, big), STATUS_OK);
    commit(&host);
    assert_false(host.counts.full);
    char bigger[700];
    memset(bigger, 'y', sizeof bigger - 1);
    bigger[sizeof bigger - 1] = '\0';
    assert_int_equal(add(&host, key, 2, 3, bigger), STATUS_NO_SPACE);
    commit(&host);
    assert_true(host.counts.full);
    assert_int_equal(host.counts.refused, 1);
    page_of(&host, key, 2, &page);
    assert_int_equal(drop(&host, key, 2, &page), 1);
    commit(&host);
    assert_false(host.counts.full);
    hint_page_deinit(&page);
    deinit(&host);
}

static void a_time_too_far_ahead_is_not_kept(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    struct cell cell = cell_of(1, "value");
    cell.siblings[0].time = (hybrid_time)(WALL + 501) << 16;
    assert_int_equal(add_cell(&host, a_key(&host, 0), 2, &cell), STATUS_CLOCK_SKEW);
    cell.siblings[0].time = (hybrid_time)(WALL + 500) << 16;
    assert_int_equal(add_cell(&host, a_key(&host, 0), 2, &cell), STATUS_OK);
    cell_deinit(&cell);
    deinit(&host);
}

/* ---- giving away -------------------------------------------------------------------------- */

/* H1. An owner that acknowledged it says nothing of the others. */
static void a_hint_goes_when_every_owner_it_is_owed_to_has_it(void **state)
{
    struct host host;
    struct hint_page page;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
    assert_int_equal(add(&host, key, 3, 1, "value"), STATUS_OK);
    commit(&host);
    assert_int_equal(host.counts.debt_count, 2);
    assert_int_equal(owed(&host, key, 1), 0); /* it has a copy of its own */
    page_of(&host, key, 2, &page);
    assert_int_equal(drop(&host, key, 2, &page), 1);
    commit(&host);
    assert_int_equal(owed(&host, key, 2), 0);
    assert_int_equal(owed(&host, key, 3), 1);
    assert_int_equal(drop(&host, key, 3, &page), 1); /* the same content, although put again */
    commit(&host);
    assert_int_equal(host.store.count, 0);
    assert_int_equal(host.counts.cells, 0);
    assert_int_equal(host.counts.store_bytes, 0);
    hint_page_deinit(&page);
    deinit(&host);
}

/* H1: between the page and its acknowledgement more was merged in, committed or not. */
static void what_was_merged_in_since_is_not_dropped(void **state)
{
    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        struct host host;
        struct hint_page page, again;
        struct cell cell;
        struct clock dots;
        init(&host);
        const char *key = a_key(&host, 0);
        assert_int_equal(add(&host, key, 2, 1, "old"), STATUS_OK);
        commit(&host);
        page_of(&host, key, 2, &page);
        host.context.wall_ms = WALL + 5000;
        assert_int_equal(add(&host, key, 2, 2, "new"), STATUS_OK);
        if (committed)
            commit(&host);
        assert_int_equal(drop(&host, key, 2, &page), 0);
        commit(&host);
        page_of(&host, key, 2, &again);
        only_cell(&again, &cell, &dots);
        assert_true(slice_equal(cell.siblings[0].value, slice_text("new")));
        struct reader reader = reader_make(again.message.marks);
        struct hint_mark mark;
        hint_mark_decode(&reader, &mark);
        assert_int_equal(mark.first_ms, WALL + 5000); /* the old one has arrived */
        cell_deinit(&cell);
        clock_deinit(&dots);
        hint_page_deinit(&page);
        hint_page_deinit(&again);
        deinit(&host);
    }
}

/* A hint that comes right behind the drop, in one group, is a new one. */
static void a_hint_behind_the_drop_is_kept(void **state)
{
    struct host host;
    struct hint_page page;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, "old"), STATUS_OK);
    commit(&host);
    page_of(&host, key, 2, &page);
    assert_int_equal(drop(&host, key, 2, &page), 1);
    assert_int_equal(drop(&host, key, 2, &page), 0); /* the acknowledgement came twice */
    assert_int_equal(add(&host, key, 2, 2, "new"), STATUS_OK);
    commit(&host);
    assert_int_equal(owed(&host, key, 2), 1);
    assert_int_equal(host.counts.cells, 1);
    hint_page_deinit(&page);
    deinit(&host);
}

static void pages_are_bounded_and_go_on_where_they_ended(void **state)
{
    struct host host;
    char name[32];
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    partition_id partition = partition_of(&host, key);
    unsigned added = 0;
    for (unsigned i = 0; added < 25; i++) {
        snprintf(name, sizeof name, "{%s}%u", key, i);
        assert_int_equal(add(&host, name, added % 5 == 0 ? 3 : 2, 1, "value"), STATUS_OK);
        added++;
    }
    commit(&host);
    struct message_hints_scan scan = {
        .partition = partition, .target = 2, .bytes_max = 1 << 20, .count_max = 3};
    struct buffer after = {0};
    unsigned found = 0, pages = 0;
    uint64_t last_position = 0;
    for (bool done = false; !done; pages++) {
        struct hint_page page = {0};
        scan.after = buffer_slice(&after);
        hint_store_page(host.hints, &scan, &host.context, &page);
        assert_int_equal(page.message.status, STATUS_OK);
        assert_true(page.message.count <= 3);
        struct reader reader = reader_make(page.message.marks);
        for (uint32_t i = 0; i < page.message.count; i++) {
            struct hint_mark mark;
            struct hint_name decoded;
            hint_mark_decode(&reader, &mark);
            assert_int_equal(record_hint_name_decode(RECORD_HINT_CELL, mark.name, &decoded),
                             STATUS_OK);
            assert_true(decoded.position >= last_position);
            last_position = decoded.position;
        }
        found += page.message.count;
        done = page.message.done;
        buffer_clear(&after);
        buffer_append_slice(&after, page.message.last);
        hint_page_deinit(&page);
        assert_true(pages < 20);
    }
    assert_int_equal(found, 20);
    buffer_deinit(&after);
    deinit(&host);
}

/* ---- crashes and damage -------------------------------------------------------------------- */

static void a_restart_finds_what_was_committed_and_its_counts(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
    assert_int_equal(add(&host, key, 3, 1, "value"), STATUS_OK);
    commit(&host);
    struct message_hint_counts before = host.counts;
    assert_int_equal(add(&host, key, 2, 2, "lost with its group"), STATUS_OK);
    restart(&host);
    assert_int_equal(host.counts.cells, 1);
    assert_int_equal(host.counts.bytes, before.bytes);
    assert_int_equal(host.counts.debt_count, 2);
    assert_int_equal(host.counts.debts[0].oldest_ms, WALL);
    assert_int_equal(owed(&host, key, 2), 1);
    deinit(&host);
}

/* A commit that failed may have dropped them all the same: then the loop side must hear of it. */
static void hints_that_are_gone_after_a_reopen_are_told_as_gone(void **state)
{
    struct host host;
    struct hint_page page;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
    commit(&host);
    page_of(&host, key, 2, &page);
    assert_int_equal(drop(&host, key, 2, &page), 1);
    memory_store_apply(&host.store, buffer_slice(&host.batch)); /* and yet it counts as failed */
    host.counts.cells = 77;
    restart(&host);
    assert_int_equal(host.counts.partition, partition_of(&host, key));
    assert_int_equal(host.counts.cells, 0);
    hint_page_deinit(&page);
    deinit(&host);
}

/* Whether a record's name begins with these two bytes. */
static unsigned count_kind(const struct host *host, uint8_t kind)
{
    unsigned count = 0;
    for (size_t i = 0; i < host->store.count; i++)
        count += host->store.records[i].key.data[1] == kind;
    return count;
}

/* H4: at a start, in a page, and when the next hint of the cell comes. */
static void a_poisoned_record_is_set_aside_once(void **state)
{
    (void)state;
    for (int where = 0; where < 3; where++) {
        struct host host;
        init(&host);
        const char *key = a_key(&host, 0);
        char other[40];
        snprintf(other, sizeof other, "{%s}other", key);
        assert_int_equal(add(&host, key, 2, 1, "value"), STATUS_OK);
        assert_int_equal(add(&host, other, 2, 1, "value"), STATUS_OK);
        commit(&host);
        struct buffer *value = &host.store.records[0].value;
        struct hint_name name;
        assert_int_equal(record_hint_name_decode(RECORD_HINT_CELL,
                                                 buffer_slice(&host.store.records[0].key), &name),
                         STATUS_OK);
        bool is_other = !slice_equal(name.key, slice_text(key));
        const char *poisoned = is_other ? other : key;
        value->data[value->length - 1] ^= 0xff; /* inside the cell: its value's bytes stay whole */
        value->data[value->length / 2] ^= 0xff;
        value->data[1] = 0; /* and it is owed to nobody */
        if (where == 0)
            restart(&host);
        else if (where == 1)
            assert_int_equal(owed(&host, key, 2), 1);
        else
            assert_int_equal(add(&host, poisoned, 2, 2, "next"), STATUS_OK);
        commit(&host);
        assert_int_equal(host.counts.aside, 1);
        assert_int_equal(count_kind(&host, RECORD_HINT_ASIDE), 1);
        assert_int_equal(owed(&host, key, 2), where == 2 ? 2 : 1);
        restart(&host); /* its bytes count, and it is not set aside again */
        assert_int_equal(host.counts.aside, 1);
        assert_int_equal(count_kind(&host, RECORD_HINT_ASIDE), 1);
        assert_int_equal(host.counts.cells, where == 2 ? 2 : 1);
        deinit(&host);
    }
}

/* Who was missing owns the partition no longer: nobody knows who has it, so all get it. */
static void a_hint_for_an_owner_of_before_is_owed_to_all_owners(void **state)
{
    struct host host;
    struct buffer name = {0}, value = {0}, cell_bytes = {0}, dots = {0};
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    struct cell cell = cell_of(1, "value");
    struct clock clock = {0};
    clock_add(&clock, &cell.siblings[0].dot);
    cell_encode(&cell, true, &cell_bytes);
    clock_encode(&clock, &dots);
    struct hint_record record = {.intended_count = 1,
                                 .intended = {4711},
                                 .first_ms = WALL,
                                 .dots = buffer_slice(&dots),
                                 .cell = buffer_slice(&cell_bytes)};
    struct hint_name hint_name = {.partition = partition_of(&host, key),
                                  .position = ring_position(slice_text(key), 0, host.ring->seed),
                                  .key = slice_text(key)};
    record_hint_name(RECORD_HINT_CELL, &hint_name, &name);
    hint_record_encode(&record, &value);
    store_batch_put(&host.batch, buffer_slice(&name), buffer_slice(&value));
    commit(&host);
    restart(&host);
    assert_int_equal(host.counts.debt_count, 3);
    for (node_id target = 1; target <= 3; target++) {
        struct hint_page page;
        page_of(&host, key, target, &page);
        assert_int_equal(drop(&host, key, target, &page), 1);
        commit(&host);
        hint_page_deinit(&page);
    }
    assert_int_equal(host.store.count, 0);
    cell_deinit(&cell);
    clock_deinit(&clock);
    buffer_deinit(&name);
    buffer_deinit(&value);
    buffer_deinit(&cell_bytes);
    buffer_deinit(&dots);
    deinit(&host);
}

/* ---- at random ----------------------------------------------------------------------------- */

/* H3, and nothing is gone that not every owner it was owed to has acknowledged. */
static void counts_are_those_of_the_records_whatever_happens(void **state)
{
    struct host host;
    struct random random = random_make(7);
    uint64_t newest[4] = {0};                       /* by key: the last version that was added */
    uint64_t has[4][4] = {{0}}, owes[4][4] = {{0}}; /* by key and owner: versions */
    (void)state;
    init(&host);
    for (unsigned step = 0; step < 4000; step++) {
        unsigned number = (unsigned)random_below(&random, 4);
        const char *key = a_key(&host, number);
        node_id target = (node_id)(1 + random_below(&random, 3));
        if (random_chance(&random, 1, 2)) {
            assert_int_equal(add(&host, key, target, ++newest[number], "value"), STATUS_OK);
            owes[number][target] = newest[number];
        } else {
            struct hint_page page;
            page_of(&host, key, target, &page);
            for (uint32_t i = 0; i < page.message.count; i++) {
                struct cell cell;
                struct reader reader = reader_make(page.message.deliveries);
                struct cell_delivery delivery;
                for (uint32_t j = 0; j <= i; j++)
                    cell_delivery_decode(&reader, &delivery);
                struct reader cells = reader_make(delivery.cell);
                cell_decode(&cells, &cell);
                for (unsigned k = 0; k < 4; k++)
                    if (slice_equal(delivery.key, slice_text(a_key(&host, k))) &&
                        cell.siblings[0].dot.sequence > has[k][target])
                        has[k][target] = cell.siblings[0].dot.sequence;
                cell_deinit(&cell);
            }
            if (random_chance(&random, 1, 3)) {
                assert_int_equal(add(&host, key, target, ++newest[number], "on its way"),
                                 STATUS_OK);
                owes[number][target] = newest[number];
            }
            drop(&host, key, target, &page);
            hint_page_deinit(&page);
        }
        if (random_chance(&random, 1, 3)) {
            commit(&host);
            assert_keeps_any(&host);
        }
        if (random_chance(&random, 1, 50)) {
            commit(&host);
            uint64_t bytes = host.counts.store_bytes;
            restart(&host);
            if (host.store.count > 0)
                assert_int_equal(host.counts.store_bytes, bytes);
        }
    }
    commit(&host);
    for (unsigned number = 0; number < 4; number++)
        for (node_id target = 1; target <= 3; target++)
            if (has[number][target] < owes[number][target])
                assert_true(owed(&host, a_key(&host, number), target) > 0);
    deinit(&host);
}

static void follow(struct host *host)
{
    hint_store_follow_ring(host->hints);
    open_hints(host);
    commit(host);
}

/* To whom it is owed in the end is not known before. */
static void a_hint_for_who_comes_or_leaves_waits_for_the_end_of_the_change(void **state)
{
    enum { STAYS = 1, LEAVES = 2, COMES = 5 };
    struct host host;
    char leaves[24], stays[24];
    (void)state;
    init(&host);
    const char *comes = a_key(&host, 0);
    partition_id partition = partition_of(&host, comes);
    snprintf(leaves, sizeof leaves, "{%s}l", comes);
    snprintf(stays, sizeof stays, "{%s}s", comes);
    fixture_add(host.ring, COMES, "eu", "e", 1);
    struct ring_transition *transition = ring_add_transition(host.ring, partition);
    for (int i = 0; i < 3; i++)
        if (transition->owners[i] == LEAVES)
            transition->owners[i] = COMES;
    node_id coming[3];
    memcpy(coming, transition->owners, sizeof coming);
    follow(&host);
    assert_int_equal(add(&host, comes, COMES, 1, "v"), STATUS_OK);
    assert_int_equal(add(&host, leaves, LEAVES, 2, "v"), STATUS_OK);
    assert_int_equal(add(&host, stays, STAYS, 3, "v"), STATUS_OK);
    commit(&host);
    for (node_id id = 1; id <= COMES; id++)
        assert_int_equal(owed(&host, comes, id), id == STAYS);
    restart(&host);
    assert_int_equal(host.counts.cells, 3);
    memcpy(host.ring->owners + (size_t)partition * 3, coming, sizeof coming);
    ring_remove_transition(host.ring, partition);
    ring_set_epoch(host.ring, partition, host.ring->tag.epoch + 1);
    follow(&host);
    assert_int_equal(owed(&host, comes, COMES), 2);
    assert_int_equal(owed(&host, comes, STAYS), 2);
    assert_int_equal(owed(&host, comes, 3), 1); /* what the one that left was to have */
    assert_int_equal(owed(&host, comes, LEAVES), 0);
    deinit(&host);
}

static void a_hint_goes_back_to_its_owner_when_the_change_is_given_up(void **state)
{
    struct host host;
    (void)state;
    init(&host);
    const char *key = a_key(&host, 0);
    partition_id partition = partition_of(&host, key);
    fixture_add(host.ring, 5, "eu", "e", 1);
    assert_int_equal(add(&host, key, 2, 1, "v"), STATUS_OK);
    commit(&host);
    struct ring_transition *transition = ring_add_transition(host.ring, partition);
    for (int i = 0; i < 3; i++)
        if (transition->owners[i] == 2)
            transition->owners[i] = 5;
    follow(&host);
    assert_int_equal(owed(&host, key, 2), 0);
    ring_remove_transition(host.ring, partition);
    ring_set_epoch(host.ring, partition, host.ring->tag.epoch + 1);
    follow(&host);
    assert_int_equal(owed(&host, key, 2), 1);
    assert_int_equal(owed(&host, key, 1), 0);
    deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_writes_of_a_key_are_one_record_with_all_their_dots),
        cmocka_unit_test(the_order_of_hints_does_not_matter),
        cmocka_unit_test(a_hint_twice_is_counted_and_changes_nothing),
        cmocka_unit_test(limits_refuse_and_drop_nothing),
        cmocka_unit_test(a_partition_that_refused_says_so_until_there_is_room),
        cmocka_unit_test(a_time_too_far_ahead_is_not_kept),
        cmocka_unit_test(a_hint_goes_when_every_owner_it_is_owed_to_has_it),
        cmocka_unit_test(what_was_merged_in_since_is_not_dropped),
        cmocka_unit_test(a_hint_behind_the_drop_is_kept),
        cmocka_unit_test(pages_are_bounded_and_go_on_where_they_ended),
        cmocka_unit_test(a_restart_finds_what_was_committed_and_its_counts),
        cmocka_unit_test(hints_that_are_gone_after_a_reopen_are_told_as_gone),
        cmocka_unit_test(a_poisoned_record_is_set_aside_once),
        cmocka_unit_test(a_hint_for_an_owner_of_before_is_owed_to_all_owners),
        cmocka_unit_test(a_hint_for_who_comes_or_leaves_waits_for_the_end_of_the_change),
        cmocka_unit_test(a_hint_goes_back_to_its_owner_when_the_change_is_given_up),
        cmocka_unit_test(counts_are_those_of_the_records_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

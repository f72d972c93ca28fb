/*
 * test_store_siblings.c - concurrent values at the store side: losses, limits, and conditions.
 */
#include "store_writes.h"

#include <stdio.h>
#include <string.h>

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
        cmocka_unit_test(losses_are_reported_once_they_are_durable),
        cmocka_unit_test(many_siblings_are_counted_each_time_and_logged_once_a_minute),
        cmocka_unit_test(a_write_beyond_the_limit_is_a_definite_error),
        cmocka_unit_test(a_cell_that_does_not_fit_holds_up_nothing_else),
        cmocka_unit_test(a_conditional_write_replaces_what_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_store_key_state.c - what a store side says of one key: the disk and the clock of one moment,
 * and nothing that is not durable.
 *
 * Node 1 owns every partition.
 */
#include "store_host.h"

#include "wire/message_key_state.h"
#include "wire/record.h"
#include "ring/position.h"

static struct store_host host;

static int begin(void **state)
{
    (void)state;
    store_host_init(&host, store_host_ring("eu:1"), 1, 1);
    store_host_open(&host);
    store_host_forget(&host);
    return 0;
}

static int end(void **state)
{
    struct ring *ring = host.ring;
    (void)state;
    store_host_deinit(&host);
    ring_free(ring);
    return 0;
}

static void ask(const char *key, int partition_off)
{
    struct buffer body = {0};
    struct message_key_state question = {
        .partition = (partition_id)((store_host_partition(&host, key) + partition_off) % 16),
        .key = slice_text(key)};
    message_key_state_encode(&question, &body);
    store_host_write(&host, MESSAGE_KEY_STATE, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The only answer. */
static struct message_key_state_result told(void)
{
    struct frame frame;
    struct message_key_state_result result;
    assert_int_equal(store_host_count(&host.early, MESSAGE_KEY_STATE_RESULT), 0);
    assert_int_equal(store_host_count(&host.late, MESSAGE_KEY_STATE_RESULT), 1);
    assert_true(store_host_find(&host.late, MESSAGE_KEY_STATE_RESULT, 0, &frame));
    assert_int_equal(message_key_state_result_decode(frame.body, &result), STATUS_OK);
    return result;
}

/* The one version of an answer's cell, and whether the clock has its event. */
static struct sibling version_in(const struct message_key_state_result *result)
{
    struct cell cell = {0};
    struct clock clock = {0};
    struct reader cells = reader_make(result->cell), clocks = reader_make(result->clock);
    cell_decode_versions(&cells, &cell);
    clock_decode(&clocks, &clock);
    assert_int_equal(reader_end(&cells), STATUS_OK);
    assert_int_equal(reader_end(&clocks), STATUS_OK);
    assert_int_equal(cell.count, 1);
    struct sibling sibling = cell.siblings[0];
    assert_true(clock_has(&clock, &sibling.dot));
    cell_deinit(&cell);
    clock_deinit(&clock);
    return sibling;
}

static void versions_are_told_and_values_are_not(void **state)
{
    (void)state;
    store_host_set(&host, "k", "four");
    store_host_forget(&host);
    ask("k", 0);
    store_host_commit(&host);
    struct message_key_state_result result = told();
    assert_int_equal(result.status, STATUS_OK);
    assert_true(result.held);
    assert_int_equal(result.replica_state, REPLICA_ACTIVE);
    assert_int_equal(result.intended_count, 0);
    struct sibling version = version_in(&result);
    assert_int_equal(version.omitted_bytes, 4);
    assert_int_equal(version.value.length, 0);
}

static void a_key_that_nobody_wrote_has_no_cell(void **state)
{
    (void)state;
    ask("k", 0);
    store_host_commit(&host);
    struct message_key_state_result result = told();
    assert_int_equal(result.status, STATUS_OK);
    assert_true(result.held);
    assert_int_equal(result.cell.length, 0);
}

/* Else the clock would have what the disk lacks, and the key would look damaged. */
static void what_the_group_brings_is_told_once_it_is_durable(void **state)
{
    (void)state;
    store_host_raise_ceiling(&host);
    store_host_forget(&host);
    ask("k", 0);
    store_host_set(&host, "k", "v"); /* commits both */
    struct message_key_state_result result = told();
    assert_int_equal(result.status, STATUS_OK);
    (void)version_in(&result);
}

static void a_failed_group_answers_nothing(void **state)
{
    (void)state;
    ask("k", 0);
    store_host_fail(&host, false);
    assert_int_equal(store_host_count(&host.late, MESSAGE_KEY_STATE_RESULT), 0);
    ask("k", 0); /* not open any more */
    store_host_commit(&host);
    assert_int_equal(told().status, STATUS_NOT_READY);
}

static void a_key_of_another_partition_is_refused(void **state)
{
    (void)state;
    ask("k", 1);
    store_host_commit(&host);
    struct message_key_state_result result = told();
    assert_int_equal(result.status, STATUS_INVALID);
    assert_false(result.held);
}

/* An operator who asks for the damaged key must hear of the damage. */
static void a_damaged_record_is_not_an_absent_one(void **state)
{
    (void)state;
    bool found = false;
    store_host_set(&host, "k", "v");
    store_host_forget(&host);
    for (size_t i = 0; i < host.store.count; i++) {
        struct cell_name name;
        if (record_cell_name_decode(buffer_slice(&host.store.records[i].key), &name) != STATUS_OK)
            continue;
        host.store.records[i].value.length--;
        found = true;
    }
    assert_true(found);
    ask("k", 0);
    store_host_commit(&host);
    assert_int_equal(told().status, STATUS_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions_are_told_and_values_are_not),
        TEST(a_key_that_nobody_wrote_has_no_cell),
        TEST(what_the_group_brings_is_told_once_it_is_durable),
        TEST(a_failed_group_answers_nothing),
        TEST(a_key_of_another_partition_is_refused),
        TEST(a_damaged_record_is_not_an_absent_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

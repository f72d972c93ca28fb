/*
 * test_store_read.c - gets and scans from committed state: what is there, and never a wrong
 * "absent".
 */
#include "store_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/position.h"
#include "wire/message_fetch.h"
#include "wire/record.h"

/* A store that is filled by hand, so that keys lie where the test wants them. */
struct shelf {
    struct ring *ring;
    struct memory_store store;
    struct store_port port;
    struct instant now;
    struct buffer replies;
};

static void init_shelf(struct shelf *shelf)
{
    *shelf = (struct shelf){.ring = store_host_ring("eu:1"),
                            .now = {.mono_us = 1000000, .wall_ms = STORE_HOST_WALL_MS}};
    shelf->port = memory_store_port(&shelf->store);
}

static void deinit_shelf(struct shelf *shelf)
{
    ring_free(shelf->ring);
    memory_store_deinit(&shelf->store);
    buffer_deinit(&shelf->replies);
}

static void put_record(struct shelf *shelf, struct slice name, struct slice record)
{
    struct buffer batch = {0};
    store_batch_put(&batch, name, record);
    memory_store_apply(&shelf->store, buffer_slice(&batch));
    buffer_deinit(&batch);
}

/* `value` NULL: a tombstone. */
static void put_at(struct shelf *shelf, uint64_t position, keyspace_id keyspace, const char *key,
                   const char *value)
{
    struct buffer name = {0}, record = {0};
    struct cell cell = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 1}, .sequence = 1}, .time = 5};
    sibling.kind = value == NULL ? SIBLING_TOMBSTONE : SIBLING_STRING;
    if (value != NULL)
        sibling.value = slice_text(value);
    cell_insert(&cell, &sibling);
    record_cell_name(position, keyspace, slice_text(key), &name);
    record_cell_encode(&cell, &record);
    put_record(shelf, buffer_slice(&name), buffer_slice(&record));
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
}

static uint64_t position_of(const struct shelf *shelf, const char *key)
{
    return ring_position(slice_text(key), 0, shelf->ring->seed);
}

static void put(struct shelf *shelf, const char *key, const char *value)
{
    put_at(shelf, position_of(shelf, key), 0, key, value);
}

/* Ask, and return the frame of the only reply. */
static struct frame ask(struct shelf *shelf, uint16_t type, struct slice body)
{
    struct buffer bytes = {0};
    struct frame frame;
    size_t used, offset = frame_start(&bytes, type, 77, 0);
    buffer_append_slice(&bytes, body);
    frame_finish(&bytes, offset);
    buffer_clear(&shelf->replies);
    store_side_read(&shelf->port, shelf->ring, buffer_slice(&bytes), shelf->now, &shelf->replies);
    buffer_deinit(&bytes);
    assert_int_equal(frame_open(buffer_slice(&shelf->replies), &frame, &used), STATUS_OK);
    assert_int_equal(used, shelf->replies.length);
    assert_int_equal(frame.type, type + 1);
    assert_int_equal(frame.request, 77);
    return frame;
}

static struct replica_address address_of_partition(const struct shelf *shelf,
                                                   partition_id partition)
{
    return (struct replica_address){.partition = partition, .tag = shelf->ring->tag};
}

/* ---- gets ---------------------------------------------------------------------------------- */

/* Keys are separated by spaces and share a partition. */
static struct message_read_result get(struct shelf *shelf, const char *text, bool with_values)
{
    struct buffer keys = {0}, body = {0};
    struct message_read_result result;
    char *copy = memory_copy(text, strlen(text)), *rest = NULL;
    struct message_read read = {.value_bytes_max = with_values ? UINT32_MAX : 0};
    for (char *key = strtok_r(copy, " ", &rest); key != NULL; key = strtok_r(NULL, " ", &rest)) {
        read.address =
            address_of_partition(shelf, ring_partition_of_position(position_of(shelf, key), 16));
        buffer_put_bytes(&keys, slice_text(key));
        read.key_count++;
    }
    read.keys = buffer_slice(&keys);
    message_read_encode(&read, &body);
    struct frame frame = ask(shelf, MESSAGE_READ, buffer_slice(&body));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    free(copy);
    buffer_deinit(&keys);
    buffer_deinit(&body);
    return result;
}

static void assert_next_cell(struct reader *cells, uint32_t siblings, const char *value)
{
    struct cell cell;
    struct reader reader = reader_make(reader_bytes(cells));
    cell_decode_versions(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(cell.count, siblings);
    if (siblings > 0)
        assert_true(slice_equal(cell.siblings[0].value, slice_text(value)));
    cell_deinit(&cell);
}

static void cells_come_in_the_order_of_their_keys(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    put(&shelf, "{t}a", "1");
    put(&shelf, "{t}b", "2");
    struct message_read_result result = get(&shelf, "{t}b {t}absent {t}a {t}b", true);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.cell_count, 4);
    struct reader cells = reader_make(result.cells);
    assert_next_cell(&cells, 1, "2");
    assert_next_cell(&cells, 0, NULL);
    assert_next_cell(&cells, 1, "1");
    assert_next_cell(&cells, 1, "2");
    deinit_shelf(&shelf);
}

static void versions_come_without_their_values(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    put(&shelf, "k", "a value");
    struct message_read_result result = get(&shelf, "k", false);
    struct reader cells = reader_make(result.cells);
    assert_next_cell(&cells, 1, "");
    deinit_shelf(&shelf);
}

static void the_same_key_of_another_keyspace_is_another_cell(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    put_at(&shelf, position_of(&shelf, "k"), 7, "k", "of 7");
    struct message_read_result result = get(&shelf, "k", true);
    struct reader cells = reader_make(result.cells);
    assert_next_cell(&cells, 0, NULL);
    deinit_shelf(&shelf);
}

/* One record that cannot be read spoils the answer: it must never look like an absent key. */
static void a_record_that_cannot_be_read_is_a_status(void **state)
{
    struct shelf shelf;
    struct buffer name = {0};
    (void)state;
    init_shelf(&shelf);
    put(&shelf, "{t}a", "1");
    put(&shelf, "{t}b", "2");
    record_cell_name(position_of(&shelf, "{t}b"), 0, slice_text("{t}b"), &name);
    buffer_append_slice(&shelf.store.broken, buffer_slice(&name));
    struct message_read_result result = get(&shelf, "{t}a {t}b", true);
    assert_int_equal(result.status, STATUS_CORRUPT);
    assert_int_equal(result.cell_count, 0);
    buffer_clear(&shelf.store.broken);
    static const char *const damaged[] = {"", "\1", "\2\0\0", "\1garbage", "\1\0\0\0"};
    static const size_t lengths[] = {0, 1, 3, 8, 4};
    for (int i = 0; i < 5; i++) {
        put_record(&shelf, buffer_slice(&name), slice_make(damaged[i], lengths[i]));
        for (int with_values = 0; with_values < 2; with_values++) {
            result = get(&shelf, "{t}a {t}b", with_values == 1);
            assert_int_equal(result.status, STATUS_CORRUPT);
            assert_int_equal(result.cell_count, 0);
        }
    }
    buffer_deinit(&name);
    deinit_shelf(&shelf);
}

static void cells_that_no_message_can_carry_are_too_large(void **state)
{
    struct shelf shelf;
    char *value = memory_new(MESSAGE_PAYLOAD_BYTES_MAX, 1);
    (void)state;
    init_shelf(&shelf);
    memset(value, 'v', MESSAGE_PAYLOAD_BYTES_MAX * 2 / 3);
    put(&shelf, "k", value);
    assert_int_equal(get(&shelf, "k", true).status, STATUS_OK);
    struct message_read_result result = get(&shelf, "k k", true);
    assert_int_equal(result.status, STATUS_TOO_LARGE);
    assert_int_equal(result.cell_count, 0);
    assert_int_equal(get(&shelf, "k k k", false).status, STATUS_OK);
    free(value);
    deinit_shelf(&shelf);
}

/* ---- fetches ------------------------------------------------------------------------------- */

static void put_siblings(struct shelf *shelf, const char *key, unsigned count)
{
    static const char *const values[] = {"one", "two", "three"};
    struct buffer name = {0}, record = {0};
    struct cell cell = {0};
    for (unsigned i = 0; i < count; i++)
        cell_insert(&cell, &(struct sibling){.dot = {.actor = {.node = i + 1}, .sequence = 1},
                                             .time = 5 + i,
                                             .value = slice_text(values[i])});
    record_cell_name(position_of(shelf, key), 0, slice_text(key), &name);
    record_cell_encode(&cell, &record);
    put_record(shelf, buffer_slice(&name), buffer_slice(&record));
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
}

/* Ask for the versions of `nodes` (sequence 1 each) of one key. */
static struct message_read_result fetch(struct shelf *shelf, const char *key, const node_id *nodes,
                                        uint16_t count)
{
    struct buffer dots = {0}, keys = {0}, body = {0};
    struct message_read_result result;
    for (uint16_t i = 0; i < count; i++)
        dot_encode(&(struct dot){.actor = {.node = nodes[i]}, .sequence = 1}, &dots);
    struct fetch_key wanted = {
        .key = slice_text(key), .dot_count = count, .dots = buffer_slice(&dots)};
    fetch_key_encode(&wanted, &keys);
    struct message_fetch message = {
        .address =
            address_of_partition(shelf, ring_partition_of_position(position_of(shelf, key), 16)),
        .key_count = 1,
        .keys = buffer_slice(&keys)};
    message_fetch_encode(&message, &body);
    struct frame frame = ask(shelf, MESSAGE_FETCH, buffer_slice(&body));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    buffer_deinit(&dots);
    buffer_deinit(&keys);
    buffer_deinit(&body);
    return result;
}

static void assert_brings(const struct message_read_result *result, uint32_t siblings,
                          unsigned values)
{
    struct cell cell;
    assert_int_equal(result->status, STATUS_OK);
    assert_int_equal(result->cell_count, 1);
    struct reader cells = reader_make(result->cells);
    struct reader reader = reader_make(reader_bytes(&cells));
    cell_decode_versions(&reader, &cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(cell.count, siblings);
    for (uint32_t i = 0; i < cell.count; i++)
        assert_int_equal(cell.siblings[i].omitted_bytes == 0, values >> i & 1);
    cell_deinit(&cell);
}

static void a_fetch_brings_the_wanted_values_alone(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    put_siblings(&shelf, "k", 3);
    struct message_read_result result = fetch(&shelf, "k", (node_id[]){2}, 1);
    assert_brings(&result, 3, 1 << 1);
    result = fetch(&shelf, "k", (node_id[]){3, 1}, 2);
    assert_brings(&result, 3, 1 << 0 | 1 << 2);
    result = fetch(&shelf, "k", NULL, 0);
    assert_brings(&result, 0, 0);
    deinit_shelf(&shelf);
}

/* Else its asker would be no further than before. */
static void a_fetch_of_what_is_gone_brings_everything(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    put_siblings(&shelf, "k", 3);
    struct message_read_result result = fetch(&shelf, "k", (node_id[]){2, 9}, 2);
    assert_brings(&result, 3, 7);
    result = fetch(&shelf, "absent", (node_id[]){1}, 1);
    assert_brings(&result, 0, 0);
    deinit_shelf(&shelf);
}

static void a_fetch_that_makes_no_sense_is_answered_so(void **state)
{
    struct shelf shelf;
    struct message_read_result result;
    (void)state;
    init_shelf(&shelf);
    struct frame frame = ask(&shelf, MESSAGE_FETCH, slice_text("garbage"));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_CORRUPT);
    put_siblings(&shelf, "k", 1);
    struct buffer name = {0};
    record_cell_name(position_of(&shelf, "k"), 0, slice_text("k"), &name);
    put_record(&shelf, buffer_slice(&name), slice_text("\1garbage"));
    assert_int_equal(fetch(&shelf, "k", (node_id[]){1}, 1).status, STATUS_CORRUPT);
    buffer_deinit(&name);
    deinit_shelf(&shelf);
}

static void a_question_that_makes_no_sense_is_answered_so(void **state)
{
    struct shelf shelf;
    struct message_read_result result;
    struct buffer keys = {0}, body = {0}, key = {0};
    (void)state;
    init_shelf(&shelf);
    struct frame frame = ask(&shelf, MESSAGE_READ, slice_text("garbage"));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_CORRUPT);

    memset(buffer_reserve(&key, 70000), 'k', 70000);
    key.length = 70000;
    buffer_put_bytes(&keys, buffer_slice(&key));
    partition_id partition =
        ring_partition_of_slot(ring_slot(buffer_slice(&key)), shelf.ring->partition_count);
    struct message_read read = {.address = address_of_partition(&shelf, partition),
                                .key_count = 1,
                                .keys = buffer_slice(&keys)};
    message_read_encode(&read, &body);
    frame = ask(&shelf, MESSAGE_READ, buffer_slice(&body));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_INVALID);
    buffer_deinit(&key);
    buffer_deinit(&keys);
    buffer_deinit(&body);
    deinit_shelf(&shelf);
}

/* This node may not own the key's partition: then "absent" would be no answer at all. */
static void a_key_of_another_partition_is_not_looked_up(void **state)
{
    struct shelf shelf;
    struct message_read_result result;
    struct buffer keys = {0}, body = {0};
    (void)state;
    init_shelf(&shelf);
    buffer_put_bytes(&keys, slice_text("k"));
    partition_id partition = ring_partition_of_position(position_of(&shelf, "k"), 16);
    struct message_read read = {.address = address_of_partition(&shelf, partition ^ 1),
                                .key_count = 1,
                                .keys = buffer_slice(&keys)};
    message_read_encode(&read, &body);
    struct frame frame = ask(&shelf, MESSAGE_READ, buffer_slice(&body));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_INVALID);
    buffer_deinit(&keys);
    buffer_deinit(&body);
    deinit_shelf(&shelf);
}

/* ---- ranges -------------------------------------------------------------------------------- */

static struct message_range_result scan(struct shelf *shelf, const struct message_range *range)
{
    struct buffer body = {0};
    struct message_range_result result;
    message_range_encode(range, &body);
    struct frame frame = ask(shelf, MESSAGE_RANGE, buffer_slice(&body));
    assert_int_equal(message_range_result_decode(frame.body, &result), STATUS_OK);
    buffer_deinit(&body);
    return result;
}

static struct message_range range_of(const struct shelf *shelf, partition_id partition,
                                     uint64_t position, uint32_t limit)
{
    return (struct message_range){.address = address_of_partition(shelf, partition),
                                  .position = position,
                                  .limit = limit,
                                  .with_values = true};
}

/* "a=1 b" : keys in their order, "=value" where there is one. */
static void assert_entries(const struct message_range_result *result, const char *expected)
{
    struct buffer text = {0};
    struct reader reader = reader_make(result->entries);
    uint64_t previous = 0;
    assert_int_equal(result->status, STATUS_OK);
    for (uint32_t i = 0; i < result->entry_count; i++) {
        struct cell cell;
        uint64_t position = reader_u64(&reader);
        struct slice key = reader_bytes(&reader);
        struct reader inner = reader_make(reader_bytes(&reader));
        assert_int_equal(reader_u8(&reader), 0); /* no collection */
        assert_true(position >= previous);
        previous = position;
        cell_decode_versions(&inner, &cell);
        assert_int_equal(reader_end(&inner), STATUS_OK);
        buffer_printf(&text, "%s%.*s", i == 0 ? "" : " ", (int)key.length, (const char *)key.data);
        if (cell.siblings[0].kind == SIBLING_STRING)
            buffer_printf(&text, "=%.*s", (int)cell.siblings[0].value.length,
                          (const char *)cell.siblings[0].value.data);
        cell_deinit(&cell);
    }
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&text), slice_text(expected)));
    buffer_deinit(&text);
}

static void a_range_walks_the_partition_in_pages(void **state)
{
    struct shelf shelf;
    uint64_t first;
    (void)state;
    init_shelf(&shelf);
    first = ring_position_first(3, 16);
    put_at(&shelf, first, 0, "a", "1");
    put_at(&shelf, first + 10, 0, "b", "2");
    put_at(&shelf, first + 20, 0, "c", "3");
    struct message_range range = range_of(&shelf, 3, first, 2);
    struct message_range_result result = scan(&shelf, &range);
    assert_entries(&result, "a=1 b=2");
    assert_false(result.done);
    assert_int_equal(result.next_position, first + 20);
    range.position = result.next_position;
    result = scan(&shelf, &range);
    assert_entries(&result, "c=3");
    assert_true(result.done);
    range.with_values = false;
    result = scan(&shelf, &range);
    assert_entries(&result, "c=");
    deinit_shelf(&shelf);
}

/* A cursor is a position: what lies at one position has to come in one page. */
static void keys_of_one_position_are_never_torn_apart(void **state)
{
    struct shelf shelf;
    uint64_t first;
    (void)state;
    init_shelf(&shelf);
    first = ring_position_first(3, 16);
    put_at(&shelf, first, 0, "a", "1");
    put_at(&shelf, first + 1, 0, "b", "2");
    put_at(&shelf, first + 1, 0, "c", "3");
    put_at(&shelf, first + 1, 0, "d", "4");
    put_at(&shelf, first + 2, 0, "e", "5");
    struct message_range range = range_of(&shelf, 3, first, 2);
    struct message_range_result result = scan(&shelf, &range);
    assert_entries(&result, "a=1 b=2 c=3 d=4");
    assert_int_equal(result.next_position, first + 2);
    range.limit = 0; /* a limit of nothing still gets ahead */
    result = scan(&shelf, &range);
    assert_entries(&result, "a=1");
    assert_int_equal(result.next_position, first + 1);
    deinit_shelf(&shelf);
}

/* A tombstone must reach the coordinator, where it hides older copies; it fills no limit. */
static void tombstones_come_along_and_do_not_count(void **state)
{
    struct shelf shelf;
    uint64_t first;
    (void)state;
    init_shelf(&shelf);
    first = ring_position_first(3, 16);
    for (uint64_t i = 0; i < 5; i++)
        put_at(&shelf, first + i, 0, "t", NULL);
    put_at(&shelf, first + 5, 0, "a", "1");
    put_at(&shelf, first + 6, 0, "b", "2");
    struct message_range range = range_of(&shelf, 3, first, 1);
    struct message_range_result result = scan(&shelf, &range);
    assert_entries(&result, "t t t t t a=1");
    assert_int_equal(result.next_position, first + 6);
    deinit_shelf(&shelf);
}

static void a_range_has_one_partition_and_one_keyspace(void **state)
{
    struct shelf shelf;
    uint64_t first, last;
    struct message_range range;
    struct message_range_result result;
    (void)state;
    init_shelf(&shelf);
    first = ring_position_first(3, 16);
    last = ring_position_last(3, 16);
    put_at(&shelf, first - 1, 0, "before", "0");
    put_at(&shelf, first, 0, "a", "1");
    put_at(&shelf, first, 7, "of 7", "1");
    put_at(&shelf, last, 0, "z", "2");
    put_at(&shelf, last + 1, 0, "behind", "3");
    range = range_of(&shelf, 3, first, 100);
    result = scan(&shelf, &range);
    assert_entries(&result, "a=1 z=2");
    assert_true(result.done);
    range.position = 0; /* also when the question begins before it */
    result = scan(&shelf, &range);
    assert_entries(&result, "a=1 z=2");
    range.position = last + 1;
    result = scan(&shelf, &range);
    assert_entries(&result, "");
    assert_true(result.done);
    range = range_of(&shelf, 15, ring_position_first(15, 16), 100);
    result = scan(&shelf, &range); /* the last one, with nothing behind it */
    assert_entries(&result, "");
    assert_true(result.done);
    range = range_of(&shelf, 3, first, 100);
    range.keyspace = 7;
    result = scan(&shelf, &range);
    assert_entries(&result, "of 7=1");
    deinit_shelf(&shelf);
}

static void a_partition_that_the_ring_has_not_is_invalid(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    struct message_range range = range_of(&shelf, 16, 0, 100);
    assert_int_equal(scan(&shelf, &range).status, STATUS_INVALID);
    deinit_shelf(&shelf);
}

static void records_of_other_kinds_end_a_range(void **state)
{
    struct shelf shelf;
    struct buffer name = {0};
    (void)state;
    init_shelf(&shelf);
    put_at(&shelf, UINT64_MAX, 0, "last", "1");
    record_log_name(0, 1, &name);
    put_record(&shelf, buffer_slice(&name), slice_text("a log record"));
    struct message_range range = range_of(&shelf, 15, ring_position_first(15, 16), 100);
    struct message_range_result result = scan(&shelf, &range);
    assert_entries(&result, "last=1");
    assert_true(result.done);
    buffer_deinit(&name);
    deinit_shelf(&shelf);
}

static void a_damaged_record_is_the_status_of_the_range(void **state)
{
    struct shelf shelf;
    struct buffer name = {0};
    uint64_t first;
    (void)state;
    init_shelf(&shelf);
    first = ring_position_first(3, 16);
    put_at(&shelf, first, 0, "a", "1");
    record_cell_name(first + 1, 0, slice_text("b"), &name);
    put_record(&shelf, buffer_slice(&name), slice_text("garbage"));
    struct message_range range = range_of(&shelf, 3, first, 100);
    struct message_range_result result = scan(&shelf, &range);
    assert_int_equal(result.status, STATUS_CORRUPT);
    assert_int_equal(result.entry_count, 0);
    name.length--; /* now it is the name that does not decode */
    put_record(&shelf, buffer_slice(&name), slice_text("garbage"));
    result = scan(&shelf, &range);
    assert_int_equal(result.status, STATUS_CORRUPT);
    buffer_deinit(&name);
    deinit_shelf(&shelf);
}

static enum status failing_error(const struct store_iterator *iterator)
{
    (void)iterator;
    return STATUS_IO;
}

/* A walk that broke off looks like one that ended, until the iterator is asked. */
static void a_walk_that_broke_off_is_not_the_end(void **state)
{
    struct shelf shelf;
    (void)state;
    init_shelf(&shelf);
    shelf.port.error = failing_error;
    struct message_range range = range_of(&shelf, 3, ring_position_first(3, 16), 100);
    struct message_range_result result = scan(&shelf, &range);
    assert_int_equal(result.status, STATUS_IO);
    assert_int_equal(result.entry_count, 0);
    deinit_shelf(&shelf);
}

static void a_page_is_bounded_in_bytes(void **state)
{
    enum { KEYS = 40, VALUE_BYTES = 100000 };
    struct shelf shelf;
    char *value = memory_new(VALUE_BYTES + 1, 1);
    uint64_t first;
    uint32_t seen = 0;
    (void)state;
    init_shelf(&shelf);
    memset(value, 'v', VALUE_BYTES);
    first = ring_position_first(3, 16);
    for (uint64_t i = 0; i < KEYS; i++)
        put_at(&shelf, first + i, 0, "k", value);
    struct message_range range = range_of(&shelf, 3, first, KEYS);
    for (int page = 0;; page++) {
        struct message_range_result result = scan(&shelf, &range);
        assert_int_equal(result.status, STATUS_OK);
        assert_true(result.entries.length < 2 << 20);
        assert_true(page < KEYS);
        seen += result.entry_count;
        if (result.done)
            break;
        assert_true(result.next_position > range.position);
        range.position = result.next_position;
    }
    assert_int_equal(seen, KEYS);
    free(value);
    deinit_shelf(&shelf);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void a_question_past_its_deadline_is_not_answered(void **state)
{
    static const struct {
        uint32_t deadline_ms;
        bool answered;
    } cases[] = {{0, true}, {999, false}, {1000, true}, {1001, true}};
    struct shelf shelf;
    struct buffer body = {0};
    (void)state;
    init_shelf(&shelf);
    struct message_range range = range_of(&shelf, 3, 0, 1);
    message_range_encode(&range, &body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer bytes = {0};
        size_t offset = frame_start(&bytes, MESSAGE_RANGE, 1, cases[i].deadline_ms);
        buffer_append_slice(&bytes, buffer_slice(&body));
        frame_finish(&bytes, offset);
        buffer_clear(&shelf.replies);
        store_side_read(&shelf.port, shelf.ring, buffer_slice(&bytes), shelf.now, &shelf.replies);
        assert_int_equal(shelf.replies.length > 0, cases[i].answered);
        buffer_deinit(&bytes);
    }
    buffer_deinit(&body);
    deinit_shelf(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_come_in_the_order_of_their_keys),
        cmocka_unit_test(versions_come_without_their_values),
        cmocka_unit_test(the_same_key_of_another_keyspace_is_another_cell),
        cmocka_unit_test(a_record_that_cannot_be_read_is_a_status),
        cmocka_unit_test(cells_that_no_message_can_carry_are_too_large),
        cmocka_unit_test(a_question_that_makes_no_sense_is_answered_so),
        cmocka_unit_test(a_key_of_another_partition_is_not_looked_up),
        cmocka_unit_test(a_range_walks_the_partition_in_pages),
        cmocka_unit_test(keys_of_one_position_are_never_torn_apart),
        cmocka_unit_test(tombstones_come_along_and_do_not_count),
        cmocka_unit_test(a_range_has_one_partition_and_one_keyspace),
        cmocka_unit_test(a_partition_that_the_ring_has_not_is_invalid),
        cmocka_unit_test(records_of_other_kinds_end_a_range),
        cmocka_unit_test(a_damaged_record_is_the_status_of_the_range),
        cmocka_unit_test(a_walk_that_broke_off_is_not_the_end),
        cmocka_unit_test(a_page_is_bounded_in_bytes),
        cmocka_unit_test(a_question_past_its_deadline_is_not_answered),
        cmocka_unit_test(a_fetch_brings_the_wanted_values_alone),
        cmocka_unit_test(a_fetch_of_what_is_gone_brings_everything),
        cmocka_unit_test(a_fetch_that_makes_no_sense_is_answered_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

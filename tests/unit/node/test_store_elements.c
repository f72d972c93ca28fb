/*
 * test_store_elements.c - collections as they are read from committed state.
 */
#include "store_host.h"

#include <stdio.h>
#include <string.h>

#include "causal/cut.h"
#include "node/store_elements.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "wire/message_collection.h"
#include "wire/record.h"

/* A store that is filled by hand. */
struct shelf {
    struct ring *ring;
    struct memory_store store;
    struct store_port port;
    struct buffer replies;
};

static void init_shelf(struct shelf *shelf)
{
    *shelf = (struct shelf){.ring = store_host_ring("eu:1")};
    shelf->port = memory_store_port(&shelf->store);
}

static void deinit_shelf(struct shelf *shelf)
{
    ring_free(shelf->ring);
    memory_store_deinit(&shelf->store);
    buffer_deinit(&shelf->replies);
}

static void put_cell(struct shelf *shelf, keyspace_id keyspace, struct slice key,
                     const struct sibling *sibling)
{
    struct buffer name = {0}, record = {0}, batch = {0};
    struct cell cell = {0};
    cell_insert(&cell, sibling);
    record_cell_name(ring_position(key, keyspace, shelf->ring->seed), keyspace, key, &name);
    record_cell_encode(&cell, &record);
    store_batch_put(&batch, buffer_slice(&name), buffer_slice(&record));
    memory_store_apply(&shelf->store, buffer_slice(&batch));
    cell_deinit(&cell);
    buffer_deinit(&name);
    buffer_deinit(&record);
    buffer_deinit(&batch);
}

static struct dot dot_of(uint64_t sequence)
{
    return (struct dot){.actor = {.node = 1}, .sequence = sequence};
}

/* `value` NULL: a tombstone. */
static void put_element(struct shelf *shelf, const char *key, uint8_t type, const char *element,
                        uint64_t sequence, const char *value)
{
    struct buffer name = {0};
    struct sibling sibling = {.dot = dot_of(sequence), .time = 5, .kind = SIBLING_TOMBSTONE};
    if (value != NULL) {
        sibling.kind = SIBLING_STRING;
        sibling.value = slice_text(value);
    }
    element_key_encode(slice_text(key), type, slice_text(element), shelf->ring->seed, &name);
    put_cell(shelf, KEYSPACE_ELEMENTS, buffer_slice(&name), &sibling);
    buffer_deinit(&name);
}

static void put_field(struct shelf *shelf, const char *key, const char *field, uint64_t sequence,
                      const char *value)
{
    put_element(shelf, key, COLLECTION_HASH, field, sequence, value);
}

static void put_string(struct shelf *shelf, const char *key)
{
    put_cell(shelf, 0, slice_text(key),
             &(struct sibling){.dot = dot_of(1000), .time = 5, .value = slice_text("string")});
}

/* All events up to `sequence` are removed. */
static void put_cut(struct shelf *shelf, const char *key, uint64_t sequence)
{
    struct clock clock = {0};
    struct buffer value = {0};
    struct dot dot = dot_of(1);
    clock_add_range(&clock, &dot.actor, (struct clock_range){1, sequence});
    clock_encode(&clock, &value);
    put_cell(
        shelf, 0, slice_text(key),
        &(struct sibling){.dot = dot_of(500), .kind = SIBLING_CUT, .value = buffer_slice(&value)});
    clock_deinit(&clock);
    buffer_deinit(&value);
}

static struct replica_address address_of(const struct shelf *shelf, const char *key)
{
    uint64_t position = ring_position(slice_text(key), 0, shelf->ring->seed);
    return (struct replica_address){.partition = ring_partition_of_position(position, 16),
                                    .tag = shelf->ring->tag};
}

static struct message_elements_result walk_type(struct shelf *shelf, const char *key, uint8_t type,
                                                uint64_t place, uint32_t limit)
{
    struct buffer body = {0}, bytes = {0};
    struct message_elements_result result;
    struct frame frame;
    size_t used;
    message_elements_encode(&(struct message_elements){.address = address_of(shelf, key),
                                                       .type = type,
                                                       .place = place,
                                                       .limit = limit,
                                                       .key = slice_text(key)},
                            &body);
    size_t offset = frame_start(&bytes, MESSAGE_ELEMENTS, 77, 0);
    buffer_append_slice(&bytes, buffer_slice(&body));
    frame_finish(&bytes, offset);
    buffer_clear(&shelf->replies);
    store_side_read(&shelf->port, shelf->ring, buffer_slice(&bytes), (struct instant){0},
                    &shelf->replies);
    assert_int_equal(frame_open(buffer_slice(&shelf->replies), &frame, &used), STATUS_OK);
    assert_int_equal(frame.type, MESSAGE_ELEMENTS_RESULT);
    assert_int_equal(message_elements_result_decode(frame.body, &result), STATUS_OK);
    buffer_deinit(&body);
    buffer_deinit(&bytes);
    return result;
}

static struct message_elements_result walk(struct shelf *shelf, const char *key, uint64_t place,
                                           uint32_t limit)
{
    return walk_type(shelf, key, COLLECTION_HASH, place, limit);
}

static uint8_t type_of(struct shelf *shelf, const char *key, const struct cell *head, bool hidden)
{
    uint8_t type;
    assert_int_equal(store_collection_of(&shelf->port, shelf->ring->seed, 0, slice_text(key), head,
                                         hidden, 0, &type),
                     STATUS_OK);
    return type;
}

static void a_walk_meets_the_elements_of_its_key_alone(void **state)
{
    struct shelf shelf;
    char field[8];
    (void)state;
    init_shelf(&shelf);
    for (int i = 0; i < 20; i++) {
        snprintf(field, sizeof field, "f%d", i);
        put_field(&shelf, "a", field, 1, "1");
        put_field(&shelf, "b", field, 1, "1");
        put_field(&shelf, "af", field, 1, "1");
    }
    put_string(&shelf, "a");
    struct message_elements_result result = walk(&shelf, "a", 0, 1000);
    assert_int_equal(result.status, STATUS_OK);
    assert_true(result.done);
    assert_int_equal(result.entry_count, 20);
    assert_true(result.head.length > 5); /* the string comes along: the coordinator judges */
    struct reader reader = reader_make(result.entries);
    uint64_t previous = 0;
    for (int i = 0; i < 20; i++) {
        struct element_entry entry;
        element_entry_decode(&reader, &entry);
        assert_true(entry.place >= previous);
        assert_int_equal(entry.place, element_place(entry.element, shelf.ring->seed));
        previous = entry.place;
    }
    deinit_shelf(&shelf);
}

static void pages_lead_on_until_all_were_met(void **state)
{
    struct shelf shelf;
    char field[8];
    uint32_t met = 0, pages = 0;
    uint64_t place = 0;
    (void)state;
    init_shelf(&shelf);
    for (int i = 0; i < 50; i++) {
        snprintf(field, sizeof field, "f%d", i);
        put_field(&shelf, "a", field, 1, "1");
    }
    for (bool done = false; !done; pages++) {
        struct message_elements_result result = walk(&shelf, "a", place, 7);
        met += result.entry_count;
        done = result.done;
        assert_true(done || result.next_place > place);
        place = result.next_place;
    }
    assert_int_equal(met, 50);
    assert_int_equal(pages, 8);
    deinit_shelf(&shelf);
}

/* Or an owner that lacks the removal would win. What was cut needs not, for the cut comes along. */
static void removed_elements_come_along_and_do_not_count(void **state)
{
    struct shelf shelf;
    char field[8];
    (void)state;
    init_shelf(&shelf);
    for (int i = 0; i < 30; i++) {
        snprintf(field, sizeof field, "f%d", i);
        put_field(&shelf, "a", field, 1 + (uint64_t)i, i < 15 ? "1" : NULL);
    }
    put_cut(&shelf, "a", 10);
    struct message_elements_result result = walk(&shelf, "a", 0, 6);
    assert_int_equal(result.entry_count, 20); /* 10 are cut, 5 live */
    assert_true(result.done);
    deinit_shelf(&shelf);
}

static void a_page_of_another_partition_is_not_looked_up(void **state)
{
    struct shelf shelf;
    struct message_read read = {.keyspace = KEYSPACE_ELEMENTS, .key_count = 1};
    struct buffer keys = {0}, cells = {0};
    uint8_t type;
    (void)state;
    init_shelf(&shelf);
    buffer_put_bytes(&keys, slice_text("a"));
    read.keys = buffer_slice(&keys);
    read.address = address_of(&shelf, "a");
    assert_int_equal(store_read_named(&shelf.port, shelf.ring, &read, 0, &cells, &type), STATUS_OK);
    read.address.partition ^= 1;
    assert_int_equal(store_read_named(&shelf.port, shelf.ring, &read, 0, &cells, &type),
                     STATUS_INVALID);
    read.address.partition = UINT16_MAX;
    assert_int_equal(store_read_named(&shelf.port, shelf.ring, &read, 0, &cells, &type),
                     STATUS_INVALID);
    buffer_deinit(&keys);
    buffer_deinit(&cells);
    deinit_shelf(&shelf);
}

static void a_key_has_the_type_of_its_live_elements(void **state)
{
    struct shelf shelf;
    struct cell none = {0}, string = {0};
    (void)state;
    init_shelf(&shelf);
    cell_insert(&string, &(struct sibling){.dot = dot_of(9), .value = slice_text("s")});
    assert_int_equal(type_of(&shelf, "a", &none, false), COLLECTION_NONE);
    put_field(&shelf, "a", "f", 1, NULL);
    assert_int_equal(type_of(&shelf, "a", &none, false), COLLECTION_NONE);
    put_field(&shelf, "a", "g", 2, "1");
    assert_int_equal(type_of(&shelf, "a", &none, false), COLLECTION_HASH);
    assert_int_equal(type_of(&shelf, "a", &string, false), COLLECTION_NONE);
    assert_int_equal(type_of(&shelf, "a", &string, true), COLLECTION_HASH);
    assert_int_equal(type_of(&shelf, "b", &none, false), COLLECTION_NONE);
    cell_deinit(&string);
    deinit_shelf(&shelf);
}

/* What a read of one element tells of the key's type. */
static uint8_t told_with(struct shelf *shelf, const char *key, uint8_t asked, const char *element)
{
    struct message_read read = {
        .keyspace = KEYSPACE_ELEMENTS, .address = address_of(shelf, key), .key_count = 2};
    struct buffer keys = {0}, name = {0}, cells = {0};
    uint8_t type;
    element_key_encode(slice_text(key), asked, slice_text(element), shelf->ring->seed, &name);
    buffer_put_bytes(&keys, slice_text(key));
    buffer_put_bytes(&keys, buffer_slice(&name));
    read.keys = buffer_slice(&keys);
    assert_int_equal(store_read_named(&shelf->port, shelf->ring, &read, 0, &cells, &type),
                     STATUS_OK);
    buffer_deinit(&keys);
    buffer_deinit(&name);
    buffer_deinit(&cells);
    return type;
}

/* Whoever reads a set is told of the hash that hides it, as long as it lives. */
static void a_hash_is_told_before_a_set(void **state)
{
    struct shelf shelf;
    struct cell none = {0};
    (void)state;
    init_shelf(&shelf);
    put_element(&shelf, "a", COLLECTION_SET, "m", 1, "");
    assert_int_equal(told_with(&shelf, "a", COLLECTION_SET, "m"), COLLECTION_SET);
    assert_int_equal(told_with(&shelf, "a", COLLECTION_HASH, "f"), COLLECTION_SET);
    assert_int_equal(walk_type(&shelf, "a", COLLECTION_HASH, 0, 10).type, COLLECTION_SET);
    put_element(&shelf, "a", COLLECTION_HASH_COUNTS, "f", 2, "");
    assert_int_equal(type_of(&shelf, "a", &none, false), COLLECTION_SET);
    put_field(&shelf, "a", "f", 3, "1");
    assert_int_equal(type_of(&shelf, "a", &none, false), COLLECTION_HASH);
    assert_int_equal(told_with(&shelf, "a", COLLECTION_SET, "m"), COLLECTION_HASH);
    assert_int_equal(told_with(&shelf, "a", COLLECTION_HASH, "g"), COLLECTION_HASH);
    struct message_elements_result result = walk_type(&shelf, "a", COLLECTION_SET, 0, 10);
    assert_int_equal(result.type, COLLECTION_HASH);
    assert_int_equal(result.entry_count, 1); /* it comes along: the coordinator judges */
    put_field(&shelf, "a", "f", 4, NULL);
    assert_int_equal(told_with(&shelf, "a", COLLECTION_SET, "m"), COLLECTION_SET);
    put_cut(&shelf, "a", 10);
    assert_int_equal(told_with(&shelf, "a", COLLECTION_SET, "m"), COLLECTION_NONE);
    deinit_shelf(&shelf);
}

/* SCAN: an entry for each collection that lives, however many elements it has. */
static void a_range_lists_each_collection_once(void **state)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    struct shelf shelf;
    char field[8];
    unsigned listed[4] = {0};
    (void)state;
    init_shelf(&shelf);
    for (unsigned k = 0; k < 4; k++)
        for (int i = 0; i < 20; i++) {
            snprintf(field, sizeof field, "f%d", i);
            put_field(&shelf, keys[k], field, 1 + (uint64_t)i, "1");
            put_element(&shelf, keys[k], COLLECTION_SET, field, 1 + (uint64_t)i, "");
        }
    put_cut(&shelf, "b", 20); /* all of it is removed */
    put_cut(&shelf, "c", 19); /* but for one */
    put_string(&shelf, "d");  /* hidden */
    for (partition_id p = 0; p < 16; p++) {
        struct message_range range = {.address = {.partition = p, .tag = shelf.ring->tag},
                                      .limit = 100};
        struct message_range_result result;
        struct buffer body = {0}, bytes = {0};
        struct frame frame;
        size_t used;
        message_range_encode(&range, &body);
        size_t offset = frame_start(&bytes, MESSAGE_RANGE, 77, 0);
        buffer_append_slice(&bytes, buffer_slice(&body));
        frame_finish(&bytes, offset);
        buffer_clear(&shelf.replies);
        store_side_read(&shelf.port, shelf.ring, buffer_slice(&bytes), (struct instant){0},
                        &shelf.replies);
        assert_int_equal(frame_open(buffer_slice(&shelf.replies), &frame, &used), STATUS_OK);
        assert_int_equal(message_range_result_decode(frame.body, &result), STATUS_OK);
        assert_true(result.done);
        struct reader reader = reader_make(result.entries);
        for (uint32_t i = 0; i < result.entry_count; i++) {
            struct range_entry entry;
            range_entry_decode(&reader, &entry);
            assert_true(entry.type == COLLECTION_NONE || entry.type == COLLECTION_HASH);
            for (unsigned k = 0; k < 4; k++)
                listed[k] +=
                    entry.type == COLLECTION_HASH && slice_equal(entry.key, slice_text(keys[k]));
        }
        buffer_deinit(&body);
        buffer_deinit(&bytes);
    }
    assert_int_equal(listed[0], 1);
    assert_int_equal(listed[1], 0);
    assert_int_equal(listed[2], 1);
    assert_int_equal(listed[3], 0);
    deinit_shelf(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_meets_the_elements_of_its_key_alone),
        cmocka_unit_test(pages_lead_on_until_all_were_met),
        cmocka_unit_test(removed_elements_come_along_and_do_not_count),
        cmocka_unit_test(a_page_of_another_partition_is_not_looked_up),
        cmocka_unit_test(a_key_has_the_type_of_its_live_elements),
        cmocka_unit_test(a_hash_is_told_before_a_set),
        cmocka_unit_test(a_range_lists_each_collection_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

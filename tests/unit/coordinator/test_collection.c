/*
 * test_collection.c - elements of one key, asked of several owners.
 */
#include "request_driver.h"

#include <stdio.h>
#include <string.h>

#include "causal/cut.h"
#include "ring/element_key.h"
#include "wire/message_collection.h"

/* One owner's page, as it is put together. */
struct page {
    struct buffer entries, head;
    uint32_t count;
    bool done;
    uint8_t type; /* that the owner tells */
    uint64_t next_place;
};

static uint64_t place_of(const struct request_driver *driver, const char *element)
{
    return element_place(slice_text(element), driver->ring->seed);
}

static void add(const struct request_driver *driver, struct page *page, const char *element,
                const struct cell *cell)
{
    struct buffer encoded = {0};
    cell_encode(cell, true, &encoded);
    struct element_entry entry = {.place = place_of(driver, element),
                                  .element = slice_text(element),
                                  .cell = buffer_slice(&encoded)};
    element_entry_encode(&entry, &page->entries);
    page->count++;
    buffer_deinit(&encoded);
}

/* A value of the given version; NULL: a tombstone. */
static void add_value(const struct request_driver *driver, struct page *page, const char *element,
                      uint64_t version, const char *value)
{
    struct cell cell = driver_cell(version, value);
    add(driver, page, element, &cell);
    cell_deinit(&cell);
}

static void give(struct request_driver *driver, uint8_t owner, struct page *page)
{
    struct buffer body = {0}, empty = {0};
    cell_encode(&(struct cell){0}, true, &empty);
    struct message_elements_result result = {
        .done = page->done,
        .type = page->type,
        .next_place = page->next_place,
        .head = page->head.length > 0 ? buffer_slice(&page->head) : buffer_slice(&empty),
        .entry_count = page->count,
        .entries = buffer_slice(&page->entries)};
    message_elements_result_encode(&result, &body);
    driver_reply(driver, owner, MESSAGE_ELEMENTS_RESULT, buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&empty);
    buffer_deinit(&page->entries);
    buffer_deinit(&page->head);
    *page = (struct page){0};
}

static struct key_request walk_from(uint64_t place)
{
    static const struct key_entry entry = {.key = {(const uint8_t *)"k", 1}};
    return (struct key_request){.kind = KEY_ELEMENTS_WALK,
                                .collection = COLLECTION_HASH,
                                .position = place,
                                .limit = 10,
                                .entry_count = 1,
                                .entries = &entry};
}

/* Names in the order of their places. */
static void sorted(const struct request_driver *driver, const char *names[3])
{
    for (int i = 0; i < 3; i++)
        for (int j = i + 1; j < 3; j++)
            if (place_of(driver, names[j]) < place_of(driver, names[i])) {
                const char *name = names[i];
                names[i] = names[j];
                names[j] = name;
            }
}

static bool shows(const struct request_driver *driver, const char *element, const char *value)
{
    for (uint16_t i = 0; i < driver->result.outcome_count; i++) {
        const struct key_outcome *outcome = &driver->result.outcomes[i];
        if (slice_equal(outcome->key, slice_text(element)))
            return slice_equal(outcome->value, slice_text(value));
    }
    return false;
}

static void the_question_names_the_key_and_the_place(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(77);
    struct message_elements asked;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_ELEMENTS), 2);
    const struct driver_sent *sent = driver_find_sent(&driver, 1, MESSAGE_ELEMENTS);
    assert_int_equal(message_elements_decode(buffer_slice(&sent->body), &asked), STATUS_OK);
    assert_int_equal(asked.place, 77);
    assert_int_equal(asked.limit, 10);
    assert_int_equal(asked.type, COLLECTION_HASH);
    assert_true(slice_equal(asked.key, slice_text("k")));
    driver_deinit(&driver);
}

/* What one owner lacks is written back, all of the page, before it is shown. */
static void pages_are_merged_and_written_back(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(0);
    struct page one = {.done = true}, two = {.done = true};
    const char *names[] = {"a", "b", "c"};
    struct message_replicate back;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    sorted(&driver, names);
    add_value(&driver, &one, names[0], 1, "old");
    add_value(&driver, &one, names[1], 1, "1");
    add_value(&driver, &two, names[0], 2, "new");
    add_value(&driver, &two, names[1], 1, "1");
    add_value(&driver, &two, names[2], 1, "2");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_false(driver.answered);
    const struct driver_sent *sent = driver_find_sent(&driver, 0, MESSAGE_REPLICATE);
    assert_non_null(sent);
    assert_null(driver_find_sent(&driver, 1, MESSAGE_REPLICATE));
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &back), STATUS_OK);
    assert_int_equal(back.delivery_count, 4); /* the key's cell too */
    driver_replicated(&driver, 0, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_int_equal(driver.result.outcome_count, 3);
    assert_true(shows(&driver, names[0], "new"));
    assert_true(shows(&driver, names[1], "1"));
    assert_true(shows(&driver, names[2], "2"));
    assert_true(driver.result.scan_done);
    driver_deinit(&driver);
}

/* Beyond what one of them has told, that one may know of removals. */
static void only_what_all_owners_have_told_is_shown(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(0);
    struct page one = {0}, two = {.done = true};
    const char *names[] = {"a", "b", "c"};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    sorted(&driver, names);
    one.next_place = place_of(&driver, names[1]);
    add_value(&driver, &one, names[0], 1, "1");
    for (int i = 0; i < 3; i++)
        add_value(&driver, &two, names[i], 1, "1");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_true(driver.answered); /* both have the same of what is shown */
    assert_int_equal(driver.result.outcome_count, 1);
    assert_true(shows(&driver, names[0], "1"));
    assert_false(driver.result.scan_done);
    assert_int_equal(driver.result.next_position, place_of(&driver, names[1]));
    driver_deinit(&driver);
}

/* A removal that one owner has, and a delete of all that the other has. */
static void removals_and_cuts_of_any_owner_count(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(0);
    struct page one = {.done = true}, two = {.done = true};
    const char *names[] = {"a", "b", "c"};
    struct cell head = {0};
    struct clock cut = {0};
    struct buffer value = {0};
    struct cell victim = driver_cell(4, "1");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    sorted(&driver, names);
    clock_add(&cut, &victim.siblings[0].dot);
    clock_encode(&cut, &value);
    cell_insert(&head, &(struct sibling){.dot = {.actor = {.node = 2}, .sequence = 1},
                                         .kind = SIBLING_CUT,
                                         .value = buffer_slice(&value)});
    cell_encode(&head, true, &two.head);
    add_value(&driver, &one, names[0], 3, "1");
    add_value(&driver, &one, names[1], 4, "1"); /* cut */
    add_value(&driver, &one, names[2], 5, "1");
    add_value(&driver, &two, names[0], 6, NULL);
    add_value(&driver, &two, names[1], 4, "1");
    add_value(&driver, &two, names[2], 5, "1");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 1);
    assert_true(shows(&driver, names[2], "1"));
    cell_deinit(&head);
    cell_deinit(&victim);
    clock_deinit(&cut);
    buffer_deinit(&value);
    driver_deinit(&driver);
}

static void a_string_is_another_type(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(0);
    struct page one = {.done = true}, two = {.done = true};
    struct cell head = driver_cell(3, "string");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    cell_encode(&head, true, &two.head);
    add_value(&driver, &one, "a", 1, "1");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_WRONG_TYPE);
    cell_deinit(&head);
    driver_deinit(&driver);
}

/* It may be behind. So the client's node looks first, and asks again when it was wrong. */
static void another_collection_is_another_type_until_it_was_looked_at(void **state)
{
    for (int seen = 0; seen < 2; seen++) {
        struct request_driver driver;
        struct key_request request = walk_from(0);
        struct page one = {.done = true, .type = COLLECTION_SET};
        struct page two = {.done = true, .type = COLLECTION_HASH};
        (void)state;
        driver_init(&driver, "eu:3", 0);
        request.flags = seen ? KEY_TYPE_SEEN : 0;
        driver_start(&driver, &request);
        add_value(&driver, &one, "a", 1, "1");
        add_value(&driver, &two, "a", 1, "1");
        give(&driver, 0, &one);
        give(&driver, 1, &two);
        assert_true(driver.answered);
        assert_int_equal(driver.result.status, seen ? STATUS_OK : STATUS_WRONG_TYPE);
        driver_deinit(&driver);
    }
}

/* An owner whose page cannot be is replaced by another. */
static void pages_that_cannot_be_are_refused(void **state)
{
    for (int kind = 0; kind < 4; kind++) {
        struct request_driver driver;
        struct key_request request = walk_from(0);
        struct page bad = {.done = true}, good = {.done = true};
        const char *names[] = {"a", "b", "c"};
        (void)state;
        driver_init(&driver, "eu:3", 0);
        driver_start(&driver, &request);
        sorted(&driver, names);
        add_value(&driver, &bad, names[1], 1, "1");
        if (kind == 0)
            add_value(&driver, &bad, names[0], 1, "1"); /* out of order */
        else if (kind == 1)
            bad.entries.data[0] ^= 1; /* at another place */
        else if (kind == 2)
            bad.done = false; /* it does not lead on */
        else
            buffer_put_u8(&bad.head, 0xff); /* no cell */
        give(&driver, 1, &bad);
        assert_non_null(driver_find_sent(&driver, 2, MESSAGE_ELEMENTS));
        give(&driver, 0, &good);
        good.done = true;
        give(&driver, 2, &good);
        assert_true(driver.answered);
        driver_deinit(&driver);
    }
}

/* Who knows the cut has left them out; that is nothing to write back. */
static void what_is_cut_away_is_not_repaired(void **state)
{
    struct request_driver driver;
    struct key_request request = walk_from(0);
    struct page one = {.done = true}, two = {.done = true};
    struct cell head = {0}, victim = driver_cell(4, "1");
    struct clock cut = {0};
    struct buffer value = {0};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    clock_add_range(&cut, &victim.siblings[0].dot.actor, (struct clock_range){1, 4});
    clock_encode(&cut, &value);
    cell_insert(&head, &(struct sibling){.dot = {.actor = {.node = 2}, .sequence = 1},
                                         .kind = SIBLING_CUT,
                                         .value = buffer_slice(&value)});
    cell_encode(&head, true, &one.head);
    cell_encode(&head, true, &two.head);
    add_value(&driver, &one, "a", 4, "1");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 0);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    cell_deinit(&head);
    cell_deinit(&victim);
    clock_deinit(&cut);
    buffer_deinit(&value);
    driver_deinit(&driver);
}

/* ---- named elements, and deletes ---- */

static struct key_request of_kind(uint8_t kind, uint16_t count)
{
    static const struct key_entry entries[] = {
        {.key = {(const uint8_t *)"k", 1}},
        {.key = {(const uint8_t *)"f", 1},
         .mutation = {.operation = REGISTER_SET, .value = {(const uint8_t *)"v", 1}}}};
    return (struct key_request){
        .kind = kind, .collection = COLLECTION_HASH, .entry_count = count, .entries = entries};
}

static void elements_are_read_with_the_cell_of_their_key(void **state)
{
    struct request_driver driver;
    struct key_request request = of_kind(KEY_ELEMENTS_GET, 2);
    struct message_read read;
    struct element_key parts;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    const struct driver_sent *sent = driver_find_sent(&driver, 1, MESSAGE_READ);
    assert_int_equal(message_read_decode(buffer_slice(&sent->body), &read), STATUS_OK);
    assert_int_equal(read.keyspace, KEYSPACE_ELEMENTS);
    assert_int_equal(read.key_count, 2);
    struct reader keys = reader_make(read.keys);
    assert_true(slice_equal(reader_bytes(&keys), slice_text("k")));
    assert_int_equal(element_key_decode(reader_bytes(&keys), &parts), STATUS_OK);
    assert_true(slice_equal(parts.key, slice_text("k")));
    assert_true(slice_equal(parts.element, slice_text("f")));
    driver_deinit(&driver);
}

/* `type`: that the owner tells of the key. */
static void give_typed(struct request_driver *driver, uint8_t owner, const struct cell *head,
                       const struct cell *element, uint8_t type)
{
    struct buffer cells = {0}, encoded = {0}, body = {0};
    const uint8_t types[] = {type, COLLECTION_NONE};
    cell_encode(head, true, &encoded);
    buffer_put_bytes(&cells, buffer_slice(&encoded));
    buffer_clear(&encoded);
    cell_encode(element, true, &encoded);
    buffer_put_bytes(&cells, buffer_slice(&encoded));
    message_read_result_encode(
        &(struct message_read_result){.cell_count = 2,
                                      .cells = buffer_slice(&cells),
                                      .collections =
                                          slice_make(types, type == COLLECTION_NONE ? 0 : 2)},
        &body);
    driver_reply(driver, owner, MESSAGE_READ_RESULT, buffer_slice(&body));
    buffer_deinit(&cells);
    buffer_deinit(&encoded);
    buffer_deinit(&body);
}

static void give_cells(struct request_driver *driver, uint8_t owner, const struct cell *head,
                       const struct cell *element)
{
    give_typed(driver, owner, head, element, COLLECTION_NONE);
}

/* An add that the removal has not seen stays: elements are not of the last writer alone. */
static void an_add_wins_over_a_removal_that_has_not_seen_it(void **state)
{
    struct request_driver driver;
    struct key_request request = of_kind(KEY_ELEMENTS_GET, 2);
    struct cell head = {0}, add = {0}, removal = driver_cell(9, NULL);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    cell_insert(&add, &(struct sibling){.dot = {.actor = {.node = 2}, .sequence = 1},
                                        .time = 1,
                                        .value = slice_text("added")});
    give_cells(&driver, 0, &head, &add);
    give_cells(&driver, 1, &head, &removal);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_true(driver.answered);
    assert_true(driver.result.outcomes[1].visible);
    assert_true(slice_equal(driver.result.outcomes[1].value, slice_text("added")));
    cell_deinit(&add);
    cell_deinit(&removal);
    driver_deinit(&driver);
}

static void nothing_is_minted_beside_a_string(void **state)
{
    struct request_driver driver;
    struct key_request request = of_kind(KEY_ELEMENTS_WRITE, 2);
    struct cell head = driver_cell(9, "string"), none = {0};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    give_cells(&driver, 0, &none, &none);
    give_cells(&driver, 1, &head, &none);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_WRONG_TYPE);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), 0);
    cell_deinit(&head);
    driver_deinit(&driver);
}

static void nothing_is_minted_beside_another_collection(void **state)
{
    for (int seen = 0; seen < 2; seen++) {
        struct request_driver driver;
        struct key_request request = of_kind(KEY_ELEMENTS_WRITE, 2);
        struct cell none = {0};
        (void)state;
        request.flags = seen ? KEY_TYPE_SEEN : 0;
        driver_init(&driver, "eu:3", 0);
        driver_start(&driver, &request);
        give_typed(&driver, 0, &none, &none, COLLECTION_HASH);
        give_typed(&driver, 1, &none, &none, COLLECTION_SET);
        assert_int_equal(driver.answered, !seen);
        assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), seen);
        if (!seen)
            assert_int_equal(driver.result.status, STATUS_WRONG_TYPE);
        driver_deinit(&driver);
    }
}

static void give_clock(struct request_driver *driver, uint8_t owner, uint64_t sequence)
{
    struct buffer body = {0}, head = {0}, encoded = {0};
    struct clock clock = {0};
    struct dot dot = {.actor = {.node = owner + 1u}, .sequence = sequence};
    clock_add(&clock, &dot);
    clock_encode(&clock, &encoded);
    cell_encode(&(struct cell){0}, true, &head);
    message_collection_clock_result_encode(
        &(struct message_collection_clock_result){.head = buffer_slice(&head),
                                                  .clock = buffer_slice(&encoded)},
        &body);
    driver_reply(driver, owner, MESSAGE_COLLECTION_CLOCK_RESULT, buffer_slice(&body));
    clock_deinit(&clock);
    buffer_deinit(&body);
    buffer_deinit(&head);
    buffer_deinit(&encoded);
}

static void a_delete_mints_with_the_clocks_of_its_read_quorum(void **state)
{
    struct request_driver driver;
    struct key_request request = of_kind(KEY_COLLECTION_DELETE, 1);
    struct message_mint mint;
    struct clock seen;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_COLLECTION_CLOCK), 2);
    give_clock(&driver, 0, 3);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), 0);
    give_clock(&driver, 1, 5);
    const struct driver_sent *sent = driver_find_sent(&driver, 0, MESSAGE_MINT);
    assert_non_null(sent);
    assert_int_equal(message_mint_decode(buffer_slice(&sent->body), &mint), STATUS_OK);
    struct reader reader = reader_make(mint.lookup);
    clock_decode(&reader, &seen);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(clock_dot_count(&seen), 2); /* exact: 3 of one, 5 of the other */
    assert_true(clock_has(&seen, &(struct dot){.actor = {.node = 2}, .sequence = 5}));
    assert_false(clock_has(&seen, &(struct dot){.actor = {.node = 2}, .sequence = 4}));
    clock_deinit(&seen);
    driver_minted(&driver, STATUS_OK, true);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    driver_deinit(&driver);
}

static void where_siblings_are_kept_it_is_refused(void **state)
{
    struct request_driver driver;
    struct key_request request = of_kind(KEY_ELEMENTS_WRITE, 2);
    (void)state;
    request.keyspace = 7;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNSUPPORTED);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question_names_the_key_and_the_place),
        cmocka_unit_test(pages_are_merged_and_written_back),
        cmocka_unit_test(only_what_all_owners_have_told_is_shown),
        cmocka_unit_test(removals_and_cuts_of_any_owner_count),
        cmocka_unit_test(what_is_cut_away_is_not_repaired),
        cmocka_unit_test(a_string_is_another_type),
        cmocka_unit_test(another_collection_is_another_type_until_it_was_looked_at),
        cmocka_unit_test(pages_that_cannot_be_are_refused),
        cmocka_unit_test(elements_are_read_with_the_cell_of_their_key),
        cmocka_unit_test(an_add_wins_over_a_removal_that_has_not_seen_it),
        cmocka_unit_test(nothing_is_minted_beside_a_string),
        cmocka_unit_test(nothing_is_minted_beside_another_collection),
        cmocka_unit_test(a_delete_mints_with_the_clocks_of_its_read_quorum),
        cmocka_unit_test(where_siblings_are_kept_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

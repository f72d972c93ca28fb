/*
 * test_scan.c - several owners' ranges as one.
 */
#include "request_driver.h"

#include <stdio.h>

#include "base/random.h"

/* One owner's answer, as it is put together. */
struct answer {
    struct buffer entries;
    uint32_t count;
    bool done;
    uint64_t next_position;
};

static void add(struct answer *answer, uint64_t position, const char *key, const struct cell *cell)
{
    struct buffer encoded = {0};
    cell_encode(cell, true, &encoded);
    buffer_put_u64(&answer->entries, position);
    buffer_put_bytes(&answer->entries, slice_text(key));
    buffer_put_bytes(&answer->entries, buffer_slice(&encoded));
    buffer_put_u8(&answer->entries, 0);
    answer->count++;
    buffer_deinit(&encoded);
}

/* A value of the given version; NULL: a tombstone. */
static void add_value(struct answer *answer, uint64_t position, const char *key, uint64_t version,
                      const char *value)
{
    struct cell cell = driver_cell(version, value);
    add(answer, position, key, &cell);
    cell_deinit(&cell);
}

static void give(struct request_driver *driver, uint8_t owner, struct answer *answer)
{
    struct buffer body = {0};
    struct message_range_result result = {.done = answer->done,
                                          .next_position = answer->next_position,
                                          .entry_count = answer->count,
                                          .entries = buffer_slice(&answer->entries)};
    message_range_result_encode(&result, &body);
    driver_reply(driver, owner, MESSAGE_RANGE_RESULT, buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&answer->entries);
    *answer = (struct answer){0};
}

static struct key_request scan_from(uint64_t position)
{
    return (struct key_request){
        .kind = KEY_SCAN, .flags = KEY_WITH_VALUES, .position = position, .limit = 10};
}

/* "a=1 b=2": the keys and values of the result in their order. */
static void assert_scanned(const struct request_driver *driver, const char *expected)
{
    struct buffer text = {0};
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, STATUS_OK);
    for (uint16_t i = 0; i < driver->result.outcome_count; i++) {
        const struct key_outcome *outcome = &driver->result.outcomes[i];
        assert_true(outcome->visible);
        buffer_printf(&text, "%s%.*s=%.*s", i == 0 ? "" : " ", (int)outcome->key.length,
                      (const char *)outcome->key.data, (int)outcome->value.length,
                      (const char *)outcome->value.data);
    }
    assert_true(slice_equal(buffer_slice(&text), slice_text(expected)));
    buffer_deinit(&text);
}

static void the_question_carries_position_limit_and_wish_for_values(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(77);
    struct message_range range;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_RANGE), 2);
    const struct driver_sent *sent = driver_find_sent(&driver, 1, MESSAGE_RANGE);
    assert_int_equal(message_range_decode(buffer_slice(&sent->body), &range), STATUS_OK);
    assert_int_equal(range.position, 77);
    assert_int_equal(range.limit, 10);
    assert_true(range.with_values);
    driver_deinit(&driver);
}

static void keys_of_all_owners_come_once_and_in_ring_order(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(0);
    struct answer one = {.done = true}, two = {.done = true};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add_value(&one, 10, "a", 1, "old");
    add_value(&one, 30, "c", 1, "3");
    add_value(&two, 10, "a", 2, "new");
    add_value(&two, 20, "b", 1, "2");
    add_value(&two, 30, "d", 1, "4");
    give(&driver, 0, &one);
    assert_false(driver.answered);
    give(&driver, 1, &two);
    assert_scanned(&driver, "a=new b=2 c=3 d=4");
    assert_true(driver.result.scan_done);
    driver_deinit(&driver);
}

/* Beyond what one of them has told, that one may know more. */
static void only_what_all_owners_have_told_is_answered(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(0);
    struct answer one = {.next_position = 20}, two = {.next_position = 40};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add_value(&one, 10, "a", 1, "1");
    add_value(&two, 10, "a", 1, "1");
    add_value(&two, 15, "b", 1, "2");
    add_value(&two, 20, "c", 1, "3");
    add_value(&two, 30, "d", 1, "4");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_scanned(&driver, "a=1 b=2");
    assert_false(driver.result.scan_done);
    assert_int_equal(driver.result.next_position, 20);
    driver_deinit(&driver);
}

static void a_scan_is_done_when_all_owners_are(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(5);
    struct answer one = {.done = true}, two = {.next_position = 12};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add_value(&one, 10, "a", 1, "1");
    add_value(&one, 20, "b", 1, "2");
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_scanned(&driver, "a=1");
    assert_false(driver.result.scan_done);
    assert_int_equal(driver.result.next_position, 12);
    driver_end(&driver);
    driver_start(&driver, &request);
    one.done = two.done = true;
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_scanned(&driver, "");
    assert_true(driver.result.scan_done);
    driver_deinit(&driver);
}

static void a_tombstone_on_one_owner_hides_the_value_on_another(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(0);
    struct answer one = {.done = true}, two = {.done = true};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add_value(&one, 10, "a", 1, "deleted");
    add_value(&one, 20, "b", 3, "newer than the delete");
    add_value(&two, 10, "a", 2, NULL);
    add_value(&two, 20, "b", 2, NULL);
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_scanned(&driver, "b=newer than the delete");
    driver_deinit(&driver);
}

static void expired_values_are_left_out(void **state)
{
    struct request_driver driver;
    struct key_request request = scan_from(0);
    struct answer one = {.done = true}, two = {.done = true};
    struct cell expired = driver_cell(1, "gone"), lasting = driver_cell(1, "here");
    (void)state;
    expired.siblings[0].expire_at_ms = DRIVER_WALL_MS;
    lasting.siblings[0].expire_at_ms = DRIVER_WALL_MS + 1;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    add(&one, 10, "a", &expired);
    add(&one, 20, "b", &lasting);
    give(&driver, 0, &one);
    give(&driver, 1, &two);
    assert_scanned(&driver, "b=here");
    cell_deinit(&expired);
    cell_deinit(&lasting);
    driver_deinit(&driver);
}

/* ---- answers that are none ----------------------------------------------------------------- */

static void assert_refused(struct request_driver *driver, struct answer *answer)
{
    struct key_request request = scan_from(100);
    struct answer good = {.done = true}, other = {.done = true};
    driver_start(driver, &request);
    give(driver, 1, answer);
    assert_int_equal(driver_count_sent(driver, MESSAGE_RANGE), 3); /* another one is asked */
    give(driver, 0, &good);
    give(driver, 2, &other);
    assert_scanned(driver, "");
    driver_end(driver);
}

static void entries_out_of_order_are_refused(void **state)
{
    struct request_driver driver;
    struct answer answer = {.done = true};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    add_value(&answer, 200, "b", 1, "2");
    add_value(&answer, 199, "a", 1, "1");
    assert_refused(&driver, &answer);
    answer.done = true;
    add_value(&answer, 99, "a", 1, "before the position that was asked for");
    assert_refused(&driver, &answer);
    driver_deinit(&driver);
}

/* It would make the client's scan go round for ever. */
static void an_answer_that_does_not_get_ahead_is_refused(void **state)
{
    struct request_driver driver;
    struct answer answer = {.next_position = 100};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    assert_refused(&driver, &answer);
    answer.next_position = 0;
    assert_refused(&driver, &answer);
    driver_deinit(&driver);
}

static void an_entry_whose_cell_does_not_decode_is_refused(void **state)
{
    struct request_driver driver;
    struct answer answer = {.done = true};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    buffer_put_u64(&answer.entries, 200);
    buffer_put_bytes(&answer.entries, slice_text("key"));
    buffer_put_bytes(&answer.entries, slice_text("no cell"));
    buffer_put_u8(&answer.entries, 0);
    answer.count = 1;
    assert_refused(&driver, &answer);
    driver_deinit(&driver);
}

/* ---- properties ---------------------------------------------------------------------------- */

/*
 * Owners hold random subsets of 40 keys in random versions and answer in pages of random length.
 * Scanning page by page with two of three must show each key exactly as a read of both would.
 */
static void paging_shows_every_key_once(void **state)
{
    enum { KEYS = 40 };
    struct request_driver driver;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random random = random_make(seed);
        uint64_t versions[2][KEYS], shown[KEYS] = {0}, position = 0;
        for (int owner = 0; owner < 2; owner++)
            for (int key = 0; key < KEYS; key++)
                versions[owner][key] = random_below(&random, 4); /* 0: absent, even: deleted */
        for (bool done = false; !done;) {
            struct key_request request = scan_from(position);
            driver_start(&driver, &request);
            for (uint8_t owner = 0; owner < 2; owner++) {
                struct answer answer = {0};
                uint64_t end = position + 1 + random_below(&random, 10);
                for (uint64_t at = position; at < KEYS && at < end; at++) {
                    uint64_t version = versions[owner][at];
                    char key[8] = {(char)('A' + at), 0};
                    if (version != 0)
                        add_value(&answer, at, key, version, version % 2 == 0 ? NULL : "v");
                }
                answer.done = end >= KEYS;
                answer.next_position = answer.done ? 0 : end;
                give(&driver, owner, &answer);
            }
            assert_int_equal(driver.result.status, STATUS_OK);
            for (uint16_t i = 0; i < driver.result.outcome_count; i++)
                shown[driver.result.outcomes[i].key.data[0] - 'A']++;
            done = driver.result.scan_done;
            assert_true(done || driver.result.next_position > position);
            position = driver.result.next_position;
            driver_end(&driver);
        }
        for (int key = 0; key < KEYS; key++) {
            uint64_t newest =
                versions[0][key] > versions[1][key] ? versions[0][key] : versions[1][key];
            assert_int_equal(shown[key], newest % 2);
        }
    }
    driver_deinit(&driver);
}

/* A result counts its keys with 16 bits; those that find no room must come with the next call. */
static void keys_beyond_the_room_of_a_result_are_not_skipped(void **state)
{
    enum { KEYS = 70000 };
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    uint32_t seen = 0;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (uint64_t position = 0; position < KEYS;) {
        struct key_request request = scan_from(position);
        struct answer answers[2] = {{.done = true}, {.done = true}};
        for (uint64_t at = position; at < KEYS; at++) {
            char key[16];
            snprintf(key, sizeof key, "%u", (unsigned)at);
            add(&answers[at % 2], at, key, &cell);
        }
        driver_start(&driver, &request);
        give(&driver, 0, &answers[0]);
        give(&driver, 1, &answers[1]);
        assert_int_equal(driver.result.status, STATUS_OK);
        assert_in_range(driver.result.outcome_count, 1, UINT16_MAX);
        seen += driver.result.outcome_count;
        position = driver.result.scan_done ? KEYS : driver.result.next_position;
        driver_end(&driver);
    }
    assert_int_equal(seen, KEYS);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question_carries_position_limit_and_wish_for_values),
        cmocka_unit_test(keys_of_all_owners_come_once_and_in_ring_order),
        cmocka_unit_test(only_what_all_owners_have_told_is_answered),
        cmocka_unit_test(a_scan_is_done_when_all_owners_are),
        cmocka_unit_test(a_tombstone_on_one_owner_hides_the_value_on_another),
        cmocka_unit_test(expired_values_are_left_out),
        cmocka_unit_test(entries_out_of_order_are_refused),
        cmocka_unit_test(an_answer_that_does_not_get_ahead_is_refused),
        cmocka_unit_test(an_entry_whose_cell_does_not_decode_is_refused),
        cmocka_unit_test(paging_shows_every_key_once),
        cmocka_unit_test(keys_beyond_the_room_of_a_result_are_not_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

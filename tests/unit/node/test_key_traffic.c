/* What counts as a request of a client, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/key_traffic.h"

enum { ROOM = 4 };
static const uint64_t START_US = 1000, SECOND_US = 1000 * 1000;

static struct key_traffic *traffic;
static struct key_traffic_row rows[ROOM];
static uint64_t total, took_us;
static bool sampled; /* whether the next ones are looked at */

static int begin(void **state)
{
    (void)state;
    traffic = memory_new(1, sizeof *traffic);
    sampled = true;
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(traffic);
    return 0;
}

static void count(uint8_t kind, const char *const *keys, uint16_t key_count, const char *value,
                  uint64_t now_us)
{
    struct key_entry entries[4];
    memset(entries, 0, sizeof entries);
    for (uint16_t i = 0; i < key_count; i++) {
        entries[i].key = slice_text(keys[i]);
        entries[i].mutation.value = slice_text(value);
    }
    struct key_request request = {.kind = kind, .entry_count = key_count, .entries = entries};
    traffic->skip = sampled ? 0 : 1;
    key_traffic_count(traffic, 7, &request, now_us);
}

static void count_one(uint8_t kind, const char *key, const char *value, uint64_t now_us)
{
    count(kind, &key, 1, value, now_us);
}

static size_t look(uint64_t now_us)
{
    return key_traffic_requests(traffic, now_us, rows, ROOM, &total, &took_us);
}

static void expect(size_t at, const char *key, uint64_t requests, uint64_t writes)
{
    assert_true(slice_equal(key_sketch_key(rows[at].key), slice_text(key)));
    assert_int_equal(rows[at].requests, requests * KEY_TRAFFIC_SAMPLE);
    assert_int_equal(rows[at].writes, writes * KEY_TRAFFIC_SAMPLE);
}

static void reads_and_writes_count_by_key(void **state)
{
    static const char *const both[] = {"a", "b"};
    (void)state;
    count_one(KEY_READ, "a", "", START_US);
    count(KEY_WRITE, both, 2, "12345", START_US);
    assert_int_equal(look(START_US + SECOND_US), 2);
    expect(0, "a", 2, 1);
    expect(1, "b", 1, 1);
    assert_int_equal(total, 3 * KEY_TRAFFIC_SAMPLE);
    assert_int_equal(took_us, SECOND_US);
}

/* A collection is one key however many of its elements are named. */
static void elements_count_for_their_collection(void **state)
{
    static const char *const words[] = {"set", "one", "two"};
    const struct key_sketch_row *written[ROOM];
    (void)state;
    count(KEY_ELEMENTS_WRITE, words, 3, "v", START_US);
    count(KEY_ELEMENTS_GET, words, 3, "", START_US);
    assert_int_equal(look(START_US), 1);
    expect(0, "set", 2, 1);
    assert_int_equal(key_traffic_written(traffic, written, ROOM), 1);
    assert_int_equal(written[0]->weight, 2 * (3 + 1) * KEY_TRAFFIC_SAMPLE);
}

/* A client that asks in a rhythm of the sample must not hide a key, or make one look hot. */
static void samples_follow_no_rhythm(void **state)
{
    enum { ROUNDS = 20000 };
    static const char *const names[] = {"k0", "k1", "k2", "k3"};
    (void)state;
    for (unsigned i = 0; i < KEY_TRAFFIC_SAMPLE * ROUNDS; i++) {
        struct key_entry entry;
        memset(&entry, 0, sizeof entry);
        entry.key = slice_text(names[i % 8 % 4]);
        struct key_request request = {.kind = KEY_READ, .entry_count = 1, .entries = &entry};
        key_traffic_count(traffic, 7, &request, START_US);
    }
    assert_int_equal(look(START_US), 4);
    for (size_t i = 0; i < 4; i++) /* 5,000 samples of each: 3 % are two deviations */
        assert_in_range(rows[i].requests, ROUNDS * 2 * 95 / 100, ROUNDS * 2 * 105 / 100);
}

/* Who loads a large value once must be found, whatever is drawn. */
static void a_large_write_counts_always_and_once(void **state)
{
    static char value[KEY_TRAFFIC_LARGE_BYTES + 1];
    const struct key_sketch_row *written[ROOM];
    (void)state;
    memset(value, 'v', KEY_TRAFFIC_LARGE_BYTES - 1);
    sampled = false;
    count_one(KEY_WRITE, "small", value, START_US);
    count_one(KEY_READ, "read", "", START_US);
    assert_int_equal(key_traffic_written(traffic, written, ROOM), 0);
    value[KEY_TRAFFIC_LARGE_BYTES - 1] = 'v';
    count_one(KEY_WRITE, "large", value, START_US);
    sampled = true;
    count_one(KEY_WRITE, "large", value, START_US);
    assert_int_equal(key_traffic_written(traffic, written, ROOM), 1);
    assert_int_equal(written[0]->weight, 2 * KEY_TRAFFIC_LARGE_BYTES);
    assert_int_equal(look(START_US), 1);
    expect(0, "large", 1, 1);
}

static void what_commands_ask_of_replicas_does_not_count(void **state)
{
    (void)state;
    count_one(KEY_COVERAGE, "a", "", START_US);
    count(KEY_SCAN, NULL, 0, "", START_US);
    assert_int_equal(look(START_US), 0);
    assert_int_equal(total, 0);
    assert_int_equal(took_us, 0);
}

static void a_window_is_told_with_the_one_before_it(void **state)
{
    uint64_t second = START_US + KEY_TRAFFIC_WINDOW_US, third = second + KEY_TRAFFIC_WINDOW_US;
    (void)state;
    count_one(KEY_READ, "a", "", START_US);
    count_one(KEY_READ, "a", "", second - 1);
    count_one(KEY_READ, "a", "", second);
    assert_int_equal(look(second), 1);
    expect(0, "a", 3, 0);
    assert_int_equal(took_us, KEY_TRAFFIC_WINDOW_US);
    count_one(KEY_READ, "b", "", third);
    assert_int_equal(look(third), 2); /* what came in the first is gone */
    expect(0, "b", 1, 0);
    expect(1, "a", 1, 0);
    assert_int_equal(total, 2 * KEY_TRAFFIC_SAMPLE);
}

static void after_a_silence_nothing_old_is_told(void **state)
{
    uint64_t later = START_US + 2 * (uint64_t)KEY_TRAFFIC_WINDOW_US;
    (void)state;
    count_one(KEY_READ, "a", "", START_US);
    count_one(KEY_READ, "b", "", later);
    assert_int_equal(look(later + 1), 1);
    expect(0, "b", 1, 0);
    assert_int_equal(took_us, 1);
}

static void windows_end_also_when_nothing_comes(void **state)
{
    uint64_t second = START_US + KEY_TRAFFIC_WINDOW_US;
    (void)state;
    count_one(KEY_READ, "a", "", START_US);
    count_one(KEY_READ, "b", "", second);
    assert_int_equal(look(second + KEY_TRAFFIC_WINDOW_US - 1), 2);
    assert_int_equal(look(second + KEY_TRAFFIC_WINDOW_US), 1);
    expect(0, "b", 1, 0);
    assert_int_equal(took_us, KEY_TRAFFIC_WINDOW_US);
    assert_int_equal(look(second + 2 * (uint64_t)KEY_TRAFFIC_WINDOW_US), 0);
    assert_int_equal(total, 0);
    assert_int_equal(took_us, 0);
}

static void no_more_than_asked_for_and_the_most_first(void **state)
{
    static const char *const names[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6"};
    const struct key_sketch_row *written[ROOM];
    (void)state;
    for (unsigned i = 0; i < 7; i++)
        for (unsigned times = 0; times <= (i * 3) % 7; times++) /* 0 3 6 2 5 1 4 */
            count_one(KEY_WRITE, names[i], "xxxx", START_US);
    assert_int_equal(look(START_US), ROOM);
    expect(0, "k2", 7, 7);
    expect(1, "k4", 6, 6);
    expect(2, "k6", 5, 5);
    expect(3, "k1", 4, 4);
    assert_int_equal(key_traffic_written(traffic, written, ROOM), ROOM);
    assert_int_equal(written[0]->weight, 28 * KEY_TRAFFIC_SAMPLE);
    assert_int_equal(written[3]->weight, 16 * KEY_TRAFFIC_SAMPLE);
    assert_int_equal(key_traffic_requests(traffic, START_US, rows, 1, &total, &took_us), 1);
    expect(0, "k2", 7, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_and_writes_count_by_key, begin, end),
        cmocka_unit_test_setup_teardown(elements_count_for_their_collection, begin, end),
        cmocka_unit_test_setup_teardown(samples_follow_no_rhythm, begin, end),
        cmocka_unit_test_setup_teardown(a_large_write_counts_always_and_once, begin, end),
        cmocka_unit_test_setup_teardown(what_commands_ask_of_replicas_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(a_window_is_told_with_the_one_before_it, begin, end),
        cmocka_unit_test_setup_teardown(after_a_silence_nothing_old_is_told, begin, end),
        cmocka_unit_test_setup_teardown(windows_end_also_when_nothing_comes, begin, end),
        cmocka_unit_test_setup_teardown(no_more_than_asked_for_and_the_most_first, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

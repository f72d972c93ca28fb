#include "workload.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 100000, WINDOW = 64 };

static bool ended[WINDOW];

static struct workload make(char letter, uint64_t keys)
{
    struct workload workload;
    const struct workload_mix *mix = workload_find(letter);
    assert_non_null(mix);
    memset(ended, 0, sizeof ended);
    workload_init(&workload, mix, mix->distribution, 0.99, keys, 1, ended, WINDOW);
    return workload;
}

static void operations_have_their_shares(void **state)
{
    (void)state;
    for (const char *letter = "abcdefw"; *letter != '\0'; letter++) {
        unsigned found[OPERATION_COUNT] = {0}, sum = 0;
        struct workload workload = make(*letter, 100);
        for (int i = 0; i < DRAWS; i++)
            found[workload_next_kind(&workload)]++;
        for (int kind = 0; kind < OPERATION_COUNT; kind++) {
            double expected = DRAWS / 100.0 * workload.mix->percent[kind];
            assert_true(fabs(found[kind] - expected) < 6 * sqrt(expected + 1));
            sum += workload.mix->percent[kind];
        }
        assert_int_equal(sum, 100);
    }
    assert_null(workload_find('g'));
}

/* A key that is being inserted is not asked for; what has ended is, whatever the order. */
static void only_keys_that_are_there_are_read(void **state)
{
    struct workload workload = make('d', 10);
    uint64_t first = workload_next_key(&workload, OPERATION_INSERT);
    uint64_t second = workload_next_key(&workload, OPERATION_INSERT);
    (void)state;
    assert_int_equal(first, 10);
    assert_int_equal(second, 11);
    workload_insert_ended(&workload, second);
    for (int i = 0; i < 1000; i++)
        assert_true(workload_next_key(&workload, OPERATION_READ) < 10);
    workload_insert_ended(&workload, first);
    unsigned newest = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t key = workload_next_key(&workload, OPERATION_READ);
        assert_true(key < 12);
        newest += key == 11;
    }
    assert_true(newest > 150); /* the latest is the most frequent: 1 / H(12) = 0.32 */
    for (int i = 0; i < 1000; i++)
        workload_insert_ended(&workload, workload_next_key(&workload, OPERATION_INSERT));
    assert_int_equal(workload.key_count, 1012);
}

static void keys_differ_and_have_one_length(void **state)
{
    char key[KEY_BYTES_MAX], other[KEY_BYTES_MAX];
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(workload_key(i, key), 24);
        assert_int_equal(workload_key(i + 1, other), 24);
        assert_string_not_equal(key, other);
    }
    workload_key(7, key);
    workload_key(7, other);
    assert_string_equal(key, other);
}

static void half_of_a_value_is_noise(void **state)
{
    static char value[1000], other[1000];
    struct random random = random_make(1);
    (void)state;
    for (size_t bytes = 1; bytes <= 1000; bytes += 37) {
        memset(value, 0, sizeof value);
        workload_value(&random, value, bytes);
        workload_value(&random, other, bytes);
        for (size_t i = bytes / 2; i < bytes; i++)
            assert_int_equal(value[i], 'x');
        if (bytes < sizeof value)
            assert_int_equal(value[bytes], 0);
        if (bytes > 16)
            assert_memory_not_equal(value, other, bytes / 2);
    }
}

static void scans_are_of_1_to_100_keys(void **state)
{
    struct workload workload = make('e', 10);
    bool shortest = false, longest = false;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        unsigned length = workload_scan_length(&workload);
        assert_in_range(length, 1, 100);
        shortest = shortest || length == 1;
        longest = longest || length == 100;
    }
    assert_true(shortest && longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_their_shares),
        cmocka_unit_test(only_keys_that_are_there_are_read),
        cmocka_unit_test(keys_differ_and_have_one_length),
        cmocka_unit_test(half_of_a_value_is_noise),
        cmocka_unit_test(scans_are_of_1_to_100_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

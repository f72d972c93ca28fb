/* The heaviest keys stay, and what is said of their weight is never too little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "coordinator/key_sketch.h"

static struct key_sketch *sketch;

static int begin(void **state)
{
    (void)state;
    sketch = memory_new(1, sizeof *sketch);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(sketch);
    return 0;
}

static uint64_t add(unsigned number, uint64_t weight)
{
    char key[32];
    snprintf(key, sizeof key, "key:%u", number);
    uint64_t hash = key_sketch_hash(7, 0, slice_text(key));
    key_sketch_add(sketch, hash, 0, slice_text(key), weight, 0);
    return hash;
}

static void few_keys_are_counted_exactly(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++)
        add(i % 3, 2);
    for (unsigned i = 0; i < 3; i++) {
        const struct key_sketch_row *row = key_sketch_find(sketch, add(i, 0));
        assert_non_null(row);
        assert_int_equal(row->weight, 20);
        assert_int_equal(row->error, 0);
    }
    assert_int_equal(sketch->total, 60);
}

/* The promise of the header, among keys that are asked for at random. */
static void a_key_with_one_percent_of_all_is_surely_there(void **state)
{
    enum { ROUNDS = 100000, OTHERS = 50000, HOT = OTHERS };
    struct random random = random_make(1);
    uint64_t count = 0, hot = 0;
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 100 == 0) {
            hot = add(HOT, 1);
            count++;
        } else {
            add((unsigned)random_below(&random, OTHERS), 1);
        }
    }
    const struct key_sketch_row *row = key_sketch_find(sketch, hot);
    assert_non_null(row);
    assert_true(row->weight >= count);
    assert_true(row->weight - row->error <= count);
}

static void a_weight_is_never_too_small(void **state)
{
    enum { KEYS = 3000 };
    static uint64_t true_weights[KEYS];
    struct random random = random_make(2);
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        unsigned key = (unsigned)(random_below(&random, KEYS) * random_below(&random, KEYS) / KEYS);
        uint64_t weight = 1 + random_below(&random, 9);
        true_weights[key] += weight;
        add(key, weight);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        const struct key_sketch_row *row = key_sketch_find(sketch, add(i, 0));
        if (row == NULL)
            continue;
        assert_true(row->weight >= true_weights[i]);
        assert_true(row->weight - row->error <= true_weights[i]);
    }
}

static void long_keys_are_cut_and_still_told_apart(void **state)
{
    char key[KEY_SKETCH_KEY_BYTES + 2];
    uint64_t hashes[3];
    (void)state;
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < 3; i++) { /* one byte below the limit, at it, and beyond */
        struct slice name = slice_make(key, KEY_SKETCH_KEY_BYTES - 1 + i);
        hashes[i] = key_sketch_hash(7, 3, name);
        key_sketch_add(sketch, hashes[i], 3, name, i + 1, i);
    }
    for (size_t i = 0; i < 3; i++) {
        const struct key_sketch_row *row = key_sketch_find(sketch, hashes[i]);
        assert_non_null(row);
        assert_int_equal(row->weight, i + 1);
        assert_int_equal(row->changes, i);
        assert_int_equal(row->keyspace, 3);
        assert_int_equal(row->key_length, KEY_SKETCH_KEY_BYTES - 1 + i);
        assert_int_equal(key_sketch_key(row).length,
                         i == 0 ? KEY_SKETCH_KEY_BYTES - 1 : KEY_SKETCH_KEY_BYTES);
    }
}

static void a_key_of_another_keyspace_is_another_key(void **state)
{
    (void)state;
    assert_true(key_sketch_hash(7, 0, slice_text("k")) != key_sketch_hash(7, 1, slice_text("k")));
    assert_true(key_sketch_hash(7, 0, slice_text("k")) != key_sketch_hash(8, 0, slice_text("k")));
}

static void an_empty_key_is_a_key(void **state)
{
    uint64_t hash = key_sketch_hash(7, 0, slice_text(""));
    (void)state;
    key_sketch_add(sketch, hash, 0, slice_text(""), 1, 1);
    assert_int_equal(key_sketch_find(sketch, hash)->key_length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(few_keys_are_counted_exactly, begin, end),
        cmocka_unit_test_setup_teardown(a_key_with_one_percent_of_all_is_surely_there, begin, end),
        cmocka_unit_test_setup_teardown(a_weight_is_never_too_small, begin, end),
        cmocka_unit_test_setup_teardown(long_keys_are_cut_and_still_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(a_key_of_another_keyspace_is_another_key, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_key_is_a_key, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

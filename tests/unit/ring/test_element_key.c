/*
 * test_element_key.c - names of elements: they lie with their key, and in the order of places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/element_key.h"
#include "ring/position.h"

enum { SEED = 9 };

static void name(const char *key, const char *element, struct buffer *out)
{
    buffer_clear(out);
    element_key_encode(slice_text(key), COLLECTION_HASH, slice_text(element), SEED, out);
}

static void an_element_lies_where_its_key_does(void **state)
{
    static const char *const keys[] = {"", "k", "{tag}k", "a longer key with spaces"};
    struct buffer made = {0};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (keyspace_id keyspace = 0; keyspace < 3; keyspace++) {
            name(keys[i], "field", &made);
            assert_int_equal(
                ring_position(buffer_slice(&made), keyspace_of_elements(keyspace), SEED),
                ring_position(slice_text(keys[i]), keyspace, SEED));
        }
    }
    buffer_deinit(&made);
}

static void a_name_comes_back_as_it_went(void **state)
{
    static const char *const elements[] = {"", "f", "a field"};
    struct buffer made = {0};
    struct element_key parts;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        name("key", elements[i], &made);
        assert_int_equal(element_key_decode(buffer_slice(&made), &parts), STATUS_OK);
        assert_true(slice_equal(parts.key, slice_text("key")));
        assert_true(slice_equal(parts.element, slice_text(elements[i])));
        assert_int_equal(parts.type, COLLECTION_HASH);
        assert_int_equal(parts.place, element_place(slice_text(elements[i]), SEED));
        assert_true(cell_name_is_sound(KEYSPACE_ELEMENTS, buffer_slice(&made), SEED));
        assert_false(cell_name_is_sound(KEYSPACE_ELEMENTS, buffer_slice(&made), SEED + 1));
    }
    buffer_deinit(&made);
}

/* Of two keys no name is the other's, however their bytes are divided. */
static void names_of_two_keys_never_mix(void **state)
{
    struct buffer one = {0}, prefix = {0};
    (void)state;
    name("kf", "x", &one);
    element_key_prefix(slice_text("k"), &prefix);
    assert_int_not_equal(slice_compare(slice_make(one.data, prefix.length), buffer_slice(&prefix)),
                         0);
    buffer_deinit(&one);
    buffer_deinit(&prefix);
}

static void a_bound_lies_before_all_from_its_place_on(void **state)
{
    struct buffer made = {0}, bound = {0};
    (void)state;
    name("key", "f", &made);
    uint64_t place = element_place(slice_text("f"), SEED);
    element_key_bound(slice_text("key"), COLLECTION_HASH, place, &bound);
    assert_true(slice_compare(buffer_slice(&bound), buffer_slice(&made)) < 0);
    buffer_clear(&bound);
    element_key_bound(slice_text("key"), COLLECTION_HASH, place + 1, &bound);
    assert_true(slice_compare(buffer_slice(&bound), buffer_slice(&made)) > 0);
    buffer_deinit(&made);
    buffer_deinit(&bound);
}

static void what_is_no_name_is_refused(void **state)
{
    struct buffer made = {0};
    struct element_key parts;
    (void)state;
    name("key", "", &made);
    for (size_t length = 0; length < made.length; length++)
        assert_int_equal(element_key_decode(slice_make(made.data, length), &parts), STATUS_CORRUPT);
    made.data[5] = COLLECTION_NONE;
    assert_int_equal(element_key_decode(buffer_slice(&made), &parts), STATUS_CORRUPT);
    made.data[5] = COLLECTION_TYPE_END;
    assert_int_equal(element_key_decode(buffer_slice(&made), &parts), STATUS_CORRUPT);
    assert_false(cell_name_is_sound(KEYSPACE_ELEMENTS, buffer_slice(&made), SEED));
    assert_true(cell_name_is_sound(0, buffer_slice(&made), SEED)); /* any bytes are a key */
    buffer_deinit(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_lies_where_its_key_does),
        cmocka_unit_test(a_name_comes_back_as_it_went),
        cmocka_unit_test(names_of_two_keys_never_mix),
        cmocka_unit_test(a_bound_lies_before_all_from_its_place_on),
        cmocka_unit_test(what_is_no_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Values of XXH3: what lies on disks was hashed with them, so they can never change. */
static void gives_the_published_values_of_xxh3(void **state)
{
    (void)state;
    assert_true(hash64(slice_make(NULL, 0), 0) == 0x2d06800538d394c2u);
    assert_true(hash64(slice_text("abc"), 0) == 0x78af5f94892f3950u);
}

static void an_empty_slice_hashes_alike_with_and_without_an_address(void **state)
{
    (void)state;
    assert_true(hash64(slice_make(NULL, 0), 9) == hash64(slice_text(""), 9));
}

static void the_seed_and_every_byte_count(void **state)
{
    uint8_t bytes[300] = {0};
    uint64_t before = hash64(slice_make(bytes, sizeof bytes), 1);
    (void)state;
    assert_true(before != hash64(slice_make(bytes, sizeof bytes), 2));
    assert_true(before != hash64(slice_make(bytes, sizeof bytes - 1), 1));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_true(before != hash64(slice_make(bytes, sizeof bytes), 1));
        bytes[i] = 0;
    }
}

/* A key and an element name share one hash; "ab"+"c" is not "a"+"bc". */
static void a_pair_knows_where_its_first_part_ends(void **state)
{
    static const char TEXT[] = "partition";
    uint64_t seen[sizeof TEXT];
    (void)state;
    for (size_t cut = 0; cut < sizeof TEXT; cut++) {
        struct slice first = slice_make(TEXT, cut);
        struct slice second = slice_make(TEXT + cut, sizeof TEXT - 1 - cut);
        seen[cut] = hash64_pair(first, second, 5);
        assert_true(seen[cut] == hash64_pair(first, second, 5));
        assert_true(seen[cut] != hash64_pair(first, second, 6));
        for (size_t other = 0; other < cut; other++)
            assert_true(seen[cut] != seen[other]);
    }
}

/* What lies on disks was hashed as a pair, too. */
static void a_pair_keeps_its_value(void **state)
{
    (void)state;
    assert_true(hash64_pair(slice_text("key"), slice_text("element"), 5) == 0x963dc5ce15dac4a0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_values_of_xxh3),
        cmocka_unit_test(an_empty_slice_hashes_alike_with_and_without_an_address),
        cmocka_unit_test(the_seed_and_every_byte_count),
        cmocka_unit_test(a_pair_knows_where_its_first_part_ends),
        cmocka_unit_test(a_pair_keeps_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

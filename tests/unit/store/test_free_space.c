#include "store/free_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void low_is_below_the_floor(void **state)
{
    struct free_space space;
    (void)state;
    assert_int_equal(free_space_read("/tmp", &(struct free_space_floor){.bytes = 0}, &space),
                     STATUS_OK);
    assert_false(space.low);
    assert_int_equal(space.floor_bytes, 0);
    assert_int_equal(
        free_space_read("/tmp", &(struct free_space_floor){.bytes = UINT64_MAX}, &space),
        STATUS_OK);
    assert_true(space.low);
}

static void larger_of_the_two_floors_counts(void **state)
{
    struct free_space space;
    (void)state;
    assert_int_equal(
        free_space_read("/tmp", &(struct free_space_floor){.bytes = 1, .percent = 100}, &space),
        STATUS_OK);
    uint64_t size = space.floor_bytes;
    assert_true(size > 1 && size >= space.free_bytes / 100 * 100);
    assert_int_equal(free_space_read("/tmp",
                                     &(struct free_space_floor){.bytes = size + 5, .percent = 100},
                                     &space),
                     STATUS_OK);
    assert_true(space.floor_bytes == size + 5 && space.low);
}

static void missing_path_is_an_error(void **state)
{
    struct free_space space;
    (void)state;
    assert_int_equal(free_space_read("/no such path", &(struct free_space_floor){0}, &space),
                     STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_is_below_the_floor),
        cmocka_unit_test(larger_of_the_two_floors_counts),
        cmocka_unit_test(missing_path_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

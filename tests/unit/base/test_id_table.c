#include "base/id_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

enum { IDS = 400 };

static int items[IDS];

/* Against an array of what stands in it: put, find and remove in any order, full and empty. */
static void finds_what_was_put_and_not_removed(void **state)
{
    struct random random = random_make(7);
    struct id_table table = {0};
    uint64_t ids[IDS] = {0}, last = 0;
    uint32_t count = 0;
    (void)state;
    for (int step = 0; step < 40000; step++) {
        uint32_t at = (uint32_t)random_below(&random, IDS);
        bool growing = step / 5000 % 2 == 0; /* by turns mostly put and mostly removed */
        if (ids[at] == 0 && (growing || random_below(&random, 8) == 0)) {
            ids[at] = last += 1 + random_below(&random, 3);
            id_table_put(&table, ids[at], &items[at]);
            count++;
        } else if (ids[at] != 0 && (!growing || random_below(&random, 8) == 0)) {
            id_table_remove(&table, ids[at]);
            assert_null(id_table_find(&table, ids[at]));
            ids[at] = 0;
            count--;
        }
        assert_int_equal(table.count, count);
        if (step % 100 != 0)
            continue;
        for (uint32_t i = 0; i < IDS; i++)
            if (ids[i] != 0)
                assert_ptr_equal(id_table_find(&table, ids[i]), &items[i]);
        assert_null(id_table_find(&table, last + 1));
    }
    id_table_deinit(&table);
}

/* Ids of one home stand in a row, over the end of the array too; any of them may go first. */
static void keeps_what_stands_behind_a_removed_one(void **state)
{
    struct id_table table = {0};
    uint64_t crowd[6];
    (void)state;
    id_table_put(&table, 1, &items[0]);
    uint32_t last = table.capacity - 1;
    uint32_t found = 0;
    for (uint64_t id = 2; found < 6; id++)
        if (((uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & last) == last)
            crowd[found++] = id;
    id_table_remove(&table, 1);
    for (uint32_t gone = 0; gone < 6; gone++) {
        for (uint32_t i = 0; i < 6; i++)
            id_table_put(&table, crowd[i], &items[i]);
        id_table_remove(&table, crowd[gone]);
        for (uint32_t i = 0; i < 6; i++)
            assert_ptr_equal(id_table_find(&table, crowd[i]), i == gone ? NULL : &items[i]);
        for (uint32_t i = 0; i < 6; i++)
            if (i != gone)
                id_table_remove(&table, crowd[i]);
        assert_int_equal(table.count, 0);
    }
    assert_int_equal(table.capacity, last + 1); /* as large as six need it */
    id_table_deinit(&table);
}

static void has_nothing_under_zero_or_when_empty(void **state)
{
    struct id_table table = {0};
    (void)state;
    assert_null(id_table_find(&table, 0));
    assert_null(id_table_find(&table, 5));
    id_table_put(&table, 5, &items[0]);
    assert_null(id_table_find(&table, 0));
    assert_null(id_table_find(&table, 6));
    id_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_and_not_removed),
        cmocka_unit_test(keeps_what_stands_behind_a_removed_one),
        cmocka_unit_test(has_nothing_under_zero_or_when_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

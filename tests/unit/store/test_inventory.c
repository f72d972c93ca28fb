#include "store/inventory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scratch.h"

struct fixture {
    char directory[SCRATCH_PATH_MAX];
    struct inventory before;
};

static void put(struct fixture *fixture, const char *name, const char *text)
{
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->directory, name);
    scratch_write(path, text);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    scratch_make(fixture.directory);
    put(&fixture, "000003.log", "abc");
    put(&fixture, "000005.ldb", "abcde");
    put(&fixture, "LOCK", "");
    *state = &fixture;
    return inventory_take(fixture.directory, &fixture.before) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    scratch_remove(fixture->directory);
    return 0;
}

static bool changed(struct fixture *fixture)
{
    struct inventory now;
    assert_int_equal(inventory_take(fixture->directory, &now), STATUS_OK);
    return now.digest != fixture->before.digest;
}

static void counts_files_and_bytes(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture->before.files, 2);
    assert_int_equal(fixture->before.bytes, 8);
    assert_false(changed(fixture));
}

static void notices_other_names_and_sizes(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    put(fixture, "000003.log", "abcd");
    assert_true(changed(fixture));
    put(fixture, "000003.log", "abcde");
    put(fixture, "000005.ldb", "abc");
    assert_true(changed(fixture)); /* the sum is the same */
    put(fixture, "000003.log", "abc");
    put(fixture, "000005.ldb", "abcde");
    assert_false(changed(fixture));
    put(fixture, "000006.ldb", "");
    assert_true(changed(fixture));
    scratch_join(path, fixture->directory, "000006.ldb");
    scratch_delete(path);
    assert_false(changed(fixture));
}

/* LevelDB writes them at every opening, whatever happens to the data. */
static void leaves_out_the_lock_and_the_text_logs(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "LOG", "text");
    put(fixture, "LOG.old", "more text");
    put(fixture, "LOCK", "x");
    assert_false(changed(fixture));
}

static void missing_directory_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct inventory inventory;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->directory, "none");
    assert_int_equal(inventory_take(path, &inventory), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_files_and_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notices_other_names_and_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_out_the_lock_and_the_text_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_directory_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/durable_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fault_shim.h"
#include "scratch.h"

struct fixture {
    char directory[SCRATCH_PATH_MAX];
    char path[SCRATCH_PATH_MAX];
    char temporary[SCRATCH_PATH_MAX];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fault_clear();
    scratch_make(fixture.directory);
    scratch_join(fixture.path, fixture.directory, "file");
    scratch_join(fixture.temporary, fixture.directory, "file.tmp");
    *state = &fixture;
    return durable_file_write(fixture.path, slice_text("old")) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fault_clear();
    scratch_remove(fixture->directory);
    return 0;
}

static void expect_content(struct fixture *fixture, const char *text)
{
    struct buffer found = {0};
    assert_int_equal(durable_file_read(fixture->path, 100, &found), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&found), slice_text(text)));
    assert_false(scratch_exists(fixture->temporary));
    buffer_deinit(&found);
}

static void replaces_the_whole_content(void **state)
{
    struct fixture *fixture = *state;
    expect_content(fixture, "old");
    assert_int_equal(durable_file_write(fixture->path, slice_text("n")), STATUS_OK);
    expect_content(fixture, "n");
    assert_int_equal(durable_file_write(fixture->path, slice_text("")), STATUS_OK);
    expect_content(fixture, "");
}

static void overwrites_what_a_crash_left(void **state)
{
    struct fixture *fixture = *state;
    scratch_write(fixture->temporary, "half of something that was longer");
    assert_int_equal(durable_file_write(fixture->path, slice_text("new")), STATUS_OK);
    expect_content(fixture, "new");
}

static void full_disk_leaves_the_old_content(void **state)
{
    struct fixture *fixture = *state;
    for (size_t bytes = 0; bytes < 3; bytes++) {
        fault_disk_full(fixture->directory, ENOSPC, bytes);
        assert_int_equal(durable_file_write(fixture->path, slice_text("new")), STATUS_NO_SPACE);
        fault_clear();
        expect_content(fixture, "old");
    }
}

static void failed_sync_leaves_the_old_content(void **state)
{
    struct fixture *fixture = *state;
    fault_fsync(EIO, 1);
    assert_int_equal(durable_file_write(fixture->path, slice_text("new")), STATUS_IO);
    expect_content(fixture, "old");
}

static void failed_rename_leaves_the_old_content(void **state)
{
    struct fixture *fixture = *state;
    fault_rename(EIO, 1);
    assert_int_equal(durable_file_write(fixture->path, slice_text("new")), STATUS_IO);
    expect_content(fixture, "old");
}

/* The name may not be durable yet: not a success, though a reader sees the new content. */
static void failed_sync_of_the_directory_is_told(void **state)
{
    struct fixture *fixture = *state;
    fault_stop_after(2);
    assert_int_equal(durable_file_write(fixture->path, slice_text("new")), STATUS_IO);
    fault_clear();
    expect_content(fixture, "new");
}

static void missing_is_not_an_error_of_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct buffer found = {0};
    scratch_delete(fixture->path);
    assert_int_equal(durable_file_read(fixture->path, 100, &found), STATUS_NOT_FOUND);
    assert_int_equal(durable_file_read(fixture->directory, 100, &found), STATUS_IO);
    buffer_deinit(&found);
}

static void reads_no_more_than_allowed(void **state)
{
    struct fixture *fixture = *state;
    struct buffer found = {0};
    assert_int_equal(durable_file_read(fixture->path, 2, &found), STATUS_TOO_LARGE);
    assert_int_equal(durable_file_read(fixture->path, 3, &found), STATUS_OK);
    buffer_deinit(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces_the_whole_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overwrites_what_a_crash_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_leaves_the_old_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_leaves_the_old_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_rename_leaves_the_old_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_of_the_directory_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_is_not_an_error_of_the_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_no_more_than_allowed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

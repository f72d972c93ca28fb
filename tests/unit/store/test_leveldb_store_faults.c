/*
 * Each row of the table of LevelDB faults (reference "reliability", section 3) that
 * concerns the database alone. The rows about lost files and cut tails, which LevelDB hides,
 * are in test_identity.c; the full disk is also in test_store_disk_full.c.
 */
#include "store/leveldb_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fault_shim.h"
#include "scratch.h"
#include "store_helpers.h"

enum { RECORDS = 3000, FOOTER_BYTES = 48 };

struct fixture {
    char path[SCRATCH_PATH_MAX];
    char store_path[SCRATCH_PATH_MAX];
    int fatal_count;
    struct leveldb_store_params params;
    struct leveldb_store *store;
};

/* 3,000 records of 200 bytes in one table at level 0, and the database closed. */
static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fault_clear();
    scratch_make(fixture.path);
    scratch_join(fixture.store_path, fixture.path, "store");
    fixture.params = helper_params(fixture.store_path, &fixture.fatal_count);
    struct leveldb_store *store = helper_create(&fixture.params);
    helper_fill(store, RECORDS, 100);
    leveldb_store_close(store);
    leveldb_store_close(helper_open(&fixture.params)); /* the log becomes a table */
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fault_clear();
    leveldb_store_close(fixture->store);
    scratch_remove(fixture->path);
    return 0;
}

static void find_table(struct fixture *fixture, char path[SCRATCH_PATH_MAX])
{
    assert_true(scratch_find(fixture->store_path, ".ldb", path));
}

static void expect_refusal(struct fixture *fixture)
{
    char reason[STORE_REASON_MAX] = "";
    struct leveldb_store *store = NULL;
    assert_int_equal(leveldb_store_open(&fixture->params, &store, reason), STATUS_CORRUPT);
    assert_null(store);
    assert_non_null(strstr(reason, "is damaged and was left as it is"));
}

/* Open with damage inside a table: every record is right or an error, none is "not found". */
static void expect_errors_only(struct fixture *fixture, unsigned failed_min)
{
    enum status error = STATUS_OK;
    fixture->store = helper_open(&fixture->params);
    struct helper_census census = helper_census_by_get(fixture->store, RECORDS);
    assert_int_equal(census.missing, 0);
    assert_in_range(census.failed, failed_min, RECORDS);
    assert_int_equal(census.right + census.failed, RECORDS);
    census = helper_census_by_walk(fixture->store, &error);
    assert_true(census.right < RECORDS);
    assert_int_equal(error, STATUS_CORRUPT);
}

static void no_fault_leaves_every_record_right(void **state)
{
    struct fixture *fixture = *state;
    enum status error = STATUS_IO;
    fixture->store = helper_open(&fixture->params);
    assert_int_equal(helper_census_by_get(fixture->store, RECORDS).right, RECORDS);
    assert_int_equal(helper_census_by_walk(fixture->store, &error).right, RECORDS);
    assert_int_equal(error, STATUS_OK);
}

/*
 * LevelDB alone goes on writing behind the torn record and loses what follows
 * it. Wherever the disk fills up, what was acknowledged must be there after.
 */
static void full_disk_loses_no_acknowledged_put(void **state)
{
    struct fixture *fixture = *state;
    fixture->store = helper_open(&fixture->params);
    for (unsigned round = 0; round < 40; round++) {
        char key[32];
        unsigned acknowledged = 0;
        fault_disk_full(fixture->path, ENOSPC, 1000 + 997 * round);
        for (;; acknowledged++) {
            snprintf(key, sizeof key, "full%03u-%05u", round, acknowledged);
            if (helper_put(fixture->store, key, key) != STATUS_OK)
                break;
        }
        fault_clear();
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(helper_put(fixture->store, "late", "x"), STATUS_NO_SPACE);
        assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
        assert_int_equal(helper_put(fixture->store, "after", "x"), STATUS_OK);
        assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
        for (unsigned i = 0; i < acknowledged; i++) {
            snprintf(key, sizeof key, "full%03u-%05u", round, i);
            assert_int_equal(helper_get(fixture->store, key, key), STATUS_OK);
        }
        assert_int_equal(helper_get(fixture->store, "late", "x"), STATUS_NOT_FOUND);
        assert_int_equal(helper_get(fixture->store, "after", "x"), STATUS_OK);
    }
    assert_int_equal(helper_census_by_get(fixture->store, RECORDS).right, RECORDS);
    assert_int_equal(fixture->fatal_count, 0);
}

static void reopening_on_a_full_disk_fails_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->store = helper_open(&fixture->params);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    for (size_t bytes = 0; bytes < 300; bytes += 30) {
        fault_disk_full(fixture->path, ENOSPC, bytes);
        assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_NO_SPACE);
    }
    fault_clear();
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_census_by_get(fixture->store, RECORDS).right, RECORDS);
}

/* The failed put may be there afterwards: its outcome is unknown, not "failed". */
static void failed_sync_refuses_every_later_put_and_keeps_the_earlier(void **state)
{
    struct fixture *fixture = *state;
    fixture->store = helper_open(&fixture->params);
    assert_int_equal(helper_put(fixture->store, "before", "x"), STATUS_OK);
    fault_fdatasync(EIO, 1);
    assert_int_equal(helper_put(fixture->store, "during", "x"), STATUS_IO);
    assert_int_equal(fixture->fatal_count, 1);
    assert_int_equal(helper_put(fixture->store, "after", "x"), STATUS_IO);
    assert_int_equal(fixture->fatal_count, 1); /* not tried again */
    assert_int_equal(helper_get(fixture->store, "before", "x"), STATUS_OK);
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "before", "x"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "during", "x"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "after", "x"), STATUS_NOT_FOUND);
}

static void deleted_current_is_refused_and_nothing_is_removed(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->store_path, "CURRENT");
    scratch_delete(path);
    expect_refusal(fixture);
    find_table(fixture, path);
    assert_in_range(scratch_size(path), RECORDS * 200, RECORDS * 300);
}

static void empty_current_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->store_path, "CURRENT");
    scratch_truncate(path, 0);
    expect_refusal(fixture);
}

static void deleted_manifest_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    assert_true(scratch_find(fixture->store_path, "MANIFEST-", path));
    scratch_delete(path);
    expect_refusal(fixture);
}

static void flipped_byte_of_the_manifest_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    assert_true(scratch_find(fixture->store_path, "MANIFEST-", path));
    scratch_flip(path, 20);
    expect_refusal(fixture);
}

static void deleted_table_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_delete(path);
    expect_refusal(fixture);
}

static void flipped_byte_of_the_log_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    fixture->store = helper_open(&fixture->params);
    helper_fill(fixture->store, 200, 1);
    leveldb_store_close(fixture->store);
    fixture->store = NULL;
    assert_true(scratch_find(fixture->store_path, ".log", path));
    scratch_flip(path, scratch_offset_of(path, "value of key000100"));
    expect_refusal(fixture);
}

/* What else is damaged nobody knows, so the rest of the store is not answered from either. */
static void flipped_byte_of_a_value_ends_all_answers(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_flip(path, scratch_offset_of(path, "value of key001500"));
    expect_errors_only(fixture, 1);
    assert_int_equal(helper_census_by_get(fixture->store, RECORDS).failed, RECORDS);
    assert_int_equal(helper_put(fixture->store, "new", "value"), STATUS_CORRUPT);
    assert_int_equal(fixture->fatal_count, 0);
}

static void flipped_byte_of_the_index_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_flip(path, -(FOOTER_BYTES + 100));
    expect_errors_only(fixture, RECORDS);
}

static void flipped_byte_of_the_footer_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_flip(path, -4);
    expect_errors_only(fixture, RECORDS);
}

static void cut_table_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_truncate(path, scratch_size(path) / 2);
    expect_errors_only(fixture, RECORDS);
}

/* Without verify_checksums an assertion of LevelDB ends the process here. */
static void zeroed_page_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    find_table(fixture, path);
    scratch_zero(path, 40 * 4096, 4096);
    expect_errors_only(fixture, 1);
}

/* A compaction would give a damaged block a new, valid checksum. */
static void compaction_stops_at_a_flipped_byte(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    enum status status = STATUS_OK;
    find_table(fixture, path);
    scratch_flip(path, scratch_offset_of(path, "value of key001500"));
    fixture->store = helper_open(&fixture->params);
    /*
     * Every reopening makes a table at level 0; four of them start a compaction in the background.
     */
    for (unsigned i = 0; i < 4 && status == STATUS_OK; i++) {
        status = helper_put(fixture->store, "key001500b", "new");
        if (status == STATUS_OK)
            status = leveldb_store_reopen(fixture->store);
    }
    for (unsigned i = 0; i < 1000000 && status == STATUS_OK; i++)
        status = helper_put(fixture->store, "key001500b", "new");
    assert_int_equal(status, STATUS_CORRUPT);
    assert_int_equal(fixture->fatal_count, 0); /* the store is quarantined; the node lives */
    struct helper_census census = helper_census_by_get(fixture->store, RECORDS);
    assert_int_equal(census.missing, 0);
    assert_int_equal(census.failed, RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_fault_leaves_every_record_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_loses_no_acknowledged_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reopening_on_a_full_disk_fails_and_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_refuses_every_later_put_and_keeps_the_earlier,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_current_is_refused_and_nothing_is_removed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(empty_current_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_manifest_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_byte_of_the_manifest_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_table_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_byte_of_the_log_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_byte_of_a_value_ends_all_answers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(flipped_byte_of_the_index_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_byte_of_the_footer_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_table_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zeroed_page_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compaction_stops_at_a_flipped_byte, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

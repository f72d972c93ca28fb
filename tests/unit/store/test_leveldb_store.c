#include "store/leveldb_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <leveldb/c.h>

#include "fault_shim.h"
#include "scratch.h"
#include "store_helpers.h"

struct fixture {
    char path[SCRATCH_PATH_MAX];
    char store_path[SCRATCH_PATH_MAX];
    int fatal_count;
    struct leveldb_store_params params;
    struct leveldb_store *store;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fault_clear();
    scratch_make(fixture.path);
    scratch_join(fixture.store_path, fixture.path, "store");
    fixture.params = helper_params(fixture.store_path, &fixture.fatal_count);
    fixture.store = helper_create(&fixture.params);
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

static void gets_what_was_put(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "empty", ""), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "a", "two"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "a", "two"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "empty", ""), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "b", ""), STATUS_NOT_FOUND);
}

static void get_appends_to_what_the_buffer_holds(void **state)
{
    struct fixture *fixture = *state;
    const struct store_port *port = leveldb_store_port(fixture->store);
    struct buffer out = {0};
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    buffer_append(&out, "before ", 7);
    assert_int_equal(port->get(port->context, slice_text("a"), &out), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&out), slice_text("before one")));
    assert_int_equal(port->get(port->context, slice_text("b"), &out), STATUS_NOT_FOUND);
    assert_true(slice_equal(buffer_slice(&out), slice_text("before one")));
    buffer_deinit(&out);
}

static void batch_applies_its_operations_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct buffer batch = {0};
    store_batch_put(&batch, slice_text("a"), slice_text("one"));
    store_batch_delete(&batch, slice_text("a"));
    store_batch_put(&batch, slice_text("b"), slice_text("one"));
    store_batch_put(&batch, slice_text("b"), slice_text("two"));
    store_batch_delete(&batch, slice_text("never there"));
    assert_int_equal(leveldb_store_apply(fixture->store, buffer_slice(&batch), false), STATUS_OK);
    buffer_deinit(&batch);
    assert_int_equal(helper_get(fixture->store, "a", ""), STATUS_NOT_FOUND);
    assert_int_equal(helper_get(fixture->store, "b", "two"), STATUS_OK);
}

static void keeps_records_over_close_and_reopen(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        helper_fill(fixture->store, 500, 50);
        leveldb_store_close(fixture->store);
        fixture->store = helper_open(&fixture->params);
        assert_int_equal(helper_census_by_get(fixture->store, 500).right, 500);
        assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
        assert_int_equal(helper_census_by_get(fixture->store, 500).right, 500);
    }
}

/* A copy of the files while the store is open is what kill -9 would leave. */
static void synced_records_survive_an_end_without_close(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    helper_fill(fixture->store, 300, 10);
    scratch_join(copy, fixture->path, "copy");
    scratch_copy(fixture->store_path, copy);
    struct leveldb_store_params params = fixture->params;
    params.path = copy;
    struct leveldb_store *store = helper_open(&params);
    assert_int_equal(helper_census_by_get(store, 300).right, 300);
    leveldb_store_close(store);
}

static const char *key_at(const struct store_port *port, struct store_iterator *iterator)
{
    static char key[16];
    if (!port->valid(iterator))
        return "";
    struct slice slice = port->key(iterator);
    assert_true(slice.length < sizeof key);
    memcpy(key, slice.data, slice.length);
    key[slice.length] = 0;
    return key;
}

static void iterator_finds_its_places(void **state)
{
    struct fixture *fixture = *state;
    const struct store_port *port = leveldb_store_port(fixture->store);
    assert_int_equal(helper_put(fixture->store, "b", "1"), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "d", "2"), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "f", "3"), STATUS_OK);
    struct store_iterator *iterator = port->iterator_new(port->context);
    assert_false(port->valid(iterator));
    port->seek(iterator, slice_text(""));
    assert_string_equal(key_at(port, iterator), "b");
    port->seek(iterator, slice_text("d"));
    assert_string_equal(key_at(port, iterator), "d");
    assert_true(slice_equal(port->value(iterator), slice_text("2")));
    port->next(iterator);
    assert_string_equal(key_at(port, iterator), "f");
    port->previous(iterator);
    assert_string_equal(key_at(port, iterator), "d");
    port->seek(iterator, slice_text("g"));
    assert_false(port->valid(iterator));
    port->seek_before(iterator, slice_text("d"));
    assert_string_equal(key_at(port, iterator), "b");
    port->seek_before(iterator, slice_text("e"));
    assert_string_equal(key_at(port, iterator), "d");
    port->seek_before(iterator, slice_text("z"));
    assert_string_equal(key_at(port, iterator), "f");
    port->next(iterator);
    assert_false(port->valid(iterator));
    port->seek_before(iterator, slice_text("b"));
    assert_false(port->valid(iterator));
    assert_int_equal(port->error(iterator), STATUS_OK);
    port->iterator_free(iterator);
}

static void iterator_sees_one_unchanging_view(void **state)
{
    struct fixture *fixture = *state;
    const struct store_port *port = leveldb_store_port(fixture->store);
    assert_int_equal(helper_put(fixture->store, "a", "old"), STATUS_OK);
    struct store_iterator *iterator = port->iterator_new(port->context);
    assert_int_equal(helper_put(fixture->store, "a", "new"), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "b", "new"), STATUS_OK);
    port->seek(iterator, slice_text("a"));
    assert_true(slice_equal(port->value(iterator), slice_text("old")));
    port->next(iterator);
    assert_false(port->valid(iterator));
    port->iterator_free(iterator);
}

/* Write below our checksums, as a bug or LevelDB itself might. */
static void put_raw(const char *path, const char *key, const char *value, size_t length)
{
    char *error = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_writeoptions_t *write_options = leveldb_writeoptions_create();
    leveldb_t *db = leveldb_open(options, path, &error);
    assert_null(error);
    leveldb_put(db, write_options, key, strlen(key), value, length, &error);
    assert_null(error);
    leveldb_close(db);
    leveldb_writeoptions_destroy(write_options);
    leveldb_options_destroy(options);
}

static char *get_raw(const char *path, const char *key, size_t *length)
{
    char *error = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_readoptions_t *read_options = leveldb_readoptions_create();
    leveldb_t *db = leveldb_open(options, path, &error);
    assert_null(error);
    char *value = leveldb_get(db, read_options, key, strlen(key), length, &error);
    assert_null(error);
    leveldb_close(db);
    leveldb_readoptions_destroy(read_options);
    leveldb_options_destroy(options);
    return value;
}

static void record_without_checksum_is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    leveldb_store_close(fixture->store);
    put_raw(fixture->store_path, "a", "no checksum here", 16);
    put_raw(fixture->store_path, "b", "short", 5);
    put_raw(fixture->store_path, "c", "", 0);
    fixture->store = helper_open(&fixture->params);
    struct leveldb_store_counts counts;
    for (const char *key = "abc"; *key != '\0'; key++) {
        char name[] = {*key, '\0'};
        assert_int_equal(helper_get(fixture->store, name, ""), STATUS_CORRUPT);
        leveldb_store_counts(fixture->store, &counts);
        assert_int_equal(counts.corrupt_records, 1);
        assert_int_equal(counts.gets, 1);
        leveldb_store_close(fixture->store); /* the first find ends all answers */
        fixture->store = helper_open(&fixture->params);
    }
}

static void record_under_another_key_is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 0;
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    leveldb_store_close(fixture->store);
    char *record = get_raw(fixture->store_path, "a", &length);
    assert_int_equal(length, 3 + 8);
    put_raw(fixture->store_path, "b", record, length);
    leveldb_free(record);
    fixture->store = helper_open(&fixture->params);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "b", "one"), STATUS_CORRUPT);
}

static void iterator_stops_at_a_corrupt_record(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "c", "three"), STATUS_OK);
    leveldb_store_close(fixture->store);
    put_raw(fixture->store_path, "b", "no checksum here", 16);
    fixture->store = helper_open(&fixture->params);
    const struct store_port *port = leveldb_store_port(fixture->store);
    struct store_iterator *iterator = port->iterator_new(port->context);
    port->seek(iterator, slice_text("a"));
    assert_true(port->valid(iterator));
    port->next(iterator);
    assert_false(port->valid(iterator));
    assert_int_equal(port->error(iterator), STATUS_CORRUPT);
    /* It stays: a walk that met damage cannot become trusted again. */
    port->seek(iterator, slice_text("c"));
    assert_false(port->valid(iterator));
    port->seek_before(iterator, slice_text("z"));
    assert_false(port->valid(iterator));
    assert_int_equal(port->error(iterator), STATUS_CORRUPT);
    port->iterator_free(iterator);
}

static void open_creates_nothing(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    char current[SCRATCH_PATH_MAX];
    char reason[STORE_REASON_MAX] = "";
    struct leveldb_store *store = NULL;
    struct leveldb_store_params params = fixture->params;
    scratch_join(path, fixture->path, "nothing here");
    scratch_join(current, path, "CURRENT");
    params.path = path;
    assert_int_equal(leveldb_store_open(&params, &store, reason), STATUS_CORRUPT);
    assert_null(store);
    assert_non_null(strstr(reason, "was left as it is"));
    assert_false(scratch_exists(current));
}

static void create_refuses_an_existing_database(void **state)
{
    struct fixture *fixture = *state;
    char reason[STORE_REASON_MAX] = "";
    struct leveldb_store *store = NULL;
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    leveldb_store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(leveldb_store_create(&fixture->params, &store, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "already holds a database"));
    fixture->store = helper_open(&fixture->params);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
}

static void second_opening_names_the_other_process(void **state)
{
    struct fixture *fixture = *state;
    char reason[STORE_REASON_MAX] = "";
    struct leveldb_store *store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* LevelDB remembers its own locks by name, so ask under another one. */
        char name[SCRATCH_PATH_MAX];
        struct leveldb_store_params params = fixture->params;
        scratch_join(name, fixture->path, "./store");
        params.path = name;
        _exit(leveldb_store_open(&params, &store, reason) == STATUS_OVERLOADED ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    /* Last, because LevelDB gives its lock away when one process asks for it twice. */
    assert_int_equal(leveldb_store_open(&fixture->params, &store, reason), STATUS_OVERLOADED);
    assert_non_null(strstr(reason, "another process has the store"));
}

static void refuses_writes_after_a_failed_one_until_reopened(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    fault_disk_full(fixture->path, ENOSPC, 0);
    assert_int_equal(helper_put(fixture->store, "b", "two"), STATUS_NO_SPACE);
    fault_clear();
    /* There is room again, but the log has a hole: nothing may be written behind it. */
    assert_int_equal(helper_put(fixture->store, "c", "three"), STATUS_NO_SPACE);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "c", ""), STATUS_NOT_FOUND);
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(helper_put(fixture->store, "c", "three"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "c", "three"), STATUS_OK);
    assert_int_equal(fixture->fatal_count, 0);
}

static void a_quota_counts_as_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    fault_disk_full(fixture->path, EDQUOT, 0);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_NO_SPACE);
    assert_int_equal(fixture->fatal_count, 0);
}

static void answers_why_while_it_cannot_be_reopened(void **state)
{
    struct fixture *fixture = *state;
    const struct store_port *port = leveldb_store_port(fixture->store);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    fault_disk_full(fixture->path, ENOSPC, 0);
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_NO_SPACE);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_NO_SPACE);
    assert_int_equal(helper_put(fixture->store, "b", "two"), STATUS_NO_SPACE);
    assert_int_equal(leveldb_store_level0_files(fixture->store), 0);
    struct store_iterator *iterator = port->iterator_new(port->context);
    port->seek(iterator, slice_text("a"));
    assert_false(port->valid(iterator));
    assert_int_equal(port->error(iterator), STATUS_NO_SPACE);
    port->iterator_free(iterator);
    fault_clear();
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
}

static void failed_sync_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    fault_fdatasync(EIO, 1);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_IO);
    assert_int_equal(fixture->fatal_count, 1);
}

static void failed_sync_ends_the_process_by_default(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->path, "other");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct leveldb_store_params params = fixture->params;
        params.path = path;
        params.fatal = NULL;
        struct leveldb_store *store = helper_create(&params);
        fault_fdatasync(EIO, 1);
        _exit(helper_put(store, "a", "one") == STATUS_OK ? 0 : 1);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), STORE_EXIT_IO);
}

/* LevelDB answers "not found" for a key whose table has vanished. */
static void notices_a_table_that_vanished_while_open(void **state)
{
    struct fixture *fixture = *state;
    char table[SCRATCH_PATH_MAX];
    helper_fill(fixture->store, 500, 50);
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(leveldb_store_check_tables(fixture->store), STATUS_OK);
    assert_true(leveldb_store_level0_files(fixture->store) > 0);
    assert_true(scratch_find(fixture->store_path, ".ldb", table));
    scratch_delete(table);
    assert_int_equal(leveldb_store_check_tables(fixture->store), STATUS_CORRUPT);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gets_what_was_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(get_appends_to_what_the_buffer_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batch_applies_its_operations_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keeps_records_over_close_and_reopen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(synced_records_survive_an_end_without_close, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(iterator_finds_its_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(iterator_sees_one_unchanging_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(record_without_checksum_is_corrupt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(record_under_another_key_is_corrupt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(iterator_stops_at_a_corrupt_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_creates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create_refuses_an_existing_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_opening_names_the_other_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_writes_after_a_failed_one_until_reopened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_quota_counts_as_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_why_while_it_cannot_be_reopened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_ends_the_process_by_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notices_a_table_that_vanished_while_open, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

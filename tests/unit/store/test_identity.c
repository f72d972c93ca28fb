#include "store/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault_shim.h"
#include "scratch.h"
#include "store_helpers.h"

struct fixture {
    char path[SCRATCH_PATH_MAX];
    char data[SCRATCH_PATH_MAX];
    char file[SCRATCH_PATH_MAX];
    char store_path[SCRATCH_PATH_MAX];
    int fatal_count;
    struct leveldb_store_params params;
    struct leveldb_store *store;
    struct identity identity;
    char reason[STORE_REASON_MAX];
};

static struct identity make_identity(node_id node, uint16_t incarnation, uint8_t cluster)
{
    struct identity identity = {.node = node, .storage_incarnation = incarnation};
    memset(identity.cluster_id, cluster, sizeof identity.cluster_id);
    return identity;
}

static void initialise(struct fixture *fixture, const char *data, const struct identity *identity)
{
    if (identity_initialise(data, &fixture->params, identity, fixture->reason) != STATUS_OK)
        fail_msg("%s", fixture->reason);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fault_clear();
    scratch_make(fixture.path);
    scratch_join(fixture.data, fixture.path, "data");
    scratch_join(fixture.file, fixture.data, "identity");
    scratch_join(fixture.store_path, fixture.data, "store");
    fixture.params = helper_params(NULL, &fixture.fatal_count);
    *state = &fixture;
    return 0;
}

static int set_up_initialised(void **state)
{
    struct identity identity = make_identity(3, 1, 0xab);
    set_up(state);
    initialise(*state, ((struct fixture *)*state)->data, &identity);
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

static enum status open_at(struct fixture *fixture, const char *data)
{
    assert_null(fixture->store);
    fixture->reason[0] = 0;
    return identity_open(data, &fixture->params, &fixture->store, &fixture->identity,
                         fixture->reason);
}

static void open_well(struct fixture *fixture)
{
    if (open_at(fixture, fixture->data) != STATUS_OK)
        fail_msg("%s", fixture->reason);
}

static void close_clean(struct fixture *fixture)
{
    struct leveldb_store *store = fixture->store;
    fixture->store = NULL;
    assert_int_equal(identity_close(fixture->data, store, &fixture->identity), STATUS_OK);
}

static void close_unclean(struct fixture *fixture)
{
    leveldb_store_close(fixture->store);
    fixture->store = NULL;
}

/* Refused with these words, and every file as it was: the next attempt finds the same. */
static void expect_refusal(struct fixture *fixture, enum status status, const char *words)
{
    assert_int_equal(open_at(fixture, fixture->data), status);
    assert_null(fixture->store);
    if (strstr(fixture->reason, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, fixture->reason);
    assert_int_equal(open_at(fixture, fixture->data), status);
}

static void first_identity_is_clean_with_epoch_one(void **state)
{
    struct fixture *fixture = *state;
    struct identity identity = make_identity(3, 1, 0xab);
    struct identity found;
    initialise(fixture, fixture->data, &identity);
    assert_int_equal(identity_read(fixture->data, &found, fixture->reason), STATUS_OK);
    assert_true(found.clean);
    assert_int_equal(found.boot_epoch, 1);
    open_well(fixture);
    assert_memory_equal(fixture->identity.cluster_id, identity.cluster_id,
                        sizeof identity.cluster_id);
    assert_int_equal(fixture->identity.node, 3);
    assert_int_equal(fixture->identity.storage_incarnation, 1);
    assert_int_equal(fixture->identity.boot_epoch, 1);
    assert_true(fixture->identity.clean);
}

static void initialises_an_empty_directory_or_mount_point(void **state)
{
    struct fixture *fixture = *state;
    char lost[SCRATCH_PATH_MAX];
    struct identity identity = make_identity(3, 1, 0xab);
    scratch_join(lost, fixture->data, "lost+found");
    assert_int_equal(mkdir(fixture->data, 0700), 0);
    assert_int_equal(mkdir(lost, 0700), 0);
    initialise(fixture, fixture->data, &identity);
    open_well(fixture);
}

static void initialise_refuses_a_directory_with_anything_in_it(void **state)
{
    struct fixture *fixture = *state;
    char other[SCRATCH_PATH_MAX];
    char store[SCRATCH_PATH_MAX];
    struct identity identity = make_identity(3, 1, 0xab);
    scratch_join(other, fixture->data, "letter");
    scratch_join(store, fixture->data, "store");
    assert_int_equal(mkdir(fixture->data, 0700), 0);
    scratch_write(other, "dear operator");
    assert_int_equal(
        identity_initialise(fixture->data, &fixture->params, &identity, fixture->reason),
        STATUS_INVALID);
    assert_non_null(strstr(fixture->reason, "is not empty (it holds letter)"));
    assert_false(scratch_exists(store));
}

static void initialise_refuses_a_directory_in_use(void **state)
{
    struct fixture *fixture = *state;
    struct identity identity = make_identity(4, 1, 0xab);
    assert_int_equal(
        identity_initialise(fixture->data, &fixture->params, &identity, fixture->reason),
        STATUS_INVALID);
    open_well(fixture);
    assert_int_equal(fixture->identity.node, 3);
}

static void initialise_needs_the_parent(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    struct identity identity = make_identity(3, 1, 0xab);
    scratch_join(path, fixture->path, "no/such");
    assert_int_equal(identity_initialise(path, &fixture->params, &identity, fixture->reason),
                     STATUS_IO);
    assert_non_null(strstr(fixture->reason, "could not make"));
}

static void interrupted_initialisation_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct identity identity = make_identity(3, 1, 0xab);
    fault_rename(EIO, -1); /* CURRENT or the identity file: not both halves */
    assert_int_not_equal(
        identity_initialise(fixture->data, &fixture->params, &identity, fixture->reason),
        STATUS_OK);
    fault_clear();
    expect_refusal(fixture, STATUS_CORRUPT, "initialisation was interrupted");
}

static void clean_ends_keep_the_boot_epoch(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++) {
        open_well(fixture);
        assert_int_equal(fixture->identity.boot_epoch, 1);
        assert_true(fixture->identity.clean);
        close_clean(fixture);
    }
}

static void every_opening_and_clean_end_is_a_session(void **state)
{
    struct fixture *fixture = *state;
    open_well(fixture);
    assert_int_equal(fixture->identity.session, 2);
    close_clean(fixture);
    assert_int_equal(fixture->identity.session, 3);
    open_well(fixture);
    assert_int_equal(fixture->identity.session, 4);
}

static void unclean_ends_raise_the_boot_epoch(void **state)
{
    struct fixture *fixture = *state;
    struct identity found;
    open_well(fixture);
    close_unclean(fixture);
    for (uint32_t epoch = 2; epoch < 6; epoch++) {
        open_well(fixture);
        assert_int_equal(fixture->identity.boot_epoch, epoch);
        assert_false(fixture->identity.clean);
        /* In the file before anything is served. */
        assert_int_equal(identity_read(fixture->data, &found, fixture->reason), STATUS_OK);
        assert_int_equal(found.boot_epoch, epoch);
        assert_false(found.clean);
        close_unclean(fixture);
    }
    open_well(fixture);
    close_clean(fixture);
    open_well(fixture);
    assert_int_equal(fixture->identity.boot_epoch, 6);
}

/* A copy of the directory in use is what kill -9 leaves. */
static void kill_is_an_unclean_end(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    open_well(fixture);
    assert_int_equal(helper_put(fixture->store, "a", "one"), STATUS_OK);
    scratch_copy(fixture->data, copy);
    close_clean(fixture);
    assert_int_equal(open_at(fixture, copy), STATUS_OK);
    assert_int_equal(fixture->identity.boot_epoch, 2);
    assert_int_equal(helper_get(fixture->store, "a", "one"), STATUS_OK);
}

static void raise_is_in_both_halves(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    open_well(fixture);
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    assert_int_equal(identity_raise_boot_epoch(fixture->data, fixture->store, &fixture->identity),
                     STATUS_OK);
    assert_int_equal(fixture->identity.boot_epoch, 2);
    scratch_copy(fixture->data, copy);
    close_unclean(fixture);
    assert_int_equal(open_at(fixture, copy), STATUS_OK);
    assert_int_equal(fixture->identity.boot_epoch, 3);
}

static void raise_on_a_full_disk_can_be_tried_again(void **state)
{
    struct fixture *fixture = *state;
    unsigned refused = 0;
    open_well(fixture);
    for (size_t bytes = 0;; bytes += 40) {
        fault_disk_full(fixture->path, ENOSPC, bytes);
        enum status status =
            identity_raise_boot_epoch(fixture->data, fixture->store, &fixture->identity);
        fault_clear();
        if (status == STATUS_OK)
            break;
        refused++;
        assert_int_equal(status, STATUS_NO_SPACE);
        assert_int_equal(fixture->identity.boot_epoch, 1);
        assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    }
    assert_in_range(refused, 10, 100);
    assert_int_equal(fixture->identity.boot_epoch, 2);
    /* LevelDB's own thread may have met the full disk meanwhile, and remembers it. */
    assert_int_equal(leveldb_store_reopen(fixture->store), STATUS_OK);
    close_clean(fixture);
    open_well(fixture);
    assert_int_equal(fixture->identity.boot_epoch, 2);
    assert_int_equal(fixture->fatal_count, 0);
}

static void raise_refuses_a_database_that_is_not_ours_any_more(void **state)
{
    struct fixture *fixture = *state;
    open_well(fixture);
    fixture->identity.session += 5;
    assert_int_equal(identity_raise_boot_epoch(fixture->data, fixture->store, &fixture->identity),
                     STATUS_CORRUPT);
    assert_int_equal(fixture->identity.boot_epoch, 1);
}

/* The disk goes away at any step of an opening: the one after it finds a state that it can use. */
static void opening_may_stop_at_any_step(void **state)
{
    struct fixture *fixture = *state;
    unsigned stops = 0;
    uint32_t epoch = 0;
    for (;; stops++) {
        fault_stop_after(stops);
        enum status status = open_at(fixture, fixture->data);
        fault_clear();
        if (status == STATUS_OK)
            break;
        /* Served by nobody, so the epoch may rise or stay; it never falls. */
        open_well(fixture);
        assert_true(fixture->identity.boot_epoch >= epoch);
        epoch = fixture->identity.boot_epoch;
        close_clean(fixture);
    }
    assert_in_range(stops, 6, 40);
}

/* The same for a clean end: either it counts as clean, or the epoch is raised. */
static void closing_may_stop_at_any_step(void **state)
{
    struct fixture *fixture = *state;
    unsigned stops = 0;
    for (;; stops++) {
        open_well(fixture);
        uint32_t epoch = fixture->identity.boot_epoch;
        struct leveldb_store *store = fixture->store;
        fixture->store = NULL;
        fault_stop_after(stops);
        enum status status = identity_close(fixture->data, store, &fixture->identity);
        fault_clear();
        open_well(fixture);
        assert_int_equal(fixture->identity.boot_epoch - epoch, fixture->identity.clean ? 0 : 1);
        if (status == STATUS_OK)
            break;
        close_clean(fixture);
    }
    assert_true(fixture->identity.clean);
    assert_in_range(stops, 5, 40);
}

/* ---- what must be refused ---- */

static void refuses_what_was_never_initialised(void **state)
{
    struct fixture *fixture = *state;
    expect_refusal(fixture, STATUS_NOT_FOUND, "is not initialised");
    assert_int_equal(mkdir(fixture->data, 0700), 0);
    expect_refusal(fixture, STATUS_NOT_FOUND, "is not initialised");
    assert_false(scratch_exists(fixture->store_path));
}

static void refuses_a_missing_file(void **state)
{
    struct fixture *fixture = *state;
    scratch_delete(fixture->file);
    expect_refusal(fixture, STATUS_CORRUPT, "has a store but no identity file");
}

static void refuses_a_damaged_file(void **state)
{
    struct fixture *fixture = *state;
    scratch_flip(fixture->file, 30);
    expect_refusal(fixture, STATUS_CORRUPT, "is damaged");
    scratch_truncate(fixture->file, 0);
    expect_refusal(fixture, STATUS_CORRUPT, "is damaged");
}

static void refuses_a_missing_database(void **state)
{
    struct fixture *fixture = *state;
    scratch_remove(fixture->store_path);
    expect_refusal(fixture, STATUS_CORRUPT, "the database was lost");
    assert_false(scratch_exists(fixture->store_path));
}

static void refuses_a_deleted_current(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    open_well(fixture);
    close_unclean(fixture);
    scratch_join(path, fixture->store_path, "CURRENT");
    scratch_delete(path);
    expect_refusal(fixture, STATUS_CORRUPT, "CURRENT is gone");
}

static void swap_store(struct fixture *fixture, const struct identity *other)
{
    char data[SCRATCH_PATH_MAX];
    char store[SCRATCH_PATH_MAX];
    scratch_join(data, fixture->path, "other");
    scratch_join(store, data, "store");
    initialise(fixture, data, other);
    open_well(fixture); /* no inventory from here on */
    close_unclean(fixture);
    scratch_remove(fixture->store_path);
    scratch_copy(store, fixture->store_path);
}

static void refuses_the_database_of_another_node(void **state)
{
    struct fixture *fixture = *state;
    struct identity other = make_identity(4, 1, 0xab);
    swap_store(fixture, &other);
    expect_refusal(fixture, STATUS_CORRUPT, "belongs to node 3 incarnation 1, but the database");
}

static void refuses_the_database_of_another_incarnation(void **state)
{
    struct fixture *fixture = *state;
    struct identity other = make_identity(3, 2, 0xab);
    swap_store(fixture, &other);
    expect_refusal(fixture, STATUS_CORRUPT, "to node 3 incarnation 2");
}

static void refuses_the_database_of_another_cluster(void **state)
{
    struct fixture *fixture = *state;
    struct identity other = make_identity(3, 1, 0xac);
    swap_store(fixture, &other);
    expect_refusal(fixture, STATUS_CORRUPT, "of another cluster");
}

static void refuses_a_database_without_a_record(void **state)
{
    struct fixture *fixture = *state;
    char store[SCRATCH_PATH_MAX];
    struct leveldb_store_params params = fixture->params;
    open_well(fixture);
    close_unclean(fixture);
    scratch_remove(fixture->store_path);
    snprintf(store, sizeof store, "%s", fixture->store_path);
    params.path = store;
    leveldb_store_close(helper_create(&params));
    expect_refusal(fixture, STATUS_CORRUPT, "the identity record");
}

static void refuses_a_database_of_an_earlier_boot_epoch(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    open_well(fixture);
    close_unclean(fixture);
    scratch_copy(fixture->store_path, copy);
    open_well(fixture);
    close_unclean(fixture);
    scratch_remove(fixture->store_path);
    scratch_copy(copy, fixture->store_path);
    expect_refusal(fixture, STATUS_CORRUPT, "one of them is an older copy");
}

/* The boot epoch is the same, and neither was closed: only the session tells. */
static void refuses_a_database_of_an_earlier_session(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    open_well(fixture);
    scratch_copy(fixture->store_path, copy);
    close_clean(fixture);
    open_well(fixture);
    assert_int_equal(fixture->identity.boot_epoch, 1);
    close_unclean(fixture);
    scratch_remove(fixture->store_path);
    scratch_copy(copy, fixture->store_path);
    expect_refusal(fixture, STATUS_CORRUPT, "is of session 2");
}

static void refuses_an_older_copy_of_the_file(void **state)
{
    struct fixture *fixture = *state;
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    open_well(fixture);
    scratch_copy(fixture->file, copy);
    close_unclean(fixture);
    open_well(fixture);
    close_unclean(fixture);
    scratch_copy(copy, fixture->file);
    expect_refusal(fixture, STATUS_CORRUPT, "one of them is an older copy");
}

/* LevelDB opens without the newest log as if nothing had been in it. */
static void refuses_a_lost_log_after_an_unclean_end(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    open_well(fixture);
    helper_fill(fixture->store, 48, 1);
    close_unclean(fixture);
    assert_true(scratch_find(fixture->store_path, ".log", path));
    scratch_delete(path);
    expect_refusal(fixture, STATUS_CORRUPT, "or the database lost records");
}

static void refuses_a_lost_log_after_a_clean_end(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    open_well(fixture);
    helper_fill(fixture->store, 48, 1);
    close_clean(fixture);
    assert_true(scratch_find(fixture->store_path, ".log", path));
    scratch_delete(path);
    expect_refusal(fixture, STATUS_CORRUPT, "changed since the clean end of session 3");
}

/* LevelDB takes the cut tail for the end and forgets the tables named there. */
static void refuses_a_cut_manifest_after_a_clean_end(void **state)
{
    struct fixture *fixture = *state;
    static const long CUTS[] = {1, 10, 60, 200};
    char path[SCRATCH_PATH_MAX];
    char copy[SCRATCH_PATH_MAX];
    scratch_join(copy, fixture->path, "copy");
    fixture->params.write_buffer_bytes = 64 << 10;
    open_well(fixture);
    helper_fill(fixture->store, 3000, 10);
    close_clean(fixture);
    scratch_copy(fixture->data, copy);
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        scratch_remove(fixture->data);
        scratch_copy(copy, fixture->data);
        assert_true(scratch_find(fixture->store_path, "MANIFEST-", path));
        scratch_truncate(path, scratch_size(path) - CUTS[i]);
        expect_refusal(fixture, STATUS_CORRUPT, "changed since the clean end of session 3");
    }
}

static void refuses_another_format(void **state)
{
    struct fixture *fixture = *state;
    /* Made by hand: a title of format 2 and its checksum. */
    scratch_write(fixture->file, "ringdb identity 2\nchecksum=fb844cd0675511c2\n");
    assert_int_equal(open_at(fixture, fixture->data), STATUS_UNSUPPORTED);
    assert_non_null(strstr(fixture->reason, "another version"));
}

static void refuses_a_directory_in_use(void **state)
{
    struct fixture *fixture = *state;
    open_well(fixture);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char data[SCRATCH_PATH_MAX];
        struct leveldb_store *store = NULL;
        scratch_join(data, fixture->path, "./data");
        enum status status =
            identity_open(data, &fixture->params, &store, &fixture->identity, fixture->reason);
        _exit(status == STATUS_OVERLOADED && strstr(fixture->reason, "another process") != NULL
                  ? 0
                  : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    close_clean(fixture);
    open_well(fixture);
    assert_true(fixture->identity.clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_identity_is_clean_with_epoch_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(initialises_an_empty_directory_or_mount_point, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(initialise_refuses_a_directory_with_anything_in_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(initialise_refuses_a_directory_in_use, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(initialise_needs_the_parent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupted_initialisation_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clean_ends_keep_the_boot_epoch, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_opening_and_clean_end_is_a_session,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(unclean_ends_raise_the_boot_epoch, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(kill_is_an_unclean_end, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(raise_is_in_both_halves, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(raise_on_a_full_disk_can_be_tried_again, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(raise_refuses_a_database_that_is_not_ours_any_more,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(opening_may_stop_at_any_step, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_may_stop_at_any_step, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_was_never_initialised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_missing_file, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_damaged_file, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_missing_database, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_deleted_current, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_database_of_another_node, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_database_of_another_incarnation,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_database_of_another_cluster, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_database_without_a_record, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_database_of_an_earlier_boot_epoch,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_database_of_an_earlier_session,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_an_older_copy_of_the_file, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_lost_log_after_an_unclean_end, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_lost_log_after_a_clean_end, set_up_initialised,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_cut_manifest_after_a_clean_end,
                                        set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_another_format, set_up_initialised, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_directory_in_use, set_up_initialised, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

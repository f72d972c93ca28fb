/*
 * test_quarantine.c - a damaged store is set aside, a new one begins, and it stops when that goes
 * on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scratch.h"
#include "store/quarantine.h"
#include "store_helpers.h"

struct fixture {
    char path[SCRATCH_PATH_MAX];
    char data[SCRATCH_PATH_MAX];
    int fatal_count;
    struct leveldb_store_params store;
    struct quarantine_params params;
    struct quarantine_report report;
    char reason[STORE_REASON_MAX];
};

static const struct identity NODE = {.cluster_id = "cluster", .node = 3, .storage_incarnation = 1};

static int set_up(void **state)
{
    struct fixture *fixture = memory_new(1, sizeof *fixture);
    *state = fixture;
    scratch_make(fixture->path);
    scratch_join(fixture->data, fixture->path, "data");
    fixture->store = helper_params("", &fixture->fatal_count);
    fixture->params = (struct quarantine_params){.data_path = fixture->data,
                                                 .store = &fixture->store,
                                                 .why = "a record fails\nits checksum",
                                                 .now_ms = 1000000000,
                                                 .times_max = 3,
                                                 .keep_max = 2};
    assert_int_equal(identity_initialise(fixture->data, &fixture->store, &NODE, fixture->reason),
                     STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    scratch_remove(fixture->path);
    free(fixture);
    return 0;
}

/* The incarnation with which the node opens now. */
static uint16_t opened(struct fixture *fixture)
{
    struct leveldb_store *store = NULL;
    struct identity identity;
    if (identity_open(fixture->data, &fixture->store, &store, &identity, fixture->reason) !=
        STATUS_OK)
        fail_msg("%s", fixture->reason);
    assert_int_equal(identity_close(fixture->data, store, &identity), STATUS_OK);
    assert_memory_equal(identity.cluster_id, NODE.cluster_id, sizeof NODE.cluster_id);
    assert_int_equal(identity.node, NODE.node);
    return identity.storage_incarnation;
}

static enum status quarantine(struct fixture *fixture)
{
    fixture->params.now_ms += 1000;
    return quarantine_store(&fixture->params, &fixture->report, fixture->reason);
}

static void a_new_store_has_the_next_incarnation_and_the_old_one_is_kept(void **state)
{
    struct fixture *fixture = *state;
    char inside[SCRATCH_PATH_MAX];
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_int_equal(fixture->report.storage_incarnation, 2);
    assert_int_equal(opened(fixture), 2);
    scratch_join(inside, fixture->report.aside, "store/CURRENT");
    assert_true(scratch_exists(inside));
    scratch_join(inside, fixture->report.aside, "identity");
    assert_true(scratch_exists(inside));
}

static void an_incarnation_that_peers_know_of_is_not_given_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.above = 8;
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_int_equal(opened(fixture), 9);
    fixture->params.above = 0;
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_int_equal(opened(fixture), 10);
}

/* Whatever a crash has left: the number stands in DATA/damage before it is used. */
static void an_attempt_that_ended_early_can_be_made_again(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX], store[SCRATCH_PATH_MAX], gone[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->data, "damage");
    scratch_write(path, "ringdb damage 1\n1000000000 rebuild 2 why\n");
    scratch_join(store, fixture->data, "store");
    scratch_join(gone, fixture->path, "gone");
    assert_int_equal(rename(store, gone), 0);
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_string_equal(fixture->report.aside, "");
    assert_int_equal(opened(fixture), 3);
}

static void the_fourth_damage_within_an_hour_is_left_to_the_operator(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_int_equal(quarantine(fixture), STATUS_OVERLOADED);
    assert_non_null(strstr(fixture->reason, "/damage and start again"));
    assert_int_equal(opened(fixture), 4); /* nothing was changed */
    fixture->params.now_ms += QUARANTINE_WINDOW_MS;
    assert_int_equal(quarantine(fixture), STATUS_OK); /* an hour later it is */
    fixture->params.times_max = 0;
    assert_int_equal(quarantine(fixture), STATUS_OVERLOADED);
    fixture->params.times_max = 3;
    scratch_join(path, fixture->data, "damage");
    scratch_delete(path);
    assert_int_equal(quarantine(fixture), STATUS_OK);
}

static void a_store_that_is_held_is_left_until_the_file_is_removed(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    assert_int_equal(quarantine_hold(&fixture->params, fixture->reason), STATUS_OK);
    assert_non_null(strstr(fixture->reason, "other owners"));
    assert_int_equal(quarantine(fixture), STATUS_OVERLOADED);
    assert_int_equal(opened(fixture), 1);
    scratch_join(path, fixture->data, "damage");
    scratch_delete(path);
    assert_int_equal(quarantine(fixture), STATUS_OK);
}

static void a_damaged_file_of_damage_holds(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->data, "damage");
    scratch_write(path, "nonsense");
    assert_int_equal(quarantine(fixture), STATUS_OVERLOADED);
}

static void only_the_newest_are_kept(void **state)
{
    struct fixture *fixture = *state;
    char first[STORE_REASON_MAX], second[STORE_REASON_MAX];
    assert_int_equal(quarantine(fixture), STATUS_OK);
    strcpy(first, fixture->report.aside);
    assert_int_equal(quarantine(fixture), STATUS_OK);
    strcpy(second, fixture->report.aside);
    assert_true(scratch_exists(first));
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_false(scratch_exists(first));
    assert_true(scratch_exists(second));
    fixture->params.times_max = 9;
    fixture->params.keep_bytes_max = 1; /* and the newest stays in any case */
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_false(scratch_exists(second));
    assert_true(scratch_exists(fixture->report.aside));
}

static void without_an_identity_nothing_is_done(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_MAX];
    scratch_join(path, fixture->data, "identity");
    scratch_flip(path, 20);
    assert_int_equal(quarantine(fixture), STATUS_CORRUPT);
    scratch_join(path, fixture->data, "store/CURRENT");
    assert_true(scratch_exists(path));
    scratch_join(path, fixture->data, "damage");
    assert_false(scratch_exists(path));
}

static void what_happened_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    struct quarantine_history history;
    quarantine_read_history(fixture->data, &history);
    assert_true(history.times == 0 && history.last_ms == 0);
    assert_int_equal(quarantine(fixture), STATUS_OK);
    assert_int_equal(quarantine(fixture), STATUS_OK);
    quarantine_read_history(fixture->data, &history);
    assert_int_equal(history.times, 2);
    assert_true(history.last_ms == fixture->params.now_ms);
    assert_string_equal(history.why, "a record fails its checksum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_new_store_has_the_next_incarnation_and_the_old_one_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_incarnation_that_peers_know_of_is_not_given_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_attempt_that_ended_early_can_be_made_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_fourth_damage_within_an_hour_is_left_to_the_operator,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_is_held_is_left_until_the_file_is_removed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_of_damage_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_newest_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_identity_nothing_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_happened_can_be_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A disk that is really full: a small tmpfs in a mount name space of this process.
 * Needs the right to mount; without it the program says so and exits with 77 (skipped).
 * test_leveldb_store_faults.c has the same claim with a simulated full disk.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "fake_store_side.h"
#include "scratch.h"
#include "store/store_engine.h"
#include "store_helpers.h"

enum { EXIT_SKIPPED = 77, DISK_BYTES = 3 << 20, SMALL = 200 };

static char disk[SCRATCH_PATH_MAX];

/* Leave about `bytes` free. */
static void fill_disk(const char *ballast, uint64_t bytes)
{
    static const char PAGE[4096];
    struct free_space space;
    FILE *file = fopen(ballast, "wb");
    assert_non_null(file);
    do {
        assert_int_equal(fwrite(PAGE, 1, sizeof PAGE, file), sizeof PAGE);
        assert_int_equal(fflush(file), 0);
        assert_int_equal(free_space_read(disk, &(struct free_space_floor){0}, &space), STATUS_OK);
    } while (space.free_bytes > bytes + sizeof PAGE);
    fclose(file);
}

static void put_until_full(struct leveldb_store *store, unsigned round, unsigned *acknowledged)
{
    char key[32];
    char value[SMALL + 1];
    memset(value, 'v', SMALL);
    value[SMALL] = 0;
    for (*acknowledged = 0;; ++*acknowledged) {
        snprintf(key, sizeof key, "r%02u-%06u", round, *acknowledged);
        enum status status = helper_put(store, key, value);
        if (status == STATUS_OK)
            continue;
        assert_int_equal(status, STATUS_NO_SPACE);
        return;
    }
}

static void expect_puts(struct leveldb_store *store, unsigned round, unsigned acknowledged)
{
    char key[32];
    char value[SMALL + 1];
    memset(value, 'v', SMALL);
    value[SMALL] = 0;
    for (unsigned i = 0; i < acknowledged; i++) {
        snprintf(key, sizeof key, "r%02u-%06u", round, i);
        assert_int_equal(helper_get(store, key, value), STATUS_OK);
    }
}

static void full_tmpfs_loses_no_acknowledged_put(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        char path[SCRATCH_PATH_MAX];
        char ballast[SCRATCH_PATH_MAX];
        unsigned acknowledged = 0;
        int fatal_count = 0;
        scratch_join(path, disk, "store");
        scratch_join(ballast, disk, "ballast");
        struct leveldb_store_params params = helper_params(path, &fatal_count);
        struct leveldb_store *store = helper_create(&params);
        fill_disk(ballast, 20000 + 9973 * round);
        put_until_full(store, round, &acknowledged);
        assert_true(acknowledged > 10);
        assert_int_equal(helper_put(store, "late", "x"), STATUS_NO_SPACE);
        assert_int_equal(leveldb_store_reopen(store), STATUS_NO_SPACE);
        scratch_delete(ballast);
        assert_int_equal(helper_put(store, "late", "x"), STATUS_NO_SPACE);
        assert_int_equal(leveldb_store_reopen(store), STATUS_OK);
        helper_fill(store, 300, 1);
        expect_puts(store, round, acknowledged);
        leveldb_store_close(store);
        store = helper_open(&params);
        expect_puts(store, round, acknowledged);
        assert_int_equal(helper_census_by_get(store, 300).right, 300);
        assert_int_equal(helper_get(store, "late", "x"), STATUS_NOT_FOUND);
        assert_int_equal(fatal_count, 0);
        leveldb_store_close(store);
        scratch_remove(path);
    }
}

static void no_wake(void *context)
{
    (void)context;
}

static void put_and_wait(struct store_engine *engine, const char *key)
{
    char text[64];
    struct buffer replies = {0};
    snprintf(text, sizeof text, "put %s value", key);
    assert_int_equal(store_engine_submit_write(engine, slice_text(text)), STATUS_OK);
    snprintf(text, sizeof text, "stored %s\n", key);
    do {
        sched_yield();
        store_engine_take_replies(engine, &replies);
        *buffer_reserve(&replies, 1) = 0;
    } while (strstr((const char *)replies.data, text) == NULL);
    buffer_deinit(&replies);
}

/* The floor is reported before anything fails, and the report ends when there is room again. */
static void engine_reports_the_floor_and_its_end(void **state)
{
    char data[SCRATCH_PATH_MAX];
    char ballast[SCRATCH_PATH_MAX];
    char reason[STORE_REASON_MAX] = "";
    int fatal_count = 0;
    struct settings settings;
    struct ring ring = {.cluster_id = {1}};
    struct identity identity = {.cluster_id = {1}, .node = 3, .storage_incarnation = 1};
    struct store_engine_params params;
    struct store_engine *engine = NULL;
    (void)state;
    scratch_join(data, disk, "data");
    scratch_join(ballast, disk, "ballast");
    fake_reset();
    settings_defaults(&settings);
    store_engine_params_init(&params);
    params.store = helper_params(NULL, &fatal_count);
    params.data_path = data;
    params.ring = &ring;
    params.settings = &settings;
    params.floor = (struct free_space_floor){.bytes = DISK_BYTES / 2};
    params.wake = no_wake;
    assert_int_equal(identity_initialise(data, &params.store, &identity, reason), STATUS_OK);
    assert_int_equal(store_engine_start(&params, &engine, reason), STATUS_OK);
    assert_false(store_engine_free_space_low(engine));
    fill_disk(ballast, DISK_BYTES / 4);
    while (!store_engine_free_space_low(engine))
        put_and_wait(engine, "probe");
    put_and_wait(engine, "below"); /* replication and deletes still find room */
    scratch_delete(ballast);
    while (store_engine_free_space_low(engine))
        sched_yield();
    assert_int_equal(store_engine_stop(engine), STATUS_OK);
    store_engine_free(engine);
    scratch_remove(data);
}

static bool mount_disk(void)
{
    char options[64];
    scratch_make(disk);
    snprintf(options, sizeof options, "size=%d", DISK_BYTES);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", disk, "tmpfs", 0, options) == 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_tmpfs_loses_no_acknowledged_put),
        cmocka_unit_test(engine_reports_the_floor_and_its_end),
    };
    if (!mount_disk()) {
        fprintf(stderr, "SKIPPED: no right to mount a small tmpfs, the full disk is not tested\n");
        scratch_remove(disk);
        return EXIT_SKIPPED;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    umount(disk);
    scratch_remove(disk);
    return failed;
}

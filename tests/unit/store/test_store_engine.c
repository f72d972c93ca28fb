#include "store/store_engine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_store_side.h"
#include "fault_shim.h"
#include "scratch.h"
#include "store_helpers.h"

enum { WAIT_SECONDS = 60 };

/* What the engine's wake-up tells, as a loop thread would see it. */
struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    bool ringing;
};

struct fixture {
    char path[SCRATCH_PATH_MAX];
    char data[SCRATCH_PATH_MAX];
    int fatal_count;
    struct bell bell;
    struct settings settings;
    struct ring ring;
    struct store_engine_params params;
    struct store_engine *engine;
    struct buffer replies; /* all so far, with a NUL behind them */
    char reason[STORE_REASON_MAX];
};

static void ring_bell(void *context)
{
    struct bell *bell = context;
    pthread_mutex_lock(&bell->lock);
    bell->ringing = true;
    pthread_cond_signal(&bell->rung);
    pthread_mutex_unlock(&bell->lock);
}

static void wait_for_bell(struct bell *bell)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&bell->lock);
    while (!bell->ringing)
        assert_int_equal(pthread_cond_timedwait(&bell->rung, &bell->lock, &until), 0);
    bell->ringing = false;
    pthread_mutex_unlock(&bell->lock);
}

static void start(struct fixture *fixture)
{
    if (store_engine_start(&fixture->params, &fixture->engine, fixture->reason) != STATUS_OK)
        fail_msg("%s", fixture->reason);
}

static enum status stop(struct fixture *fixture)
{
    enum status status = store_engine_stop(fixture->engine);
    store_engine_free(fixture->engine);
    fixture->engine = NULL;
    return status;
}

static void fill_params(struct fixture *fixture)
{
    memset(fixture->ring.cluster_id, 0xab, sizeof fixture->ring.cluster_id);
    settings_defaults(&fixture->settings);
    store_engine_params_init(&fixture->params);
    fixture->params.store = helper_params(NULL, &fixture->fatal_count);
    fixture->params.data_path = fixture->data;
    fixture->params.ring = &fixture->ring;
    fixture->params.settings = &fixture->settings;
    fixture->params.floor = (struct free_space_floor){0};
    fixture->params.retry_min_ms = 1;
    fixture->params.retry_max_ms = 20;
    fixture->params.wake = ring_bell;
    fixture->params.wake_context = &fixture->bell;
}

static int set_up_stopped(void **state)
{
    static struct fixture fixture;
    struct identity identity = {.node = 3, .storage_incarnation = 1};
    memset(&fixture, 0, sizeof fixture);
    memset(identity.cluster_id, 0xab, sizeof identity.cluster_id);
    fault_clear();
    fake_reset();
    scratch_make(fixture.path);
    scratch_join(fixture.data, fixture.path, "data");
    pthread_mutex_init(&fixture.bell.lock, NULL);
    pthread_cond_init(&fixture.bell.rung, NULL);
    fill_params(&fixture);
    *state = &fixture;
    return identity_initialise(fixture.data, &fixture.params.store, &identity, fixture.reason) ==
                   STATUS_OK
               ? 0
               : -1;
}

static int set_up(void **state)
{
    if (set_up_stopped(state) != 0)
        return -1;
    struct fixture *fixture = *state;
    return store_engine_start(&fixture->params, &fixture->engine, fixture->reason) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fault_clear();
    fake_release();
    if (fixture->engine != NULL) {
        enum status status = stop(fixture);
        (void)status; /* some tests leave a store behind that cannot end cleanly */
    }
    buffer_deinit(&fixture->replies);
    pthread_cond_destroy(&fixture->bell.rung);
    pthread_mutex_destroy(&fixture->bell.lock);
    scratch_remove(fixture->path);
    return 0;
}

static enum status write_frame(struct fixture *fixture, const char *frame)
{
    return store_engine_submit_write(fixture->engine, slice_text(frame));
}

static void put(struct fixture *fixture, const char *key)
{
    char frame[64];
    snprintf(frame, sizeof frame, "put %s value", key);
    assert_int_equal(write_frame(fixture, frame), STATUS_OK);
}

static void get(struct fixture *fixture, const char *key)
{
    char frame[64];
    snprintf(frame, sizeof frame, "get %s", key);
    assert_int_equal(store_engine_submit_read(fixture->engine, slice_text(frame)), STATUS_OK);
}

static const char *replies_so_far(struct fixture *fixture)
{
    store_engine_take_replies(fixture->engine, &fixture->replies);
    *buffer_reserve(&fixture->replies, 1) = 0;
    return (const char *)fixture->replies.data;
}

static bool answered(struct fixture *fixture, const char *reply)
{
    return strstr(replies_so_far(fixture), reply) != NULL;
}

static void await(struct fixture *fixture, const char *reply)
{
    while (!answered(fixture, reply))
        wait_for_bell(&fixture->bell);
}

static unsigned count_replies(struct fixture *fixture, const char *part)
{
    unsigned count = 0;
    const char *at = replies_so_far(fixture);
    while ((at = strstr(at, part)) != NULL) {
        count++;
        at += strlen(part);
    }
    return count;
}

static struct store_engine_stats stats(struct fixture *fixture)
{
    struct store_engine_stats stats;
    store_engine_stats(fixture->engine, &stats);
    return stats;
}

static struct fake_counts counts(void)
{
    struct fake_counts counts;
    fake_counts(&counts);
    return counts;
}

/* ---- groups ---- */

static void start_hands_over_the_first_frames(void **state)
{
    struct fixture *fixture = *state;
    assert_true(answered(fixture, "open 1\n"));
    assert_int_equal(store_engine_state(fixture->engine), STORE_SERVING);
    assert_int_equal(store_engine_identity(fixture->engine)->node, 3);
    assert_int_equal(stats(fixture).boot_epoch, 1);
    get(fixture, "Mopen");
    await(fixture, "Mopen=yes\n");
}

static void put_is_accepted_then_stored_then_read(void **state)
{
    struct fixture *fixture = *state;
    get(fixture, "a");
    await(fixture, "a absent\n");
    put(fixture, "a");
    await(fixture, "stored a\n");
    const char *replies = replies_so_far(fixture);
    assert_true(strstr(replies, "accepted a\n") < strstr(replies, "stored a\n"));
    get(fixture, "a");
    await(fixture, "a=value\n");
}

static void nothing_is_stored_before_its_sync(void **state)
{
    struct fixture *fixture = *state;
    fault_hold_fdatasync();
    put(fixture, "a");
    await(fixture, "accepted a\n");
    fault_wait_until_held();
    assert_false(answered(fixture, "stored a\n"));
    fault_clear();
    await(fixture, "stored a\n");
}

/* Hold the store thread in the group of one frame, and let others gather behind it. */
static void hold_with_one(struct fixture *fixture)
{
    fake_hold();
    put(fixture, "first");
    fake_wait_until_held();
}

static void put_many(struct fixture *fixture, unsigned count)
{
    char key[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key%04u", i);
        put(fixture, key);
    }
}

static void what_gathers_during_a_group_is_the_next_one(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = stats(fixture).groups;
    hold_with_one(fixture);
    put_many(fixture, 100);
    assert_int_equal(stats(fixture).write_queue_frames, 100);
    fake_release();
    await(fixture, "stored key0099\n");
    assert_int_equal(stats(fixture).groups - before, 2);
    assert_int_equal(stats(fixture).group_largest, 100);
    assert_int_equal(stats(fixture).group_last, 100);
    assert_int_equal(count_replies(fixture, "stored "), 101);
}

static void group_ends_at_its_records(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.group_records_max = 10;
    start(fixture);
    hold_with_one(fixture);
    put_many(fixture, 95);
    fake_release();
    await(fixture, "stored key0094\n");
    assert_int_equal(stats(fixture).group_largest, 10);
    assert_int_equal(counts().committed, 1 + 1 + 10); /* open, the first, and ten groups */
}

static void group_ends_at_its_bytes(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.group_bytes_max = 5 * strlen("put key0000 value");
    start(fixture);
    hold_with_one(fixture);
    put_many(fixture, 50);
    fake_release();
    await(fixture, "stored key0049\n");
    assert_int_equal(stats(fixture).group_largest, 5);
}

static void group_without_records_needs_no_sync(void **state)
{
    struct fixture *fixture = *state;
    fault_hold_fdatasync();
    assert_int_equal(write_frame(fixture, "know a"), STATUS_OK);
    await(fixture, "known a\n");
    fault_clear();
}

static void full_queue_refuses_and_takes_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.store_queue_max = 50;
    start(fixture);
    hold_with_one(fixture);
    put_many(fixture, 50);
    assert_int_equal(write_frame(fixture, "put extra value"), STATUS_OVERLOADED);
    assert_int_equal(stats(fixture).overloaded, 1);
    fake_release();
    await(fixture, "stored key0049\n");
    put(fixture, "again");
    await(fixture, "stored again\n");
    assert_false(answered(fixture, "extra"));
}

static void queue_is_bounded_in_bytes_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.queue_bytes_max = 10 * strlen("put key0000 value");
    start(fixture);
    hold_with_one(fixture);
    put_many(fixture, 10);
    assert_int_equal(write_frame(fixture, "put extra value"), STATUS_OVERLOADED);
    fake_release();
    await(fixture, "stored key0009\n");
}

static void every_commit_is_in_the_histogram(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        put_many(fixture, 5);
        await(fixture, "stored key0004\n");
        buffer_clear(&fixture->replies);
    }
    struct store_engine_stats now = stats(fixture);
    assert_int_equal(now.commit_us.count, now.groups);
    assert_int_equal(now.commit_us.sum, now.sync_us);
    assert_int_equal(now.commit_us.maximum, now.sync_us_max);
    assert_int_equal(now.merge_us.count,
                     now.groups - 1); /* that of the start is merged of nothing */
    assert_int_equal(now.queue_us.count, now.groups - 1); /* each was taken at once */
    assert_true(now.merge_us.sum < 10 * 1000 * 1000 && now.queue_us.sum < 10 * 1000 * 1000);
    assert_int_equal(now.get_us.count, now.counts.gets);
    assert_int_equal(now.group_frames.count, now.groups);
    assert_int_equal(now.group_frames.sum, now.frames);
    assert_int_equal(now.group_frames.maximum, now.group_largest);
    assert_true(now.groups >= 21); /* with the one of the start */
    assert_int_equal(now.frames, 100);
    assert_true(now.sync_us >= now.sync_us_max && now.sync_us_max > 0);
    assert_true(now.batch_bytes > 100 * strlen("key0000value"));
}

/* ---- reads ---- */

static void reads_pass_a_write_that_waits_for_the_disk(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "a");
    await(fixture, "stored a\n");
    fault_hold_fdatasync();
    put(fixture, "b");
    fault_wait_until_held();
    for (int i = 0; i < 50; i++) {
        get(fixture, "a");
        await(fixture, "a=value\n");
        buffer_clear(&fixture->replies);
    }
    assert_false(answered(fixture, "stored b\n"));
    fault_clear();
    await(fixture, "stored b\n");
}

static void reads_pass_a_store_side_that_is_busy(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "a");
    await(fixture, "stored a\n");
    hold_with_one(fixture);
    get(fixture, "a");
    await(fixture, "a=value\n");
    assert_false(answered(fixture, "stored first\n"));
    fake_release();
    await(fixture, "stored first\n");
}

static void several_threads_answer_every_read_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.read_threads = 3;
    start(fixture);
    put(fixture, "a");
    await(fixture, "stored a\n");
    for (int i = 0; i < 2000; i++)
        get(fixture, "a");
    while (count_replies(fixture, "a=value\n") < 2000)
        wait_for_bell(&fixture->bell);
    assert_int_equal(count_replies(fixture, "a=value\n"), 2000);
    assert_int_equal(stats(fixture).read_frames, 2000);
    assert_int_equal(stats(fixture).counts.gets, 1 + 2000); /* one for the identity */
}

/* ---- failures ---- */

static void await_state(struct fixture *fixture, enum store_state state)
{
    while (store_engine_state(fixture->engine) != state)
        sched_yield();
}

static void full_disk_refuses_and_heals_by_itself(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "before");
    await(fixture, "stored before\n");
    fault_disk_full(fixture->path, ENOSPC, 0);
    put(fixture, "during");
    await(fixture, "accepted during\n");
    await_state(fixture, STORE_REOPENING);
    put(fixture, "refused");
    await(fixture, "refused refused\n");
    assert_false(answered(fixture, "stored during\n"));
    fault_clear();
    await(fixture, "open 2\n");
    put(fixture, "after");
    await(fixture, "stored after\n");
    get(fixture, "before");
    await(fixture, "before=value\n");
    get(fixture, "after");
    await(fixture, "after=value\n");
    struct store_engine_stats now = stats(fixture);
    assert_int_equal(now.state, STORE_SERVING);
    assert_int_equal(now.boot_epoch, 2);
    assert_int_equal(now.reopens, 1);
    assert_true(now.errors[STATUS_NO_SPACE] >= 1);
    assert_int_equal(counts().failed, 1);
    assert_false(answered(fixture, "stored during\n"));
    assert_int_equal(fixture->fatal_count, 0);
    assert_int_equal(stop(fixture), STATUS_OK);
}

/* An attempt to reopen on a full disk would fail and leave nothing to read from. */
static void reads_go_on_while_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.floor.percent = 100;
    start(fixture);
    assert_true(store_engine_free_space_low(fixture->engine));
    put(fixture, "before"); /* not refused here: replication and deletes go on below the floor */
    await(fixture, "stored before\n");
    fault_disk_full(fixture->path, ENOSPC, 0);
    put(fixture, "during");
    await_state(fixture, STORE_REOPENING);
    for (int i = 0; i < 20; i++) {
        put(fixture, "next");
        await(fixture, "refused next\n");
        get(fixture, "before");
        await(fixture, "before=value\n");
        buffer_clear(&fixture->replies);
    }
    assert_int_equal(stats(fixture).errors[STATUS_NO_SPACE], 1); /* no attempt was made */
    assert_int_equal(stop(fixture), STATUS_NO_SPACE);
}

static void repeated_full_disks_lose_no_acknowledged_put(void **state)
{
    struct fixture *fixture = *state;
    char key[32];
    char text[64];
    unsigned stored[20];
    for (unsigned round = 0; round < 20; round++) {
        fault_disk_full(fixture->path, ENOSPC, 50 + 211 * round);
        stored[round] = 0;
        for (bool refused = false; !refused;) {
            snprintf(key, sizeof key, "r%02u-%04u", round, stored[round]);
            put(fixture, key);
            snprintf(text, sizeof text, "stored %s\n", key);
            while (!answered(fixture, text) && store_engine_state(fixture->engine) == STORE_SERVING)
                sched_yield();
            refused = !answered(fixture, text);
            stored[round] += !refused;
        }
        fault_clear();
        await_state(fixture, STORE_SERVING);
    }
    assert_int_equal(stop(fixture), STATUS_OK);
    start(fixture);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < stored[round]; i++) {
            snprintf(key, sizeof key, "r%02u-%04u", round, i);
            snprintf(text, sizeof text, "%s=value\n", key);
            get(fixture, key);
            await(fixture, text);
        }
    }
    assert_int_equal(fixture->fatal_count, 0);
}

/* The body of the process that is to end: this program, started again on its own. */
static int run_until_failed_sync(const char *data)
{
    struct fixture fixture = {
        .bell = {.lock = PTHREAD_MUTEX_INITIALIZER, .rung = PTHREAD_COND_INITIALIZER}};
    fill_params(&fixture);
    fixture.params.data_path = data;
    fixture.params.store.fatal = NULL;
    if (store_engine_start(&fixture.params, &fixture.engine, fixture.reason) != STATUS_OK)
        return 1;
    fault_fdatasync(EIO, 1);
    if (write_frame(&fixture, "put a value") != STATUS_OK)
        return 1;
    while (!answered(&fixture, "stored a\n"))
        sched_yield();
    return 0;
}

static void failed_sync_ends_the_process(void **state)
{
    struct fixture *fixture = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "test_store_engine", fixture->data, (char *)NULL);
        _exit(1);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), STORE_EXIT_IO);
    /* The next start goes on under a new boot epoch. */
    start(fixture);
    assert_true(answered(fixture, "open 2\n"));
}

/* With a `fatal` that returns, the store must be as careful as after a full disk. */
static void failed_sync_acknowledges_nothing(void **state)
{
    struct fixture *fixture = *state;
    fault_fdatasync(EIO, 1);
    put(fixture, "a");
    await(fixture, "open 2\n");
    assert_false(answered(fixture, "stored a\n"));
    put(fixture, "b");
    await(fixture, "stored b\n");
    assert_int_equal(fixture->fatal_count, 1);
    assert_int_equal(stats(fixture).errors[STATUS_IO], 1);
}

static void damage_found_while_reopening_quarantines(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "before");
    await(fixture, "stored before\n");
    fake_open_status(STATUS_CORRUPT);
    fault_disk_full(fixture->path, ENOSPC, 0);
    put(fixture, "during");
    await(fixture, "accepted during\n");
    await_state(fixture, STORE_REOPENING);
    fault_clear();
    await_state(fixture, STORE_QUARANTINED);
    put(fixture, "after");
    await(fixture, "refused after\n");
    const char *reason = "";
    assert_true(store_engine_is_damaged(fixture->engine, &reason));
    assert_non_null(strstr(reason, "does not fit together"));
    get(fixture, "before");
    await(fixture, "before failed corrupt\n"); /* neither the value nor "not found" */
    assert_int_equal(stop(fixture), STATUS_CORRUPT);
    assert_int_equal(counts().closed, 0);
    fake_open_status(STATUS_OK);
    start(fixture);
    assert_true(answered(fixture, "open 3\n")); /* 2 was raised before the damage was found */
}

static void start_tells_that_the_replicas_cannot_be_loaded(void **state)
{
    struct fixture *fixture = *state;
    fake_open_status(STATUS_CORRUPT);
    assert_int_equal(store_engine_start(&fixture->params, &fixture->engine, fixture->reason),
                     STATUS_CORRUPT);
    assert_null(fixture->engine);
    assert_non_null(strstr(fixture->reason, "could not load the replicas"));
    fake_open_status(STATUS_OK);
    start(fixture);
}

static void refuses_the_ring_of_another_cluster(void **state)
{
    struct fixture *fixture = *state;
    fixture->ring.cluster_id[5] ^= 1;
    assert_int_equal(store_engine_start(&fixture->params, &fixture->engine, fixture->reason),
                     STATUS_INVALID);
    assert_non_null(strstr(fixture->reason, "another cluster"));
    fixture->ring.cluster_id[5] ^= 1;
    start(fixture);
    assert_true(answered(fixture, "open 1\n")); /* and it cost no boot epoch */
}

static void refuses_a_directory_without_identity(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.data_path = fixture->path;
    assert_int_equal(store_engine_start(&fixture->params, &fixture->engine, fixture->reason),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture->reason, "initialise it first"));
}

/* ---- ends and starts ---- */

static void stop_finishes_what_was_queued_and_is_clean(void **state)
{
    struct fixture *fixture = *state;
    hold_with_one(fixture);
    put_many(fixture, 100);
    fake_release();
    assert_int_equal(store_engine_stop(fixture->engine), STATUS_OK);
    assert_int_equal(count_replies(fixture, "stored "), 101);
    assert_int_equal(write_frame(fixture, "put late value"), STATUS_NOT_READY);
    assert_int_equal(store_engine_submit_read(fixture->engine, slice_text("get a")),
                     STATUS_NOT_READY);
    assert_int_equal(stats(fixture).frames, 101);
    store_engine_free(fixture->engine);
    assert_int_equal(counts().closed, 1);
    buffer_clear(&fixture->replies);
    start(fixture);
    assert_true(answered(fixture, "open 1\n"));
    get(fixture, "key0099");
    await(fixture, "key0099=value\n");
    get(fixture, "Mclosed");
    await(fixture, "Mclosed=yes\n");
}

/* The files of a running engine are what kill -9 would leave; four generations of it. */
static void kill_keeps_what_was_stored_and_raises_the_epoch(void **state)
{
    struct fixture *fixture = *state;
    char text[64];
    for (unsigned generation = 1; generation <= 4; generation++) {
        char copy[SCRATCH_PATH_MAX];
        snprintf(text, sizeof text, "open %u\n", generation);
        assert_true(answered(fixture, text));
        snprintf(text, sizeof text, "g%u", generation);
        put(fixture, text);
        snprintf(text, sizeof text, "stored g%u\n", generation);
        await(fixture, text);
        snprintf(text, sizeof text, "copy%u", generation);
        scratch_join(copy, fixture->path, text);
        scratch_copy(fixture->data, copy);
        assert_int_equal(stop(fixture), STATUS_OK);
        fake_reset();
        snprintf(fixture->data, sizeof fixture->data, "%s", copy);
        start(fixture);
        for (unsigned i = 1; i <= generation; i++) {
            snprintf(text, sizeof text, "g%u", i);
            get(fixture, text);
            snprintf(text, sizeof text, "g%u=value\n", i);
            await(fixture, text);
        }
    }
}

static void unsynced_store_never_ends_clean(void **state)
{
    struct fixture *fixture = *state;
    fixture->params.sync = STORE_SYNC_NONE;
    start(fixture);
    fault_hold_fdatasync();
    put(fixture, "a");
    await(fixture, "stored a\n");
    fault_clear();
    assert_int_equal(stop(fixture), STATUS_OK);
    start(fixture);
    assert_true(answered(fixture, "open 2\n"));
    get(fixture, "a");
    await(fixture, "a=value\n");
}

/* ---- back-pressure ---- */

static void reports_a_stall_from_the_set_number_of_files(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_false(store_engine_stalled(fixture->engine));
    assert_int_equal(stop(fixture), STATUS_OK);
    /* Every opening turns the log before it into a file of level 0. */
    fixture->params.pressure = (struct store_pressure){1, 1, 10};
    start(fixture);
    assert_true(store_engine_stalled(fixture->engine));
    assert_true(stats(fixture).level0_files >= 1);
    put(fixture, "replica"); /* only new client writes are refused, and not here */
    await(fixture, "stored replica\n");
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return run_until_failed_sync(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(start_hands_over_the_first_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(put_is_accepted_then_stored_then_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_stored_before_its_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_gathers_during_a_group_is_the_next_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(group_ends_at_its_records, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(group_ends_at_its_bytes, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(group_without_records_needs_no_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_queue_refuses_and_takes_again, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(queue_is_bounded_in_bytes_too, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(every_commit_is_in_the_histogram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_pass_a_write_that_waits_for_the_disk, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reads_pass_a_store_side_that_is_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_threads_answer_every_read_once, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(full_disk_refuses_and_heals_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_go_on_while_the_disk_is_full, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(repeated_full_disks_lose_no_acknowledged_put, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_ends_the_process, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_acknowledges_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_found_while_reopening_quarantines, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(start_tells_that_the_replicas_cannot_be_loaded,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_ring_of_another_cluster, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_directory_without_identity, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(stop_finishes_what_was_queued_and_is_clean, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(kill_keeps_what_was_stored_and_raises_the_epoch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unsynced_store_never_ends_clean, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(reports_a_stall_from_the_set_number_of_files,
                                        set_up_stopped, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/store_engine.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/store_side.h"
#include "store/clock.h"
#include "store/frame_queue.h"
#include "store/reply_box.h"

enum {
    READ_THREADS_MAX = 16,
    READ_FRAMES_MAX = 16,     /* of one take, so that readers share what waits */
    READ_HAND_OVER_US = 1000, /* a finished read waits no longer for a slow one behind it */
    READ_WAIT_MS = 60 * 1000
};

struct store_engine {
    char *data_path;
    const struct ring *ring;
    struct frame_queue *writes;
    struct frame_queue *reads;
    struct reply_box replies;
    struct store_metrics metrics;
    struct store_writer *writer;
    struct identity identity;
    pthread_t store_thread;
    pthread_t read_threads[READ_THREADS_MAX];
    unsigned read_thread_count; /* started */
    bool store_thread_started;
    pthread_mutex_t counts_lock;   /* guards `writer` against statistics during stop */
    char damage[STORE_REASON_MAX]; /* written once, before: */
    _Atomic bool damaged;
};

void store_engine_params_init(struct store_engine_params *params)
{
    *params = (struct store_engine_params){
        .sync = STORE_SYNC_GROUP,
        .read_threads = 1,
        .queue_bytes_max = 64u << 20,
        .pressure = {.slow_files = 6, .stall_files = 10, .pause_us = 1000},
        .floor = {.bytes = 64u << 20, .percent = 2},
        .retry_min_ms = 100,
        .retry_max_ms = 5000,
    };
    leveldb_store_params_init(&params->store);
}

static void *run_store_thread(void *context)
{
    struct store_engine *engine = context;
    store_writer_run(engine->writer);
    return NULL;
}

static void read_frames(struct store_engine *engine, const struct buffer *frames,
                        struct buffer *replies)
{
    struct reader reader = reader_make(buffer_slice(frames));
    uint64_t handed_over_us = clock_now().mono_us;
    while (reader_left(&reader) > 0) {
        struct instant now = clock_now();
        if (now.mono_us - handed_over_us >= READ_HAND_OVER_US) {
            reply_box_put(&engine->replies, replies);
            handed_over_us = now.mono_us;
        }
        store_side_read(store_writer_port(engine->writer), engine->ring, reader_bytes(&reader), now,
                        replies);
        metric_add(&engine->metrics.read_frames, 1);
    }
    reply_box_put(&engine->replies, replies);
}

static void *run_read_thread(void *context)
{
    struct store_engine *engine = context;
    struct buffer frames = {0};
    struct buffer replies = {0};
    while (!frame_queue_done(engine->reads)) {
        buffer_clear(&frames);
        if (frame_queue_take(engine->reads, READ_FRAMES_MAX, SIZE_MAX, READ_WAIT_MS, &frames) > 0)
            read_frames(engine, &frames, &replies);
    }
    buffer_deinit(&frames);
    buffer_deinit(&replies);
    return NULL;
}

/* Signals are for the threads that were there before. */
static enum status start_threads(struct store_engine *engine, unsigned read_threads)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    engine->store_thread_started =
        pthread_create(&engine->store_thread, NULL, run_store_thread, engine) == 0;
    bool started = engine->store_thread_started;
    while (started && engine->read_thread_count < read_threads) {
        started = pthread_create(&engine->read_threads[engine->read_thread_count], NULL,
                                 run_read_thread, engine) == 0;
        if (started)
            engine->read_thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started ? STATUS_OK : STATUS_IO;
}

enum status store_engine_stop(struct store_engine *engine)
{
    frame_queue_close(engine->writes);
    frame_queue_close(engine->reads);
    for (unsigned i = 0; i < engine->read_thread_count; i++)
        pthread_join(engine->read_threads[i], NULL);
    engine->read_thread_count = 0;
    if (engine->store_thread_started)
        pthread_join(engine->store_thread, NULL);
    engine->store_thread_started = false;
    pthread_mutex_lock(&engine->counts_lock);
    struct store_writer *writer = engine->writer;
    engine->writer = NULL;
    pthread_mutex_unlock(&engine->counts_lock);
    return store_writer_close(writer);
}

void store_engine_free(struct store_engine *engine)
{
    if (engine == NULL)
        return;
    assert(engine->writer == NULL);
    frame_queue_free(engine->writes);
    frame_queue_free(engine->reads);
    reply_box_deinit(&engine->replies);
    pthread_mutex_destroy(&engine->counts_lock);
    free(engine->data_path);
    free(engine);
}

/* Called once: the store sees to that. */
static void note_damage(void *context, const char *reason)
{
    struct store_engine *engine = context;
    snprintf(engine->damage, sizeof engine->damage, "%s", reason);
    atomic_store(&engine->metrics.state, STORE_QUARANTINED);
    atomic_store(&engine->damaged, true);
    engine->replies.wake(engine->replies.wake_context);
}

static enum status open_writer(const struct store_engine_params *params,
                               struct store_engine *engine, char *reason)
{
    struct leveldb_store_params store = params->store;
    store.log = params->log;
    store.damaged = note_damage;
    store.damaged_context = engine;
    store.get_us = &engine->metrics.get_us;
    struct store_writer_params writer = {
        .data_path = engine->data_path,
        .ring = params->ring,
        .settings = params->settings,
        .store = &store,
        .sync = params->sync,
        .life = params->life,
        .pressure = params->pressure,
        .floor = params->floor,
        .retry_min_ms = params->retry_min_ms,
        .retry_max_ms = params->retry_max_ms,
        .queue = engine->writes,
        .replies = &engine->replies,
        .metrics = &engine->metrics,
        .log = params->log,
    };
    return store_writer_open(&writer, &engine->writer, reason);
}

enum status store_engine_start(const struct store_engine_params *params, struct store_engine **out,
                               char reason[STORE_REASON_MAX])
{
    struct store_engine *engine = memory_new(1, sizeof *engine);
    assert(params->wake != NULL);
    assert(params->read_threads >= 1 && params->read_threads <= READ_THREADS_MAX);
    engine->data_path = memory_copy(params->data_path, strlen(params->data_path));
    engine->ring = params->ring;
    engine->writes = frame_queue_new(params->settings->store_queue_max, params->queue_bytes_max);
    engine->reads = frame_queue_new(params->settings->store_queue_max, params->queue_bytes_max);
    frame_queue_measure(engine->writes, &engine->metrics.queue_us);
    frame_queue_measure(engine->reads, &engine->metrics.queue_us);
    reply_box_init(&engine->replies, params->wake, params->wake_context);
    pthread_mutex_init(&engine->counts_lock, NULL);
    enum status status = open_writer(params, engine, reason);
    if (status == STATUS_OK) {
        engine->identity = *store_writer_identity(engine->writer);
        status = start_threads(engine, params->read_threads);
        if (status != STATUS_OK)
            snprintf(reason, STORE_REASON_MAX, "could not start the threads of the store");
    }
    if (status != STATUS_OK) {
        enum status stopped = store_engine_stop(engine);
        (void)stopped; /* why it did not start counts more */
        store_engine_free(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

static enum status submit(struct store_engine *engine, struct frame_queue *queue,
                          struct slice frame)
{
    enum status status = frame_queue_push(queue, frame);
    if (status == STATUS_OVERLOADED)
        metric_add(&engine->metrics.overloaded, 1);
    return status;
}

enum status store_engine_submit_write(struct store_engine *engine, struct slice frame)
{
    return submit(engine, engine->writes, frame);
}

enum status store_engine_submit_read(struct store_engine *engine, struct slice frame)
{
    return submit(engine, engine->reads, frame);
}

void store_engine_take_replies(struct store_engine *engine, struct buffer *out)
{
    reply_box_take(&engine->replies, out);
}

bool store_engine_stalled(const struct store_engine *engine)
{
    return atomic_load(&engine->metrics.stalled);
}

bool store_engine_free_space_low(const struct store_engine *engine)
{
    return atomic_load(&engine->metrics.free_space_low);
}

enum store_state store_engine_state(const struct store_engine *engine)
{
    return (enum store_state)atomic_load(&engine->metrics.state);
}

bool store_engine_is_damaged(const struct store_engine *engine, const char **reason)
{
    bool damaged = atomic_load(&engine->damaged);
    if (damaged)
        *reason = engine->damage;
    return damaged;
}

void store_engine_quarantine(struct store_engine *engine, const char *reason)
{
    store_writer_quarantine(engine->writer, reason);
}

const struct identity *store_engine_identity(const struct store_engine *engine)
{
    return &engine->identity;
}

void store_engine_stats(struct store_engine *engine, struct store_engine_stats *out)
{
    const struct store_metrics *metrics = &engine->metrics;
    size_t frames;
    size_t bytes;
    *out = (struct store_engine_stats){
        .state = store_engine_state(engine),
        .boot_epoch = atomic_load(&metrics->boot_epoch),
        .stalled = store_engine_stalled(engine),
        .free_space_low = store_engine_free_space_low(engine),
        .groups = metric_get(&metrics->groups),
        .frames = metric_get(&metrics->frames),
        .batch_bytes = metric_get(&metrics->batch_bytes),
        .group_last = metric_get(&metrics->group_last),
        .group_largest = metric_get(&metrics->group_largest),
        .sync_us = metric_get(&metrics->sync_us),
        .sync_us_max = metric_get(&metrics->sync_us_max),
        .read_frames = metric_get(&metrics->read_frames),
        .overloaded = metric_get(&metrics->overloaded),
        .reopens = metric_get(&metrics->reopens),
        .level0_files = metric_get(&metrics->level0_files),
        .table_bytes = metric_get(&metrics->table_bytes),
        .free_bytes = metric_get(&metrics->free_bytes),
        .floor_bytes = metric_get(&metrics->floor_bytes),
    };
    store_histogram_read(&metrics->commit_us, &out->commit_us);
    store_histogram_read(&metrics->queue_us, &out->queue_us);
    store_histogram_read(&metrics->merge_us, &out->merge_us);
    store_histogram_read(&metrics->get_us, &out->get_us);
    store_histogram_read(&metrics->group_frames, &out->group_frames);
    for (size_t i = 0; i < LEVELDB_LEVELS; i++)
        out->level_files[i] = metric_get(&metrics->level_files[i]);
    for (size_t i = 0; i < STATUS_COUNT; i++)
        out->errors[i] = metric_get(&metrics->errors[i]);
    frame_queue_size(engine->writes, &frames, &bytes);
    out->write_queue_frames = frames;
    out->write_queue_bytes = bytes;
    frame_queue_size(engine->reads, &frames, &bytes);
    out->read_queue_frames = frames;
    out->read_queue_bytes = bytes;
    pthread_mutex_lock(&engine->counts_lock);
    if (engine->writer != NULL)
        leveldb_store_counts(store_writer_store(engine->writer), &out->counts);
    pthread_mutex_unlock(&engine->counts_lock);
}

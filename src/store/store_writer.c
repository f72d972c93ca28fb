/*
 * store_writer.c - group commit, recovery after a failed commit, and back-pressure.
 *
 * Sources: reference "performance" section 4, recommendations 2 to 4 (group
 * commit by what has gathered; hold back before level 0 is full), and "reliability" section 3
 * (what LevelDB does after a failed write).
 *
 * Invariants:
 *   I1  nothing of `late` is handed over unless its batch was committed
 *   I2  between a failed commit and store_side_open() no batch is written
 *   I3  a boot epoch is in both halves of the identity before store_side_open() hears of it
 */
#include "store/store_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "node/store_side.h"
#include "store/clock.h"

enum {
    IDLE_WAIT_MS = 1000, /* how old the watched numbers may become without traffic */
    BUSY_WAIT_MS = 50,   /* the same while something must end: pressure, a full disk */
    LEVEL0_EVERY_US = 50 * 1000,
    FREE_SPACE_EVERY_US = 100 * 1000,
    LEVELS_EVERY_US = 5 * 1000 * 1000,
    TABLES_EVERY_US = 10 * 1000 * 1000
};

struct store_writer {
    struct store_writer_params params;
    unsigned group_records_max;
    unsigned group_bytes_max;
    struct leveldb_store *store;
    struct store_side *side;
    struct identity identity; /* as it is now */
    struct identity opened;   /* as it was found, for others to read */
    struct store_output output;
    struct buffer group; /* the frames of one group, each behind its length */

    enum store_state state;
    enum status failure; /* why it is not STORE_SERVING */
    uint64_t retry_at_us;
    uint64_t retry_ms;
    uint64_t recovered_at_us;

    uint64_t level0_due_us;
    uint64_t levels_due_us;
    uint64_t free_space_due_us;
    uint64_t tables_due_us;
    unsigned level0_files;
    bool free_space_low;
};

unsigned store_pressure_pause_us(const struct store_pressure *pressure, unsigned level0_files)
{
    unsigned files = level0_files < pressure->stall_files ? level0_files : pressure->stall_files;
    return files < pressure->slow_files ? 0
                                        : (files - pressure->slow_files + 1) * pressure->pause_us;
}

static void set_state(struct store_writer *writer, enum store_state state)
{
    writer->state = state;
    atomic_store(&writer->params.metrics->state, state);
}

static void publish_boot_epoch(struct store_writer *writer)
{
    atomic_store(&writer->params.metrics->boot_epoch, writer->identity.boot_epoch);
}

/* ---- watching level 0, the free space and the tables ---- */

static void watch_free_space(struct store_writer *writer, uint64_t now_us)
{
    struct store_metrics *metrics = writer->params.metrics;
    struct free_space space;
    if (now_us < writer->free_space_due_us)
        return;
    writer->free_space_due_us = now_us + FREE_SPACE_EVERY_US;
    /* A file system that cannot be asked cannot be written either: that write will tell. */
    if (free_space_read(writer->params.data_path, &writer->params.floor, &space) != STATUS_OK)
        return;
    metric_set(&metrics->free_bytes, space.free_bytes);
    metric_set(&metrics->floor_bytes, space.floor_bytes);
    if (space.low != writer->free_space_low)
        log_line(&writer->params.log, space.low ? LOG_ERROR : LOG_INFO,
                 "%s path=%s free_bytes=%" PRIu64 " floor_bytes=%" PRIu64,
                 space.low ? "disk is nearly full, new client writes are refused"
                           : "disk has room again",
                 writer->params.data_path, space.free_bytes, space.floor_bytes);
    writer->free_space_low = space.low;
    atomic_store(&metrics->free_space_low, space.low);
}

static void watch_level0(struct store_writer *writer, uint64_t now_us)
{
    struct store_metrics *metrics = writer->params.metrics;
    if (now_us < writer->level0_due_us)
        return;
    writer->level0_due_us = now_us + LEVEL0_EVERY_US;
    writer->level0_files = leveldb_store_level0_files(writer->store);
    metric_set(&metrics->level0_files, writer->level0_files);
    atomic_store(&metrics->stalled, writer->level0_files >= writer->params.pressure.stall_files);
}

static void quarantine(struct store_writer *writer)
{
    leveldb_store_quarantine(writer->store, "what the replicas have stored does not fit together");
    writer->failure = STATUS_CORRUPT;
    set_state(writer, STORE_QUARANTINED);
}

static void watch_tables(struct store_writer *writer, uint64_t now_us)
{
    if (now_us < writer->tables_due_us || writer->state != STORE_SERVING)
        return;
    writer->tables_due_us = now_us + TABLES_EVERY_US;
    metric_set(&writer->params.metrics->table_bytes, leveldb_store_table_bytes(writer->store));
    if (leveldb_store_check_tables(writer->store) == STATUS_OK)
        return;
    metric_add(&writer->params.metrics->errors[STATUS_CORRUPT], 1);
    store_side_failed(writer->side);
    quarantine(writer);
}

static void watch_levels(struct store_writer *writer, uint64_t now_us)
{
    unsigned files[LEVELDB_LEVELS];
    if (now_us < writer->levels_due_us)
        return;
    writer->levels_due_us = now_us + LEVELS_EVERY_US;
    leveldb_store_level_files(writer->store, files);
    for (unsigned i = 0; i < LEVELDB_LEVELS; i++)
        metric_set(&writer->params.metrics->level_files[i], files[i]);
}

static void watch(struct store_writer *writer)
{
    uint64_t now_us = clock_now().mono_us;
    watch_levels(writer, now_us);
    watch_free_space(writer, now_us);
    watch_level0(writer, now_us);
    watch_tables(writer, now_us);
}

/* ---- groups ---- */

static void count_commit(struct store_writer *writer, size_t batch_bytes, uint64_t took_us)
{
    struct store_metrics *metrics = writer->params.metrics;
    store_histogram_add(&metrics->commit_us, took_us);
    store_histogram_add(&metrics->group_frames, metric_get(&metrics->group_last));
    metric_add(&metrics->sync_us, took_us);
    metric_raise_to(&metrics->sync_us_max, took_us);
    metric_add(&metrics->batch_bytes, batch_bytes);
    metric_add(&metrics->groups, 1);
}

static enum status apply(struct store_writer *writer)
{
    struct slice batch = buffer_slice(&writer->output.batch);
    uint64_t start_us = clock_now().mono_us;
    if (batch.length == 0)
        return STATUS_OK; /* all it would stand on has been committed before */
    enum status status =
        leveldb_store_apply(writer->store, batch, writer->params.sync == STORE_SYNC_GROUP);
    if (status == STATUS_OK)
        count_commit(writer, batch.length, clock_now().mono_us - start_us);
    return status;
}

/* Plan the next attempt to recover; the pause doubles from one to the next. */
static void plan_retry(struct store_writer *writer, uint64_t now_us)
{
    const struct store_writer_params *params = &writer->params;
    writer->retry_at_us = now_us + writer->retry_ms * 1000;
    writer->retry_ms = writer->retry_ms == 0 ? params->retry_min_ms : writer->retry_ms * 2;
    if (writer->retry_ms > params->retry_max_ms)
        writer->retry_ms = params->retry_max_ms;
}

static void commit_failed(struct store_writer *writer, enum status status)
{
    uint64_t now_us = clock_now().mono_us;
    metric_add(&writer->params.metrics->errors[status], 1);
    store_side_failed(writer->side);
    if (status == STATUS_CORRUPT) {
        quarantine(writer);
        return;
    }
    writer->failure = status;
    set_state(writer, STORE_REOPENING);
    /* One failure is answered at once; one soon after another must not become a busy loop. */
    if (now_us - writer->recovered_at_us >= (uint64_t)writer->params.retry_max_ms * 1000)
        writer->retry_ms = 0;
    plan_retry(writer, now_us);
    writer->free_space_due_us = 0;
}

static void commit(struct store_writer *writer)
{
    if (writer->state != STORE_SERVING) {
        assert(writer->output.batch.length == 0);                    /* I2 */
        reply_box_put(writer->params.replies, &writer->output.late); /* refusals */
        return;
    }
    enum status status = writer->output.discard ? STATUS_IO : apply(writer);
    if (status != STATUS_OK) {
        commit_failed(writer, status);
        return;
    }
    store_side_committed(writer->side, clock_now(), &writer->output);
    reply_box_put(writer->params.replies, &writer->output.late); /* I1 */
}

static void write_group(struct store_writer *writer, size_t frames)
{
    struct store_metrics *metrics = writer->params.metrics;
    struct reader reader = reader_make(buffer_slice(&writer->group));
    struct instant now = clock_now();
    while (reader_left(&reader) > 0)
        store_side_write(writer->side, reader_bytes(&reader), now, &writer->output);
    store_histogram_add(&metrics->merge_us, clock_mono_us() - now.mono_us);
    metric_add(&metrics->frames, frames);
    metric_set(&metrics->group_last, frames);
    metric_raise_to(&metrics->group_largest, frames);
    reply_box_put(writer->params.replies, &writer->output.early);
    commit(writer);
    store_output_clear(&writer->output);
}

/* ---- recovery ---- */

static enum status reopen(struct store_writer *writer)
{
    enum status status = leveldb_store_reopen(writer->store);
    if (status == STATUS_OK)
        status =
            identity_raise_boot_epoch(writer->params.data_path, writer->store, &writer->identity);
    /* Neither a new table nor the identity could be synced for another reason than space. */
    if (status == STATUS_IO)
        leveldb_store_fatal(writer->store, "could not reopen the store after a failed write");
    return status;
}

/* From store_side_open() to its first commit. */
static enum status open_side(struct store_writer *writer)
{
    enum status status =
        store_side_open(writer->side, writer->identity.boot_epoch, &writer->output);
    if (status != STATUS_OK)
        return status;
    status = apply(writer);
    if (status != STATUS_OK) {
        store_side_failed(writer->side);
        return status;
    }
    store_side_committed(writer->side, clock_now(), &writer->output);
    reply_box_put(writer->params.replies, &writer->output.early);
    reply_box_put(writer->params.replies, &writer->output.late);
    return STATUS_OK;
}

static void recover(struct store_writer *writer)
{
    uint64_t now_us = clock_now().mono_us;
    if (writer->state != STORE_REOPENING || now_us < writer->retry_at_us)
        return;
    /* While the disk is full an attempt would fail, and take the reads away with it. */
    if (writer->failure == STATUS_NO_SPACE && writer->free_space_low) {
        writer->retry_at_us = now_us + (uint64_t)BUSY_WAIT_MS * 1000;
        return;
    }
    enum status status = reopen(writer);
    if (status == STATUS_OK)
        status = open_side(writer);
    store_output_clear(&writer->output);
    now_us = clock_now().mono_us;
    plan_retry(writer, now_us);
    if (status == STATUS_OK) {
        writer->recovered_at_us = now_us;
        writer->failure = STATUS_OK;
        metric_add(&writer->params.metrics->reopens, 1);
        publish_boot_epoch(writer);
        set_state(writer, STORE_SERVING);
        log_line(&writer->params.log, LOG_WARN, "store reopened path=%s boot_epoch=%" PRIu32,
                 writer->params.data_path, writer->identity.boot_epoch);
        return;
    }
    metric_add(&writer->params.metrics->errors[status], 1);
    writer->failure = status;
    writer->free_space_due_us = 0;
    if (status == STATUS_CORRUPT)
        quarantine(writer);
}

/* ---- the thread ---- */

static void pause_us(unsigned us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    if (us > 0)
        nanosleep(&time, NULL);
}

static unsigned wait_ms(const struct store_writer *writer)
{
    bool busy = writer->state == STORE_REOPENING || writer->free_space_low ||
                writer->level0_files >= writer->params.pressure.slow_files;
    return busy ? BUSY_WAIT_MS : IDLE_WAIT_MS;
}

void store_writer_run(struct store_writer *writer)
{
    const struct store_writer_params *params = &writer->params;
    while (!frame_queue_done(params->queue)) {
        pause_us(store_pressure_pause_us(&params->pressure, writer->level0_files));
        buffer_clear(&writer->group);
        size_t frames = frame_queue_take(params->queue, writer->group_records_max,
                                         writer->group_bytes_max, wait_ms(writer), &writer->group);
        watch(writer);
        recover(writer);
        if (frames > 0)
            write_group(writer, frames);
    }
}

/* ---- opening and closing ---- */

/* Before anything is changed: a wrong command line must not cost a boot epoch. */
static enum status check_ring(const struct store_writer_params *params, char *reason)
{
    struct identity identity;
    enum status status = identity_read(params->data_path, &identity, reason);
    if (status != STATUS_OK)
        return status;
    if (memcmp(params->ring->cluster_id, identity.cluster_id, sizeof identity.cluster_id) == 0)
        return STATUS_OK;
    snprintf(reason, STORE_REASON_MAX,
             "the data directory %s belongs to another cluster than the ring; name the right "
             "directory or the right ring",
             params->data_path);
    return STATUS_INVALID;
}

static enum status open_all(struct store_writer *writer, char *reason)
{
    const struct store_writer_params *params = &writer->params;
    enum status status = check_ring(params, reason);
    if (status == STATUS_OK)
        status = identity_open(params->data_path, params->store, &writer->store, &writer->identity,
                               reason);
    if (status != STATUS_OK)
        return status;
    writer->opened = writer->identity;
    if (!writer->identity.clean)
        log_line(&params->log, LOG_WARN, "last end was not clean path=%s boot_epoch=%" PRIu32,
                 params->data_path, writer->identity.boot_epoch);
    writer->side = store_side_new(&(struct store_side_params){
        .self = writer->identity.node,
        .storage_incarnation = writer->identity.storage_incarnation,
        .boot_epoch = writer->identity.boot_epoch,
        .life = params->life,
        .unsynced = params->sync == STORE_SYNC_NONE,
        .ring = params->ring,
        .settings = params->settings,
        .port = leveldb_store_port(writer->store),
        .log = params->log,
    });
    status = open_side(writer);
    store_output_clear(&writer->output);
    if (status != STATUS_OK)
        snprintf(reason, STORE_REASON_MAX, "could not load the replicas from %s: %s",
                 params->data_path, status_name(status));
    return status;
}

static void writer_free(struct store_writer *writer)
{
    store_side_free(writer->side);
    store_output_deinit(&writer->output);
    buffer_deinit(&writer->group);
    leveldb_store_close(writer->store);
    free(writer);
}

enum status store_writer_open(const struct store_writer_params *params, struct store_writer **out,
                              char reason[STORE_REASON_MAX])
{
    struct store_writer *writer = memory_new(1, sizeof *writer);
    assert(params->pressure.slow_files <= params->pressure.stall_files);
    assert(params->settings->group_records_max > 0);
    writer->params = *params;
    writer->group_records_max = params->settings->group_records_max;
    writer->group_bytes_max = params->settings->group_bytes_max;
    enum status status = open_all(writer, reason);
    /* What was borrowed for this call only. */
    writer->params.ring = NULL;
    writer->params.settings = NULL;
    writer->params.store = NULL;
    if (status != STATUS_OK) {
        writer_free(writer);
        return status;
    }
    set_state(writer, STORE_SERVING);
    publish_boot_epoch(writer);
    watch(writer);
    *out = writer;
    return STATUS_OK;
}

enum status store_writer_close(struct store_writer *writer)
{
    enum status status = STATUS_OK;
    if (writer == NULL)
        return STATUS_OK;
    if (writer->state == STORE_SERVING) {
        store_side_close(writer->side, &writer->output);
        if (writer->output.batch.length > 0)
            status = leveldb_store_apply(writer->store, buffer_slice(&writer->output.batch), true);
    } else {
        status = writer->failure;
    }
    store_side_free(writer->side);
    writer->side = NULL;
    if (status == STATUS_OK && writer->params.sync == STORE_SYNC_GROUP) {
        struct leveldb_store *store = writer->store;
        writer->store = NULL;
        status = identity_close(writer->params.data_path, store, &writer->identity);
    }
    if (status != STATUS_OK)
        log_line(&writer->params.log, LOG_WARN, "store was not closed cleanly path=%s reason=%s",
                 writer->params.data_path, status_name(status));
    writer_free(writer);
    return status;
}

const struct store_port *store_writer_port(const struct store_writer *writer)
{
    return leveldb_store_port(writer->store);
}

void store_writer_quarantine(struct store_writer *writer, const char *reason)
{
    leveldb_store_quarantine(writer->store, reason);
}

const struct leveldb_store *store_writer_store(const struct store_writer *writer)
{
    return writer->store;
}

const struct identity *store_writer_identity(const struct store_writer *writer)
{
    return &writer->opened;
}

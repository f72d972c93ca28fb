/*
 * store_engine.h - the store of one node with its threads: what a loop thread talks to.
 *
 *     loop thread                     store thread                read threads
 *       submit_write ---- queue ---->  groups, LevelDB, sync
 *       submit_read  ---------------- queue ------------------->  gets and scans
 *       take_replies <--- reply box -- early, late  <-----------  replies
 *             ^---- wake, once per batch of replies
 *
 * Both hand-overs are in batches under one lock each. Reads never wait for a
 * write, a sync or a write stall. The core (node/store_side.h) sees no thread: the store
 * thread alone owns the store side.
 *
 * Except where said, every function may be called from any thread between start and free.
 */
#ifndef STORE_STORE_ENGINE_H
#define STORE_STORE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/status.h"
#include "node/settings.h"
#include "ring/ring.h"
#include "store/free_space.h"
#include "store/identity.h"
#include "store/leveldb_store.h"
#include "store/store_metrics.h"
#include "store/store_writer.h"

struct store_engine;

struct store_engine_params {
    const char *data_path;             /* copied */
    const struct ring *ring;           /* borrowed until free; must not change */
    const struct settings *settings;   /* copied */
    struct leveldb_store_params store; /* its path and log are not used */
    enum store_sync sync;
    unsigned read_threads;    /* 1..16 */
    uint64_t queue_bytes_max; /* of each queue; its frames are settings.store_queue_max */
    struct store_pressure pressure;
    struct free_space_floor floor;
    unsigned retry_min_ms;
    unsigned retry_max_ms;
    void (*wake)(void *context); /* replies wait; any thread, also during start */
    void *wake_context;
    uint64_t life;       /* random (node/store_side.h) */
    struct log_sink log; /* called from any thread */
};

/*
 * leveldb_store_params_init(), every group synced, one read thread, 64 MiB per queue, pauses of 1
 * ms per file from 6 files of level 0 on, refusal from 10 on, a floor of 64 MiB or 2 %, attempts to
 * recover after 100 ms to 5 s.
 */
void store_engine_params_init(struct store_engine_params *params);

/*
 * Open everything in `data_path` (identity_initialise() made it), commit the store side's
 * first batch and start the threads. Its first frames are in the reply box when this returns.
 * As store_writer_open(), and STATUS_IO when a thread cannot be made.
 */
MUST_USE enum status store_engine_start(const struct store_engine_params *params,
                                        struct store_engine **out, char reason[STORE_REASON_MAX]);

/*
 * Refuse new frames, finish those queued, commit the store side's last batch, mark the end clean
 * and close. Replies and statistics can still be taken. From one thread, once. STATUS_OK: a clean
 * end. Else the data is safe, and the next start costs a boot epoch.
 */
MUST_USE enum status store_engine_stop(struct store_engine *engine);

/* After stop. NULL is fine. */
void store_engine_free(struct store_engine *engine);

/*
 * Queue one frame for store_side_write(), or store_side_read(); it is copied.
 * STATUS_OVERLOADED: the queue is full, nothing was done. STATUS_NOT_READY: stopped.
 */
MUST_USE enum status store_engine_submit_write(struct store_engine *engine, struct slice frame);
MUST_USE enum status store_engine_submit_read(struct store_engine *engine, struct slice frame);

/* Append the frames that wait for the loop side (EVENT_STORE_FRAMES) to `out`. */
void store_engine_take_replies(struct store_engine *engine, struct buffer *out);

/* Flags for the loop side; no lock, no system call. */
bool store_engine_stalled(const struct store_engine *engine);        /* refuse new client writes */
bool store_engine_free_space_low(const struct store_engine *engine); /* the same, as disk full */
enum store_state store_engine_state(const struct store_engine *engine);

/*
 * Damage was found: since then the store answers nothing, and must be given up. The loop is
 * woken when it happens. `reason` lives as long as the engine.
 */
bool store_engine_is_damaged(const struct store_engine *engine, const char **reason);
/* As if damage had been found; between start and stop. */
void store_engine_quarantine(struct store_engine *engine, const char *reason);

/* Who this node is, as found at start. The boot epoch of now is in the statistics. */
const struct identity *store_engine_identity(const struct store_engine *engine);

struct store_engine_stats {
    enum store_state state;
    uint32_t boot_epoch;
    bool stalled;
    bool free_space_low;
    uint64_t groups; /* committed; with frames, the mean group */
    uint64_t frames;
    uint64_t batch_bytes;
    uint64_t group_last;
    uint64_t group_largest;
    uint64_t sync_us;
    uint64_t sync_us_max;
    struct log_histogram commit_us;    /* write and sync of each group */
    struct log_histogram queue_us;     /* wait of the first request of each take from a queue */
    struct log_histogram merge_us;     /* of each group, from its first request to its batch */
    struct log_histogram get_us;       /* of each get of LevelDB */
    struct log_histogram group_frames; /* requests of each group */
    uint64_t read_frames;
    uint64_t overloaded;
    uint64_t reopens;
    uint64_t errors[STATUS_COUNT];
    uint64_t level0_files;
    uint64_t level_files[LEVELDB_LEVELS];
    uint64_t table_bytes; /* on the disk, without what was written last */
    uint64_t free_bytes;
    uint64_t floor_bytes;
    uint64_t write_queue_frames;
    uint64_t write_queue_bytes;
    uint64_t read_queue_frames;
    uint64_t read_queue_bytes;
    struct leveldb_store_counts counts; /* 0 after stop */
};

void store_engine_stats(struct store_engine *engine, struct store_engine_stats *out);

#endif
